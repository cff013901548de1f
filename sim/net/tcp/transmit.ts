/**
 * One segment onto the wire: header, options, bytes, checksum, IP.
 *
 *      0               4       10              16                      31
 *     | source port                   | destination port              |  0
 *     | sequence number                                               |  4
 *     | acknowledgement number                                        |  8
 *     | offset|       |C|E|U|A|P|R|S|F| window                        | 12
 *     | checksum                      | urgent pointer                | 16
 *
 * @source net/ipv4/tcp_output.c __tcp_transmit_skb, tcp_update_skb_after_send, __tcp_send_ack, tcp_xmit_probe_skb,
 *         tcp_send_active_reset, tcp_event_ack_sent, tcp_event_data_sent; RFC 9293 section 3.1
 * @differs urgent data are not sent (MSG_OOB)
 */
import { truesizeOf } from "../ip/truesize.ts";
import { NET_XMIT_CN } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";
import { TCP_CLOSE } from "../sockets/bpf-sock.ts";
import { clearDelackTimer, incPingpongCnt, inetCskAckScheduled, inetCskScheduleAck } from "./ack-state.ts";
import { tcpJiffies, tcpMstampRefresh } from "./clock.ts";
import { CA_EVENT_TX_START } from "./cong/ca.ts";
import {
  ICSK_ACK_SCHED,
  ICSK_ACK_TIMER,
  JIFFY_NS,
  TCP_ATO_MIN,
  TCP_DELACK_MAX,
  TCP_ECN_OK,
  TCP_HLEN,
  TCP_INIT_CWND,
  TCPHDR_ACK,
  TCPHDR_CWR,
  TCPHDR_ECE,
  TCPHDR_RST,
  TCPHDR_SYN,
  TIMER_COMPRESSED_ACK,
  TIMER_DELACK,
} from "./const.ts";
import { tcpEnterCwr } from "./cwnd.ts";
import { ECN_CAPABLE, INET_ECN_ECT_0, tcpEcnSend } from "./ecn.ts";
import { outOptions, tcpEstablishedOptions, tcpOptionsWrite, tcpSynOptions } from "./options.ts";
import { tcpRateSkbSent } from "./rate.ts";
import { netHeaderLen, skFlowLabel, skRoute, tcpIpXmit } from "./route.ts";
import { after, before } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tsortedMoveTail } from "./tsorted.ts";
import type { TxSkb } from "./tx-skb.ts";
import { tcpSelectWindow } from "./window.ts";

/** truesize of a pure ACK in sk_wmem_alloc (skb_set_tcp_pure_ack). */
const PURE_ACK_TRUESIZE = 2;

/** tcp_wnd_end: the right edge of the peer's window. */
export function tcpWndEnd(sk: TcpSock): number {
  return (sk.sndUna + sk.sndWnd) >>> 0;
}

/** tcp_acceptable_seq: sequence number of a segment without data. */
export function tcpAcceptableSeq(sk: TcpSock): number {
  const end = tcpWndEnd(sk);
  if (!before(end, sk.sndNxt)) return sk.sndNxt;
  if (sk.rxOpt.wscaleOk && (sk.sndNxt - end) >>> 0 < 1 << sk.rxOpt.rcvWscale) return sk.sndNxt;
  return end;
}

/**
 * tcp_transmit_skb: sends a copy of a queued segment.
 * @returns 0, NET_XMIT_DROP or -errno
 */
export function tcpTransmitSkb(sk: TcpSock, skb: TxSkb): number {
  const prior = sk.tcpWstampNs;
  sk.tcpWstampNs = Math.max(sk.tcpWstampNs, sk.tcpClockCache);
  skb.mstampNs = sk.tcpWstampNs;
  const len = skb.len;
  const err = xmit(sk, skb.seq, skb.endSeq, skb.tcpFlags, skb.dataSeq, len);
  if (err !== 0) return err;
  tcpUpdateSkbAfterSend(sk, skb, len, prior);
  tcpRateSkbSent(sk, skb);
  return 0;
}

/** tcp_update_skb_after_send: when pacing lets the next one go. */
function tcpUpdateSkbAfterSend(sk: TcpSock, skb: TxSkb, len: number, prior: number): void {
  if (sk.skPacingStatus !== 0) {
    const rate = sk.skPacingRate;
    // "take into account OS jitter" and let the first window go at once
    if (rate !== Number.POSITIVE_INFINITY && rate > 0 && sk.dataSegsOut >= TCP_INIT_CWND) {
      let lenNs = Math.floor((len * 1e9) / rate);
      lenNs -= Math.min(Math.floor(lenNs / 2), sk.tcpWstampNs - prior);
      sk.tcpWstampNs += lenNs;
    }
  }
  tsortedMoveTail(sk, skb);
}

