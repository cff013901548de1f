/** Addresses and routes as Linux 6.18 made and listed them in a namespace (measured with `ip`). */
import { describe, expect, it } from "vitest";
import { setDown, setUp } from "../../../sim/net/devices/device.ts";
import { createVethPair } from "../../../sim/net/devices/veth.ts";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, AF_INET6, type Family } from "../../../sim/net/ip/address.ts";
import { addAddress, delAddress, listAddresses } from "../../../sim/net/ip/addresses.ts";
import { addRoute, delRoute, listRoutes, type RouteSpec } from "../../../sim/net/ip/fib/route-control.ts";
import { ROUTE_TYPES, RT_TABLE_LOCAL, RTN_BLACKHOLE, RTN_UNREACHABLE } from "../../../sim/net/ip/fib/rtm.ts";
import { getSysctl, setSysctl } from "../../../sim/net/ip/sysctl-control.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { NetlinkError } from "../../../sim/net/netlink-error.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { testKernel } from "../kit.ts";
import { ip, prefix } from "./kit.ts";

const TYPE_NAMES = new Map(Object.entries(ROUTE_TYPES).map(([k, v]) => [v, k]));

/** The part of `ip route`'s line that the tables settle. */
function lines(host: Host, family: Family, table?: number): string[] {
  return listRoutes(host, family, table).map((r) => {
    const type = r.type === 1 ? "" : `${TYPE_NAMES.get(r.type)} `;
    const dst =
      r.len === 0 ? "default" : r.len === (family === AF_INET ? 32 : 128) ? `${r.prefix}` : `${r.prefix}/${r.len}`;
    const hop = (n: (typeof r.nhs)[number]): string => `${n.gw === null ? "" : `via ${n.gw} `}dev ${n.dev.name}`;
    const nhs =
      r.nhs.length > 1 ? r.nhs.map((n) => `nexthop ${hop(n)} weight ${n.weight}`).join(" ") : r.nhs.map(hop).join("");
    const src = r.prefSrc === null ? "" : ` src ${r.prefSrc}`;
    const metric = family === AF_INET6 ? ` metric ${r.metric}` : "";
    return `${type}${dst} ${nhs}${r.table === RT_TABLE_LOCAL ? " table local" : ""}${src}${metric}`
      .replace("  ", " ")
      .trim();
  });
}

function world(): { host: Host; va: Netdev; peer: Netdev } {
  const kernel = testKernel();
  const host = addHost(kernel, "e1");
  const other = addHost(kernel, "e2");
  const [va, peer] = createVethPair(host, { name: "va" }, other, { name: "vb" });
  for (const a of ["10.9.0.1/24", "10.9.0.5/24", "10.9.1.1/24", "2001:db8::1/64"]) addAddress(va, prefix(a));
  setUp(va);
  setUp(peer);
  addAddress(peer, prefix("10.9.0.2/24"));
  return { host, va, peer };
}

function refused(fn: () => void): string {
  try {
    fn();
  } catch (e) {
    if (e instanceof NetlinkError) return `${e.errno} ${e.extack}`.trim();
    throw e;
  }
  return "done";
}

