/** Flow dissection and the flow hash. */
import { describe, expect, it } from "vitest";
import { Arena } from "../../../sim/engine/arena.ts";
import { dissectFlow, FlowKeys, flowHash, skbGetHash } from "../../../sim/net/flow.ts";
import { Skb } from "../../../sim/net/skb.ts";

const arena = new Arena(1 << 20);
const base = arena.alloc(2048, 64);

/** A packet that begins at its network header. */
function at(protocol: number, bytes: readonly number[]): Skb {
  arena.u8.fill(0, base, base + 2048);
  arena.u8.set(bytes, base);
  const skb = new Skb();
  skb.data = base;
  skb.len = bytes.length;
  skb.networkHeader = base;
  skb.protocol = protocol;
  return skb;
}

const be16 = (n: number) => [n >>> 8, n & 255];
const ip4 = (proto: number, src: readonly number[], dst: readonly number[], body: readonly number[], frag = 0) => [
  ...[0x45, 0, ...be16(20 + body.length), 0, 1, ...be16(frag), 64, proto, 0, 0],
  ...src,
  ...dst,
  ...body,
];
const ip6 = (next: number, src: number, dst: number, body: readonly number[], label = 0) => [
  ...[0x60, (label >>> 16) & 15, ...be16(label & 0xffff), ...be16(body.length), next, 64],
  ...[0xfd, ...new Array<number>(14).fill(0), src],
  ...[0xfd, ...new Array<number>(14).fill(0), dst],
  ...body,
];
const ports = (s: number, d: number) => [...be16(s), ...be16(d), 0, 0, 0, 0];
const A = [10, 0, 0, 1];
const B = [10, 0, 0, 2];

function keysOf(skb: Skb): FlowKeys {
  const keys = new FlowKeys();
  dissectFlow(arena, skb, keys);
  return keys;
}

describe("dissection", () => {
  const inner = ip4(17, A, B, ports(4000, 80));
  it.each([
    { why: "UDP", proto: 0x0800, bytes: inner, want: { ipProto: 17, sport: 4000, dport: 80, vlanId: 0 } },
    {
      why: "a later fragment has no ports",
      proto: 0x0800,
      bytes: ip4(17, A, B, ports(4000, 80), 0x00b9),
      want: { ipProto: 17, sport: 0 },
    },
    {
      why: "nor has a first one",
      proto: 0x0800,
      bytes: ip4(17, A, B, ports(4000, 80), 0x2000),
      want: { isFragment: true, sport: 0 },
    },
    {
      why: "don't fragment is none",
      proto: 0x0800,
      bytes: ip4(17, A, B, ports(4000, 80), 0x4000),
      want: { isFragment: false, sport: 4000 },
    },
    {
      why: "a VLAN tag in the bytes",
      proto: 0x8100,
      bytes: [...be16(0x2064), ...be16(0x0800), ...inner],
      want: { vlanId: 100, dport: 80 },
    },
    {
      why: "IPIP: the inner packet's",
      proto: 0x0800,
      bytes: ip4(4, [1, 1, 1, 1], [2, 2, 2, 2], inner),
      want: { ipProto: 17, sport: 4000, networkHeader: base + 20 },
    },
    {
      why: "IPv6 in IPv4",
      proto: 0x0800,
      bytes: ip4(41, A, B, ip6(6, 1, 2, ports(1, 2))),
      want: { etherType: 0x86dd, ipProto: 6, dport: 2 },
    },
    {
      why: "GRE with key and sequence number",
      proto: 0x0800,
      bytes: ip4(47, A, B, [0x30, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 2, ...inner]),
      want: { ipProto: 17, dport: 80 },
    },
    {
      why: "GRE of another version ends it",
      proto: 0x0800,
      bytes: ip4(47, A, B, [0x00, 1, 8, 0, ...inner]),
      want: { ipProto: 47, dport: 0 },
    },
    {
      why: "IPv6 options before TCP",
      proto: 0x86dd,
      bytes: ip6(0, 1, 2, [6, 0, 0, 0, 0, 0, 0, 0, ...ports(7, 8)]),
      want: { ipProto: 6, sport: 7, dport: 8 },
    },
    {
      why: "an IPv6 fragment",
      proto: 0x86dd,
      bytes: ip6(44, 1, 2, [17, 0, 0, 1, 0, 0, 0, 9, ...ports(7, 8)]),
      want: { ipProto: 17, isFragment: true, sport: 0 },
    },
    {
      why: "a flow label stands for the ports",
      proto: 0x86dd,
      bytes: ip6(17, 1, 2, ports(7, 8), 0x12345),
      want: { flowLabel: 0x12345, sport: 0 },
    },
    { why: "a truncated header", proto: 0x0800, bytes: inner.slice(0, 19), want: { etherType: 0, ipProto: 0 } },
    { why: "a header length below 20", proto: 0x0800, bytes: [0x44, ...inner.slice(1)], want: { etherType: 0 } },
    { why: "ports beyond the end", proto: 0x0800, bytes: inner.slice(0, 22), want: { ipProto: 17, sport: 0 } },
  ])("$why", ({ proto, bytes, want }) => {
    expect(keysOf(at(proto, bytes))).toMatchObject(want);
  });
});

describe("hash", () => {
  const hash = (bytes: readonly number[], proto = 0x0800) => skbGetHash(arena, at(proto, bytes));

  it("is the same in both directions, for IPv4 and IPv6", () => {
    expect(hash(ip4(6, A, B, ports(4000, 80)))).toBe(hash(ip4(6, B, A, ports(80, 4000))));
    expect(hash(ip6(6, 1, 2, ports(4000, 80)), 0x86dd)).toBe(hash(ip6(6, 2, 1, ports(80, 4000)), 0x86dd));
  });

  it("tells ports, protocols and addresses apart", () => {
    const all = new Set<number>();
    for (let port = 1; port <= 200; port++) {
      all.add(hash(ip4(6, A, B, ports(port, 80))));
      all.add(hash(ip4(17, A, B, ports(port, 80))));
      all.add(hash(ip4(6, [10, 0, 1, port], B, ports(4000, 80))));
      all.add(hash(ip6(6, 1, 2, ports(port, 80)), 0x86dd));
    }
    expect(all.size).toBe(800);
  });

  it("spreads evenly over 16 queues", () => {
    const counts = new Array<number>(16).fill(0);
    for (let port = 0; port < 8000; port++) counts[hash(ip4(17, A, B, ports(port, 80))) >>> 28]!++;
    for (const n of counts) expect(Math.abs(n - 500)).toBeLessThan(120);
  });

  it("is kept by the packet and never 0", () => {
    const skb = at(0x0800, ip4(6, A, B, ports(1, 2)));
    const h = skbGetHash(arena, skb);
    arena.u8[base + 12] = 99;
    expect(skbGetHash(arena, skb)).toBe(h);
    expect(flowHash(new FlowKeys())).not.toBe(0);
  });
});
