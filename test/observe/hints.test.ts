import { describe, expect, it } from "vitest";
import { setDown, setMtu, setUp } from "../../sim/net/devices/device.ts";
import { createVethPair } from "../../sim/net/devices/veth.ts";
import type { Host } from "../../sim/net/host.ts";
import { parseIp, parsePrefix } from "../../sim/net/ip/address.ts";
import { addAddress } from "../../sim/net/ip/addresses.ts";
import { addRoute } from "../../sim/net/ip/fib/route-control.ts";
import { setSysctl } from "../../sim/net/ip/sysctl-control.ts";
import type { Kernel } from "../../sim/net/kernel.ts";
import type { Netdev } from "../../sim/net/netdev.ts";
import { addHost } from "../../sim/net/stack.ts";
import { addBpfFilter } from "../../sim/net/tc/bpf-filters.ts";
import { addClsact, attachTcx } from "../../sim/net/tc/control.ts";
import { attachXdp } from "../../sim/net/xdp/attach.ts";
import { findHints, hintRules } from "../../sim/observe/hints.ts";
import { configure, finish, type Pair, pair, start } from "../apps/kit.ts";
import { program, redirecting, returning, runFor, send, testKernel, veth } from "../net/kit.ts";

/** va -- vb on the host in the middle, which has vc -- vd, as in FACTS 4.1. */
interface Rig {
  readonly kernel: Kernel;
  readonly b: Host;
  readonly va: Netdev;
  readonly vb: Netdev;
  readonly vc: Netdev;
}

function rig(): Rig {
  const kernel = testKernel();
  const a = addHost(kernel, "a");
  const b = addHost(kernel, "b");
  const [va, vb] = veth(a, "va", b, "vb");
  const [vc] = veth(b, "vc", addHost(kernel, "c"), "vd");
  return { kernel, b, va, vb, vc };
}

function sendTen(r: Rig): void {
  for (let i = 0; i < 10; i++) send(r.va);
  runFor(r.kernel, 1e6);
}

const tcProg = (host: Host, code: number) => program(host, `r0 = ${code}\nexit`, { kind: "sched_cls" });

interface Row {
  readonly code: string;
  readonly why: string;
  readonly run: () => Kernel;
  readonly text: string | RegExp;
}

const onRig = (setup: (r: Rig) => void) => (): Kernel => {
  const r = rig();
  setup(r);
  sendTen(r);
  return r.kernel;
};

const onPair = (run: (p: Pair) => void) => (): Kernel => {
  const p = pair();
  run(p);
  return p.kernel;
};

/** A router without ip_forward between h1 and a network behind it. */
function routed(p: Pair, to: string, forward: string): void {
  const [x1] = createVethPair(p.h2, { name: "far" }, addHost(p.kernel, "h3"), { name: "eth0" });
  setUp(x1);
  setUp(p.kernel.hostByName.get("h3")!.devByName.get("eth0")!);
  addAddress(x1, parsePrefix("10.3.0.1/24")!);
  setSysctl(p.h2, "net.ipv4.ip_forward", forward);
  addRoute(p.h1, { dst: parsePrefix("0.0.0.0/0")!, nexthops: [{ via: parseIp("10.0.0.2")! }] });
  finish(p, start(p, "udp", { packets: 10 }, { to: [to], receivers: [] }), 5e9);
}

