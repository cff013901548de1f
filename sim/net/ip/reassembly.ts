/**
 * Reassembly of fragments, IPv4 and IPv6.
 *
 * @source net/ipv4/ip_fragment.c ip_defrag, ip_expire; net/ipv6/reassembly.c; net/ipv4/inet_fragment.c
 * @differs ipfrag_max_dist is not modelled
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import { FragQueue, type FragTable } from "./frag-table.ts";
import type { IpStack } from "./ip-stack.ts";
import { ICMP_EXC_FRAGTIME, ICMP_TIME_EXCEEDED } from "./ipv4/header.ts";
import { truesizeOf } from "./truesize.ts";

/** Largest payload of a datagram. */
const MAX_PAYLOAD = 65535;
const ICMPV6_TIME_EXCEED = 3;

/**
 * Adds a fragment. Takes the skb.
 * @param addr first byte of the fragment's payload
 * @param offset where it belongs, bytes
 * @param len bytes of payload
 * @param more more fragments follow (MF)
 * @returns the queue when it is complete now, else null
 */
export function fragAdd(
  stack: IpStack,
  table: FragTable,
  v6: boolean,
  key: string,
  skb: Skb,
  dev: Netdev,
  addr: number,
  offset: number,
  len: number,
  more: boolean,
): FragQueue | null {
  countReqd(stack, v6);
  let q = table.queues.get(key);
  if (q === undefined) {
    const limit = v6 ? stack.sysctl.ip6fragHighThresh : stack.sysctl.ipfragHighThresh;
    const timeS = v6 ? stack.sysctl.ip6fragTimeS : stack.sysctl.ipfragTimeS;
    if (limit === 0 || table.memBytes > limit) return refuse(stack, v6, skb, dev, SKB_DROP_REASON.NOMEM);
    q = new FragQueue(stack, table, key, dev, v6);
    table.queues.set(key, q);
    stack.kernel.engine.schedule(stack.kernel.engine.nowNs + timeS * 1e9, stack.events.frag, q, 0);
  }
  const end = offset + len;
  const last = !more;
  const bad = end > MAX_PAYLOAD || (more && (len & 7) !== 0) || len === 0;
  const beyond =
    (last && q.parts.some((p) => p.end > end)) || (q.total >= 0 && (end > q.total || (last && end !== q.total)));
  if (bad || beyond) {
    killQueue(q, SKB_DROP_REASON.NOT_SPECIFIED);
    return refuse(stack, v6, skb, dev, v6 ? SKB_DROP_REASON.IPV6_BAD_EXTHDR : SKB_DROP_REASON.IP_INHDR);
  }
  if (last) q.total = end;
  let at = q.parts.length;
  while (at > 0 && q.parts[at - 1]!.start >= offset) at--;
  const next = q.parts[at];
  const prev = q.parts[at - 1];
  if (next !== undefined && next.start <= offset && next.end >= end) {
    return refuse(stack, v6, skb, dev, SKB_DROP_REASON.DUP_FRAG);
  }
  if (prev !== undefined && prev.end >= end) return refuse(stack, v6, skb, dev, SKB_DROP_REASON.DUP_FRAG);
  if ((prev !== undefined && prev.end > offset) || (next !== undefined && next.start < end)) {
    // an overlap: the whole datagram is suspect
    killQueue(q, SKB_DROP_REASON.DUP_FRAG);
    return refuse(stack, v6, skb, dev, SKB_DROP_REASON.DUP_FRAG);
  }
  q.parts.splice(at, 0, { skb, addr, start: offset, end });
  q.have += len;
  const size = truesizeOf(skb.len);
  q.memBytes += size;
  table.memBytes += size;
  return q.total >= 0 && q.have === q.total ? q : null;
}

/**
 * Joins a complete queue to one packet: `headBytes` of the first fragment from its skb.data on, then the payload. Frees the fragments.
 * @returns null when the datagram is too large or memory is used up (then it was dropped)
 */
export function fragJoin(q: FragQueue, headBytes: number): Skb | null {
  const stack = q.stack;
  const k = stack.kernel;
  const first = q.parts[0]!.skb;
  const skb = headBytes + q.total > MAX_PAYLOAD ? null : k.allocSkb(headBytes + q.total);
  if (skb === null) {
    killQueue(q, SKB_DROP_REASON.NOMEM);
    if (q.v6) stack.snmp.Ip6ReasmFails++;
    else stack.snmp.IpReasmFails++;
    return null;
  }
  const u8 = stack.arena.u8;
  u8.copyWithin(skb.data, first.data, first.data + headBytes);
  for (const p of q.parts) u8.copyWithin(skb.data + headBytes + p.start, p.addr, p.addr + p.end - p.start);
  skb.parentId = first.id;
  skb.bornNs = first.bornNs;
  skb.dev = first.dev;
  skb.skbIif = first.skbIif;
  skb.protocol = first.protocol;
  skb.pktType = first.pktType;
  skb.mark = first.mark;
  skb.dst = first.dst;
  skb.networkHeader = skb.data;
  skb.transportHeader = skb.data + headBytes;
  if (q.v6) stack.snmp.Ip6ReasmOKs++;
  else stack.snmp.IpReasmOKs++;
  endQueue(q);
  for (const p of q.parts) k.consumeSkb(p.skb);
  q.parts.length = 0;
  return skb;
}

/** The event handler of reassembly timeouts. */
export function onFragTimeout(q: FragQueue): void {
  if (q.done) return;
  const stack = q.stack;
  if (q.v6) stack.snmp.Ip6ReasmTimeout++;
  else stack.snmp.IpReasmTimeout++;
  const first = q.parts[0];
  if (first !== undefined && first.start === 0) {
    if (q.v6) stack.calls.icmp6Send(stack, first.skb, ICMPV6_TIME_EXCEED, ICMP_EXC_FRAGTIME, 0);
    else stack.calls.icmpSend(stack, first.skb, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
  }
  if (q.v6) stack.snmp.Ip6ReasmFails++;
  else stack.snmp.IpReasmFails++;
  killQueue(q, SKB_DROP_REASON.FRAG_REASM_TIMEOUT);
}

/** Drops a queue and what is in it. */
export function killQueue(q: FragQueue, reason: number): void {
  endQueue(q);
  for (const p of q.parts) q.stack.kernel.kfreeSkb(p.skb, q.dev, reason);
  q.parts.length = 0;
}

function endQueue(q: FragQueue): void {
  q.done = true;
  q.table.memBytes -= q.memBytes;
  q.table.queues.delete(q.key);
}

function countReqd(stack: IpStack, v6: boolean): void {
  if (v6) stack.snmp.Ip6ReasmReqds++;
  else stack.snmp.IpReasmReqds++;
}

function refuse(stack: IpStack, v6: boolean, skb: Skb, dev: Netdev, reason: number): null {
  if (v6) stack.snmp.Ip6ReasmFails++;
  else stack.snmp.IpReasmFails++;
  stack.kernel.kfreeSkb(skb, dev, reason);
  return null;
}
