/**
 * The memory of a socket's queues, and telling the application about them.
 *
 * @source net/core/stream.c sk_stream_write_space; include/net/sock.h sk_stream_memory_free; net/ipv4/tcp.c tcp_sndbuf_expand,
 *         net/ipv4/tcp_input.c tcp_data_ready, tcp_new_space
 * @differs net.ipv4.tcp_mem is without limit: a connection is bounded by its own buffers only
 */
import { tcpJiffies } from "./clock.ts";
import { TCP_INIT_CWND } from "./const.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** What a queued segment costs beside its bytes: the sk_buff and its smallest head (ip/truesize.ts). */
const TX_OVERHEAD = 832;
/** MAX_TCP_HEADER and skb_shared_info, and the sk_buff, aligned. */
const PER_MSS_HEADER = 256 + 320;
const PER_MSS_SKB = 256;

/** truesize of a segment in the send queue. */
export function txTruesize(len: number): number {
  return TX_OVERHEAD + len;
}

/** sk_stream_memory_free: the application may add to the send queue. */
export function skStreamMemoryFree(sk: TcpSock): boolean {
  if (sk.wmemQueued >= sk.sndBuf) return false;
  return (sk.writeSeq - sk.sndNxt) >>> 0 < notsentLowat(sk);
}

/** tcp_notsent_lowat. */
function notsentLowat(sk: TcpSock): number {
  return sk.notsentLowat !== 0 ? sk.notsentLowat : sk.stack.sysctl.tcpNotsentLowat;
}

/** sk_stream_is_writeable: a third of the buffer is free. */
export function skStreamIsWriteable(sk: TcpSock): boolean {
  return sk.sndBuf - sk.wmemQueued >= sk.wmemQueued >> 1 && skStreamMemoryFree(sk);
}

/** Wakes the application at the end of this instant, once for all that is new. */
export function skWake(sk: TcpSock): void {
  if (sk.wakePending || sk.dead) return;
  sk.wakePending = true;
  const engine = sk.stack.kernel.engine;
  engine.schedule(engine.nowNs, sk.net.events.wake, sk, 0);
}

/** tcp_data_ready: enough waits to be read, or nothing more will come. */
export function tcpDataReady(sk: TcpSock): void {
  sk.readReady = true;
  skWake(sk);
}

/** sk_state_change: connected, shut down or broken. */
export function skStateChange(sk: TcpSock): void {
  sk.stateChanged = true;
  skWake(sk);
}

/** sk_write_space: the application that found the buffer full may go on. */
export function skWriteSpace(sk: TcpSock): void {
  if (!sk.noSpace || !skStreamIsWriteable(sk)) return;
  sk.noSpace = false;
  sk.writeReady = true;
  skWake(sk);
}

/** tcp_sndbuf_expand: room for twice what the congestion window lets out. */
export function tcpSndbufExpand(sk: TcpSock): void {
  const mss = Math.max(sk.rxOpt.mssClamp, sk.mssCache) + PER_MSS_HEADER;
  const perMss = 2 ** (32 - Math.clz32(mss - 1)) + PER_MSS_SKB;
  const segs = Math.max(TCP_INIT_CWND, sk.sndCwnd, sk.reordering + 1);
  const times = sk.icskCaOps.sndbufExpand?.(sk) ?? 2;
  const bytes = times * segs * perMss;
  if (sk.sndBuf < bytes) sk.sndBuf = Math.min(bytes, sk.stack.sysctl.tcpWmemMax);
}

/** tcp_should_expand_sndbuf, tcp_new_space: after an ACK freed something. */
export function tcpCheckSpace(sk: TcpSock): void {
  if (!sk.noSpace) return;
  if (!sk.sndBufLock && sk.packetsInFlight < sk.sndCwnd) {
    tcpSndbufExpand(sk);
    sk.sndCwndStamp = tcpJiffies(sk.stack);
  }
  skWriteSpace(sk);
}