describe("addresses", () => {
  it("primaries come first, the second of a subnet is secondary", () => {
    const { va } = world();
    const shown = listAddresses(va, AF_INET).map((a) => `${a.addr}/${a.len}${a.secondary ? " secondary" : ""}`);
    expect(shown).toEqual(["10.9.0.1/24", "10.9.1.1/24", "10.9.0.5/24 secondary"]);
  });

  it("bring connected, local and broadcast routes", () => {
    const { host } = world();
    expect(lines(host, AF_INET)).toEqual([
      "10.9.0.0/24 dev va src 10.9.0.1",
      "10.9.1.0/24 dev va src 10.9.1.1",
      "local 10.9.0.1 dev va table local src 10.9.0.1",
      "local 10.9.0.5 dev va table local src 10.9.0.1",
      "broadcast 10.9.0.255 dev va table local src 10.9.0.1",
      "local 10.9.1.1 dev va table local src 10.9.1.1",
      "broadcast 10.9.1.255 dev va table local src 10.9.1.1",
      "local 127.0.0.0/8 dev lo table local src 127.0.0.1",
      "local 127.0.0.1 dev lo table local src 127.0.0.1",
      "broadcast 127.255.255.255 dev lo table local src 127.0.0.1",
    ]);
  });

  it("the IPv6 ones too, with a link-local address from the MAC", () => {
    const { host, va } = world();
    const ll = listAddresses(va, AF_INET6)[1]!.addr;
    expect(ll.toString()).toMatch(/^fe80::/);
    expect(lines(host, AF_INET6)).toEqual([
      "2001:db8::/64 dev va metric 256",
      "fe80::/64 dev va metric 256",
      "local ::1 dev lo table local metric 0",
      "local 2001:db8::1 dev va table local metric 0",
      `local ${ll} dev va table local metric 0`,
      "multicast ff00::/8 dev va table local metric 256",
    ]);
  });

  it.each([
    ["the same address again", "10.9.0.1/24", "17 ipv4: Address already assigned"],
    ["the same IPv6 address again", "2001:db8::1/64", "17 ipv6: address already assigned"],
  ])("%s is refused", (_why, addr, says) => {
    const { va } = world();
    expect(refused(() => addAddress(va, prefix(addr)))).toBe(says);
  });

  it("deleting what is not there is refused", () => {
    const { va } = world();
    expect(refused(() => delAddress(va, prefix("10.9.0.77/24")))).toBe("99 ipv4: Address not found");
  });

  it("a primary takes its secondaries and their routes with it", () => {
    const { host, va } = world();
    addRoute(host, { dst: prefix("1.0.0.0/8"), nexthops: [{ via: ip("10.9.0.2") }] });
    delAddress(va, prefix("10.9.0.1/24"));
    expect(listAddresses(va, AF_INET).map((a) => `${a.addr}`)).toEqual(["10.9.1.1"]);
    expect(lines(host, AF_INET, 254)).toEqual(["1.0.0.0/8 via 10.9.0.2 dev va", "10.9.1.0/24 dev va src 10.9.1.1"]);
  });

  it("a device that goes down loses its routes and its IPv6 addresses, not its IPv4 addresses", () => {
    const { host, va } = world();
    addRoute(host, { dst: prefix("0.0.0.0/0"), nexthops: [{ via: ip("10.9.0.2") }] });
    addRoute(host, { dst: prefix("8.0.0.0/8"), type: RTN_BLACKHOLE });
    setDown(va);
    expect(lines(host, AF_INET, 254)).toEqual(["blackhole 8.0.0.0/8"]);
    expect(lines(host, AF_INET6)).toEqual(["local ::1 dev lo table local metric 0"]);
    expect(listAddresses(va, AF_INET)).toHaveLength(3);
    expect(listAddresses(va, AF_INET6)).toHaveLength(0);
    setUp(va);
    expect(lines(host, AF_INET, 254)).toContain("10.9.0.0/24 dev va src 10.9.0.1");
  });
});

