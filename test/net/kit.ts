/** Hosts, cables and tiny programs for the network's tests. */

import type { AttachKind } from "../../sim/bpf/attach-kinds.ts";
import { assemble } from "../../sim/bpf/isa/assemble.ts";
import type { BpfMap, MapKind } from "../../sim/bpf/map.ts";
import type { ProgKind } from "../../sim/bpf/prog-type.ts";
import type { Program } from "../../sim/bpf/program.ts";
import type { MapSpec, ProgramSpec, Relocation } from "../../sim/bpf/spec.ts";
import { mapOwner } from "../../sim/net/bpf-objects.ts";
import { setUp } from "../../sim/net/devices/device.ts";
import { connectNics, createNic, type NicLink, type NicOptions } from "../../sim/net/devices/nic.ts";
import { createVethPair } from "../../sim/net/devices/veth.ts";
import { reasonName } from "../../sim/net/drop-reason.ts";
import type { Host } from "../../sim/net/host.ts";
import type { Kernel } from "../../sim/net/kernel.ts";
import type { Netdev, PacketTap } from "../../sim/net/netdev.ts";
import type { Skb } from "../../sim/net/skb.ts";
import { createKernel } from "../../sim/net/stack.ts";

/** A simulation with CPUs that cost nothing, unless told otherwise. */
export function testKernel(seed: number = 1, idealCpu: boolean = true): Kernel {
  return createKernel({ seed, idealCpu });
}

/** A veth pair between two hosts, both ends up. */
export function veth(a: Host, nameA: string, b: Host, nameB: string): [Netdev, Netdev] {
  const pair = createVethPair(a, { name: nameA }, b, { name: nameB });
  setUp(pair[0]);
  setUp(pair[1]);
  return pair;
}

/** Two NICs with a cable in between, both up. */
export function cable(a: Host, nameA: string, b: Host, nameB: string, o: Partial<NicOptions> = {}): NicLink {
  const link = connectNics(createNic(a, { ...o, name: nameA }), createNic(b, { ...o, name: nameB }));
  setUp(link.a);
  setUp(link.b);
  return link;
}

/** Runs the simulation for so long, ns. */
export function runFor(kernel: Kernel, ns: number): void {
  if (!kernel.engine.run(kernel.engine.nowNs + ns, 10_000_000)) throw new Error("the simulation did not come to rest");
}

/** A frame's bytes: broadcast from 02:...:01 with an ethertype nobody handles, zero payload. */
export function frame(lenBytes: number = 60, ethertype: number = 0x88b5): Uint8Array {
  const bytes = new Uint8Array(lenBytes);
  bytes.fill(0xff, 0, 6);
  bytes.set([2, 0, 0, 0, 0, 1, ethertype >>> 8, ethertype & 255], 6);
  return bytes;
}

/** A packet with these bytes, as a packet socket would send it by `dev`. */
export function packet(dev: Netdev, bytes: Uint8Array): Skb {
  const kernel = dev.host.kernel;
  const skb = kernel.allocSkb(bytes.length);
  if (skb === null) throw new Error("no memory");
  kernel.arena.u8.set(bytes, skb.data);
  skb.dev = dev;
  skb.protocol = (bytes[12]! << 8) | bytes[13]!;
  return skb;
}

/** Sends a frame by the device's whole transmit path. @returns what the sender sees */
export function send(dev: Netdev, bytes: Uint8Array = frame()): number {
  return dev.host.kernel.paths.devQueueXmit(packet(dev, bytes));
}

/** A tap that notes what it sees. */
export class Tap implements PacketTap {
  readonly frames: { readonly atNs: number; readonly outgoing: boolean; readonly bytes: Uint8Array }[] = [];
  private readonly kernel: Kernel;
  constructor(dev: Netdev) {
    this.kernel = dev.host.kernel;
    dev.taps = [...dev.taps, this];
  }
  onPacket(skb: Skb, outgoing: boolean): void {
    const bytes = this.kernel.arena.u8.slice(skb.data, skb.data + skb.len);
    this.frames.push({ atNs: this.kernel.engine.nowNs, outgoing, bytes });
  }
  count(outgoing: boolean): number {
    return this.frames.filter((f) => f.outgoing === outgoing).length;
  }
}

