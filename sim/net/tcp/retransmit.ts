/**
 * Sending a segment again.
 *
 * @source net/ipv4/tcp_output.c __tcp_retransmit_skb, tcp_retransmit_skb, tcp_retrans_try_collapse
 * @differs a segment is sent again even while its last copy waits in a queue of this host (skb_still_in_host_queue)
 */
import { ERRNO } from "../netlink-error.ts";
import { timeStampOf } from "./clock.ts";
import {
  TCPCB_EVER_RETRANS,
  TCPCB_LOST,
  TCPCB_RETRANS,
  TCPCB_SACKED_ACKED,
  TCPHDR_CWR,
  TCPHDR_ECE,
  TCPHDR_FIN,
  TCPHDR_SYN,
} from "./const.ts";
import { tcpAdjustPcount, tcpFragment, tcpTrimHead } from "./fragment.ts";
import { tcpCurrentMss } from "./mss.ts";
import { skRoute } from "./route.ts";
import { after, before, seqAdd } from "./seq.ts";
import { txTruesize } from "./sk-mem.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpTransmitSkb, tcpWndEnd } from "./transmit.ts";
import { tsortedDel } from "./tsorted.ts";
import { freeTxSkb, type TxSkb } from "./tx-skb.ts";

const EAGAIN = ERRNO.EAGAIN;

/** __tcp_retransmit_skb. @param segs at most so many segments of it @returns 0, NET_XMIT_DROP or -errno */
function retransmit(sk: TcpSock, skb: TxSkb, segs: number): number {
  const snmp = sk.stack.snmp;
  if (before(skb.seq, sk.sndUna)) {
    if ((skb.tcpFlags & TCPHDR_SYN) !== 0) {
      skb.tcpFlags &= ~TCPHDR_SYN;
      skb.seq = seqAdd(skb.seq, 1);
    }
    if (before(skb.seq, sk.sndUna)) tcpTrimHead(sk, skb, (sk.sndUna - skb.seq) >>> 0, sk.mssCache);
  }
  if (skRoute(sk) === null) return -ERRNO.EHOSTUNREACH;
  const mss = tcpCurrentMss(sk);
  let room = (tcpWndEnd(sk) - skb.seq) | 0;
  if (room <= 0) {
    // "the exception is the case when the window is shrunk to zero": one segment serves as a probe
    if (skb.seq !== sk.sndUna) return -EAGAIN;
    room = mss;
  }
  let len = mss * segs;
  if (len > room) {
    len = room - (room % mss);
    if (len === 0) len = room;
  }
  if (skb.len > len) tcpFragment(sk, sk.txq.indexOf(skb), len, mss);
  else {
    const was = skb.gsoSegs;
    skb.gsoSegs = Math.max(1, Math.ceil(skb.len / mss));
    tcpAdjustPcount(sk, skb, was - skb.gsoSegs);
    if (skb.len < Math.min(room, mss)) tcpRetransTryCollapse(sk, skb, Math.min(room, mss));
  }
  const synEcn = TCPHDR_SYN | TCPHDR_ECE | TCPHDR_CWR;
  // RFC 3168 section 6.1.1.1: the SYN goes again without asking for ECN
  if ((skb.tcpFlags & synEcn) === synEcn && sk.stack.sysctl.tcpEcnFallback !== 0) {
    skb.tcpFlags &= ~(TCPHDR_ECE | TCPHDR_CWR);
    sk.ecnFlags = 0;
  }
  const n = skb.gsoSegs;
  snmp.TcpRetransSegs += n;
  if ((skb.tcpFlags & TCPHDR_SYN) !== 0) snmp.TcpExtTCPSynRetrans++;
  sk.totalRetrans += n;
  sk.bytesRetrans += skb.len;
  const err = tcpTransmitSkb(sk, skb);
  // an RTT must not be measured from a transmission that perhaps never was
  skb.sacked |= TCPCB_EVER_RETRANS;
  if (err !== 0) snmp.TcpExtTCPRetransFail += n;
  return err;
}

/** tcp_retransmit_skb: sends a segment again, and counts it as retransmitted. @returns 0, NET_XMIT_DROP or -errno */
export function tcpRetransmitSkb(sk: TcpSock, skb: TxSkb, segs: number): number {
  const err = retransmit(sk, skb, segs);
  if (err === 0) {
    skb.sacked |= TCPCB_RETRANS;
    sk.retransOut += skb.gsoSegs;
  }
  if (sk.retransStamp === 0) sk.retransStamp = timeStampOf(skb.mstampNs);
  if (sk.undoRetrans < 0) sk.undoRetrans = 0;
  sk.undoRetrans += skb.gsoSegs;
  return err;
}

/** tcp_retrans_try_collapse: small segments that follow go along. @param space bytes of a segment */
function tcpRetransTryCollapse(sk: TcpSock, skb: TxSkb, space: number): void {
  if (sk.stack.sysctl.tcpRetransCollapse === 0 || (skb.tcpFlags & TCPHDR_SYN) !== 0 || skb.eor) return;
  const q = sk.txq;
  const place = q.indexOf(skb);
  let left = space - skb.len;
  while (place + 1 < q.sent) {
    const next = q.at(place + 1);
    if ((skb.sacked & TCPCB_SACKED_ACKED) !== 0 || (next.sacked & TCPCB_SACKED_ACKED) !== 0 || next.gsoSegs > 1) return;
    left -= next.len;
    if (left < 0 || after(next.endSeq, tcpWndEnd(sk))) return;
    skb.endSeq = next.endSeq;
    skb.tcpFlags |= next.tcpFlags;
    skb.eor = next.eor;
    // "All done, get rid of second SKB and account for it so packet counting does not break"
    skb.sacked |= next.sacked & TCPCB_EVER_RETRANS;
    if (sk.retransmitSkbHint === next) sk.retransmitSkbHint = skb;
    if (sk.lostSkbHint === next) sk.lostSkbHint = skb;
    if (sk.highestSack === next) sk.highestSack = place + 2 < q.sent ? q.at(place + 2) : null;
    tcpAdjustPcount(sk, next, next.gsoSegs);
    q.remove(place + 1);
    tsortedDel(sk, next);
    sk.wmemQueued -= txTruesize(0);
    freeTxSkb(next);
    if (skb.eor || (skb.tcpFlags & TCPHDR_FIN) !== 0) return;
  }
}

/** tcp_mark_skb_lost without the hints: a segment that is on its way counts as lost. */
export function markLost(sk: TcpSock, skb: TxSkb): void {
  if ((skb.sacked & (TCPCB_LOST | TCPCB_SACKED_ACKED)) !== 0) return;
  skb.sacked |= TCPCB_LOST;
  sk.lostOut += skb.gsoSegs;
}