const rows: readonly Row[] = [
  {
    code: "XDP_TX_NO_NAPI",
    why: "XDP_TX towards a veth without NAPI",
    run: onRig((r) => attachXdp(r.vb, returning(r.b, 3), { mode: "xdpdrv" })),
    text: "XDP_TX of b:vb lost 10 packets: its peer a:va has no native XDP program, so its NAPI ring is off (as on Linux). Attach a program that passes to a:va, or set `driver: nic` on the link.",
  },
  {
    code: "XDP_TX_GRO_STUCK",
    why: "XDP_TX towards a veth with GRO only",
    run: onRig((r) => {
      attachXdp(r.vb, returning(r.b, 3), { mode: "xdpdrv" });
      r.va.ops.setGro!(r.va, true);
    }),
    text: /^XDP_TX of b:vb put 10 packets into the ring of a:va, where they stay/,
  },
  {
    code: "XDP_REDIRECT_NO_TARGET",
    why: "redirect to a veth whose peer has nothing",
    run: onRig((r) => attachXdp(r.vb, redirecting(r.b, r.vc.ifindex), { mode: "xdpdrv" })),
    text: "XDP_REDIRECT at b:vb (test) lost 10 packets: vc cannot take redirected frames, because the peer (c:vd) has neither a native XDP program nor GRO (as on Linux).",
  },
  {
    code: "XDP_REDIRECT_NO_TARGET",
    why: "redirect to a device that is not there",
    run: onRig((r) => {
      r.vc.ops.peer!(r.vc)!.ops.setGro!(r.vc.ops.peer!(r.vc)!, true);
      attachXdp(r.vb, redirecting(r.b, 99), { mode: "xdpdrv" });
    }),
    text: /the program named no device that exists/,
  },
  {
    code: "XDP_REDIRECT_NO_TARGET",
    why: "redirect to a device that is down",
    run: onRig((r) => {
      const vd = r.vc.ops.peer!(r.vc)!;
      vd.ops.setGro!(vd, true);
      setDown(r.vc);
      attachXdp(r.vb, redirecting(r.b, r.vc.ifindex), { mode: "xdpdrv" });
    }),
    text: "XDP_REDIRECT at b:vb (test) lost 10 packets: vc is down.",
  },
  {
    code: "XDP_XMIT_FULL",
    why: "more is redirected than the far ring takes",
    run: () => {
      const r = rig();
      const vd = r.vc.ops.peer!(r.vc)!;
      vd.ops.setGro!(vd, true);
      attachXdp(r.vb, redirecting(r.b, r.vc.ifindex), { mode: "xdpdrv" });
      // the far CPU never gets its turn: nothing polls the ring while the frames come
      const napi = vd.napis[0]!;
      napi.scheduled = true;
      for (let i = 0; i < 40; i++) sendTen(r);
      return r.kernel;
    },
    text: "b:vc refused 144 packets that XDP redirected to it: its ring was full. XDP gets no backpressure and bypasses every qdisc; the far end is slower than what is redirected.",
  },
  {
    code: "XDP_GENERIC_DROP_UNSEEN",
    why: "generic XDP drops",
    run: onRig((r) => attachXdp(r.vb, returning(r.b, 1), { mode: "xdpgeneric" })),
    text: /^generic XDP \(test\) dropped 10 packets at b:vb: on Linux no counter/,
  },
  {
    code: "XDP_ABORTED",
    why: "a native program answers 0",
    run: onRig((r) => attachXdp(r.vb, returning(r.b, 0), { mode: "xdpdrv" })),
    text: /^test answered XDP_ABORTED 10 times at b:vb/,
  },
  {
    code: "XDP_ABORTED",
    why: "a generic program answers a code that is no action",
    run: onRig((r) => attachXdp(r.vb, returning(r.b, 9), { mode: "xdpgeneric" })),
    text: /^test answered a code that is no action 10 times at b:vb/,
  },
  {
    code: "TCX_UNKNOWN_CODE",
    why: "an unknown code in front of another program",
    run: onRig((r) => {
      attachTcx(r.vb, "ingress", tcProg(r.b, 4));
      attachTcx(r.vb, "ingress", tcProg(r.b, 2));
    }),
    text: /^tcx program test \(ingress of b:vb\) answered a code that tcx does not know for 10 packets, so test did not run on them/,
  },
  {
    code: "TCX_UNKNOWN_CODE",
    why: "an unknown code of the last program",
    run: onRig((r) => attachTcx(r.vb, "ingress", tcProg(r.b, 42))),
    text: /which hands the packet to legacy tc as TCX_NEXT does/,
  },
  {
    code: "TC_UNKNOWN_CODE",
    why: "a direct-action filter answers TC_ACT_PIPE",
    run: onRig((r) => {
      addClsact(r.vb);
      addBpfFilter(r.vb, { direction: "ingress", prog: tcProg(r.b, 3), directAction: true });
    }),
    text: /^tc program test \(ingress of b:vb\) answered 10 times with a code that direct-action does not know/,
  },
  {
    code: "TC_NOT_DIRECT_ACTION",
    why: "a filter without `da` means to drop",
    run: onRig((r) => {
      addClsact(r.vb);
      addBpfFilter(r.vb, { direction: "ingress", prog: tcProg(r.b, 2), directAction: false });
    }),
    text: /is not direct-action: its 10 answers of 2/,
  },
  {
    code: "TC_STOLEN",
    why: "a filter steals",
    run: onRig((r) => {
      addClsact(r.vb);
      addBpfFilter(r.vb, { direction: "ingress", prog: tcProg(r.b, 4), directAction: true });
    }),
    text: /^tc at b:vb consumed 10 packets \(TC_ACT_STOLEN or TC_ACT_TRAP\)/,
  },
  {
    code: "RX_RING_FULL",
    why: "a slow CPU behind a small ring",
    run: () => {
      const p = pair({ idealCpu: false, nic: { rxRing: 16 } });
      finish(
        p,
        start(p, "packets", { template: { "ip.dst": "10.0.0.2", "udp.dport": 9 }, rate: { pps: 8e6 }, packets: 1000 }),
        1e8,
      );
      return p.kernel;
    },
    text: /^a receive ring of h2:eth0 was full for \d+ packets: h2 works off less than arrives/,
  },
  {
    code: "FRAME_TOO_LONG",
    why: "a frame longer than the peer's MTU",
    run: () => {
      const r = rig();
      setMtu(r.va, 9000);
      send(r.va, new Uint8Array(2000).fill(0xff, 0, 6));
      return r.kernel;
    },
    text: /^1 packet at a:va were too long for the link: the MTU of a:va is 9000, of b:vb 1500/,
  },
  {
    code: "IP_FORWARD_OFF",
    why: "a router that does not forward",
    run: onPair((p) => routed(p, "10.3.0.9", "0")),
    text: "10 packets for other hosts came to h2 by eth0 and were dropped: net.ipv4.ip_forward is 0. Set it to 1 if h2 is a router.",
  },
  {
    code: "NO_ROUTE",
    why: "a router without a route",
    run: onPair((p) => routed(p, "192.0.2.1", "1")),
    text: "h2 had no route for 10 packets that came in by eth0. See `ip route` there; a default route may be missing.",
  },
  {
    code: "NO_ROUTE",
    why: "a sender without a route",
    run: onPair((p) => void finish(p, start(p, "udp", { packets: 10 }, { to: ["192.0.2.1"] }), 1e8)),
    text: /^h1 had no route for 10 packets of its own/,
  },
  {
    code: "NEIGHBOUR_FAILED",
    why: "nobody has the address",
    run: onPair((p) => void finish(p, start(p, "udp", { packets: 10 }, { to: ["10.0.0.77"] }), 5e9)),
    text: /^h1 lost 10 packets because nobody answered ARP or neighbour discovery for 10\.0\.0\.77 on eth0/,
  },
  {
    code: "NEIGHBOUR_QUEUE_FULL",
    why: "much is sent before the address is resolved",
    run: onPair((p) => void finish(p, start(p, "udp", { packets: 2000, flows: 2000 }, { to: ["10.0.0.77"] }), 1e7)),
    text: /^h1 lost \d+ packets while it waited for an ARP or neighbour discovery answer/,
  },
  {
    code: "OTHER_HOST",
    why: "frames with another MAC address",
    run: onPair((p) => {
      const template = { "eth.dst": "02:00:00:00:00:99", "ip.dst": "10.0.0.2" };
      finish(p, start(p, "packets", { template, packets: 10 }), 1e8);
    }),
    text: /^10 packets at h2:eth0 carried another MAC address than its own/,
  },
  {
    code: "REVERSE_PATH",
    why: "a source whose way back leads elsewhere",
    run: onPair((p) => {
      setSysctl(p.h2, "net.ipv4.conf.all.rp_filter", "1");
      finish(p, start(p, "packets", { template: { "ip.src": "192.0.2.9", "ip.dst": "10.0.0.2" }, packets: 10 }), 1e8);
    }),
    text: /^the reverse path filter of h2:eth0 dropped 10 packets/,
  },
  {
    code: "BAD_CHECKSUM",
    why: "IP and UDP checksums that are wrong",
    run: onPair((p) => {
      finish(p, start(p, "packets", { template: { "ip.dst": "10.0.0.2", "ip.csum": 1 }, packets: 10 }), 1e8);
      const template = { "ip.dst": "10.0.0.2", "udp.csum": 1 };
      finish(p, start(p, "packets", { name: "u", template, packets: 3, startNs: 2e8, stopNs: 1e9 }), 1e9);
    }),
    text: /^wrong checksums at h2:eth0: IPv4 header \(10\) and UDP \(3\)/,
  },
  {
    code: "NO_SOCKET",
    why: "nobody listens",
    run: onPair((p) => void finish(p, start(p, "udp", { packets: 10 }, { receivers: [] }), 1e8)),
    text: /^10 packets reached h2 by eth0 and found no socket on their port/,
  },
  {
    code: "UNHANDLED_PROTOCOL",
    why: "IPIP without a tunnel",
    run: onPair(
      (p) =>
        void finish(p, start(p, "packets", { template: { "ip.dst": "10.0.0.2", "ip.proto": 4 }, packets: 10 }), 1e8),
    ),
    text: /^10 packets with an IP protocol that nobody handles came to h2/,
  },
];

