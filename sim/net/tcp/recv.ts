/**
 * Bytes to the application.
 *
 * @source net/ipv4/tcp.c tcp_recvmsg_locked, __tcp_cleanup_rbuf, tcp_eat_recv_skb
 */
import { ERRNO } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { TCP_CLOSE, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { inetCskAckScheduled, inPingpongMode } from "./ack-state.ts";
import { tcpMstampRefresh } from "./clock.ts";
import { ENOTCONN, ICSK_ACK_PUSHED, ICSK_ACK_PUSHED2, RCV_SHUTDOWN, TCPHDR_SYN } from "./const.ts";
import { tcpRcvSpaceAdjust } from "./rcv-buf.ts";
import { seqAdd } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpSendAck } from "./transmit.ts";
import { tcpReceiveWindow, tcpSelectWindowRaw } from "./window.ts";

/** Gets bytes where they lie: address and length in the arena. */
export type BytesVisitor = (addr: number, len: number) => void;

/** What was not read of the oldest segment: address and length, into `pending`. */
const pending = { at: 0, len: 0 };

function look(sk: TcpSock, skb: Skb): void {
  const syn = (skb.tcpFlags & TCPHDR_SYN) >> 1;
  const offset = ((sk.copiedSeq - skb.seq) >>> 0) - syn;
  const off = offset > skb.len ? 0 : offset;
  pending.at = skb.data + off;
  pending.len = skb.len - off;
}

/** tcp_eat_recv_skb: everything of the oldest segment was read. */
function eat(sk: TcpSock): void {
  const skb = sk.receiveQueue.shift()!;
  sk.rmemAlloc -= skb.truesize;
  sk.stack.kernel.deliverSkb(skb);
}

/** Bytes that wait in order (tcp_inq). */
export function tcpInq(sk: TcpSock): number {
  let n = (sk.rcvNxt - sk.copiedSeq) >>> 0;
  // a FIN takes a number and is no byte
  if (n > 0 && (sk.skShutdown & RCV_SHUTDOWN) !== 0) n--;
  return n;
}

/** Why there is nothing to read. @returns 0 at the end of the stream, or -errno */
function nothing(sk: TcpSock): number {
  if ((sk.skShutdown & RCV_SHUTDOWN) !== 0 && sk.skErr === 0) return 0;
  if (sk.skErr !== 0) {
    const err = sk.skErr;
    sk.skErr = 0;
    return -err;
  }
  if (sk.state === TCP_CLOSE) return -ENOTCONN;
  return -ERRNO.EAGAIN;
}

/**
 * tcp_recvmsg: at most `max` bytes, copied to `into` from `offset` on, or shown where they lie.
 * @returns bytes, 0 at the end of the stream, or -errno: EAGAIN when nothing is there
 */
export function tcpRecvmsg(
  sk: TcpSock,
  into: Uint8Array | null,
  offset: number,
  max: number,
  visit: BytesVisitor | null,
): number {
  if (sk.state === TCP_LISTEN) return -ENOTCONN;
  let copied = 0;
  while (copied < max) {
    const skb = sk.receiveQueue.head;
    if (skb === null) break;
    look(sk, skb);
    const n = Math.min(pending.len, max - copied);
    if (n > 0) {
      const { at } = pending;
      if (into !== null) into.set(sk.stack.arena.u8.subarray(at, at + n), offset + copied);
      else visit?.(at, n);
      copied += n;
      sk.copiedSeq = seqAdd(sk.copiedSeq, n);
      tcpRcvSpaceAdjust(sk);
    }
    if (n < pending.len) break;
    if ((skb.tcpFlags & 1) !== 0) {
      // the FIN behind it
      sk.copiedSeq = seqAdd(sk.copiedSeq, 1);
      eat(sk);
      break;
    }
    eat(sk);
  }
  if (copied === 0 && max > 0) return nothing(sk);
  tcpCleanupRbuf(sk, copied);
  return copied;
}

/** __tcp_cleanup_rbuf: an ACK that tells of new window, or that was put off for the application. */
export function tcpCleanupRbuf(sk: TcpSock, copied: number): void {
  let ack = false;
  if (inetCskAckScheduled(sk)) {
    const p = sk.icskAckPending;
    ack =
      (sk.rcvNxt - sk.rcvWup) >>> 0 > sk.icskAckRcvMss ||
      (copied > 0 &&
        ((p & ICSK_ACK_PUSHED2) !== 0 || ((p & ICSK_ACK_PUSHED) !== 0 && !inPingpongMode(sk))) &&
        sk.rmemAlloc === 0);
  }
  if (copied > 0 && !ack && (sk.skShutdown & RCV_SHUTDOWN) === 0) {
    const now = tcpReceiveWindow(sk);
    if (2 * now <= sk.windowClamp) {
      const win = tcpSelectWindowRaw(sk);
      if (win > 0 && win >= 2 * now) ack = true;
    }
  }
  if (!ack) return;
  tcpMstampRefresh(sk);
  tcpSendAck(sk);
}
