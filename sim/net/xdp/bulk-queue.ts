/**
 * Frames that XDP redirected to a device, gathered per CPU and handed to its driver sixteen at a time or at the end of the NAPI poll.
 *
 * @source kernel/bpf/devmap.c bq_enqueue, bq_xmit_all, dev_map_bpf_prog_run, __dev_flush
 */
import type { Program } from "../../bpf/program.ts";
import { NETSIM_REASON } from "../drop-reason.ts";
import type { Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import type { Cpu } from "../softirq.ts";
import { XDP_DROP, XDP_PASS } from "./actions.ts";
import { type CpuXdp, cpuXdp } from "./cpu-xdp.ts";
import { cpumapFlush } from "./cpumap.ts";
import { runXdp } from "./run-xdp.ts";

/** DEV_MAP_BULK_SIZE. */
const DEV_MAP_BULK_SIZE = 16;

/** The frames of one CPU for one device (xdp_dev_bulk_queue). */
export class BulkQueue {
  readonly dev: Netdev;
  readonly cpu: Cpu;
  readonly frames: Skb[] = [];
  count: number = 0;
  /** The device its frames came in by; null while it stands in no flush list. */
  devRx: Netdev | null = null;
  /** The devmap entry's program. */
  prog: Program | null = null;
  next: BulkQueue | null = null;
  constructor(dev: Netdev, cpu: Cpu) {
    this.dev = dev;
    this.cpu = cpu;
  }
}

/** Puts a frame into the bulk queue of its target. Takes the frame. */
export function bulkEnqueue(dev: Netdev, frame: Skb, devRx: Netdev, cpu: Cpu, prog: Program | null): void {
  const bq = dev.xdpBulk[cpu.index] ?? createBulkQueue(dev, cpu);
  if (bq.count === DEV_MAP_BULK_SIZE) xmitAll(bq);
  if (bq.devRx === null) {
    // the first frame since the last flush decides about device and program, as in Linux
    bq.devRx = devRx;
    bq.prog = prog;
    const x = cpuXdp(cpu);
    bq.next = null;
    if (x.flushTail === null) x.flushHead = bq;
    else x.flushTail.next = bq;
    x.flushTail = bq;
  }
  bq.frames[bq.count++] = frame;
}

function createBulkQueue(dev: Netdev, cpu: Cpu): BulkQueue {
  for (let i = dev.xdpBulk.length; i <= cpu.index; i++) dev.xdpBulk.push(new BulkQueue(dev, dev.host.cpus[i]!));
  return dev.xdpBulk[cpu.index]!;
}

/** xdp_do_flush: hands all gathered frames to their drivers, then those for other CPUs. A driver calls it at the end of its poll. */
export function xdpDoFlush(x: CpuXdp): void {
  if (x.flushHead !== null) devFlush(x);
  const cpumaps = x.cpumapHead;
  if (cpumaps === null) return;
  x.cpumapHead = null;
  x.cpumapTail = null;
  cpumapFlush(cpumaps);
}

function devFlush(x: CpuXdp): void {
  let bq = x.flushHead;
  x.flushHead = null;
  x.flushTail = null;
  while (bq !== null) {
    const next: BulkQueue | null = bq.next;
    xmitAll(bq);
    bq.devRx = null;
    bq.prog = null;
    bq.next = null;
    bq = next;
  }
}

function xmitAll(bq: BulkQueue): void {
  const cnt = bq.count;
  if (cnt === 0) return;
  const dev = bq.dev;
  const kernel = dev.host.kernel;
  const n = bq.prog === null ? cnt : runDevmapProg(bq, bq.prog);
  bq.count = 0;
  if (n === 0) return;
  const sent = dev.ops.xdpXmit(dev, bq.frames, n);
  for (let i = Math.max(sent, 0); i < n; i++) kernel.kfreeSkb(bq.frames[i]!, dev, NETSIM_REASON.XDP_XMIT_DROP);
}

/** Runs the devmap entry's program on the gathered frames; keeps those that pass, in order. @returns how many passed */
function runDevmapProg(bq: BulkQueue, prog: Program): number {
  const kernel = bq.dev.host.kernel;
  const tp = kernel.tp;
  let kept = 0;
  for (let i = 0; i < bq.count; i++) {
    const frame = bq.frames[i]!;
    const act = runXdp(prog, frame, bq.devRx!, bq.cpu, 0, bq.dev.ifindex);
    if (tp.xdpRun.on) tp.xdpRun.fire(frame, bq.dev, act, prog.id);
    if (act === XDP_PASS) {
      bq.frames[kept++] = frame;
      continue;
    }
    if (act !== XDP_DROP && tp.xdpException.on) tp.xdpException.fire(frame, bq.dev, act, prog.id);
    kernel.kfreeSkb(frame, bq.dev, NETSIM_REASON.XDP_DEVMAP_DROP);
  }
  return kept;
}