describe("findHints", () => {
  it.each(rows)("$code: $why", ({ code, run, text }) => {
    const hints = findHints(run());
    const found = hints.filter((h) => h.code === code);
    expect(found.map((h) => h.text)).toEqual([expect.stringMatching(text instanceof RegExp ? text : literal(text))]);
  });

  it("every rule is triggered above", () => {
    expect([...new Set(hintRules.map((r) => r.code))].sort()).toEqual([...new Set(rows.map((r) => r.code))].sort());
  });

  it("a network in which all goes well has none", () => {
    const p = pair();
    finish(p, start(p, "ping", { packets: 10 }), 1e8);
    finish(p, start(p, "udp", { startNs: 2e8, stopNs: 1e9, packets: 1000 }), 1e9);
    attachXdp(p.eth2, returning(p.h2, 2));
    finish(p, start(p, "udp", { name: "again", port: 10, startNs: 2e9, stopNs: 3e9, packets: 1000 }), 3e9);
    expect(findHints(p.kernel)).toEqual([]);
  });

  it("a loss that was meant has none: native XDP_DROP, a lossy link", () => {
    const p = pair({ there: { loss: 0.5 } });
    attachXdp(p.eth2, returning(p.h2, 1));
    finish(p, start(p, "packets", { template: { "ip.dst": "10.0.0.2" }, packets: 100 }), 1e8);
    expect(findHints(p.kernel)).toEqual([]);
  });

  it("many places with the same cause are summed up", () => {
    const p = pair();
    for (let i = 0; i < 9; i++) {
      const [x, y] = createVethPair(addHost(p.kernel, `x${i}`), { name: "e" }, p.h2, { name: `y${i}` });
      setUp(x);
      setUp(y);
      configure(x, 50 + i);
      attachXdp(y, returning(p.h2, 1), { mode: "xdpgeneric" });
      send(x);
    }
    runFor(p.kernel, 1e6);
    const found = findHints(p.kernel).filter((h) => h.code === "XDP_GENERIC_DROP_UNSEEN");
    expect(found).toHaveLength(4);
    expect(found[3]!.text).toBe("the same holds for 6 more places (XDP_GENERIC_DROP_UNSEEN)");
  });
});

function literal(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}
