/** A host: one Linux machine with one network namespace, its CPUs, devices, protocol handlers and eBPF objects. */
import type { HostBpf } from "./host-bpf.ts";
import type { Kernel } from "./kernel.ts";
import type { Netdev, PacketTap } from "./netdev.ts";
import type { Skb } from "./skb.ts";
import type { Cpu } from "./softirq.ts";

/** Receives packets of one ethertype; skb.data is at the network header. Takes the packet. */
export type PacketTypeHandler = (skb: Skb, dev: Netdev) => void;

/** What happened to a device, told to the protocols right after it happened (before it for "unregister"): the netdevice notifier chain. */
export type NetdevEvent = "up" | "down" | "carrier" | "changeaddr" | "changemtu" | "unregister";

/** A protocol that follows the devices; registered by the stack's modules. */
export type NetdevNotifier = (dev: Netdev, event: NetdevEvent) => void;

/** A simulated machine. */
export class Host {
  readonly kernel: Kernel;
  readonly name: string;
  /** Position in kernel.hosts; part of every deterministic seed. */
  readonly index: number;
  readonly cpus: Cpu[] = [];
  /** By ifindex; holes are undefined. */
  readonly devices: (Netdev | undefined)[] = [undefined];
  readonly devByName: Map<string, Netdev> = new Map();
  /** The last ifindex that the host chose itself (net->ifindex). */
  lastIfindex: number = 0;
  /** dev_add_pack: ethertype to protocol. Set up by the stack. */
  readonly packetTypes: Map<number, PacketTypeHandler> = new Map();
  /** Taps of all devices (packet sockets that are bound to none). */
  taps: readonly PacketTap[] = [];
  /** Called by whoever changes a device: up, down, carrier, MAC, MTU, removal. */
  readonly netdevNotifiers: NetdevNotifier[] = [];
  /** Values by sysctl name in dots: `net.ipv4.ip_forward`. */
  readonly sysctls: Map<string, string> = new Map();
  /** Maps, programs, links and pins. */
  readonly bpf: HostBpf;
  /** The protocols' own state (neighbours, routes, sockets ...); the stack's modules type and own their part. */
  readonly proto: Map<string, unknown> = new Map();
  /** false after a crash: devices are down and nothing runs. */
  alive: boolean = true;
  private lastQdiscHandle: number = 0x80000000;
  private lastSocketCookie: number = 0;

  constructor(kernel: Kernel, name: string, index: number, bpf: HostBpf) {
    this.kernel = kernel;
    this.name = name;
    this.index = index;
    this.bpf = bpf;
  }

  /** The CPU that works for this host now: the one in softirq, else CPU 0 (system calls, timers). */
  cpu(): Cpu {
    const c = this.kernel.currentCpu;
    return c !== null && c.host === this ? c : this.cpus[0]!;
  }

  /** Tells the protocols what happened to a device (call_netdevice_notifiers). */
  notifyNetdev(dev: Netdev, event: NetdevEvent): void {
    for (let i = 0; i < this.netdevNotifiers.length; i++) this.netdevNotifiers[i]!(dev, event);
  }

  /** qdisc_alloc_handle: 8001:, 8002: ... */
  allocQdiscHandle(): number {
    this.lastQdiscHandle += 0x10000;
    return this.lastQdiscHandle;
  }

  /** sock_gen_cookie: 1, 2, ... in the order in which cookies are first asked for. */
  nextSocketCookie(): number {
    return ++this.lastSocketCookie;
  }

  dev(ifindex: number): Netdev | undefined {
    return this.devices[ifindex];
  }
}
