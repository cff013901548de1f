/**
 * Received data: in order to the application, out of order to a queue of their own.
 *
 * @source net/ipv4/tcp_input.c tcp_data_queue, tcp_data_queue_ofo, tcp_ofo_queue, tcp_queue_rcv, tcp_prune_queue, tcp_fin
 * @differs segments are not joined in the queues (tcp_try_coalesce, tcp_collapse): each costs its own truesize
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { truesizeOf } from "../ip/truesize.ts";
import type { Skb } from "../skb.ts";
import { TCP_ESTABLISHED } from "../sockets/bpf-sock.ts";
import { enterPingpongMode, inetCskAckNow, inetCskScheduleAck, tcpEnterQuickackMode } from "./ack-state.ts";
import {
  ICSK_ACK_NOMEM,
  RCV_SHUTDOWN,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_MAX_QUICKACKS,
  TCP_SYN_RECV,
  TCP_TIME_WAIT,
  TCPHDR_FIN,
} from "./const.ts";
import { tcpDataEcnCheck, tcpEcnAcceptCwr } from "./ecn.ts";
import { tcpFastPathCheck } from "./fast-path.ts";
import { tcpClampWindow, tcpEventDataRecv, tcpGrowWindow, tcpMeasureRcvMss, tcpRcvbufGrow } from "./rcv-buf.ts";
import { tcpDsackExtend, tcpDsackSet, tcpSackNewOfoSkb, tcpSackRemove, tcpSackReset } from "./sack-out.ts";
import { after, before, seqAdd } from "./seq.ts";
import { skStateChange, tcpDataReady } from "./sk-mem.ts";
import { tcpSetState } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpTimeWait } from "./time-wait.ts";
import { tcpSendAck } from "./transmit.ts";
import { tcpReceiveWindow } from "./window.ts";

/** tcp_drop_reason. */
export function tcpDrop(sk: TcpSock, skb: Skb, reason: number): void {
  sk.drops++;
  sk.stack.kernel.kfreeSkb(skb, skb.dev!, reason);
}

/** Takes the header off: skb.data at the data. */
export function pullHeader(sk: TcpSock, skb: Skb): void {
  const hlen = (sk.stack.arena.u8[skb.transportHeader + 12]! >> 4) * 4;
  skb.truesize = truesizeOf(skb.data + skb.len - skb.networkHeader);
  skb.pull(hlen);
}

/** tcp_queue_rcv: data that continue what was received. */
export function tcpQueueRcv(sk: TcpSock, skb: Skb): void {
  rcvNxtUpdate(sk, skb.endSeq);
  addReceiveQueue(sk, skb);
  sk.rmemAlloc += skb.truesize;
}

function addReceiveQueue(sk: TcpSock, skb: Skb): void {
  skb.dst = null;
  sk.receiveQueue.push(skb);
}

/** tcp_rcv_nxt_update. */
export function rcvNxtUpdate(sk: TcpSock, seq: number): void {
  sk.bytesReceived += (seq - sk.rcvNxt) >>> 0;
  sk.rcvNxt = seq;
}

/** tcp_data_queue: the text of a segment. skb.data at the TCP header. Takes the skb. */
export function tcpDataQueue(sk: TcpSock, skb: Skb): void {
  const snmp = sk.stack.snmp;
  if (skb.seq === skb.endSeq) {
    sk.stack.kernel.consumeSkb(skb);
    return;
  }
  pullHeader(sk, skb);
  tcpEcnAcceptCwr(sk, skb);
  sk.rxOpt.dsack = false;
  if (skb.seq === sk.rcvNxt) {
    if (tcpReceiveWindow(sk) === 0 && !(skb.len === 0 && (skb.tcpFlags & TCPHDR_FIN) !== 0)) {
      snmp.TcpExtTCPZeroWindowDrop++;
      outOfWindow(sk, skb, SKB_DROP_REASON.TCP_ZEROWINDOW);
      return;
    }
    queueInOrder(sk, skb);
    return;
  }
  if (!after(skb.endSeq, sk.rcvNxt)) {
    // a retransmission of what is here
    snmp.TcpExtDelayedACKLost++;
    tcpDsackSet(sk, skb.seq, skb.endSeq);
    outOfWindow(sk, skb, SKB_DROP_REASON.TCP_OLD_DATA);
    return;
  }
  if (!before(skb.seq, seqAdd(sk.rcvNxt, tcpReceiveWindow(sk)))) {
    outOfWindow(sk, skb, SKB_DROP_REASON.TCP_OVERWINDOW);
    return;
  }
  if (before(skb.seq, sk.rcvNxt)) {
    tcpDsackSet(sk, skb.seq, sk.rcvNxt);
    if (tcpReceiveWindow(sk) === 0) {
      snmp.TcpExtTCPZeroWindowDrop++;
      outOfWindow(sk, skb, SKB_DROP_REASON.TCP_ZEROWINDOW);
      return;
    }
    queueInOrder(sk, skb);
    return;
  }
  tcpDataQueueOfo(sk, skb);
}

