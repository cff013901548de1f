/**
 * When ACKs go: the fields of icsk_ack, without sending anything.
 *
 * @source include/net/inet_connection_sock.h; net/ipv4/tcp_input.c tcp_incr_quickack, tcp_enter_quickack_mode, tcp_in_quickack_mode
 */
import { ICSK_ACK_NOW, ICSK_ACK_SCHED, ICSK_ACK_TIMER, TCP_ATO_MIN, TIMER_DELACK } from "./const.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** inet_csk_schedule_ack. */
export function inetCskScheduleAck(sk: TcpSock): void {
  sk.icskAckPending |= ICSK_ACK_SCHED;
}

/** inet_csk_ack_scheduled. */
export function inetCskAckScheduled(sk: TcpSock): boolean {
  return (sk.icskAckPending & ICSK_ACK_SCHED) !== 0;
}

/** The next check sends an ACK. */
export function inetCskAckNow(sk: TcpSock): void {
  sk.icskAckPending |= ICSK_ACK_NOW;
}

/** inet_csk_delack_init. */
export function inetCskDelackInit(sk: TcpSock): void {
  sk.icskAckPending = 0;
  sk.icskAckQuick = 0;
  sk.icskAckRetry = 0;
  sk.icskAckAto = 0;
  sk.icskAckLrcvtime = 0;
  sk.icskAckLastSegSize = 0;
}

/** inet_csk_in_pingpong_mode. */
export function inPingpongMode(sk: TcpSock): boolean {
  return sk.icskAckPingpong >= sk.stack.sysctl.tcpPingpongThresh;
}

/** inet_csk_enter_pingpong_mode. */
export function enterPingpongMode(sk: TcpSock): void {
  sk.icskAckPingpong = sk.stack.sysctl.tcpPingpongThresh;
}

/** inet_csk_exit_pingpong_mode. */
export function exitPingpongMode(sk: TcpSock): void {
  sk.icskAckPingpong = 0;
}

/** inet_csk_inc_pingpong_cnt. */
export function incPingpongCnt(sk: TcpSock): void {
  if (sk.icskAckPingpong < 255) sk.icskAckPingpong++;
}

/** tcp_incr_quickack. */
export function tcpIncrQuickack(sk: TcpSock, max: number): void {
  let quick = sk.icskAckRcvMss === 0 ? 0 : Math.floor(sk.rcvWnd / (2 * sk.icskAckRcvMss));
  if (quick === 0) quick = 2;
  sk.icskAckQuick = Math.max(sk.icskAckQuick, Math.min(quick, max));
}

/** tcp_enter_quickack_mode. */
export function tcpEnterQuickackMode(sk: TcpSock, max: number): void {
  tcpIncrQuickack(sk, max);
  exitPingpongMode(sk);
  sk.icskAckAto = TCP_ATO_MIN;
}

/** tcp_in_quickack_mode. */
export function tcpInQuickackMode(sk: TcpSock): boolean {
  return sk.icskAckQuick > 0 && !inPingpongMode(sk);
}

/** inet_csk_clear_xmit_timer of the delayed ACK's. */
export function clearDelackTimer(sk: TcpSock): void {
  sk.icskAckPending = 0;
  sk.icskAckRetry = 0;
  sk.timers.stop(TIMER_DELACK);
}

/** Whether the delayed ACK's timer runs. */
export function delackTimerRuns(sk: TcpSock): boolean {
  return (sk.icskAckPending & ICSK_ACK_TIMER) !== 0;
}
