/**
 * TCP's entry: from the IP layer to the socket, and ICMP errors to the socket that they concern.
 *
 * @source net/ipv4/tcp_ipv4.c tcp_v4_rcv, tcp_v4_do_rcv, tcp_v4_fill_cb; net/ipv6/tcp_ipv6.c tcp_v6_rcv
 */
import { csumPseudo } from "../checksum.ts";
import { COST_NS } from "../cost.ts";
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { IPPROTO_TCP } from "../ip/ipv4/header.ts";
import { transportCsumOk } from "../ip/skb-csum.ts";
import type { Netdev } from "../netdev.ts";
import { CHECKSUM_NONE, PACKET_HOST, type Skb } from "../skb.ts";
import { TCP_ESTABLISHED, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { BpfRequest } from "./bpf-request.ts";
import { reqAnswer, tcpCheckReq, tcpCookieCheck } from "./check-req.ts";
import { tcpConnRequest } from "./conn-request.ts";
import { TCP_HLEN, TCP_SYN_RECV, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN } from "./const.ts";
import type { EhashEntry } from "./ehash.ts";
import { RCV_RESET, rcvReason, tcpRcvEstablished, tcpRcvStateProcess } from "./input.ts";
import { tcpReply, tcpSendReset } from "./reply.ts";
import { RequestSock } from "./request-sock.ts";
import { flowHash } from "./secure-seq.ts";
import { skWake } from "./sk-mem.ts";
import { tcpFilter } from "./sock-filter.ts";
import { reqskQueueRemove } from "./synack.ts";
import type { TcpNet } from "./tcp-net.ts";
import { TcpSock } from "./tcp-sock.ts";
import {
  TCP_TW_ACK,
  TCP_TW_RST,
  TCP_TW_SUCCESS,
  TCP_TW_SYN,
  tcpTimewaitStateProcess,
  twAnswer,
  twKill,
  twTimestamp,
} from "./time-wait.ts";
import { TimeWaitSock } from "./time-wait-sock.ts";

/** The handler of IPPROTO_TCP: skb.data at the TCP header. Takes the skb. */
export function tcpRcv(stack: IpStack, net: TcpNet, skb: Skb, dev: Netdev, v6: boolean): void {
  const k = stack.kernel;
  const { arena, snmp } = stack;
  // tcp_v4_rcv: "if (skb->pkt_type != PACKET_HOST) goto discard_it"
  if (skb.pktType !== PACKET_HOST) {
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  snmp.TcpInSegs++;
  stack.host.cpu().charge(COST_NS.socketRx);
  const th = skb.data;
  const doff = skb.len < TCP_HLEN ? 0 : (arena.u8[th + 12]! >> 4) * 4;
  if (doff < TCP_HLEN || skb.len < doff) {
    snmp.TcpInErrs++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_SMALL);
    return;
  }
  const ip = skb.networkHeader;
  if (skb.ipSummed === CHECKSUM_NONE) {
    const pseudo = csumPseudo(arena, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8, skb.len, IPPROTO_TCP);
    if (!transportCsumOk(arena, th, skb.len, pseudo)) {
      snmp.TcpInCsumErrors++;
      snmp.TcpInErrs++;
      k.kfreeSkb(skb, dev, SKB_DROP_REASON.TCP_CSUM);
      return;
    }
  }
  skb.transportHeader = th;
  fillCb(stack, skb, th, doff);
  dispatch(net, skb, dev, v6, tcpLookup(net, skb, dev, v6));
}

/** tcp_v4_fill_cb. */
function fillCb(stack: IpStack, skb: Skb, th: number, doff: number): void {
  const dv = stack.arena.dv;
  const flags = dv.getUint8(th + 13);
  const extra = (flags & TCPHDR_FIN) + ((flags & TCPHDR_SYN) >> 1);
  skb.seq = dv.getUint32(th + 4);
  skb.endSeq = (skb.seq + extra + skb.len - doff) >>> 0;
  skb.ackSeq = dv.getUint32(th + 8);
  skb.tcpFlags = flags;
}

/** __inet_lookup_skb: the socket that bpf_sk_assign chose, the connection, or the listener. */
function tcpLookup(net: TcpNet, skb: Skb, dev: Netdev, v6: boolean): EhashEntry | null {
  if (skb.prefetched) {
    const chosen = skb.owner;
    // the request stays with the packet: the listener makes the connection of it
    if (chosen instanceof BpfRequest && !chosen.listener.closed) return chosen.listener;
    skb.orphan();
    if (chosen instanceof TcpSock && !chosen.closed) return chosen;
  }
  const dv = net.stack.arena.dv;
  const ip = skb.networkHeader;
  const th = skb.transportHeader;
  const sport = dv.getUint16(th);
  const dport = dv.getUint16(th + 2);
  const ifindex = dev.ifindex;
  if (!v6) {
    const da = dv.getUint32(ip + 16);
    const sa = dv.getUint32(ip + 12);
    const found = net.ehash.lookup(AF_INET, sa, 0, 0, 0, sport, da, 0, 0, 0, dport, ifindex);
    if (found !== null) return found;
    const hash = flowHash(net.portKey, sa, 0, 0, 0, (sport << 16) | dport);
    return net.ports.lookupListener(AF_INET, da, 0, 0, 0, dport, ifindex, hash);
  }
  const da = dv.getUint32(ip + 24);
  const db = dv.getUint32(ip + 28);
  const dc = dv.getUint32(ip + 32);
  const dd = dv.getUint32(ip + 36);
  const sa = dv.getUint32(ip + 8);
  const sb = dv.getUint32(ip + 12);
  const sc = dv.getUint32(ip + 16);
  const sd = dv.getUint32(ip + 20);
  const found = net.ehash.lookup(AF_INET6, sa, sb, sc, sd, sport, da, db, dc, dd, dport, ifindex);
  if (found !== null) return found;
  const hash = flowHash(net.portKey, sa, sb, sc, sd, (sport << 16) | dport);
  return net.ports.lookupListener(AF_INET6, da, db, dc, dd, dport, ifindex, hash);
}

function dispatch(net: TcpNet, skb: Skb, dev: Netdev, v6: boolean, found: EhashEntry | null): void {
  const { stack } = net;
  if (found instanceof TcpSock) {
    toSocket(found, skb, dev, v6, 0);
    return;
  }
  if (found instanceof RequestSock) {
    toRequest(net, found, skb, dev, v6);
    return;
  }
  if (found instanceof TimeWaitSock) {
    toTimeWait(net, found, skb, dev, v6);
    return;
  }
  tcpSendReset(stack, skb, v6, false);
  stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NO_SOCKET);
}