function outOfWindow(sk: TcpSock, skb: Skb, reason: number): void {
  tcpEnterQuickackMode(sk, TCP_MAX_QUICKACKS);
  inetCskScheduleAck(sk);
  tcpDrop(sk, skb, reason);
}

function queueInOrder(sk: TcpSock, skb: Skb): void {
  if (!tryRmemSchedule(sk)) {
    sk.icskAckPending |= ICSK_ACK_NOMEM;
    inetCskAckNow(sk);
    inetCskScheduleAck(sk);
    tcpDataReady(sk);
    if (sk.receiveQueue.qlen > 0 && skb.len > 0) {
      sk.stack.snmp.TcpExtTCPRcvQDrop++;
      tcpDrop(sk, skb, SKB_DROP_REASON.PROTO_MEM);
      return;
    }
  }
  const fin = (skb.tcpFlags & TCPHDR_FIN) !== 0;
  tcpQueueRcv(sk, skb);
  if (skb.len > 0) tcpEventDataRecv(sk, skb);
  if (fin) tcpFin(sk);
  if (sk.oooQueue.length > 0) {
    tcpOfoQueue(sk);
    // RFC 5681 section 4.2: the gap is filled
    if (sk.oooQueue.length === 0) inetCskAckNow(sk);
  }
  if (sk.rxOpt.numSacks > 0) tcpSackRemove(sk);
  tcpFastPathCheck(sk);
  if (!sk.dead) tcpDataReady(sk);
}

/** tcp_try_rmem_schedule, tcp_can_ingest, tcp_prune_queue. @returns whether the buffer takes another packet */
function tryRmemSchedule(sk: TcpSock): boolean {
  if (sk.rmemAlloc <= sk.rcvBuf) return true;
  const snmp = sk.stack.snmp;
  snmp.TcpExtPruneCalled++;
  if (sk.rmemAlloc >= sk.rcvBuf) tcpClampWindow(sk);
  if (sk.rmemAlloc <= sk.rcvBuf) return true;
  pruneOfoQueue(sk);
  if (sk.rmemAlloc <= sk.rcvBuf) return true;
  snmp.TcpExtRcvPruned++;
  sk.predFlags = 0;
  return false;
}

/** tcp_prune_ofo_queue: gives up what lies furthest from the left edge, an eighth of the buffer at a time. */
function pruneOfoQueue(sk: TcpSock): void {
  if (sk.oooQueue.length === 0) return;
  let goal = sk.rcvBuf >> 3;
  sk.stack.snmp.TcpExtOfoPruned++;
  for (let skb = sk.oooQueue.pop(); skb !== undefined; skb = sk.oooQueue.pop()) {
    goal -= skb.truesize;
    sk.rmemAlloc -= skb.truesize;
    tcpDrop(sk, skb, SKB_DROP_REASON.TCP_OFO_QUEUE_PRUNE);
    if (goal <= 0) {
      if (sk.rmemAlloc <= sk.rcvBuf) break;
      goal = sk.rcvBuf >> 3;
    }
  }
  // what was announced is not there any more
  if (sk.rxOpt.sackOk) tcpSackReset(sk);
}

/** tcp_data_queue_ofo: a segment beyond a hole. */
function tcpDataQueueOfo(sk: TcpSock, skb: Skb): void {
  const snmp = sk.stack.snmp;
  tcpDataEcnCheck(sk, skb);
  if (!tryRmemSchedule(sk)) {
    snmp.TcpExtTCPOFODrop++;
    tcpDataReady(sk);
    tcpDrop(sk, skb, SKB_DROP_REASON.PROTO_MEM);
    return;
  }
  tcpMeasureRcvMss(sk, skb);
  sk.predFlags = 0;
  inetCskScheduleAck(sk);
  sk.rcvOoopack++;
  snmp.TcpExtTCPOFOQueue++;
  const { seq, endSeq } = skb;
  const kept = insertOfo(sk, skb);
  if (sk.rxOpt.sackOk) tcpSackNewOfoSkb(sk, seq, endSeq);
  if (kept) {
    if (sk.rxOpt.sackOk) tcpGrowWindow(sk, skb);
    skb.dst = null;
    sk.rmemAlloc += skb.truesize;
  }
  if (!sk.dead && sk.parent === null) tcpRcvbufGrow(sk, sk.rcvqSpaceSpace);
}

