/** A range of sequence numbers. @source include/linux/tcp.h struct tcp_sack_block */
export class SackBlock {
  startSeq: number = 0;
  endSeq: number = 0;

  /** So many empty ones. */
  static array(n: number): SackBlock[] {
    return Array.from({ length: n }, () => new SackBlock());
  }

  copy(from: SackBlock): void {
    this.startSeq = from.startSeq;
    this.endSeq = from.endSeq;
  }
}
