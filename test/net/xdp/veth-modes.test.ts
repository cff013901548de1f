import { describe, expect, it } from "vitest";
import { setDown } from "../../../sim/net/devices/device.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { TC_H_ROOT } from "../../../sim/net/qdiscs/base.ts";
import { installRoot } from "../../../sim/net/qdiscs/index.ts";
import { pfifo } from "../../../sim/net/qdiscs/pfifo.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { attachXdp, detachXdp } from "../../../sim/net/xdp/attach.ts";
import {
  counters,
  drops,
  ethtool,
  imbalance,
  redirecting,
  returning,
  runFor,
  send,
  Tap,
  testKernel,
  veth,
} from "../kit.ts";

/** va -- vb on the host in the middle, which has vc -- vd. */
interface Rig {
  readonly kernel: Kernel;
  readonly hosts: readonly [Host, Host, Host];
  readonly va: Netdev;
  readonly vb: Netdev;
  readonly vc: Netdev;
  readonly vd: Netdev;
}

interface Row {
  readonly name: string;
  readonly setup: (r: Rig) => void;
  /** Frames sent; 10 unless told otherwise. */
  readonly n?: number;
  readonly ethtoolB?: Record<string, number>;
  readonly ethtoolC?: Record<string, number>;
  readonly ethtoolD?: Record<string, number>;
  readonly a?: Record<string, number>;
  readonly b?: Record<string, number>;
  readonly c?: Record<string, number>;
  readonly d?: Record<string, number>;
  /** Frames that the taps of va, vb and vd see coming in, and of vb going out. */
  readonly taps: readonly [number, number, number, number];
  readonly drops?: Record<string, number>;
  /** Frames that stay in the network. */
  readonly stuck?: number;
}

const native = (code: number) => (r: Rig) => attachXdp(r.vb, returning(r.hosts[1], code), { mode: "xdpdrv" });
const generic = (code: number) => (r: Rig) => attachXdp(r.vb, returning(r.hosts[1], code), { mode: "xdpgeneric" });
const toVc = (mode: "xdpdrv" | "xdpgeneric") => (r: Rig) =>
  attachXdp(r.vb, redirecting(r.hosts[1], r.vc.ifindex), { mode });
const gro = (dev: Netdev): void => dev.ops.setGro!(dev, true);
const passOn = (host: Host, dev: Netdev, mode: "xdpdrv" | "xdpgeneric" = "xdpdrv"): void =>
  attachXdp(dev, returning(host, 2), { mode });

const rx460 = { rxPackets: 10, rxBytes: 460 };
const rx600 = { rxPackets: 10, rxBytes: 600 };
const tx460 = { txPackets: 10, txBytes: 460 };
const tx600 = { txPackets: 10, txBytes: 600 };
const seen = { rx_queue_0_xdp_packets: 10, rx_queue_0_xdp_bytes: 460 };

