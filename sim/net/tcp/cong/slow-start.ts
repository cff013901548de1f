/** What congestion control modules share. @source net/ipv4/tcp_cong.c tcp_slow_start, tcp_cong_avoid_ai; include/net/tcp.h */
import type { TcpSock } from "../tcp-sock.ts";

/** tcp_in_slow_start. */
export function tcpInSlowStart(sk: TcpSock): boolean {
  return sk.sndCwnd < sk.sndSsthresh;
}

/** tcp_is_cwnd_limited: in slow start cwnd may grow to twice what was in use. */
export function tcpIsCwndLimited(sk: TcpSock): boolean {
  if (sk.isCwndLimited) return true;
  return tcpInSlowStart(sk) && sk.sndCwnd < 2 * sk.maxPacketsOut;
}

/** tcp_slow_start. @returns packets of `acked` that were not used */
export function tcpSlowStart(sk: TcpSock, acked: number): number {
  const cwnd = Math.min(sk.sndCwnd + acked, sk.sndSsthresh);
  const left = acked - (cwnd - sk.sndCwnd);
  sk.sndCwnd = Math.min(cwnd, sk.sndCwndClamp);
  return left;
}

/** tcp_cong_avoid_ai: one packet more for every `w` acknowledged. */
export function tcpCongAvoidAi(sk: TcpSock, w: number, acked: number): void {
  if (sk.sndCwndCnt >= w) {
    sk.sndCwndCnt = 0;
    sk.sndCwnd++;
  }
  sk.sndCwndCnt += acked;
  if (sk.sndCwndCnt >= w) {
    const delta = Math.floor(sk.sndCwndCnt / w);
    sk.sndCwndCnt -= delta * w;
    sk.sndCwnd += delta;
  }
  sk.sndCwnd = Math.min(sk.sndCwnd, sk.sndCwndClamp);
}
