/**
 * Explicit congestion notification after RFC 3168: negotiation, and what goes into and comes out of headers.
 *
 * @source include/net/tcp_ecn.h; net/ipv4/tcp_input.c tcp_data_ecn_check, tcp_ecn_rcv_ecn_echo; net/ipv4/tcp_output.c
 * @differs no AccECN (net.ipv4.tcp_ecn 3, 4 and 5)
 */
import type { Skb } from "../skb.ts";

import { inetCskAckNow, tcpEnterQuickackMode } from "./ack-state.ts";
import { CA_EVENT_ECN_IS_CE, CA_EVENT_ECN_NO_CE, TCP_CONG_NEEDS_ECN } from "./cong/ca.ts";
import {
  TCP_ECN_DEMAND_CWR,
  TCP_ECN_OK,
  TCP_ECN_QUEUE_CWR,
  TCP_ECN_SEEN,
  TCPHDR_CWR,
  TCPHDR_ECE,
  TCPHDR_SYN,
} from "./const.ts";
import { before } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** The two bits of the IP header: not capable, ECT(1), ECT(0), congestion experienced. */
export const INET_ECN_NOT_ECT = 0;
export const INET_ECN_ECT_0 = 2;
export const INET_ECN_CE = 3;

/** tcp_ca_needs_ecn. */
export function tcpCaNeedsEcn(sk: TcpSock): boolean {
  return (sk.icskCaOps.flags & TCP_CONG_NEEDS_ECN) !== 0;
}

/** tcp_ecn_send_syn: whether our SYN asks for ECN. @returns flags to add */
export function tcpEcnSendSyn(sk: TcpSock): number {
  sk.ecnFlags = 0;
  if (sk.stack.sysctl.tcpEcn !== 1 && !tcpCaNeedsEcn(sk)) return 0;
  sk.ecnFlags = TCP_ECN_OK;
  return TCPHDR_ECE | TCPHDR_CWR;
}

/** tcp_ecn_rcv_synack. */
export function tcpEcnRcvSynack(sk: TcpSock, flags: number): void {
  if ((sk.ecnFlags & TCP_ECN_OK) !== 0 && ((flags & TCPHDR_ECE) === 0 || (flags & TCPHDR_CWR) !== 0)) sk.ecnFlags = 0;
}

/** tcp_ecn_rcv_syn: simultaneous open. */
export function tcpEcnRcvSyn(sk: TcpSock, flags: number): void {
  const both = TCPHDR_ECE | TCPHDR_CWR;
  if ((sk.ecnFlags & TCP_ECN_OK) !== 0 && (flags & both) !== both) sk.ecnFlags = 0;
}

/** tcp_ecn_queue_cwr: the next segment of new data tells the peer that the window was reduced. */
export function tcpEcnQueueCwr(sk: TcpSock): void {
  if ((sk.ecnFlags & TCP_ECN_OK) !== 0) sk.ecnFlags |= TCP_ECN_QUEUE_CWR;
}

/** tcp_ecn_accept_cwr: the peer has reduced its window. */
export function tcpEcnAcceptCwr(sk: TcpSock, skb: Skb): void {
  if ((skb.tcpFlags & TCPHDR_CWR) === 0) return;
  sk.ecnFlags &= ~TCP_ECN_DEMAND_CWR;
  // "If the sender is telling us it has entered CWR, then its cwnd may be very low (even just 1 packet)": answer at once
  if (skb.seq !== skb.endSeq) inetCskAckNow(sk);
}

/** tcp_ecn_withdraw_cwr. */
export function tcpEcnWithdrawCwr(sk: TcpSock): void {
  sk.ecnFlags &= ~TCP_ECN_QUEUE_CWR;
}

/** tcp_data_ecn_check: the IP header of a data segment. */
export function tcpDataEcnCheck(sk: TcpSock, skb: Skb): void {
  if ((sk.ecnFlags & TCP_ECN_OK) === 0) return;
  switch (dsfieldOf(sk, skb) & 3) {
    case INET_ECN_NOT_ECT:
      // "Funny extension: if ECT is not set on a segment, and we already seen ECT on a previous segment, it is probably a retransmit"
      if ((sk.ecnFlags & TCP_ECN_SEEN) !== 0) tcpEnterQuickackMode(sk, 2);
      break;
    case INET_ECN_CE:
      if (tcpCaNeedsEcn(sk)) sk.icskCaOps.cwndEvent?.(sk, CA_EVENT_ECN_IS_CE);
      if ((sk.ecnFlags & TCP_ECN_DEMAND_CWR) === 0) {
        tcpEnterQuickackMode(sk, 2);
        sk.ecnFlags |= TCP_ECN_DEMAND_CWR;
      }
      sk.ecnFlags |= TCP_ECN_SEEN;
      break;
    default:
      if (tcpCaNeedsEcn(sk)) sk.icskCaOps.cwndEvent?.(sk, CA_EVENT_ECN_NO_CE);
      sk.ecnFlags |= TCP_ECN_SEEN;
  }
}

/** tcp_ecn_rcv_ecn_echo: whether an ACK reports congestion. */
export function tcpEcnRcvEcnEcho(sk: TcpSock, flags: number): boolean {
  return (flags & (TCPHDR_ECE | TCPHDR_SYN)) === TCPHDR_ECE && (sk.ecnFlags & TCP_ECN_OK) !== 0;
}

/**
 * tcp_ecn_send: what a segment says.
 * @param fresh it carries data that was never sent
 * @returns flags to add to the header; 0x100 in it: the packet is ECN capable
 */
export function tcpEcnSend(sk: TcpSock, seq: number, hasData: boolean): number {
  if ((sk.ecnFlags & TCP_ECN_OK) === 0) return 0;
  let out = 0;
  if (hasData && !before(seq, sk.sndNxt)) {
    out = ECN_CAPABLE;
    if ((sk.ecnFlags & TCP_ECN_QUEUE_CWR) !== 0) {
      sk.ecnFlags &= ~TCP_ECN_QUEUE_CWR;
      out |= TCPHDR_CWR;
    }
  } else if (tcpCaNeedsEcn(sk)) out = ECN_CAPABLE;
  if ((sk.ecnFlags & TCP_ECN_DEMAND_CWR) !== 0) out |= TCPHDR_ECE;
  return out;
}

/** Beside the flags of tcpEcnSend: the IP header shall say ECT(0). */
export const ECN_CAPABLE = 0x100;

/** TOS or traffic class of a received segment. */
export function dsfieldOf(sk: TcpSock, skb: Skb): number {
  const dv = sk.stack.arena.dv;
  const ip = skb.networkHeader;
  return sk.family === 2 ? dv.getUint8(ip + 1) : (dv.getUint16(ip) >> 4) & 0xff;
}
