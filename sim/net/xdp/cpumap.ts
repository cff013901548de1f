/**
 * Frames on their way to another CPU by a cpumap: gathered eight at a time on the CPU that redirects, then in a queue of the entry's
 * size, which the entry's kthread works off on its own CPU (cpumap-kthread.ts).
 *
 * @source kernel/bpf/cpumap.c cpu_map_enqueue, bq_enqueue, bq_flush_to_queue, __cpu_map_flush, cpu_map_generic_redirect
 */
import type { CpumapEntry } from "../../bpf/maps/cpumap.ts";
import { NETSIM_REASON } from "../drop-reason.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";
import { type Skb, SkbQueue } from "../skb.ts";
import { type Cpu, Napi } from "../softirq.ts";
import { cpuXdp } from "./cpu-xdp.ts";

/** CPU_MAP_BULK_SIZE. */
const CPU_MAP_BULK_SIZE = 8;

/** What waits for one entry. */
export class CpumapQueue {
  readonly entry: CpumapEntry;
  /** Frames of native XDP, which have no MAC header set, and packets of generic XDP. */
  readonly ring: SkbQueue = new SkbQueue();
  /** The kthread. */
  readonly napi: Napi;
  /** Packets that the kthread has taken since it last looked whether there are more. */
  batch: number = 0;
  /** It has slept since then. */
  slept: boolean = true;
  private readonly bulks: CpumapBulk[] = [];

  constructor(entry: CpumapEntry, host: Host) {
    this.entry = entry;
    this.napi = new Napi(host.cpus[entry.cpu]!, host.kernel.paths.cpumapKthread, this);
  }

  /** Takes a packet into the queue. @returns false when it is full; the packet stays with the caller */
  produce(skb: Skb): boolean {
    if (this.ring.qlen >= this.entry.qsize) return false;
    this.ring.push(skb);
    return true;
  }

  /** What a CPU has gathered for this queue. */
  bulkOf(cpu: Cpu): CpumapBulk {
    let bulk = this.bulks[cpu.index];
    if (bulk === undefined) {
      bulk = new CpumapBulk(this);
      this.bulks[cpu.index] = bulk;
    }
    return bulk;
  }
}

/** The frames of one CPU for one entry (xdp_bulk_queue). */
export class CpumapBulk {
  readonly queue: CpumapQueue;
  readonly frames: Skb[] = [];
  count: number = 0;
  /** It stands in its CPU's flush list. */
  listed: boolean = false;
  next: CpumapBulk | null = null;

  constructor(queue: CpumapQueue) {
    this.queue = queue;
  }

  /** Hands the gathered frames to the queue; those that it has no room for are lost. */
  flushToQueue(): void {
    this.trace();
    for (let i = 0; i < this.count; i++) {
      const frame = this.frames[i]!;
      if (this.queue.produce(frame)) continue;
      const dev = frame.dev!;
      dev.host.kernel.kfreeSkb(frame, dev, NETSIM_REASON.XDP_CPUMAP_FULL);
    }
    this.count = 0;
  }

  /** Tells how many frames there are and how many of them find no room. */
  private trace(): void {
    if (this.count === 0) return;
    const first = this.frames[0]!;
    const { xdpCpumapEnqueue } = first.dev!.host.kernel.tp;
    if (!xdpCpumapEnqueue.on) return;
    const room = Math.max(0, this.queue.entry.qsize - this.queue.ring.qlen);
    xdpCpumapEnqueue.fire(first, first.dev, this.count, Math.max(0, this.count - room));
  }
}

/** The queue of an entry; made at first use. */
function queueOf(entry: CpumapEntry, host: Host): CpumapQueue {
  if (entry.queue !== null) return entry.queue as CpumapQueue;
  const queue = new CpumapQueue(entry, host);
  entry.queue = queue;
  host.cpus[entry.cpu]!.cpumaps.push(queue);
  return queue;
}

/** cpu_map_enqueue: native XDP sends a frame to an entry's CPU. Takes the frame. @param dev the device it came in by */
export function cpumapEnqueue(entry: CpumapEntry, frame: Skb, dev: Netdev, cpu: Cpu): void {
  const bulk = queueOf(entry, dev.host).bulkOf(cpu);
  frame.dev = dev;
  if (bulk.count === CPU_MAP_BULK_SIZE) bulk.flushToQueue();
  bulk.frames[bulk.count++] = frame;
  if (bulk.listed) return;
  bulk.listed = true;
  bulk.next = null;
  const x = cpuXdp(cpu);
  if (x.cpumapTail === null) x.cpumapHead = bulk;
  else x.cpumapTail.next = bulk;
  x.cpumapTail = bulk;
}

/**
 * cpu_map_generic_redirect: generic XDP sends a packet to an entry's CPU.
 * @returns 0, or -ENOSPC when its queue is full; the packet stays with the caller then
 */
export function cpumapGenericRedirect(entry: CpumapEntry, skb: Skb, dev: Netdev): number {
  const queue = queueOf(entry, dev.host);
  skb.dev = dev;
  skb.redirected = true;
  if (!queue.produce(skb)) return -ERRNO.ENOSPC;
  queue.napi.schedule();
  return 0;
}

/** __cpu_map_flush: hands over what a CPU has gathered and wakes the kthreads. */
export function cpumapFlush(head: CpumapBulk): void {
  let bulk: CpumapBulk | null = head;
  while (bulk !== null) {
    const next: CpumapBulk | null = bulk.next;
    bulk.flushToQueue();
    bulk.listed = false;
    bulk.next = null;
    bulk.queue.napi.schedule();
    bulk = next;
  }
}

/** Loses what waits for a CPU: its host crashed. */
export function purgeCpumaps(cpu: Cpu, reason: number): void {
  const kernel = cpu.host.kernel;
  for (const queue of cpu.cpumaps) {
    for (let skb = queue.ring.shift(); skb !== null; skb = queue.ring.shift()) kernel.kfreeSkb(skb, skb.dev!, reason);
  }
  cpu.cpumaps.length = 0;
}