/** A segment for a half-open connection. */
function toRequest(net: TcpNet, req: RequestSock, skb: Skb, dev: Netdev, v6: boolean): void {
  const listener = req.listener;
  if (listener.state !== TCP_LISTEN) {
    reqskQueueRemove(req);
    dispatch(net, skb, dev, v6, tcpLookup(net, skb, dev, v6));
    return;
  }
  if (!tcpFilter(listener, skb)) return;
  const sk = tcpCheckReq(listener, skb, req);
  if (sk === null) net.stack.kernel.kfreeSkb(skb, dev, reqAnswer.reason);
  else if (sk === listener) toSocket(listener, skb, dev, v6, 0);
  else childProcess(listener, sk, skb, dev, v6);
}

/** tcp_child_process: the segment that made a socket goes on to it. */
function childProcess(parent: TcpSock, child: TcpSock, skb: Skb, dev: Netdev, v6: boolean): void {
  if (hasData(child, skb)) child.dataSegsIn++;
  const was = child.state;
  stateProcess(child, skb, dev, v6);
  if (was !== TCP_SYN_RECV || child.state === was) return;
  parent.acceptReady = true;
  skWake(parent);
}

/** A segment for a connection that is over. */
function toTimeWait(net: TcpNet, tw: TimeWaitSock, skb: Skb, dev: Netdev, v6: boolean): void {
  const { stack } = net;
  switch (tcpTimewaitStateProcess(tw, skb)) {
    case TCP_TW_SYN: {
      const dv = stack.arena.dv;
      const l = tw.localAddr;
      const dport = dv.getUint16(skb.transportHeader + 2);
      const listener = net.ports.lookupListener(tw.family, l.a, l.b, l.c, l.d, dport, dev.ifindex, 0);
      if (listener !== null) {
        twKill(tw);
        toSocket(listener, skb, dev, v6, twAnswer.isn);
        return;
      }
      answerTimeWait(tw, skb, v6);
      break;
    }
    case TCP_TW_ACK:
      answerTimeWait(tw, skb, v6);
      break;
    case TCP_TW_RST:
      tcpSendReset(stack, skb, v6, true);
      twKill(tw);
      break;
    case TCP_TW_SUCCESS:
      break;
    default:
  }
  stack.kernel.kfreeSkb(skb, dev, twAnswer.reason);
}

