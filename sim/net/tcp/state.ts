/**
 * States and ends of sockets.
 *
 * @source net/ipv4/tcp.c tcp_set_state, tcp_done, tcp_write_queue_purge; net/ipv4/inet_hashtables.c inet_unhash, inet_put_port;
 *         net/ipv4/inet_connection_sock.c inet_csk_clear_xmit_timers, inet_csk_destroy_sock
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { ICSK_TIME_NONE, RCV_SHUTDOWN, SEND_SHUTDOWN, TCP_CLOSE_WAIT, TCP_SYN_RECV, TCP_SYN_SENT } from "./const.ts";
import { skStateChange, txTruesize } from "./sk-mem.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { freeTxSkb, type TxSkb } from "./tx-skb.ts";

/** tcp_set_state: counts, and takes a closed socket off the tables. */
export function tcpSetState(sk: TcpSock, state: number): void {
  const old = sk.state;
  const snmp = sk.stack.snmp;
  if (state === TCP_ESTABLISHED) {
    if (old !== TCP_ESTABLISHED) snmp.TcpCurrEstab++;
  } else if (state === TCP_CLOSE_WAIT && old === TCP_SYN_RECV) snmp.TcpCurrEstab++;
  else if (state === TCP_CLOSE) {
    if (old === TCP_CLOSE_WAIT || old === TCP_ESTABLISHED) snmp.TcpEstabResets++;
    unhash(sk);
    if (sk.inBhash && !sk.bindPortLock) inetPutPort(sk);
    if (old === TCP_ESTABLISHED || old === TCP_CLOSE_WAIT) snmp.TcpCurrEstab--;
  } else if (old === TCP_ESTABLISHED && state !== TCP_CLOSE_WAIT) snmp.TcpCurrEstab--;
  else if (old === TCP_CLOSE_WAIT) snmp.TcpCurrEstab--;
  sk.state = state;
  sk.refreshView();
}

/** inet_unhash: off the table of connections and of listeners. */
export function unhash(sk: TcpSock): void {
  sk.net.ehash.remove(sk);
  if (sk.state === TCP_LISTEN) sk.net.ports.removeListener(sk);
}

/** inet_put_port. */
export function inetPutPort(sk: TcpSock): void {
  if (!sk.inBhash) return;
  sk.net.ports.remove(sk);
  sk.inBhash = false;
  sk.localPort = 0;
}

/** inet_csk_clear_xmit_timers. */
export function clearXmitTimers(sk: TcpSock): void {
  sk.timers.stopAll();
  sk.icskPending = ICSK_TIME_NONE;
  sk.icskAckPending = 0;
}

/** tcp_done: the connection is over; the application learns of it, or the socket goes. */
export function tcpDone(sk: TcpSock): void {
  if (sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV) sk.stack.snmp.TcpAttemptFails++;
  tcpSetState(sk, TCP_CLOSE);
  clearXmitTimers(sk);
  sk.skShutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
  if (sk.dead) destroySock(sk);
  else skStateChange(sk);
}

/** inet_csk_destroy_sock: nobody holds the socket any more. */
export function destroySock(sk: TcpSock): void {
  if (sk.closed) return;
  unhash(sk);
  inetPutPort(sk);
  clearXmitTimers(sk);
  sk.icskCaOps.release?.(sk);
  tcpWriteQueuePurge(sk);
  sk.sendRing.free();
  purgeReceiveQueues(sk, SKB_DROP_REASON.SOCKET_CLOSE);
  sk.releaseSock();
}

/** tcp_write_queue_purge: forgets everything that was to be sent. */
export function tcpWriteQueuePurge(sk: TcpSock): void {
  const q = sk.txq;
  while (q.count > 0) freeTxSkb(q.shift());
  sk.wmemQueued = 0;
  sk.tsortedHead = null;
  sk.tsortedTail = null;
  sk.retransmitSkbHint = null;
  sk.lostSkbHint = null;
  sk.highestSack = null;
  sk.packetsOut = 0;
  sk.sackedOut = 0;
  sk.lostOut = 0;
  sk.retransOut = 0;
  sk.icskBackoff = 0;
  sk.sendRing.start(sk.writeSeq);
}

/** Frees what was received and not read. */
export function purgeReceiveQueues(sk: TcpSock, reason: number): void {
  const k = sk.stack.kernel;
  for (let skb = sk.receiveQueue.shift(); skb !== null; skb = sk.receiveQueue.shift()) {
    sk.rmemAlloc -= skb.truesize;
    k.kfreeSkb(skb, skb.dev!, reason);
  }
  for (const skb of sk.oooQueue) {
    sk.rmemAlloc -= skb.truesize;
    k.kfreeSkb(skb, skb.dev!, reason);
  }
  sk.oooQueue.length = 0;
}

/** tcp_wmem_free_skb: a segment has left the queues. */
export function wmemFreeSkb(sk: TcpSock, skb: TxSkb): void {
  sk.wmemQueued -= txTruesize(skb.len);
  freeTxSkb(skb);
}