describe("routes", () => {
  it.each<[string, (va: Netdev, lo: Netdev) => RouteSpec, string]>([
    [
      "gateway nowhere on a link",
      () => ({ dst: prefix("1.0.0.0/8"), nexthops: [{ via: ip("9.9.9.9") }] }),
      "101 Nexthop has invalid gateway",
    ],
    [
      "host bits set",
      () => ({ dst: prefix("1.0.0.1/8"), nexthops: [{ via: ip("10.9.0.2") }] }),
      "22 Invalid prefix for given prefix length",
    ],
    [
      "source that is not ours",
      () => ({ dst: prefix("5.0.0.0/8"), prefSrc: ip("1.2.3.4"), nexthops: [{ via: ip("10.9.0.2") }] }),
      "22 Invalid prefsrc address",
    ],
    [
      "gateway on another device",
      (_va, lo) => ({ dst: prefix("6.0.0.0/8"), nexthops: [{ via: ip("10.9.0.2"), dev: lo }] }),
      "101 Nexthop has invalid gateway",
    ],
    ["no device at all", () => ({ dst: prefix("6.0.0.0/8") }), "19"],
    [
      "a blackhole with a device",
      (va) => ({ dst: prefix("6.0.0.0/8"), type: RTN_BLACKHOLE, nexthops: [{ dev: va }] }),
      "22 Gateway, device and multipath can not be specified for this route type",
    ],
    [
      "IPv6 gateway nowhere on a link",
      () => ({ dst: prefix("2001:db8:1::/64"), nexthops: [{ via: ip("2001:db8:9::1") }] }),
      "113",
    ],
    [
      "IPv6 gateway that is ours",
      () => ({ dst: prefix("2001:db8:1::/64"), nexthops: [{ via: ip("2001:db8::1") }] }),
      "22 Gateway can not be a local address",
    ],
  ])("%s is refused", (_why, spec, says) => {
    const { host, va } = world();
    expect(refused(() => addRoute(host, spec(va, host.devices[1]!)))).toBe(says);
  });

  it("a second route of the same metric is refused, replace takes its place, another metric stands behind", () => {
    const { host } = world();
    const to = (gw: string, metric?: number): RouteSpec => ({
      dst: prefix("1.0.0.0/8"),
      nexthops: [{ via: ip(gw) }],
      ...(metric === undefined ? {} : { metric }),
    });
    addRoute(host, to("10.9.0.2"));
    expect(refused(() => addRoute(host, to("10.9.0.3")))).toBe("17");
    expect(refused(() => addRoute(host, to("10.9.0.3", 5), "change"))).toBe("2");
    addRoute(host, to("10.9.0.4", 5));
    addRoute(host, to("10.9.0.3"), "replace");
    expect(lines(host, AF_INET, 254).slice(0, 2)).toEqual([
      "1.0.0.0/8 via 10.9.0.3 dev va",
      "1.0.0.0/8 via 10.9.0.4 dev va",
    ]);
    delRoute(host, { dst: prefix("1.0.0.0/8") });
    expect(lines(host, AF_INET, 254)[0]).toBe("1.0.0.0/8 via 10.9.0.4 dev va");
    expect(refused(() => delRoute(host, { dst: prefix("2.0.0.0/8") }))).toBe("3");
  });

  it("are listed as the kernel lists them", () => {
    const { host, va } = world();
    addRoute(host, { dst: prefix("7.0.0.0/8"), nexthops: [{ via: ip("99.0.0.1"), dev: va, onlink: true }] });
    addRoute(host, { dst: prefix("8.0.0.0/8"), type: RTN_BLACKHOLE });
    addRoute(host, { dst: prefix("8.0.0.0/9"), type: RTN_UNREACHABLE });
    addRoute(host, {
      dst: prefix("0.0.0.0/0"),
      nexthops: [{ via: ip("10.9.0.2"), weight: 2 }, { via: ip("10.9.0.3") }],
    });
    addRoute(host, { dst: prefix("2001:db8:1::/48"), nexthops: [{ via: ip("2001:db8::2") }] });
    addRoute(host, { dst: prefix("2001:db8:1::/64"), nexthops: [{ via: ip("2001:db8::2") }] });
    addRoute(host, { dst: prefix("::/0"), nexthops: [{ via: ip("fe80::9"), dev: va }] });
    expect(lines(host, AF_INET, 254)).toEqual([
      "default nexthop via 10.9.0.2 dev va weight 2 nexthop via 10.9.0.3 dev va weight 1",
      "7.0.0.0/8 via 99.0.0.1 dev va",
      "unreachable 8.0.0.0/9",
      "blackhole 8.0.0.0/8",
      "10.9.0.0/24 dev va src 10.9.0.1",
      "10.9.1.0/24 dev va src 10.9.1.1",
    ]);
    expect(lines(host, AF_INET6, 254)).toEqual([
      "2001:db8::/64 dev va metric 256",
      "2001:db8:1::/64 via 2001:db8::2 dev va metric 1024",
      "2001:db8:1::/48 via 2001:db8::2 dev va metric 1024",
      "fe80::/64 dev va metric 256",
      "default via fe80::9 dev va metric 1024",
    ]);
  });

  it("IPv6 routes appended with the same metric become one with several next hops", () => {
    const { host } = world();
    const dst = prefix("2001:db8:1::/64");
    addRoute(host, { dst, nexthops: [{ via: ip("2001:db8::2") }] });
    addRoute(host, { dst, nexthops: [{ via: ip("2001:db8::3") }] }, "append");
    expect(listRoutes(host, AF_INET6, 254)[1]!.nhs.map((n) => `${n.gw}`)).toEqual(["2001:db8::2", "2001:db8::3"]);
    delRoute(host, { dst, nexthops: [{ via: ip("2001:db8::2") }] });
    expect(listRoutes(host, AF_INET6, 254)[1]!.nhs.map((n) => `${n.gw}`)).toEqual(["2001:db8::3"]);
  });
});

describe("sysctls", () => {
  it.each([
    ["net.ipv4.ip_forward", "0"],
    ["net.ipv4.ip_default_ttl", "64"],
    ["net.ipv4.conf.va.rp_filter", "0"],
    ["net.ipv4.icmp_ratemask", "6168"],
    ["net.ipv4.neigh.va.locktime", "100"],
    ["net.ipv6.icmp.ratelimit", "100"],
    ["net.core.rmem_default", "212992"],
    ["net/ipv4/ip_local_port_range", "32768\t60999"],
  ])("%s starts as %j", (name, value) => {
    expect(getSysctl(world().host, name)).toBe(value);
  });

  it("ip_forward sets every device and the default", () => {
    const { host } = world();
    setSysctl(host, "net.ipv4.ip_forward", "1");
    for (const d of ["all", "default", "va", "lo"]) expect(getSysctl(host, `net.ipv4.conf.${d}.forwarding`)).toBe("1");
  });

  it("unknown names and values out of bounds are refused", () => {
    const { host } = world();
    expect(refused(() => setSysctl(host, "net.ipv4.nope", "1"))).toBe("2");
    expect(refused(() => setSysctl(host, "net.ipv4.conf.nope.rp_filter", "1"))).toBe("2");
    expect(refused(() => setSysctl(host, "net.ipv4.ip_default_ttl", "256"))).toBe("22");
    expect(refused(() => setSysctl(host, "net.ipv4.fib_multipath_hash_policy", "2"))).toBe("22");
  });
});
