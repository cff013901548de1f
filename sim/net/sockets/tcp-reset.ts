/**
 * TCP segments for a port where nobody listens: answered with RST. Connections come with TCP itself, which registers in this handler's
 * place.
 *
 * @source net/ipv4/tcp_ipv4.c tcp_v4_rcv, tcp_v4_send_reset; net/ipv6/tcp_ipv6.c; RFC 9293 section 3.10.7.1
 */
import { csumFold, csumPartial, csumPseudo } from "../checksum.ts";
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { isLinkLocal6 } from "../ip/address.ts";
import { DST_LOCAL, type Dst } from "../ip/dst.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { IP_DF, IPPROTO_TCP } from "../ip/ipv4/header.ts";
import { ipXmit } from "../ip/ipv4/output.ts";
import { Flow4, routeOutput4 } from "../ip/ipv4/route.ts";
import { pseudo6 } from "../ip/ipv6/icmp6.ts";
import { ip6Xmit, makeFlowLabel } from "../ip/ipv6/output.ts";
import { Flow6, readAddr6, routeOutput6 } from "../ip/ipv6/route.ts";
import { transportCsumOk } from "../ip/skb-csum.ts";
import type { Netdev } from "../netdev.ts";
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, PACKET_HOST, type Skb } from "../skb.ts";

const TCP_HLEN = 20;
const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
const flow4: Flow4 = new Flow4();
const flow6: Flow6 = new Flow6();

/** The handler of IPPROTO_TCP without TCP: skb.data at the TCP header. Takes the skb. */
export function tcpRcvClosed(stack: IpStack, skb: Skb, dev: Netdev, v6: boolean): void {
  const k = stack.kernel;
  const arena = stack.arena;
  const s = stack.snmp;
  const drop = (reason: number): void => k.kfreeSkb(skb, dev, reason);
  // tcp_v4_rcv: "if (skb->pkt_type != PACKET_HOST) goto discard_it"
  if (skb.pktType !== PACKET_HOST) {
    drop(SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  s.TcpInSegs++;
  const th = skb.data;
  const doff = skb.len < TCP_HLEN ? 0 : (arena.u8[th + 12]! >> 4) * 4;
  if (doff < TCP_HLEN || skb.len < doff) {
    s.TcpInErrs++;
    drop(SKB_DROP_REASON.PKT_TOO_SMALL);
    return;
  }
  const ip = skb.networkHeader;
  if (skb.ipSummed === CHECKSUM_NONE) {
    const pseudo = csumPseudo(arena, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8, skb.len, IPPROTO_TCP);
    if (!transportCsumOk(arena, th, skb.len, pseudo)) {
      s.TcpInCsumErrors++;
      s.TcpInErrs++;
      drop(SKB_DROP_REASON.TCP_CSUM);
      return;
    }
  }
  if ((skb.dst as Dst).kind === DST_LOCAL && (arena.u8[th + 13]! & RST) === 0) sendReset(stack, skb, doff, v6);
  drop(SKB_DROP_REASON.NO_SOCKET);
}

/** tcp_v4_send_reset: 20 bytes, window 0, DF, identification 0, the segment's TOS. */
function sendReset(stack: IpStack, skb: Skb, doff: number, v6: boolean): void {
  const dv = stack.arena.dv;
  const th = skb.data;
  const ip = skb.networkHeader;
  const flags = dv.getUint8(th + 13);
  const sport = dv.getUint16(th);
  const dport = dv.getUint16(th + 2);
  let seq = 0;
  let ackSeq = 0;
  let out = RST;
  if ((flags & ACK) !== 0) seq = dv.getUint32(th + 8);
  else {
    out |= ACK;
    const extra = ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
    ackSeq = (dv.getUint32(th + 4) + extra + skb.len - doff) >>> 0;
  }
  const r = stack.kernel.allocSkb(TCP_HLEN);
  if (r === null) return;
  const v = stack.arena.dv;
  const p = r.data;
  v.setUint16(p, dport);
  v.setUint16(p + 2, sport);
  v.setUint32(p + 4, seq);
  v.setUint32(p + 8, ackSeq);
  v.setUint32(p + 12, 0x50000000 | (out << 16));
  v.setUint32(p + 16, 0);
  r.parentId = skb.id;
  stack.snmp.TcpOutSegs++;
  stack.snmp.TcpOutRsts++;
  const ports = (dport << 16) | sport;
  if (!v6) {
    const fl = flow4.set(v.getUint32(ip + 12), v.getUint32(ip + 16), 0, IPPROTO_TCP, ports);
    const dst = routeOutput4(stack, fl);
    if (dst === null) {
      stack.kernel.kfreeSkb(r, stack.localDst.dev, SKB_DROP_REASON.IP_OUTNOROUTES);
      return;
    }
    v.setUint32(p - 8, fl.saddr);
    v.setUint32(p - 4, fl.daddr);
    finishSum(stack, r, csumPseudo(stack.arena, p - 8, 8, TCP_HLEN, IPPROTO_TCP));
    const tos = v.getUint8(ip + 1);
    ipXmit(stack, r, dst, fl.saddr, fl.daddr, IPPROTO_TCP, tos, stack.sysctl.ipDefaultTtl, IP_DF, 0);
    return;
  }
  const peer = readAddr6(stack, ip + 8);
  const fl = flow6.set(peer, readAddr6(stack, ip + 24), isLinkLocal6(peer.a) ? skb.skbIif : 0, IPPROTO_TCP, ports);
  const dst = routeOutput6(stack, fl);
  if (dst === null) {
    stack.kernel.kfreeSkb(r, stack.localDst.dev, SKB_DROP_REASON.IP_OUTNOROUTES);
    return;
  }
  const pseudo = pseudo6(stack, fl.saddr!, fl.daddr, TCP_HLEN, IPPROTO_TCP);
  if (dst.dev.txChecksumOffload) {
    // tcp_v6_send_response leaves the sum to the device, unlike its IPv4 sister
    r.ipSummed = CHECKSUM_PARTIAL;
    r.csumStart = p;
    r.csumOffset = 16;
    v.setUint16(p + 16, ~csumFold(pseudo) & 0xffff, true);
  } else finishSum(stack, r, pseudo);
  const label = makeFlowLabel(stack, fl.saddr!, fl.daddr, ports);
  ip6Xmit(stack, r, dst, fl.saddr!, fl.daddr, IPPROTO_TCP, 0, stack.ipDev(dst.dev).conf.hopLimit, label);
}

function finishSum(stack: IpStack, r: Skb, pseudo: number): void {
  stack.arena.dv.setUint16(r.data + 16, csumFold(csumPartial(stack.arena, r.data, r.len, pseudo)), true);
}
