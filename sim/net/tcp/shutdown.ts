/** Our side sends no more. @source net/ipv4/tcp.c tcp_shutdown, tcp_close_state, new_state */
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import {
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_NEW_SYN_RECV,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
} from "./const.ts";
import { tcpSendFin } from "./output.ts";
import { tcpSetState } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";

const ACTION_FIN = 0x100;

/** new_state: where a close leads, and whether it sends a FIN. */
const NEW_STATE: readonly number[] = (() => {
  const t = new Array<number>(TCP_NEW_SYN_RECV + 1).fill(TCP_CLOSE);
  t[TCP_ESTABLISHED] = TCP_FIN_WAIT1 | ACTION_FIN;
  t[TCP_SYN_SENT] = TCP_CLOSE;
  t[TCP_SYN_RECV] = TCP_FIN_WAIT1 | ACTION_FIN;
  t[TCP_FIN_WAIT1] = TCP_FIN_WAIT1;
  t[TCP_FIN_WAIT2] = TCP_FIN_WAIT2;
  t[TCP_TIME_WAIT] = TCP_CLOSE;
  t[TCP_CLOSE] = TCP_CLOSE;
  t[TCP_CLOSE_WAIT] = TCP_LAST_ACK | ACTION_FIN;
  t[TCP_LAST_ACK] = TCP_LAST_ACK;
  t[TCP_LISTEN] = TCP_CLOSE;
  t[TCP_CLOSING] = TCP_CLOSING;
  return t;
})();

/** tcp_close_state. @returns whether a FIN is to be sent */
export function tcpCloseState(sk: TcpSock): boolean {
  const next = NEW_STATE[sk.state]!;
  tcpSetState(sk, next & 15);
  return (next & ACTION_FIN) !== 0;
}

/** tcp_shutdown with SEND_SHUTDOWN. */
export function tcpShutdown(sk: TcpSock): void {
  const st = sk.state;
  if (st !== TCP_ESTABLISHED && st !== TCP_SYN_SENT && st !== TCP_CLOSE_WAIT) return;
  if (tcpCloseState(sk)) tcpSendFin(sk);
}
