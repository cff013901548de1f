/** Two hosts with addresses, and running traffic between them. */
import { startTraffic } from "../../sim/apps/index.ts";
import type { LiveTraffic, TrafficEnd, TrafficResult, WorkloadSpec } from "../../sim/apps/traffic.ts";
import type { NicOptions } from "../../sim/net/devices/nic.ts";
import type { Host } from "../../sim/net/host.ts";
import { parsePrefix } from "../../sim/net/ip/address.ts";
import { addAddress } from "../../sim/net/ip/addresses.ts";
import type { Kernel } from "../../sim/net/kernel.ts";
import type { WireParams } from "../../sim/net/link/wire.ts";
import type { Netdev } from "../../sim/net/netdev.ts";
import { addHost } from "../../sim/net/stack.ts";
import { cable, imbalance, runFor, testKernel } from "../net/kit.ts";

/** h1:eth0 10.0.0.1 fd00::1 -- h2:eth0 10.0.0.2 fd00::2, cabled. */
export interface Pair {
  readonly kernel: Kernel;
  readonly h1: Host;
  readonly h2: Host;
  readonly eth1: Netdev;
  readonly eth2: Netdev;
}

/** What a pair is like. */
export interface PairOptions {
  readonly seed?: number;
  readonly idealCpu?: boolean;
  readonly nic?: Partial<NicOptions>;
  /** From h1 to h2. */
  readonly there?: Partial<WireParams>;
  /** From h2 to h1. */
  readonly back?: Partial<WireParams>;
}

export function pair(o: PairOptions = {}): Pair {
  const kernel = testKernel(o.seed ?? 1, o.idealCpu ?? true);
  const h1 = addHost(kernel, "h1");
  const h2 = addHost(kernel, "h2");
  const link = cable(h1, "eth0", h2, "eth0", o.nic);
  link.wires[0].configure(o.there ?? {});
  link.wires[1].configure(o.back ?? {});
  configure(link.a, 1);
  configure(link.b, 2);
  return { kernel, h1, h2, eth1: link.a, eth2: link.b };
}

/** 10.0.0.N/24 and fd00::N/64. */
export function configure(dev: Netdev, n: number): void {
  addAddress(dev, parsePrefix(`10.0.0.${n}/24`)!);
  addAddress(dev, parsePrefix(`fd00::${n}/64`)!);
}

/** Every key but type, with a default. */
type Settings<S> = Partial<Omit<S, "type">>;

const COMMON = { name: "t", startNs: 0, stopNs: 1e9, packets: Number.POSITIVE_INFINITY };
const DEFAULTS = {
  ping: { ...COMMON, intervalNs: 1e6, sizeBytes: 56 },
  udp: { ...COMMON, rate: { pps: 1e6 }, sizeBytes: 64, port: 9, flows: 1, poisson: false },
  "udp-rr": {
    ...COMMON,
    rate: null,
    outstanding: 1,
    sizeBytes: 64,
    responseBytes: 64,
    port: 9,
    flows: 1,
    poisson: false,
    timeoutNs: 1e8,
  },
  pcap: { ...COMMON, file: "test.pcap", rate: null, speed: 1, loop: 1 },
  packets: { ...COMMON, template: {}, rate: { pps: 1e6 }, sizeBytes: null, poisson: false, order: "sequence" },
} as const;

/** Where traffic goes; from h1 to h2's IPv4 address unless told otherwise. */
export interface Ends {
  readonly from?: readonly TrafficEnd[];
  readonly to?: readonly string[];
  readonly receivers?: readonly TrafficEnd[];
  readonly capture?: Uint8Array;
}

/** Starts traffic on a pair. */
export function start<T extends WorkloadSpec["type"]>(
  p: Pair,
  type: T,
  settings: Settings<Extract<WorkloadSpec, { readonly type: T }>> = {},
  ends: Ends = {},
): LiveTraffic {
  const spec = { type, ...DEFAULTS[type], ...settings } as unknown as WorkloadSpec;
  return startTraffic(p.kernel, {
    spec,
    from: ends.from ?? [{ host: p.h1, dev: p.eth1 }],
    to: ends.to ?? ["10.0.0.2"],
    receivers: ends.receivers ?? [{ host: p.h2, dev: null }],
    capture: ends.capture ?? null,
  });
}

/** Lets it run and checks that the simulation's accounts balance. @returns what came of it */
export function finish(p: Pair, live: LiveTraffic, ns: number): TrafficResult {
  runFor(p.kernel, ns);
  const off = imbalance(p.kernel);
  if (off !== 0) throw new Error(`the accounts are off by ${off}`);
  return live.result();
}
