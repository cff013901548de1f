/**
 * The simulated kernels of one simulation: what all hosts share (memory, time, packets, the eBPF machine, tracepoints) and the
 * accounts that balance to the packet.
 */
import type { BpfMachine } from "../bpf/create-machine.ts";
import { Arena } from "../engine/arena.ts";
import { Engine, type EventKind } from "../engine/engine.ts";
import { BugError } from "../engine/errors.ts";
import { type RandomStream, Streams } from "../engine/streams.ts";
import type { Host } from "./host.ts";
import type { NetEnv } from "./net-env.ts";
import type { Netdev, TxQueue } from "./netdev.ts";
import { type Skb, SkbPool } from "./skb.ts";
import { Cpu, type NapiOps } from "./softirq.ts";
import { Tracepoints } from "./tracepoints.ts";

/** Where packets may come from and end, besides drops. */
class Ledger {
  /** Reached a socket of an application. */
  delivered: number = 0;
  /** Consumed by the kernel itself: ARP, neighbour discovery, ICMP and the like. */
  handled: number = 0;
  dropped: number = 0;
}

/** What a simulation is made of. */
export interface KernelOptions {
  readonly seed: number;
  /** CPUs cost nothing. */
  readonly idealCpu: boolean;
}

/**
 * Calls between parts that would otherwise import each other in a circle; bound once by the stack when a kernel is made
 * (stack.ts), before any packet moves.
 */
export interface Paths {
  /** receive.ts: a packet enters the stack; skb.data at the MAC header, skb.dev set. */
  netifReceiveSkb(skb: Skb): void;
  /** receive.ts: puts a packet on the CPU's backlog (netif_rx). @returns 0, or NET_RX_DROP 1 when it was dropped */
  netifRx(skb: Skb): number;
  /** transmit.ts: a packet leaves by skb.dev; skb.data at the MAC header. @returns NET_XMIT_* or -errno; takes the skb */
  devQueueXmit(skb: Skb): number;
  /** transmit.ts: sends what a queue's qdisc has ready. */
  qdiscRun(txq: TxQueue): void;
  /** xdp/cpumap-kthread.ts: what the kthread of a cpumap entry does; `priv` is its CpumapQueue. */
  readonly cpumapKthread: NapiOps;
}

/** A qdisc that set its watchdog. */
export interface WatchdogTarget {
  onWatchdog(): void;
}

/** What all hosts of a simulation share. */
export class Kernel {
  readonly arena: Arena;
  readonly engine: Engine;
  readonly streams: Streams;
  readonly pool: SkbPool;
  readonly tp: Tracepoints;
  readonly ledger: Ledger;
  readonly hosts: Host[] = [];
  readonly hostByName: Map<string, Host> = new Map();
  readonly idealCpu: boolean;
  /** The CPU in softirq now, null outside. */
  currentCpu: Cpu | null = null;
  /** Depth of devices transmitting through devices. */
  xmitRecursion: number = 0;
  /** Where NetEnv.prandomU32 begins, which is what all draw from. */
  readonly random: RandomStream;
  /** Runs a transmit queue's qdisc later in the same instant (net_tx_action) or at a qdisc watchdog's time. */
  readonly qdiscRunEvent: EventKind<TxQueue>;
  /** A qdisc's watchdog. */
  readonly qdiscWatchdogEvent: EventKind<WatchdogTarget>;
  private readonly softirqEvent: EventKind<Cpu>;
  private boundMachine: BpfMachine<NetEnv> | null = null;
  private boundEnv: NetEnv | null = null;
  private boundPaths: Paths | null = null;

  constructor(options: KernelOptions) {
    this.arena = new Arena();
    this.engine = new Engine();
    this.streams = new Streams(options.seed);
    this.pool = new SkbPool(this.arena);
    this.tp = new Tracepoints();
    this.ledger = new Ledger();
    this.idealCpu = options.idealCpu;
    this.random = this.streams.stream("kernel prandom");
    this.softirqEvent = this.engine.defineEvent<Cpu>("softirq", (cpu) => cpu.onSoftirq());
    this.qdiscWatchdogEvent = this.engine.defineEvent<WatchdogTarget>("qdisc watchdog", (q) => q.onWatchdog());
    this.qdiscRunEvent = this.engine.defineEvent<TxQueue>("qdisc run", (txq) => this.paths.qdiscRun(txq));
  }

  /** Binds what is made after the kernel: machine, environment, paths. */
  bind(machine: BpfMachine<NetEnv>, env: NetEnv, paths: Paths): void {
    this.boundMachine = machine;
    this.boundEnv = env;
    this.boundPaths = paths;
  }

  get machine(): BpfMachine<NetEnv> {
    if (this.boundMachine === null) throw new BugError("KERNEL_UNBOUND", "the kernel has no eBPF machine yet");
    return this.boundMachine;
  }
  get env(): NetEnv {
    if (this.boundEnv === null) throw new BugError("KERNEL_UNBOUND", "the kernel has no environment yet");
    return this.boundEnv;
  }
  get paths(): Paths {
    if (this.boundPaths === null) throw new BugError("KERNEL_UNBOUND", "the kernel has no packet paths yet");
    return this.boundPaths;
  }

  addCpu(host: Host): Cpu {
    const cpu = new Cpu(host, host.cpus.length, this.idealCpu, this.engine, this.softirqEvent);
    host.cpus.push(cpu);
    return cpu;
  }

  /** A fresh packet. @returns null when memory is used up (callers answer ENOBUFS) */
  allocSkb(len: number): Skb | null {
    return this.pool.alloc(len, this.engine.nowNs);
  }

  /** consume_skb after delivery to an application. */
  deliverSkb(skb: Skb): void {
    this.ledger.delivered++;
    if (this.tp.consumeSkb.on) this.tp.consumeSkb.fire(skb, skb.dev, 0, 0);
    this.pool.release(skb);
  }

  /** consume_skb of a packet that the kernel itself dealt with. */
  consumeSkb(skb: Skb): void {
    this.ledger.handled++;
    if (this.tp.consumeSkb.on) this.tp.consumeSkb.fire(skb, skb.dev, 0, 0);
    this.pool.release(skb);
  }

  /** kfree_skb_reason. @param dev where it was lost; the device's host is the place in reports */
  kfreeSkb(skb: Skb, dev: Netdev, reason: number): void {
    this.ledger.dropped++;
    dev.countDrop(reason);
    if (this.tp.kfreeSkb.on) this.tp.kfreeSkb.fire(skb, dev, reason, 0);
    this.pool.release(skb);
  }
}