/** tcp_v4_timewait_ack. */
function answerTimeWait(tw: TimeWaitSock, skb: Skb, v6: boolean): void {
  const window = tw.rcvWnd >> tw.rcvWscale;
  const { stack } = tw.net;
  tcpReply(stack, skb, v6, tw.sndNxt, tw.rcvNxt, TCPHDR_ACK, window, twTimestamp(tw), tw.tsRecent, tw.tos & ~3);
}

/** tcp_v4_do_rcv. @param twIsn see tcpConnRequest */
function toSocket(sk: TcpSock, skb: Skb, dev: Netdev, v6: boolean, twIsn: number): void {
  if (!tcpFilter(sk, skb)) return;
  if (sk.state === TCP_LISTEN) {
    toListener(sk, skb, dev, v6, twIsn);
    return;
  }
  // tcp_segs_in
  sk.segsIn++;
  if (hasData(sk, skb)) sk.dataSegsIn++;
  if (sk.state === TCP_ESTABLISHED) {
    tcpRcvEstablished(sk, skb);
    return;
  }
  stateProcess(sk, skb, dev, v6);
}

function hasData(sk: TcpSock, skb: Skb): boolean {
  return skb.len > (sk.stack.arena.u8[skb.transportHeader + 12]! >> 4) * 4;
}

function stateProcess(sk: TcpSock, skb: Skb, dev: Netdev, v6: boolean): void {
  if (tcpRcvStateProcess(sk, skb) !== RCV_RESET) return;
  tcpSendReset(sk.stack, skb, v6, true);
  sk.stack.kernel.kfreeSkb(skb, dev, rcvReason.value);
}

/** LISTEN. */
function toListener(sk: TcpSock, skb: Skb, dev: Netdev, v6: boolean, twIsn: number): void {
  const { stack } = sk;
  const k = stack.kernel;
  const child = tcpCookieCheck(sk, skb);
  if (child === null) {
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  if (child !== sk) {
    childProcess(sk, child, skb, dev, v6);
    return;
  }
  const flags = skb.tcpFlags;
  if ((flags & TCPHDR_ACK) !== 0) {
    tcpSendReset(stack, skb, v6, true);
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.TCP_FLAGS);
    return;
  }
  if ((flags & TCPHDR_RST) !== 0 || (flags & TCPHDR_SYN) === 0 || (flags & TCPHDR_FIN) !== 0) {
    k.kfreeSkb(skb, dev, (flags & TCPHDR_RST) !== 0 ? SKB_DROP_REASON.TCP_RESET : SKB_DROP_REASON.TCP_FLAGS);
    return;
  }
  tcpConnRequest(sk, skb, twIsn);
  k.consumeSkb(skb);
}
