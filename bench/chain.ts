/**
 * A chain of hosts that forward, for benchmarks:
 *
 *     src --> h1 --> h2 --> ... --> h10 --> sink
 *
 * The source sends one small UDP packet at a time, a little slower than a forwarding host's modelled CPU can take; the sink drops
 * what arrives by XDP. A hop is one host that forwarded one packet: neither source nor sink counts, though both are paid for.
 */
import type { EventKind } from "../sim/engine/engine.ts";
import { loadObjectOnHost } from "../sim/net/bpf-objects.ts";
import { setUp } from "../sim/net/devices/device.ts";
import { connectNics, createNic } from "../sim/net/devices/nic.ts";
import { createVethPair } from "../sim/net/devices/veth.ts";
import type { Host } from "../sim/net/host.ts";
import { parseIp, parsePrefix } from "../sim/net/ip/address.ts";
import { addAddress } from "../sim/net/ip/addresses.ts";
import { addRoute } from "../sim/net/ip/fib/route-control.ts";
import { setNeigh } from "../sim/net/ip/neigh/neigh-control.ts";
import { setSysctl } from "../sim/net/ip/sysctl-control.ts";
import type { Kernel } from "../sim/net/kernel.ts";
import type { Netdev } from "../sim/net/netdev.ts";
import { TC_H_ROOT } from "../sim/net/qdiscs/base.ts";
import { installRoot, qdiscDef } from "../sim/net/qdiscs/index.ts";
import type { QdiscOptions } from "../sim/net/qdiscs/params.ts";
import { addHost, createKernel } from "../sim/net/stack.ts";
import { addBpfFilter } from "../sim/net/tc/bpf-filters.ts";
import { addClsact } from "../sim/net/tc/control.ts";
import { attachXdp } from "../sim/net/xdp/attach.ts";
import { bundledObject } from "../test/kernel/replay-kit.ts";
import { makeMap, program, redirecting, returning, words } from "../test/net/kit.ts";

/** Hosts that forward. */
export const CHAIN_HOSTS = 10;
const XDP_DROP = 1;
const PACKET_BYTES = 60;
/** Packets that find out how long a forwarding host is busy with one. */
const PROBES = 64;
const PROBE_GAP_NS = 100_000;
/** When it begins: times beyond 2^31 ns are no small integers to V8, and most of a simulation's times are. */
const START_NS = 10e9;
/** The source sends at this share of what a forwarding host can take. */
const LOAD = 0.95;

/** How the hosts are connected: veth pairs, NICs with wires that take no time, NICs with 1 us of delay. */
export type ChainLink = "veth" | "nic" | "nic 1 us";

/** How a host forwards. */
export interface Forwarding {
  readonly name: string;
  /** Makes a host forward everything that comes by `left` out of `right`. */
  set(host: Host, left: Netdev, right: Netdev): void;
}

/** XDP: bpf_redirect by ifindex. */
export const xdpRedirect: Forwarding = {
  name: "XDP, bpf_redirect",
  set: (host, left, right) => attachXdp(left, redirecting(host, right.ifindex)),
};

/** XDP: bpf_redirect_map with a devmap. */
export const xdpRedirectMap: Forwarding = {
  name: "XDP, devmap",
  set(host, left, right): void {
    const map = makeMap(host, "devmap", 4);
    map.write(words(0), words(right.ifindex), 0);
    const source = "r1 = map[devs]\nr2 = 0\nr3 = 0\ncall 51\nexit";
    attachXdp(left, program(host, source, { maps: new Map([["devs", map]]) }));
  },
};

/** XDP: the bundled switch, which looks the destination up in a hash and redirects by a devmap. */
export const xdpBundled: Forwarding = {
  name: "XDP, xdp_l2_redirect.o",
  set(host, left, right): void {
    const object = loadObjectOnHost(host, bundledObject("xdp_l2_redirect.o"));
    object.map("mac_table").write(Uint8Array.from(DESTINATION), words(3), 0);
    object.map("switch_ports").write(words(3), words(right.ifindex, 0), 0);
    attachXdp(left, object.program("xdp_l2_redirect"));
  },
};

/** tc: a direct-action filter at clsact's ingress that answers bpf_redirect. */
export const tcRedirect: Forwarding = {
  name: "tc, bpf_redirect",
  set(host, left, right): void {
    const prog = program(host, `r1 = ${right.ifindex}\nr2 = 0\ncall 23\nexit`, { kind: "sched_cls" });
    addClsact(left);
    addBpfFilter(left, { direction: "ingress", prog, directAction: true });
  },
};

/** tc: the bundled program, which looks the device up in a hash and counts. */
export const tcBundled: Forwarding = {
  name: "tc, tc_redirect.o",
  set(host, left, right): void {
    const object = loadObjectOnHost(host, bundledObject("tc_redirect.o"));
    object.map("redirects").write(words(left.ifindex), words(0, right.ifindex, 0), 0);
    addClsact(left);
    addBpfFilter(left, { direction: "ingress", prog: object.program("tc_redirect"), directAction: true });
  },
};

/** IPv4 by the main table: a default route by the next host. */
export const ipForwarding: Forwarding = {
  name: "IPv4",
  set(host, left, right): void {
    const i = host.index;
    setSysctl(host, "net.ipv4.ip_forward", "1");
    addAddress(left, parsePrefix(`10.0.${i}.2/24`)!);
    addAddress(right, parsePrefix(`10.0.${i + 1}.1/24`)!);
    const via = parseIp(`10.0.${i + 1}.2`)!;
    setNeigh(right, { addr: via, mac: right.ops.peer!(right)!.mac }, "add");
    addRoute(host, { dst: parsePrefix("0.0.0.0/0")!, nexthops: [{ dev: right, via }] });
  },
};