/** How to make a test program. */
export interface ProgOptions {
  readonly kind?: ProgKind;
  readonly attach?: AttachKind;
  readonly frags?: boolean;
  readonly maps?: ReadonlyMap<string, BpfMap>;
}

/** Assembles and loads a program on a host. Maps are referred to as the assembler does. */
export function program(host: Host, source: string, o: ProgOptions = {}): Program {
  const { insns, relocations } = assemble(source);
  return loadInsns(host, insns, o, relocations);
}

/** Loads a program that is given as instructions. */
export function loadInsns(
  host: Host,
  insns: Uint8Array,
  o: ProgOptions = {},
  relocations: readonly Relocation[] = [],
): Program {
  const kind = o.kind ?? "xdp";
  const spec: ProgramSpec = {
    name: "test",
    section: kind,
    kind,
    attach: o.attach ?? (kind === "xdp" ? "xdp" : null),
    frags: o.frags ?? false,
    insns,
    relocations,
    funcs: [{ insn: 0, name: "test" }],
    lines: [],
  };
  const id = host.bpf.takeProgId();
  const prog = host.kernel.machine.loadProgram(spec, { kind, id, license: "GPL", maps: o.maps ?? new Map() });
  host.bpf.programs.set(id, prog);
  return prog;
}

/** An XDP program that always answers the same. */
export function returning(host: Host, code: number): Program {
  return program(host, `r0 = ${code}\nexit`);
}

/** An XDP program that redirects to a device by bpf_redirect. */
export function redirecting(host: Host, ifindex: number): Program {
  return program(host, `r1 = ${ifindex}\nr2 = 0\ncall 23\nexit`);
}

/** A map on a host with keys and values of 4 bytes unless told otherwise. */
export function makeMap(host: Host, kind: MapKind, maxEntries: number, o: Partial<MapSpec> = {}): BpfMap {
  const spec: MapSpec = {
    name: kind,
    kind,
    keySize: 4,
    valueSize: 4,
    maxEntries,
    flags: 0,
    pinByName: false,
    keyTypeId: 0,
    valueTypeId: 0,
    btf: null,
    inner: null,
    data: null,
    readonly: false,
    slots: [],
    ...o,
  };
  const id = host.bpf.takeMapId();
  const map = host.kernel.machine.createMap(spec, host.cpus.length, id, mapOwner(host));
  host.bpf.maps.set(id, map);
  return map;
}

/** Little-endian words as bytes: keys and values of maps. */
export function words(...values: number[]): Uint8Array {
  const out = new Uint8Array(values.length * 4);
  const view = new DataView(out.buffer);
  for (const [i, v] of values.entries()) view.setUint32(i * 4, v, true);
  return out;
}

/** A device's drops by reason's name, zeros left out. */
export function drops(dev: Netdev): Record<string, number> {
  const out: Record<string, number> = {};
  dev.drops?.forEach((n, reason) => {
    if (n > 0) out[reasonName(reason)] = n;
  });
  return out;
}

/** `ethtool -S` rows that are not zero, without peer_ifindex. */
export function ethtool(dev: Netdev): Record<string, number> {
  return Object.fromEntries(dev.ops.ethtoolStats(dev).filter(([name, n]) => n !== 0 && name !== "peer_ifindex"));
}

/** The `ip -s link` counters that are not zero. */
export function counters(dev: Netdev): Record<string, number> {
  return Object.fromEntries(Object.entries(dev.stats).filter(([, n]) => n !== 0)) as Record<string, number>;
}

/** Packets made less packets delivered, handled, dropped and live: always 0. */
export function imbalance(kernel: Kernel): number {
  const l = kernel.ledger;
  return kernel.pool.created - l.delivered - l.handled - l.dropped - kernel.pool.live;
}
