/** New Reno. @source net/ipv4/tcp_cong.c tcp_reno_cong_avoid, tcp_reno_ssthresh, tcp_reno_undo_cwnd */
import type { TcpSock } from "../tcp-sock.ts";
import { type CongestionOps, TCP_CONG_NON_RESTRICTED } from "./ca.ts";
import { tcpCongAvoidAi, tcpInSlowStart, tcpIsCwndLimited, tcpSlowStart } from "./slow-start.ts";

function congAvoid(sk: TcpSock, _ack: number, acked: number): void {
  if (!tcpIsCwndLimited(sk)) return;
  let left = acked;
  if (tcpInSlowStart(sk)) {
    left = tcpSlowStart(sk, left);
    if (left === 0) return;
  }
  tcpCongAvoidAi(sk, sk.sndCwnd, left);
}

/** The record. */
export const reno: CongestionOps = {
  name: "reno",
  flags: TCP_CONG_NON_RESTRICTED,
  init: null,
  release: null,
  ssthresh: (sk) => Math.max(sk.sndCwnd >>> 1, 2),
  congAvoid,
  congControl: null,
  setState: null,
  cwndEvent: null,
  inAckEvent: null,
  pktsAcked: null,
  undoCwnd: (sk) => Math.max(sk.sndCwnd, sk.priorCwnd),
  minTsoSegs: null,
  sndbufExpand: null,
  getInfo: null,
};