// FACTS 4.1, measured on Linux 6.18: ten frames of 60 bytes from va to vb, the program on vb
const rows: readonly Row[] = [
  { name: "no program", setup: () => {}, a: tx600, b: rx600, taps: [0, 10, 0, 0] },
  {
    name: "native DROP",
    setup: native(1),
    ethtoolB: { ...seen, rx_queue_0_xdp_drops: 10 },
    a: tx460,
    b: rx460,
    taps: [0, 0, 0, 0],
    drops: { XDP_DROP: 10 },
  },
  { name: "native PASS", setup: native(2), ethtoolB: seen, a: tx460, b: rx460, taps: [0, 10, 0, 0] },
  {
    name: "native ABORTED",
    setup: native(0),
    ethtoolB: { ...seen, rx_queue_0_xdp_drops: 10 },
    a: tx460,
    b: rx460,
    taps: [0, 0, 0, 0],
    drops: { XDP_ABORTED: 10 },
  },
  {
    name: "native unknown code 9",
    setup: native(9),
    ethtoolB: { ...seen, rx_queue_0_xdp_drops: 10 },
    a: tx460,
    b: rx460,
    taps: [0, 0, 0, 0],
    drops: { XDP_INVALID_ACTION: 10 },
  },
  {
    name: "native TX, the peer has nothing",
    setup: native(3),
    ethtoolB: { ...seen, rx_queue_0_xdp_tx_errors: 10 },
    a: { ...tx460, rxDropped: 10 },
    b: { ...rx460, txDropped: 10 },
    taps: [0, 0, 0, 0],
    drops: { XDP_TX_ERROR: 10 },
  },
  {
    name: "native TX, the peer has GRO only: stuck",
    setup: (r) => {
      gro(r.va);
      native(3)(r);
    },
    ethtoolB: { ...seen, rx_queue_0_xdp_tx: 10 },
    a: tx460,
    b: rx460,
    taps: [0, 0, 0, 0],
    stuck: 10,
  },
  {
    name: "native TX, the peer has GRO only, more frames than its ring holds",
    n: 310,
    setup: (r) => {
      gro(r.va);
      native(3)(r);
    },
    ethtoolB: {
      rx_queue_0_xdp_packets: 310,
      rx_queue_0_xdp_bytes: 310 * 46,
      rx_queue_0_xdp_tx: 256,
      rx_queue_0_xdp_tx_errors: 54,
    },
    a: { txPackets: 310, txBytes: 310 * 46, rxDropped: 54 },
    b: { rxPackets: 310, rxBytes: 310 * 46, txDropped: 54 },
    taps: [0, 0, 0, 0],
    drops: { XDP_TX_ERROR: 54 },
    stuck: 256,
  },
  {
    name: "native TX, the peer has a native program",
    setup: (r) => {
      passOn(r.hosts[0], r.va);
      native(3)(r);
    },
    ethtoolB: { ...seen, rx_queue_0_xdp_tx: 10 },
    a: { ...tx460, ...rx600 },
    b: { ...rx460, ...tx600 },
    taps: [10, 0, 0, 0],
  },
  {
    name: "native TX, the peer has a generic program",
    setup: (r) => {
      passOn(r.hosts[0], r.va, "xdpgeneric");
      native(3)(r);
    },
    ethtoolB: { ...seen, rx_queue_0_xdp_tx_errors: 10 },
    a: { ...tx460, rxDropped: 10 },
    b: { ...rx460, txDropped: 10 },
    taps: [0, 0, 0, 0],
    drops: { XDP_TX_ERROR: 10 },
  },
  {
    name: "generic DROP: no counter anywhere",
    setup: generic(1),
    a: tx600,
    b: rx600,
    taps: [0, 0, 0, 0],
    drops: { SKB_DROP_REASON_XDP: 10 },
  },
  {
    name: "generic ABORTED",
    setup: generic(0),
    a: tx600,
    b: rx600,
    taps: [0, 0, 0, 0],
    drops: { SKB_DROP_REASON_XDP: 10 },
  },
  {
    name: "generic TX",
    setup: generic(3),
    a: { ...tx600, ...rx600 },
    b: { ...rx600, ...tx600 },
    taps: [10, 0, 0, 0],
  },
  {
    name: "native REDIRECT, vd has nothing",
    setup: toVc("xdpdrv"),
    ethtoolB: { ...seen, rx_queue_0_drops: 10 },
    a: tx460,
    b: { ...rx460, rxDropped: 10 },
    taps: [0, 0, 0, 0],
    drops: { XDP_REDIRECT_ERROR: 10 },
  },
  {
    name: "native REDIRECT, vd has GRO",
    setup: (r) => {
      gro(r.vd);
      toVc("xdpdrv")(r);
    },
    ethtoolB: { ...seen, rx_queue_0_xdp_redirect: 10 },
    ethtoolC: { tx_queue_0_xdp_xmit: 10 },
    ethtoolD: { rx_queue_0_xdp_packets: 10, rx_queue_0_xdp_bytes: 600 },
    a: tx460,
    b: rx460,
    c: tx600,
    d: rx600,
    taps: [0, 0, 10, 0],
  },
  {
    name: "native REDIRECT, vd has a native program",
    setup: (r) => {
      passOn(r.hosts[2], r.vd);
      toVc("xdpdrv")(r);
    },
    ethtoolB: { ...seen, rx_queue_0_xdp_redirect: 10 },
    ethtoolC: { tx_queue_0_xdp_xmit: 10 },
    ethtoolD: { rx_queue_0_xdp_packets: 10, rx_queue_0_xdp_bytes: 600 },
    a: tx460,
    b: rx460,
    c: tx600,
    d: rx600,
    taps: [0, 0, 10, 0],
  },
  {
    name: "native REDIRECT, vc is down",
    setup: (r) => {
      passOn(r.hosts[2], r.vd);
      setDown(r.vc);
      toVc("xdpdrv")(r);
    },
    ethtoolB: { ...seen, rx_queue_0_drops: 10 },
    a: tx460,
    b: { ...rx460, rxDropped: 10 },
    taps: [0, 0, 0, 0],
    drops: { XDP_REDIRECT_ERROR: 10 },
  },
  {
    name: "generic REDIRECT, vd has nothing",
    setup: toVc("xdpgeneric"),
    a: tx600,
    b: rx600,
    c: tx600,
    d: rx600,
    taps: [0, 0, 10, 0],
  },
];

