/** Header prediction: the one header that the next segment most likely has. @source include/net/tcp.h tcp_fast_path_on, tcp_fast_path_check */
import { TCPHDR_ACK } from "./const.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** __tcp_fast_path_on: data offset, ACK alone, and the window as it was, as the third word of the header but one. */
export function tcpFastPathOn(sk: TcpSock): void {
  const window = Math.floor(sk.sndWnd / 2 ** sk.rxOpt.sndWscale);
  sk.predFlags = ((sk.tcpHeaderLen << 26) | (TCPHDR_ACK << 16) | window) >>> 0;
}

/** tcp_fast_path_check. */
export function tcpFastPathCheck(sk: TcpSock): void {
  if (sk.oooQueue.length > 0 || sk.rcvWnd === 0 || sk.rmemAlloc >= sk.rcvBuf || sk.urgData !== 0) return;
  tcpFastPathOn(sk);
}
