/**
 * CPUs and NAPI. Each CPU works off its poll list, a packet an event, and is busy for as long as the packet cost; with `cpu: ideal`
 * packets cost nothing and a poll is one event.
 *
 * A packet's effects take place when its step begins, its costs after them: whoever hands work to another CPU or to a wire within
 * a step does so at `nowNs()`, so that a packet's latency holds what it cost.
 *
 * @source net/core/dev.c net_rx_action, napi_poll, process_backlog
 * @differs netdev_budget_usecs and ksoftirqd are not modelled: a poll list is worked off until it is empty
 */
import type { Engine, EventKind } from "../engine/engine.ts";
import type { Host } from "./host.ts";
import type { TunnelInfo } from "./tunnel-info.ts";
import type { CpuXdp } from "./xdp/cpu-xdp.ts";
import type { CpumapQueue } from "./xdp/cpumap.ts";

/** netdev weight: packets of one NAPI instance before the next one gets its turn. */
export const NAPI_WEIGHT = 64;

/** Polls of one event on a CPU that costs nothing. */
const IDEAL_POLLS = 1024;

/** One NAPI instance: a receive queue that is polled. */
export interface NapiOps {
  /** Processes one packet. @returns how many more wait, -1 when there was none to process */
  poll(napi: Napi): number;
  /** End of a poll: flush bulk queues, ring doorbells. */
  flush(napi: Napi): void;
}

/** One NAPI context: what is polled on a CPU while it has packets. */
export class Napi {
  readonly cpu: Cpu;
  readonly ops: NapiOps;
  /** The driver's queue. */
  readonly priv: unknown;
  /** On the poll list. */
  scheduled: boolean = false;
  /** Packets left in the current poll. */
  budget: number = NAPI_WEIGHT;
  next: Napi | null = null;
  constructor(cpu: Cpu, ops: NapiOps, priv: unknown) {
    this.cpu = cpu;
    this.ops = ops;
    this.priv = priv;
  }

  /** napi_schedule: puts it on its CPU's poll list unless it is there. */
  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.budget = NAPI_WEIGHT;
    this.cpu.addToPollList(this);
  }
}

/** One CPU of a host. */
export class Cpu {
  readonly host: Host;
  readonly index: number;
  /** Packets cost nothing. */
  readonly ideal: boolean;
  /** Time spent in softirq and system calls, ns: utilisation in reports. */
  busyNs: number = 0;
  /** The CPU is occupied until then. */
  busyUntilNs: number = 0;
  /** Cost of the packet in work so far, sixteenths of a ns: a small integer, as the machine counts. */
  private step16: number = 0;
  private inStep: boolean = false;
  private running: boolean = false;
  private head: Napi | null = null;
  private tail: Napi | null = null;
  /** The softnet backlog's NAPI; made by the receive path at the first netif_rx. */
  backlog: Napi | null = null;
  /** Contexts and bulk queues of XDP; made at first use. */
  xdp: CpuXdp | null = null;
  /** Where bpf_skb_set_tunnel_key puts a packet's tunnel (the per-CPU metadata_dst); made at first use. */
  tunnel: TunnelInfo | null = null;
  /** The cpumap entries that send packets here. */
  readonly cpumaps: CpumapQueue[] = [];
  private readonly engine: Engine;
  private readonly softirqEvent: EventKind<Cpu>;

  constructor(host: Host, index: number, ideal: boolean, engine: Engine, softirqEvent: EventKind<Cpu>) {
    this.host = host;
    this.index = index;
    this.ideal = ideal;
    this.engine = engine;
    this.softirqEvent = softirqEvent;
  }

  /** Charges work to the CPU. Within a poll it lengthens the packet's step, outside (a system call) it occupies the CPU from now. */
  charge(ns: number): void {
    this.charge16(ns * 16);
  }

  /** The same in sixteenths of a ns, as the eBPF machine counts cost. */
  charge16(cost16: number): void {
    if (this.ideal) return;
    if (this.inStep) {
      this.step16 += cost16;
      return;
    }
    const ns = cost16 / 16;
    this.busyNs += ns;
    this.busyUntilNs = Math.max(this.busyUntilNs, this.engine.nowNs) + ns;
  }