describe.each([
  ["ideal CPUs", true],
  ["CPUs that cost time", false],
])("XDP on veth, %s", (_, ideal) => {
  it.each(rows)("$name", (row) => {
    const kernel = testKernel(1, ideal);
    const hosts: [Host, Host, Host] = [addHost(kernel, "a"), addHost(kernel, "b"), addHost(kernel, "c")];
    const [va, vb] = veth(hosts[0], "va", hosts[1], "vb");
    const [vc, vd] = veth(hosts[1], "vc", hosts[2], "vd");
    const taps = [va, vb, vd].map((d) => new Tap(d));
    row.setup({ kernel, hosts, va, vb, vc, vd });
    const n = row.n ?? 10;
    for (let i = 0; i < n; i++) {
      send(va);
      runFor(kernel, 10_000);
    }
    const lost: Record<string, number> = { ...drops(va), ...drops(vb), ...drops(vc), ...drops(vd) };
    expect({
      ethtoolB: ethtool(vb),
      ethtoolC: ethtool(vc),
      ethtoolD: ethtool(vd),
      a: counters(va),
      b: counters(vb),
      c: counters(vc),
      d: counters(vd),
      taps: [...taps.map((t) => t.count(false)), taps[1]!.count(true)],
      drops: lost,
      stuck: kernel.pool.live,
      imbalance: imbalance(kernel),
    }).toEqual({
      ethtoolB: row.ethtoolB ?? {},
      ethtoolC: row.ethtoolC ?? {},
      ethtoolD: row.ethtoolD ?? {},
      a: row.a ?? {},
      b: row.b ?? {},
      c: row.c ?? {},
      d: row.d ?? {},
      taps: [...row.taps],
      drops: row.drops ?? {},
      stuck: row.stuck ?? 0,
      imbalance: 0,
    });
  });
});

// asked of Linux 6.18: 300 frames fill va's ring by XDP_TX, then the program goes and vb sends 10 more by the ring
describe("veth: a full ring, segmentation offload off", () => {
  function rig(): { kernel: Kernel; va: Netdev; vb: Netdev } {
    const kernel = testKernel();
    const [va, vb] = veth(addHost(kernel, "a"), "va", addHost(kernel, "b"), "vb");
    gro(va);
    attachXdp(vb, returning(vb.host, 3));
    for (let i = 0; i < 300; i++) {
      send(va);
      runFor(kernel, 100);
    }
    detachXdp(vb);
    vb.tso = false;
    return { kernel, va, vb };
  }

  it("without a qdisc the packets are dropped, and nobody empties the ring", () => {
    const { kernel, va, vb } = rig();
    for (let i = 0; i < 10; i++) expect(send(vb)).toBe(1);
    runFor(kernel, 1000);
    expect(counters(va)).toEqual({ txPackets: 300, txBytes: 13800, rxDropped: 44 });
    expect(counters(vb)).toEqual({ rxPackets: 300, rxBytes: 13800, txDropped: 54 });
    expect(kernel.pool.live).toBe(256);
  });

  it("with a qdisc they wait there until the ring has been emptied", () => {
    const { kernel, va, vb } = rig();
    installRoot(vb, pfifo.create({}, { dev: vb, txq: vb.txQueues[0]!, handle: 0x10000, parent: TC_H_ROOT }));
    for (let i = 0; i < 10; i++) expect(send(vb)).toBe(0);
    runFor(kernel, 1000);
    expect(ethtool(va)).toEqual({ rx_queue_0_xdp_packets: 266, rx_queue_0_xdp_bytes: 15820 });
    expect(counters(va)).toEqual({
      ...{ txPackets: 300, txBytes: 13800 },
      ...{ rxPackets: 266, rxBytes: 15820, rxDropped: 44 + 266 },
    });
    expect(counters(vb)).toEqual({ rxPackets: 300, rxBytes: 13800, txPackets: 266, txBytes: 15820, txDropped: 44 });
    expect(vb.rootQdisc!.stats).toMatchObject({ bytes: 600, packets: 10, drops: 0, requeues: 1 });
    expect(imbalance(kernel)).toBe(0);
  });
});
