/**
 * The sender's scoreboard: which segments the peer has by its SACK blocks. Owned by loss recovery: blocks are checked and marked, one
 * by one; D-SACK is noticed and undoes nothing; reordering is not measured.
 *
 * @source net/ipv4/tcp_input.c tcp_sacktag_write_queue, tcp_is_sackblock_valid, tcp_check_dsack
 */
import type { Skb } from "../skb.ts";
import { FLAG_DATA_SACKED, FLAG_DSACKING_ACK } from "./ack-flags.ts";
import type { RateSample } from "./cong/ca.ts";
import { TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS } from "./const.ts";
import { tcpFragment } from "./fragment.ts";
import { tcpRateSkbDelivered } from "./rate.ts";
import { after, before } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tsortedDel } from "./tsorted.ts";

/** struct tcp_sacktag_state: what marking has found, for the ACK in work. */
export const sackState = {
  /** When the first and the last newly SACKed segment that was sent once went, us; 0: none. */
  firstSackt: 0,
  lastSackt: 0,
  /** Packets newly SACKed. */
  sackDelivered: 0,
};

/** Before each ACK. */
export function resetSackState(): void {
  sackState.firstSackt = 0;
  sackState.lastSackt = 0;
  sackState.sackDelivered = 0;
}

/** tcp_sacktag_write_queue. @returns FLAG_* */
export function tcpSacktagWriteQueue(sk: TcpSock, _skb: Skb, priorSndUna: number, rs: RateSample): number {
  const dv = sk.stack.arena.dv;
  const { sackAt, sackCount } = sk.rxOpt;
  let flag = 0;
  for (let i = 0; i < sackCount; i++) {
    const start = dv.getUint32(sackAt + 8 * i);
    const end = dv.getUint32(sackAt + 8 * i + 4);
    if (i === 0 && isDsack(sk, start, end)) {
      flag |= FLAG_DSACKING_ACK;
      sk.stack.snmp.TcpExtTCPDSACKRecv++;
      continue;
    }
    // tcp_is_sackblock_valid: within what is outstanding
    if (!before(start, end) || after(end, sk.sndNxt) || !after(end, sk.sndUna) || before(start, priorSndUna)) continue;
    flag |= markBlock(sk, start, end, rs);
  }
  return flag;
}

/** tcp_check_dsack: the first block names what was acknowledged before, or lies within the second. */
function isDsack(sk: TcpSock, start: number, end: number): boolean {
  const dv = sk.stack.arena.dv;
  const { sackAt, sackCount } = sk.rxOpt;
  if (before(start, sk.sndUna)) return true;
  if (sackCount < 2) return false;
  const start1 = dv.getUint32(sackAt + 8);
  const end1 = dv.getUint32(sackAt + 12);
  return !after(end, end1) && !before(start, start1);
}

function markBlock(sk: TcpSock, start: number, end: number, rs: RateSample): number {
  const q = sk.txq;
  let flag = 0;
  for (let i = q.find(start); i < q.sent; i++) {
    const skb = q.at(i);
    if (!before(skb.seq, end)) break;
    if ((skb.sacked & TCPCB_SACKED_ACKED) !== 0) continue;
    if (before(skb.seq, start)) {
      // the block begins within the segment
      tcpFragment(sk, i, (start - skb.dataSeq) >>> 0, sk.mssCache);
      continue;
    }
    if (after(skb.endSeq, end)) tcpFragment(sk, i, (end - skb.dataSeq) >>> 0, sk.mssCache);
    if ((skb.sacked & TCPCB_SACKED_RETRANS) !== 0) sk.retransOut -= skb.gsoSegs;
    else if ((skb.sacked & TCPCB_RETRANS) === 0) {
      const us = Math.floor(skb.mstampNs / 1000);
      if (sackState.firstSackt === 0) sackState.firstSackt = us;
      sackState.lastSackt = us;
    }
    if ((skb.sacked & TCPCB_LOST) !== 0) sk.lostOut -= skb.gsoSegs;
    skb.sacked = (skb.sacked & ~(TCPCB_LOST | TCPCB_SACKED_RETRANS)) | TCPCB_SACKED_ACKED;
    sk.sackedOut += skb.gsoSegs;
    sackState.sackDelivered += skb.gsoSegs;
    tcpRateSkbDelivered(sk, skb, rs);
    tsortedDel(sk, skb);
    flag |= FLAG_DATA_SACKED;
  }
  return flag;
}