  /** Simulated time as code on this CPU sees it: now and what the current packet has cost so far, a whole number of ns. */
  nowNs(): number {
    return this.inStep ? this.engine.nowNs + wholeNs(this.step16) : this.engine.nowNs;
  }

  /** It has nothing to poll and is not occupied. */
  isIdle(): boolean {
    return !this.running && this.busyUntilNs <= this.engine.nowNs;
  }

  /**
   * Work of a task with softirqs off, as one step: its parts follow each other in time, it occupies the CPU for as long as it costs, and
   * what it gave the CPU to poll begins after it. The CPU should be idle.
   */
  runTask(work: () => void): void {
    const kernel = this.host.kernel;
    const outer = kernel.currentCpu;
    const polled = this.running;
    kernel.currentCpu = this;
    this.running = true;
    this.inStep = !this.ideal;
    this.step16 = 0;
    try {
      work();
    } finally {
      kernel.currentCpu = outer;
      this.inStep = false;
      if (!this.ideal) {
        this.busyNs += this.step16 / 16;
        this.busyUntilNs = Math.max(this.busyUntilNs, this.engine.nowNs) + wholeNs(this.step16);
      }
      this.running = polled || this.head !== null;
      if (this.running && !polled) {
        this.engine.schedule(Math.max(this.busyUntilNs, this.engine.nowNs), this.softirqEvent, this, 0);
      }
    }
  }

  addToPollList(napi: Napi): void {
    napi.next = null;
    if (this.tail === null) this.head = napi;
    else this.tail.next = napi;
    this.tail = napi;
    if (this.running) return;
    this.running = true;
    this.engine.schedule(this.ideal ? this.engine.nowNs : this.wakeNs(), this.softirqEvent, this, 0);
  }

  /** When it can begin: not before it is free, nor before the CPU that hands it work has got that far in its own step. */
  private wakeNs(): number {
    const waker = this.host.kernel.currentCpu;
    const now = waker === null ? this.engine.nowNs : waker.nowNs();
    return Math.max(now, this.busyUntilNs);
  }

  /** One step of the softirq; the handler of its event. */
  onSoftirq(): void {
    this.host.kernel.currentCpu = this;
    if (this.ideal) this.runIdeal();
    else this.runStep();
    this.host.kernel.currentCpu = null;
  }

  private runStep(): void {
    const napi = this.head;
    if (napi === null) {
      this.running = false;
      return;
    }
    this.inStep = true;
    this.step16 = 0;
    const left = napi.ops.poll(napi);
    napi.budget--;
    if (left <= 0 || napi.budget === 0) this.endPoll(napi, left > 0);
    this.inStep = false;
    this.busyNs += this.step16 / 16;
    this.busyUntilNs = this.engine.nowNs + wholeNs(this.step16);
    if (this.head === null) this.running = false;
    else this.engine.schedule(this.busyUntilNs, this.softirqEvent, this, 0);
  }

  private runIdeal(): void {
    let polls = 0;
    for (let napi = this.head; napi !== null; napi = this.head) {
      if (++polls > IDEAL_POLLS) {
        // packets that go round and round must not keep the run from being stopped
        this.engine.schedule(this.engine.nowNs, this.softirqEvent, this, 0);
        return;
      }
      let left = 1;
      while (left > 0 && napi.budget > 0) {
        left = napi.ops.poll(napi);
        napi.budget--;
      }
      this.endPoll(napi, left > 0);
    }
    this.running = false;
  }

  private endPoll(napi: Napi, more: boolean): void {
    napi.ops.flush(napi);
    this.head = napi.next;
    if (this.head === null) this.tail = null;
    napi.next = null;
    napi.scheduled = false;
    if (more) napi.schedule();
  }
}

/** Sixteenths of a ns as the nearest whole number of ns. */
function wholeNs(cost16: number): number {
  return Math.floor((cost16 + 8) / 16);
}