/** The MAC address that everything is for: that of h1. */
const DESTINATION: readonly number[] = [2, 0, 0, 0, 1, 1];

/** An IPv4 UDP packet, 60 bytes with its Ethernet header. */
function frame(from: Netdev, to: Netdev): Uint8Array {
  const bytes = new Uint8Array(PACKET_BYTES);
  bytes.set(to.mac, 0);
  bytes.set(from.mac, 6);
  const ip = [0x45, 0, 0, 46, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 99, 0, 1, 10, 99, 1, 1];
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += (ip[i]! << 8) | ip[i + 1]!;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = ~(sum + (sum >>> 16)) & 0xffff;
  ip[10] = sum >>> 8;
  ip[11] = sum & 255;
  bytes.set([0x08, 0x00, ...ip, 0x10, 0, 0x20, 0, 0, 26, 0, 0], 12);
  return bytes;
}

/** What stands at the root of the forwarding devices, when it is not their default. */
export interface RootQdisc {
  readonly kind: string;
  readonly options: QdiscOptions;
}

/** A chain that is ready to run. */
export class Chain {
  readonly kernel: Kernel;
  /** Time between two packets, ns. */
  intervalNs: number = PROBE_GAP_NS;
  sent: number = 0;
  private readonly out: Netdev;
  private readonly in: Netdev;
  private readonly template: number;
  private readonly sendEvent: EventKind<Chain>;

  constructor(link: ChainLink, forwarding: Forwarding, root: RootQdisc | null = null) {
    const kernel = createKernel({ seed: 1, idealCpu: false });
    this.kernel = kernel;
    const hosts = [addHost(kernel, "src")];
    for (let i = 1; i <= CHAIN_HOSTS; i++) hosts.push(addHost(kernel, `h${i}`));
    hosts.push(addHost(kernel, "sink"));
    const lefts: Netdev[] = [];
    const rights: Netdev[] = [];
    for (let i = 0; i + 1 < hosts.length; i++) {
      const [right, left] = connect(hosts[i]!, hosts[i + 1]!, link, i === 0);
      rights.push(right);
      lefts.push(left);
    }
    for (let i = 1; i <= CHAIN_HOSTS; i++) forwarding.set(hosts[i]!, lefts[i - 1]!, rights[i]!);
    if (root !== null) for (const dev of rights.slice(1)) setRoot(dev, root);
    this.out = rights[0]!;
    this.in = lefts[CHAIN_HOSTS]!;
    attachXdp(this.in, returning(this.in.host, XDP_DROP));
    this.template = kernel.arena.alloc(PACKET_BYTES, 4);
    kernel.arena.u8.set(frame(this.out, lefts[0]!), this.template);
    this.sendEvent = kernel.engine.defineEvent<Chain>("send", (chain) => chain.send());
    kernel.engine.run(START_NS, Number.MAX_SAFE_INTEGER);
    kernel.engine.schedule(START_NS + PROBE_GAP_NS, this.sendEvent, this, 0);
    this.calibrate(hosts[CHAIN_HOSTS >> 1]!);
  }

  /** Packets that have come through. */
  get received(): number {
    return this.in.xdp!.verdicts.drop;
  }

  /** Runs until about `packets` more have been sent. @returns hops that happened */
  run(packets: number): number {
    const before = this.received;
    const { engine, ledger } = this.kernel;
    engine.run(engine.nowNs + packets * this.intervalNs, Number.MAX_SAFE_INTEGER);
    if (ledger.dropped !== this.received)
      throw new Error(`${ledger.dropped - this.received} packets were lost on the way`);
    return (this.received - before) * CHAIN_HOSTS;
  }

  private send(): void {
    const kernel = this.kernel;
    kernel.engine.schedule(kernel.engine.nowNs + this.intervalNs, this.sendEvent, this, 0);
    const skb = kernel.allocSkb(PACKET_BYTES)!;
    const u32 = kernel.arena.u32;
    const to = skb.data >>> 2;
    const from = this.template >>> 2;
    for (let i = 0; i < PACKET_BYTES / 4; i++) u32[to + i] = u32[from + i]!;
    skb.dev = this.out;
    skb.protocol = 0x0800;
    this.sent++;
    kernel.paths.devQueueXmit(skb);
  }

  private calibrate(host: Host): void {
    const cpu = host.cpus[0]!;
    this.run(PROBES);
    if (this.received === 0) throw new Error("nothing comes through the chain");
    this.intervalNs = Math.ceil(cpu.busyNs / this.received / LOAD);
  }
}

function connect(a: Host, b: Host, link: ChainLink, first: boolean): [Netdev, Netdev] {
  const right = { name: "right" };
  const left = first ? { name: "left", mac: Uint8Array.from(DESTINATION) } : { name: "left" };
  let pair: [Netdev, Netdev];
  if (link === "veth") pair = createVethPair(a, right, b, left);
  else {
    pair = [createNic(a, right), createNic(b, left)];
    const cable = connectNics(pair[0], pair[1]);
    if (link === "nic 1 us") for (const wire of cable.wires) wire.configure({ delayNs: 1000 });
  }
  setUp(pair[0]);
  setUp(pair[1]);
  return pair;
}

function setRoot(dev: Netdev, root: RootQdisc): void {
  const def = qdiscDef(root.kind)!;
  installRoot(dev, def.create(root.options, { dev, txq: dev.txQueues[0]!, handle: 0x10000, parent: TC_H_ROOT }));
}
