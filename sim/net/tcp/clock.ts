/** TCP's clocks. @source include/net/tcp.h tcp_jiffies32, tcp_time_stamp_ts; net/ipv4/tcp_output.c tcp_mstamp_refresh */
import type { IpStack } from "../ip/ip-stack.ts";
import { JIFFY_NS } from "./const.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** Time as the CPU in work sees it, ns. */
export function tcpClockNs(stack: IpStack): number {
  return stack.host.cpu().nowNs();
}

/** tcp_jiffies32; begins at 1 so that 0 can mean never. */
export function tcpJiffies(stack: IpStack): number {
  return Math.floor(tcpClockNs(stack) / JIFFY_NS) + 1;
}

/** ktime_get_seconds; begins at 1 so that 0 can mean never. */
export function tcpSeconds(stack: IpStack): number {
  return Math.floor(tcpClockNs(stack) / 1e9) + 1;
}

/** tcp_mstamp_refresh: the time of what the socket does now. It never goes back, whichever CPU asks. */
export function tcpMstampRefresh(sk: TcpSock): void {
  const now = tcpClockNs(sk.stack);
  if (now <= sk.tcpClockCache) return;
  sk.tcpClockCache = now;
  sk.tcpMstamp = Math.floor(now / 1000);
}

/** tcp_time_stamp_ms: what timestamps are made of, without the connection's offset. Begins at 1. */
export function tcpTimeStamp(sk: TcpSock): number {
  return (Math.floor(sk.tcpMstamp / 1000) + 1) >>> 0;
}

/** tcp_time_stamp_raw in ms, for what has no socket. */
export function tcpTimeStampRaw(stack: IpStack): number {
  return (Math.floor(tcpClockNs(stack) / 1e6) + 1) >>> 0;
}

/** tcp_skb_timestamp_ts: the timestamp that a segment sent at a time had. @unit mstampNs: ns */
export function timeStampOf(mstampNs: number): number {
  return (Math.floor(mstampNs / 1e6) + 1) >>> 0;
}

/** usecs_to_jiffies: rounds up. */
export function usecsToJiffies(us: number): number {
  return Math.ceil(us / 4000);
}

/** msecs_to_jiffies: rounds up. */
export function msecsToJiffies(ms: number): number {
  return Math.ceil(ms / 4);
}
