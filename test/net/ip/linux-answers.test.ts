/**
 * What Linux 6.18 answered to raw frames, replayed: answers.json was recorded by live/record-answers.py in network namespaces with the
 * same addresses. IP identification, flow labels and the checksums that follow from them are the only things that may differ.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { setMac, setMtu } from "../../../sim/net/devices/device.ts";
import { ETH_P_ALL } from "../../../sim/net/ether.ts";
import { parseMac } from "../../../sim/net/ip/address.ts";
import { addRoute } from "../../../sim/net/ip/fib/route-control.ts";
import { RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNREACHABLE } from "../../../sim/net/ip/fib/rtm.ts";
import { setSysctl } from "../../../sim/net/ip/sysctl-control.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { openPacket } from "../../../sim/net/sockets/index.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { runFor, testKernel, veth } from "../kit.ts";
import { address, hex, imbalance, MS, permanent, prefix, route, S, snmp } from "./kit.ts";

interface Case {
  readonly name: string;
  readonly mtu?: number;
  readonly send: readonly string[];
  readonly waitMs: number;
  readonly h1: readonly string[];
  readonly h2: readonly string[];
  readonly nstat: Readonly<Record<string, number>>;
}

const golden = JSON.parse(readFileSync(new URL("answers.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly cases: readonly Case[];
};

const MAC = { h1: "02:00:00:00:01:02", r0: "02:00:00:00:01:01", r1: "02:00:00:00:02:01", h2: "02:00:00:00:02:02" };

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** Blanks what need not agree: identification and header checksum of IPv4, flow label and ICMPv6 or TCP checksum of IPv6. */
function normal(frame: string): string {
  const b = bytes(frame);
  const type = (b[12]! << 8) | b[13]!;
  const v4 = (at: number): void => {
    b.fill(0, at + 4, at + 6);
    b.fill(0, at + 10, at + 12);
  };
  if (type === 0x0800) {
    v4(14);
    // an ICMP error quotes a header, whose identification is that of what was sent
    const th = 14 + (b[14]! & 15) * 4;
    if (b[23] === 1 && [3, 5, 11].includes(b[th]!)) b.fill(0, th + 2, th + 4);
  } else if (type === 0x86dd) {
    b[15]! &= 0xf0;
    b.fill(0, 16, 18);
  }
  return hex(b);
}

function listen(dev: Netdev): string[] {
  const seen: string[] = [];
  const s = openPacket(dev.host, { dev, protocol: ETH_P_ALL });
  s.onFrame = (_s, addr, len, skb) => {
    if (skb.pktType !== 4) seen.push(hex(dev.host.kernel.arena.u8.slice(addr, addr + len)));
  };
  return seen;
}

function world(): { kernel: Kernel; d1: Netdev; r0: Netdev; r1: Netdev; d2: Netdev } {
  const kernel = testKernel();
  const [h1, r, h2] = ["h1", "r", "h2"].map((n) => addHost(kernel, n));
  for (const h of [h1!, r!, h2!]) {
    for (const k of ["net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"]) setSysctl(h, k, "0");
    setSysctl(h, "net.ipv4.ipfrag_time", "3000");
    setSysctl(h, "net.ipv6.ip6frag_time", "3000");
  }
  const [d1, r0] = veth(h1!, "eth0", r!, "eth0");
  const [r1, d2] = veth(r!, "eth1", h2!, "eth0");
  for (const [d, m] of [
    [d1, MAC.h1],
    [r0, MAC.r0],
    [r1, MAC.r1],
    [d2, MAC.h2],
  ] as const) {
    setMac(d, parseMac(m)!);
  }
  address(d1, "10.0.1.2/24", "2001:db8:1::2/64");
  address(r0, "10.0.1.1/24", "2001:db8:1::1/64", "fe80::ff:fe00:101/64");
  address(r1, "10.0.2.1/24", "2001:db8:2::1/64", "fe80::ff:fe00:201/64");
  address(d2, "10.0.2.2/24", "2001:db8:2::2/64");
  address(d1, "fe80::ff:fe00:102/64");
  route(h1!, "default", "10.0.1.1");
  route(h1!, "default", "2001:db8:1::1");
  route(h2!, "default", "10.0.2.1");
  route(h2!, "default", "2001:db8:2::1");
  setSysctl(r!, "net.ipv4.ip_forward", "1");
  setSysctl(r!, "net.ipv6.conf.all.forwarding", "1");
  const refusing = [RTN_UNREACHABLE, RTN_PROHIBIT, RTN_BLACKHOLE];
  refusing.forEach((type, i) => {
    addRoute(r!, { dst: prefix(`10.99.${i + 1}.0/24`), type });
    addRoute(r!, { dst: prefix(`2001:db8:990${i + 1}::/64`), type });
  });
  permanent(d1, "10.0.1.1", MAC.r0);
  permanent(r0, "10.0.1.2", MAC.h1);
  permanent(r1, "10.0.2.2", MAC.h2);
  permanent(d2, "10.0.2.1", MAC.r1);
  permanent(d1, "2001:db8:1::1", MAC.r0);
  permanent(r0, "2001:db8:1::2", MAC.h1);
  permanent(r1, "2001:db8:2::2", MAC.h2);
  permanent(d2, "2001:db8:2::1", MAC.r1);
  return { kernel, d1, r0, r1, d2 };
}

describe(`frames answered as by Linux ${golden.kernel}`, () => {
  const { kernel, d1, r1, d2 } = world();
  const at1 = listen(d1);
  const at2 = listen(d2);
  const sender = openPacket(d1.host, { dev: d1, protocol: 0x88b5 });
  runFor(kernel, 2 * S);

  it.each(golden.cases)("$name", (c) => {
    if (c.mtu !== undefined) {
      setMtu(r1, c.mtu);
      return;
    }
    at1.length = 0;
    at2.length = 0;
    const before = snmp(r1.host);
    for (const f of c.send) expect(sender.send(bytes(f))).toBe(0);
    runFor(kernel, c.waitMs * MS);
    expect(at1.map(normal)).toEqual(c.h1.map(normal));
    expect(at2.map(normal)).toEqual(c.h2.map(normal));
    const after = snmp(r1.host);
    const moved = Object.entries(after).filter(([k, v]) => v !== (before[k] ?? 0));
    const ours = Object.fromEntries(moved.map(([k, v]) => [k, v - (before[k] ?? 0)]));
    const theirs = Object.fromEntries(Object.entries(c.nstat).filter(([k]) => !/^TcpExt|ECT[01]Pkts|CEPkts/.test(k)));
    expect(ours).toEqual(theirs);
  });

  it("every packet is accounted for", () => {
    expect(imbalance(kernel)).toBe(0);
  });
});
