/**
 * SACK blocks that we send: what was received beyond a hole, the newest first, and duplicates.
 *
 * @source net/ipv4/tcp_input.c tcp_sack_new_ofo_skb, tcp_sack_maybe_coalesce, tcp_sack_remove, tcp_dsack_set, tcp_dsack_extend,
 *         tcp_sack_compress_send_ack; RFC 2018, RFC 2883
 */
import { TCP_NUM_SACKS, TIMER_COMPRESSED_ACK } from "./const.ts";
import type { SackBlock } from "./sack-block.ts";
import { after, before } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpSendAck } from "./transmit.ts";

/** As many blocks as an ACK with timestamp and duplicate surely carries: a change beyond them is told at once. */
const TCP_SACK_BLOCKS_EXPECTED = 2;

/** tcp_sack_extend: a block that touches or overlaps takes the range in. */
function extend(b: SackBlock, seq: number, endSeq: number): boolean {
  if (after(seq, b.endSeq) || after(b.startSeq, endSeq)) return false;
  if (before(seq, b.startSeq)) b.startSeq = seq;
  if (after(endSeq, b.endSeq)) b.endSeq = endSeq;
  return true;
}

/** tcp_dsack_set: the next ACK names a range that came twice. */
export function tcpDsackSet(sk: TcpSock, seq: number, endSeq: number): void {
  const { snmp, sysctl } = sk.stack;
  if (!sk.rxOpt.sackOk || sysctl.tcpDsack === 0) return;
  if (before(seq, sk.rcvNxt)) snmp.TcpExtTCPDSACKOldSent++;
  else snmp.TcpExtTCPDSACKOfoSent++;
  sk.rxOpt.dsack = true;
  sk.duplicateSack.startSeq = seq;
  sk.duplicateSack.endSeq = endSeq;
}

/** tcp_dsack_extend. */
export function tcpDsackExtend(sk: TcpSock, seq: number, endSeq: number): void {
  if (!sk.rxOpt.dsack) tcpDsackSet(sk, seq, endSeq);
  else extend(sk.duplicateSack, seq, endSeq);
}

/** tcp_sack_compress_send_ack: ends holding ACKs back. */
export function tcpSackCompressSendAck(sk: TcpSock): void {
  if (sk.compressedAck === 0) return;
  sk.timers.stop(TIMER_COMPRESSED_ACK);
  // one ACK is sent after all
  sk.stack.snmp.TcpExtTCPAckCompressed += sk.compressedAck - 1;
  sk.compressedAck = 0;
  tcpSendAck(sk);
}

/** tcp_sack_new_ofo_skb: a segment out of order was received. */
export function tcpSackNewOfoSkb(sk: TcpSock, seq: number, endSeq: number): void {
  const blocks = sk.selectiveAcks;
  const opt = sk.rxOpt;
  let i = 0;
  for (; i < opt.numSacks; i++) {
    if (!extend(blocks[i]!, seq, endSeq)) continue;
    if (i >= TCP_SACK_BLOCKS_EXPECTED) tcpSackCompressSendAck(sk);
    moveToFront(blocks, i);
    if (opt.numSacks > 1) coalesceFirst(sk);
    return;
  }
  if (opt.numSacks > 0 && i >= TCP_SACK_BLOCKS_EXPECTED) tcpSackCompressSendAck(sk);
  // the last one is forgotten when there is no room
  if (i >= TCP_NUM_SACKS) i--;
  else opt.numSacks++;
  moveToFront(blocks, i);
  blocks[0]!.startSeq = seq;
  blocks[0]!.endSeq = endSeq;
}

function moveToFront(blocks: SackBlock[], i: number): void {
  const b = blocks[i]!;
  for (let j = i; j > 0; j--) blocks[j] = blocks[j - 1]!;
  blocks[0] = b;
}

/** tcp_sack_maybe_coalesce: the first block has grown: others may lie in it now. */
function coalesceFirst(sk: TcpSock): void {
  const blocks = sk.selectiveAcks;
  for (let i = 1; i < sk.rxOpt.numSacks; ) {
    if (extend(blocks[0]!, blocks[i]!.startSeq, blocks[i]!.endSeq)) dropBlock(sk, i);
    else i++;
  }
}

function dropBlock(sk: TcpSock, i: number): void {
  const blocks = sk.selectiveAcks;
  const gone = blocks[i]!;
  sk.rxOpt.numSacks--;
  for (let j = i; j < sk.rxOpt.numSacks; j++) blocks[j] = blocks[j + 1]!;
  blocks[sk.rxOpt.numSacks] = gone;
}

/** tcp_sack_remove: the left edge has moved: blocks behind it go. */
export function tcpSackRemove(sk: TcpSock): void {
  if (sk.oooQueue.length === 0) {
    sk.rxOpt.numSacks = 0;
    return;
  }
  for (let i = 0; i < sk.rxOpt.numSacks; ) {
    if (!before(sk.rcvNxt, sk.selectiveAcks[i]!.startSeq)) dropBlock(sk, i);
    else i++;
  }
}

/** tcp_sack_reset. */
export function tcpSackReset(sk: TcpSock): void {
  sk.rxOpt.dsack = false;
  sk.rxOpt.numSacks = 0;
}
