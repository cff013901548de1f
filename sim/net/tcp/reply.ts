/**
 * Segments that no socket sends: RST for what nobody wants, ACKs of TIME_WAIT and of half-open connections.
 *
 * @source net/ipv4/tcp_ipv4.c tcp_v4_send_reset, tcp_v4_send_ack; net/ipv6/tcp_ipv6.c tcp_v6_send_response; RFC 9293 section 3.10.7.1
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
import { CHECKSUM_PARTIAL, type Skb } from "../skb.ts";
import { TCP_HLEN, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN, TCPOLEN_TSTAMP_ALIGNED } from "./const.ts";

const flow4: Flow4 = new Flow4();
const flow6: Flow6 = new Flow6();

/**
 * tcp_v4_send_reset, tcp_v6_send_reset: refuses a segment; never a RST. Window 0, identification 0, the segment's TOS. Does not take the
 * skb.
 * @param owned a socket was found for it: its destination need not be asked
 */
export function tcpSendReset(stack: IpStack, skb: Skb, v6: boolean, owned: boolean): void {
  const dv = stack.arena.dv;
  const th = skb.transportHeader;
  const flags = dv.getUint8(th + 13);
  if ((flags & TCPHDR_RST) !== 0 || (!owned && (skb.dst as Dst | null)?.kind !== DST_LOCAL)) return;
  let seq = 0;
  let ack = 0;
  let out = TCPHDR_RST;
  if ((flags & TCPHDR_ACK) !== 0) seq = dv.getUint32(th + 8);
  else {
    out |= TCPHDR_ACK;
    const extra = ((flags & TCPHDR_SYN) !== 0 ? 1 : 0) + ((flags & TCPHDR_FIN) !== 0 ? 1 : 0);
    const len = skb.data + skb.len - th - (dv.getUint8(th + 12) >> 4) * 4;
    ack = (dv.getUint32(th + 4) + extra + len) >>> 0;
  }
  stack.snmp.TcpOutRsts++;
  tcpReply(stack, skb, v6, seq, ack, out, 0, 0, 0, v6 ? 0 : dv.getUint8(skb.networkHeader + 1));
}

/**
 * tcp_v4_send_ack, tcp_v6_send_ack: answers a segment, addresses and ports turned round. Does not take the skb.
 * @param window as it stands in the header
 * @param tsecr 0: no timestamp
 */
export function tcpReply(
  stack: IpStack,
  skb: Skb,
  v6: boolean,
  seq: number,
  ack: number,
  flags: number,
  window: number,
  tsval: number,
  tsecr: number,
  tos: number,
): void {
  const len = tsecr === 0 ? TCP_HLEN : TCP_HLEN + TCPOLEN_TSTAMP_ALIGNED;
  const r = stack.kernel.allocSkb(len);
  if (r === null) return;
  const v = stack.arena.dv;
  const th = skb.transportHeader;
  const ip = skb.networkHeader;
  const p = r.data;
  const ports = (v.getUint16(th + 2) << 16) | v.getUint16(th);
  v.setUint32(p, ports);
  v.setUint32(p + 4, seq);
  v.setUint32(p + 8, ack);
  v.setUint32(p + 12, (len << 26) | (flags << 16) | window);
  v.setUint32(p + 16, 0);
  if (tsecr !== 0) {
    v.setUint32(p + 20, 0x0101080a);
    v.setUint32(p + 24, tsval);
    v.setUint32(p + 28, tsecr);
  }
  r.parentId = skb.id;
  stack.snmp.TcpOutSegs++;
  if (!v6) {
    const fl = flow4.set(v.getUint32(ip + 12), v.getUint32(ip + 16), 0, IPPROTO_TCP, ports);
    const dst = routeOutput4(stack, fl);
    if (dst === null) {
      stack.kernel.kfreeSkb(r, stack.localDst.dev, SKB_DROP_REASON.IP_OUTNOROUTES);
      return;
    }
    v.setUint32(p - 8, fl.saddr);
    v.setUint32(p - 4, fl.daddr);
    finishSum(stack, r, csumPseudo(stack.arena, p - 8, 8, len, IPPROTO_TCP));
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
  const pseudo = pseudo6(stack, fl.saddr!, fl.daddr, len, IPPROTO_TCP);
  if (dst.dev.txChecksumOffload) {
    // tcp_v6_send_response leaves the sum to the device, unlike its IPv4 sister
    r.ipSummed = CHECKSUM_PARTIAL;
    r.csumStart = p;
    r.csumOffset = 16;
    v.setUint16(p + 16, ~csumFold(pseudo) & 0xffff, true);
  } else finishSum(stack, r, pseudo);
  const label = makeFlowLabel(stack, fl.saddr!, fl.daddr, ports);
  ip6Xmit(stack, r, dst, fl.saddr!, fl.daddr, IPPROTO_TCP, tos, stack.ipDev(dst.dev).conf.hopLimit, label);
}

function finishSum(stack: IpStack, r: Skb, pseudo: number): void {
  stack.arena.dv.setUint16(r.data + 16, csumFold(csumPartial(stack.arena, r.data, r.len, pseudo)), true);
}