/** __tcp_transmit_skb: one packet. @param from sequence number of the first byte of its data */
function xmit(sk: TcpSock, seq: number, endSeq: number, flags: number, from: number, len: number): number {
  const stack = sk.stack;
  const dst = skRoute(sk);
  if (dst === null) return -ERRNO.EHOSTUNREACH;
  const syn = (flags & TCPHDR_SYN) !== 0;
  if (syn) tcpSynOptions(sk, sk.advmss);
  else tcpEstablishedOptions(sk);
  const hlen = TCP_HLEN + outOptions.size;
  const skb = stack.kernel.allocSkb(hlen + len);
  if (skb === null) return -ERRNO.ENOBUFS;
  const pureAck = len === 0 && !syn && seq === endSeq;
  skb.owner = sk;
  skb.ownerBytes = pureAck ? PURE_ACK_TRUESIZE : truesizeOf(len + hlen + netHeaderLen(sk.family));
  sk.wmemAlloc += skb.ownerBytes;
  skb.mark = sk.mark;
  skb.priority = sk.priority;
  skb.hash = sk.skTxhash;
  if (sk.skPacingStatus !== 0) skb.tstampNs = sk.tcpWstampNs;
  const { arena } = stack;
  const p = skb.data;
  if (len > 0) sk.sendRing.copyTo(from, len, p + hlen);
  const ecn = syn ? 0 : tcpEcnSend(sk, seq, len > 0);
  const window = syn ? Math.min(sk.rcvWnd, 65535) : tcpSelectWindow(sk);
  const dv = arena.dv;
  dv.setUint32(p, (sk.localPort << 16) | sk.remotePort);
  dv.setUint32(p + 4, seq);
  dv.setUint32(p + 8, (flags & TCPHDR_ACK) !== 0 ? sk.rcvNxt : 0);
  dv.setUint32(p + 12, (hlen << 26) | ((flags | (ecn & 0xff)) << 16) | window);
  dv.setUint32(p + 16, 0);
  tcpOptionsWrite(arena, p + TCP_HLEN, syn ? null : sk);
  if ((flags & TCPHDR_ACK) !== 0) tcpEventAckSent(sk);
  if (len > 0) {
    tcpEventDataSent(sk);
    sk.dataSegsOut++;
    sk.bytesSent += len;
  }
  if (after(endSeq, sk.sndNxt) || seq === endSeq) stack.snmp.TcpOutSegs++;
  sk.segsOut++;
  const tos = (ecn & ECN_CAPABLE) !== 0 ? (sk.tos & ~3) | INET_ECN_ECT_0 : sk.tos;
  sk.inetId = (sk.inetId + 1) & 0xffff;
  const rc = tcpIpXmit(stack, skb, dst, sk.localAddr, sk.remoteAddr!, tos, sk.ttl, sk.inetId, skFlowLabel(sk));
  if (rc <= 0) return rc;
  tcpEnterCwr(sk);
  return rc === NET_XMIT_CN ? 0 : rc;
}

/** tcp_event_ack_sent. */
function tcpEventAckSent(sk: TcpSock): void {
  if (sk.compressedAck > 0) {
    sk.stack.snmp.TcpExtTCPAckCompressed += sk.compressedAck;
    sk.compressedAck = 0;
    sk.timers.stop(TIMER_COMPRESSED_ACK);
  }
  // tcp_dec_quickack_mode
  if (sk.icskAckQuick > 0) {
    const n = inetCskAckScheduled(sk) ? 1 : 0;
    if (n >= sk.icskAckQuick) {
      sk.icskAckQuick = 0;
      sk.icskAckAto = TCP_ATO_MIN;
    } else sk.icskAckQuick -= n;
  }
  clearDelackTimer(sk);
}

/** tcp_event_data_sent. */
function tcpEventDataSent(sk: TcpSock): void {
  const now = tcpJiffies(sk.stack);
  if (sk.packetsInFlight === 0) sk.icskCaOps.cwndEvent?.(sk, CA_EVENT_TX_START);
  sk.lsndtime = now;
  if (now - sk.icskAckLrcvtime < sk.icskAckAto) incPingpongCnt(sk);
}

/** tcp_send_ack. */
export function tcpSendAck(sk: TcpSock): void {
  if (sk.state === TCP_CLOSE) return;
  const seq = tcpAcceptableSeq(sk);
  if (xmit(sk, seq, seq, TCPHDR_ACK, seq, 0) !== -ERRNO.ENOBUFS) return;
  // no memory: try again when the timer runs out
  inetCskScheduleAck(sk);
  sk.icskAckAto = TCP_ATO_MIN;
  sk.icskAckPending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER;
  sk.timers.set(TIMER_DELACK, sk.stack.kernel.engine.nowNs + TCP_DELACK_MAX * JIFFY_NS);
}

/** tcp_xmit_probe_skb: a segment that the peer must answer. @returns as tcpTransmitSkb */
export function tcpXmitProbeSkb(sk: TcpSock, urgent: boolean): number {
  const seq = (sk.sndUna - (urgent ? 0 : 1)) >>> 0;
  return xmit(sk, seq, seq, TCPHDR_ACK, seq, 0);
}

/** tcp_send_active_reset: the connection is torn down from this side. */
export function tcpSendActiveReset(sk: TcpSock): void {
  sk.stack.snmp.TcpOutRsts++;
  tcpMstampRefresh(sk);
  const seq = tcpAcceptableSeq(sk);
  xmit(sk, seq, seq, TCPHDR_ACK | TCPHDR_RST, seq, 0);
}

/** tcp_send_window_probe, tcp_send_synack of a simultaneous open: the SYN that is in the queue again, with ACK. */
export function tcpResendSynAsSynack(sk: TcpSock): void {
  const skb = sk.txq.rtxHead;
  if (skb === null || (skb.tcpFlags & TCPHDR_SYN) === 0) return;
  if ((skb.tcpFlags & TCPHDR_ACK) === 0) {
    skb.tcpFlags = (skb.tcpFlags | TCPHDR_ACK) & ~TCPHDR_CWR;
    if ((sk.ecnFlags & TCP_ECN_OK) === 0) skb.tcpFlags &= ~TCPHDR_ECE;
  }
  tcpTransmitSkb(sk, skb);
}
