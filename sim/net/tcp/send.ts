/**
 * Bytes from the application into the send queue.
 *
 * @source net/ipv4/tcp.c tcp_sendmsg_locked, tcp_push, tcp_should_autocork, tcp_skb_entail, forced_push
 */
import { ERRNO } from "../netlink-error.ts";
import { TCP_CLOSE, TCP_ESTABLISHED } from "../sockets/bpf-sock.ts";
import {
  EPIPE,
  SEND_SHUTDOWN,
  TCP_CLOSE_WAIT,
  TCP_NAGLE_CORK,
  TCP_NAGLE_PUSH,
  TCPHDR_ACK,
  TCPHDR_PSH,
} from "./const.ts";
import { tcpSlowStartAfterIdleCheck } from "./cwnd.ts";
import { tcpCurrentMss, tcpTsoSegs } from "./mss.ts";
import { tcpMarkPush, tcpPushOne, tcpPushPending } from "./output.ts";
import { after, seqAdd } from "./seq.ts";
import { skStreamMemoryFree, txTruesize } from "./sk-mem.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { type TxSkb, takeTxSkb } from "./tx-skb.ts";

/** More will follow at once (MSG_MORE). */
export const MSG_MORE = 0x8000;
/** The end of a record: nothing is joined behind it (MSG_EOR). */
export const MSG_EOR = 0x80;

/** forced_push: half of the peer's window waits without PSH. */
function forcedPush(sk: TcpSock): boolean {
  return after(sk.writeSeq, seqAdd(sk.pushedSeq, sk.maxWindow >>> 1));
}

/** tcp_skb_entail: a fresh segment at the end of the queue. */
function entail(sk: TcpSock): TxSkb {
  const skb = takeTxSkb();
  skb.seq = sk.writeSeq;
  skb.endSeq = sk.writeSeq;
  skb.tcpFlags = TCPHDR_ACK;
  sk.txq.push(skb);
  sk.wmemQueued += txTruesize(0);
  sk.nonagle &= ~TCP_NAGLE_PUSH;
  tcpSlowStartAfterIdleCheck(sk);
  return skb;
}

/**
 * tcp_sendmsg: takes as many bytes as the send buffer has room for, and sends what may go.
 * @param bytes an array, or null: they lie in the arena
 * @param from place in the array, or address
 * @param flags MSG_MORE, MSG_EOR
 * @returns bytes taken, or -errno: EAGAIN when the buffer is full or the connection is not yet made, EPIPE, or the connection's error
 */
export function tcpSendmsg(sk: TcpSock, bytes: Uint8Array | null, from: number, len: number, flags: number): number {
  if (sk.skErr !== 0) {
    const err = sk.skErr;
    sk.skErr = 0;
    return -err;
  }
  if ((sk.skShutdown & SEND_SHUTDOWN) !== 0) return -EPIPE;
  if (sk.state !== TCP_ESTABLISHED && sk.state !== TCP_CLOSE_WAIT) {
    if (sk.state === TCP_CLOSE) return -EPIPE;
    sk.noSpace = true;
    return -ERRNO.EAGAIN;
  }
  let copied = 0;
  let mss = tcpCurrentMss(sk);
  while (copied < len) {
    const goal = mss * tcpTsoSegs(sk, mss);
    let skb = sk.txq.writeTail;
    let room = skb === null || skb.eor ? 0 : goal - skb.len;
    if (room <= 0) {
      if (!skStreamMemoryFree(sk)) {
        sk.noSpace = true;
        if (copied > 0) tcpPush(sk, flags & ~MSG_MORE, mss, TCP_NAGLE_PUSH, goal);
        return copied > 0 ? copied : -ERRNO.EAGAIN;
      }
      skb = entail(sk);
      room = goal;
    }
    const n = Math.min(room, len - copied);
    const ok = bytes === null ? sk.sendRing.pushFrom(from + copied, n) : sk.sendRing.pushBytes(bytes, from + copied, n);
    if (!ok) return copied > 0 ? copied : -ERRNO.ENOMEM;
    if (copied === 0) skb!.tcpFlags &= ~TCPHDR_PSH;
    sk.wmemQueued += n;
    sk.writeSeq = seqAdd(sk.writeSeq, n);
    skb!.endSeq = sk.writeSeq;
    skb!.gsoSegs = 1;
    copied += n;
    if (copied === len) {
      if ((flags & MSG_EOR) !== 0) skb!.eor = true;
      break;
    }
    if (skb!.len < goal) continue;
    if (forcedPush(sk)) {
      tcpMarkPush(sk, skb!);
      tcpPushPending(sk, mss, TCP_NAGLE_PUSH);
    } else if (skb === sk.txq.sendHead) tcpPushOne(sk, mss);
    mss = tcpCurrentMss(sk);
  }
  if (copied > 0) tcpPush(sk, flags, mss, sk.nonagle, mss * tcpTsoSegs(sk, mss));
  return copied;
}

/** tcp_push. */
function tcpPush(sk: TcpSock, flags: number, mss: number, nonagleIn: number, goal: number): void {
  const skb = sk.txq.writeTail;
  if (skb === null) return;
  if ((flags & MSG_MORE) === 0 || forcedPush(sk)) tcpMarkPush(sk, skb);
  if (shouldAutocork(sk, skb, goal)) {
    if (!sk.tsqThrottled) {
      sk.stack.snmp.TcpExtTCPAutoCorking++;
      sk.tsqThrottled = true;
    }
    return;
  }
  tcpPushPending(sk, mss, (flags & MSG_MORE) !== 0 ? TCP_NAGLE_CORK : nonagleIn);
}

/** tcp_should_autocork: earlier data still wait in this host, so that more can join this segment. */
function shouldAutocork(sk: TcpSock, skb: TxSkb, goal: number): boolean {
  return (
    skb.len < goal &&
    sk.stack.sysctl.tcpAutocorking !== 0 &&
    sk.txq.sent > 0 &&
    sk.wmemAlloc > txTruesize(skb.len) &&
    !skb.eor
  );
}