/** Puts a segment in its place, and drops those that it covers. @returns false when all of it was there: it is dropped */
function insertOfo(sk: TcpSock, skb: Skb): boolean {
  const q = sk.oooQueue;
  const { seq, endSeq } = skb;
  let at = q.length;
  if (at > 0 && before(seq, q[at - 1]!.endSeq)) {
    // the first that begins after it
    let low = 0;
    let high = q.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (after(q[mid]!.seq, seq)) high = mid;
      else low = mid + 1;
    }
    at = low;
    const prev = q[at - 1];
    if (prev !== undefined && before(seq, prev.endSeq)) {
      if (!after(endSeq, prev.endSeq)) {
        sk.stack.snmp.TcpExtTCPOFOMerge++;
        tcpDrop(sk, skb, SKB_DROP_REASON.TCP_OFOMERGE);
        tcpDsackSet(sk, seq, endSeq);
        return false;
      }
      if (after(seq, prev.seq)) tcpDsackSet(sk, seq, prev.endSeq);
      else at--;
    }
  }
  let covered = 0;
  for (; at + covered < q.length; covered++) {
    const next = q[at + covered]!;
    if (!after(endSeq, next.seq)) break;
    if (before(endSeq, next.endSeq)) {
      tcpDsackExtend(sk, next.seq, endSeq);
      break;
    }
    tcpDsackExtend(sk, next.seq, next.endSeq);
    sk.stack.snmp.TcpExtTCPOFOMerge++;
    sk.rmemAlloc -= next.truesize;
    tcpDrop(sk, next, SKB_DROP_REASON.TCP_OFOMERGE);
  }
  if (at === q.length) q.push(skb);
  else q.splice(at, covered, skb);
  return true;
}

/** tcp_ofo_queue: what continues the data in order now. */
function tcpOfoQueue(sk: TcpSock): void {
  const q = sk.oooQueue;
  const dsackHigh = sk.rcvNxt;
  let n = 0;
  while (n < q.length) {
    const skb = q[n]!;
    if (after(skb.seq, sk.rcvNxt)) break;
    n++;
    if (before(skb.seq, dsackHigh)) {
      tcpDsackExtend(sk, skb.seq, before(skb.endSeq, dsackHigh) ? skb.endSeq : dsackHigh);
    }
    if (!after(skb.endSeq, sk.rcvNxt)) {
      sk.rmemAlloc -= skb.truesize;
      tcpDrop(sk, skb, SKB_DROP_REASON.TCP_OFO_DROP);
      continue;
    }
    rcvNxtUpdate(sk, skb.endSeq);
    const fin = (skb.tcpFlags & TCPHDR_FIN) !== 0;
    addReceiveQueue(sk, skb);
    if (fin) {
      q.splice(0, n);
      tcpFin(sk);
      return;
    }
  }
  q.splice(0, n);
}

/** tcp_fin: the peer has no more to send. */
export function tcpFin(sk: TcpSock): void {
  inetCskScheduleAck(sk);
  sk.skShutdown |= RCV_SHUTDOWN;
  switch (sk.state) {
    case TCP_SYN_RECV:
    case TCP_ESTABLISHED:
      tcpSetState(sk, TCP_CLOSE_WAIT);
      enterPingpongMode(sk);
      break;
    case TCP_FIN_WAIT1:
      // both sides have closed
      tcpSendAck(sk);
      tcpSetState(sk, TCP_CLOSING);
      break;
    case TCP_FIN_WAIT2:
      tcpSendAck(sk);
      tcpTimeWait(sk, TCP_TIME_WAIT, 0);
      break;
    default:
  }
  for (const skb of sk.oooQueue) {
    sk.rmemAlloc -= skb.truesize;
    tcpDrop(sk, skb, SKB_DROP_REASON.NOT_SPECIFIED);
  }
  sk.oooQueue.length = 0;
  if (sk.rxOpt.sackOk) tcpSackReset(sk);
  if (!sk.dead) skStateChange(sk);
}
