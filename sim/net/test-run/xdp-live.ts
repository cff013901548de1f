/**
 * Test runs of XDP programs on live frames (BPF_F_TEST_XDP_LIVE_FRAMES): every frame goes where the program sends it. XDP_TX is a
 * redirect to the device that the frame is said to have come in by, XDP_PASS takes it up the stack of that device. Frames are made and
 * run a batch at a time; what they cause on the CPU is worked off after each batch.
 *
 * @source net/bpf/test_run.c bpf_test_run_xdp_live, xdp_test_run_batch, xdp_recv_frames; net/core/page_pool.c; kernel/softirq.c
 * @differs a page that another device or the stack has given back comes with its first bytes again; Linux says that a program has to be
 *          ready for both
 */
import type { Operation } from "effection";
import type { Program } from "../../bpf/program.ts";
import { sleep } from "../../engine/process.ts";
import { COST_NS } from "../cost.ts";
import { NETSIM_REASON } from "../drop-reason.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import type { Host } from "../host.ts";
import { REDIRECT_IFINDEX } from "../net-env.ts";
import { ERRNO } from "../netlink-error.ts";
import { type Skb, XDP_FRAME_SZ } from "../skb.ts";
import type { Cpu } from "../softirq.ts";
import { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from "../xdp/actions.ts";
import { xdpDoFlush } from "../xdp/bulk-queue.ts";
import { cpuXdp } from "../xdp/cpu-xdp.ts";
import { xdpDoRedirect } from "../xdp/redirect.ts";
import { runXdp } from "../xdp/run-xdp.ts";
import { XDP_MD_BYTES } from "../xdp/xdp-context.ts";
import { freshSkb } from "./surroundings.ts";
import type { TestRunAnswer, TestRunRequest } from "./test-run.ts";
import { LINEAR_MAX, PAGE_HEAD_BYTES, type XdpRequest, xdpRequest } from "./xdp-request.ts";

/** How long softirqs keep a task waiting before they are left to ksoftirqd: MAX_SOFTIRQ_TIME, ns, and MAX_SOFTIRQ_RESTART. */
const MAX_SOFTIRQ_NS = 2_000_000;
const MAX_SOFTIRQ_ROUNDS = 10;
/** PP_ALLOC_CACHE_REFILL. */
const CACHE_REFILL = 64;

/**
 * Runs a program on live frames. It takes simulated time: that of the frames and of what they cause on the CPU.
 * @param request with BPF_F_TEST_XDP_LIVE_FRAMES in `flags`; `repeat` is the number of frames, `execute` is not used
 * @returns the answer, whose retval is 0 and whose data and context are the request's; or the positive errno with which Linux refuses it
 * @throws VerifierError when an access check fails
 */
export function* xdpLiveRun(host: Host, program: Program, request: TestRunRequest): Operation<TestRunAnswer | number> {
  const asked = xdpRequest(host, program, request);
  if (typeof asked === "number") return asked;
  const run = new LiveRun(host, program, request.data, asked);
  const cpu = host.cpu();
  let left = Math.max(1, request.repeat ?? 1);
  while (left > 0) {
    yield* softirqs(cpu);
    const batch = Math.min(left, asked.batch);
    let err = 0;
    cpu.runTask(() => {
      err = run.batch(cpu, batch);
    });
    if (err !== 0) return err;
    left -= batch;
  }
  yield* softirqs(cpu);
  const ctx = new Uint8Array(XDP_MD_BYTES);
  ctx.set((request.ctx ?? new Uint8Array(0)).subarray(0, XDP_MD_BYTES));
  return { retval: 0, data: request.data.slice(), ctx };
}

/** Lets the CPU work off its poll list, within the bounds of do_softirq. */
function* softirqs(cpu: Cpu): Operation<void> {
  const { engine } = cpu.host.kernel;
  const end = engine.nowNs + MAX_SOFTIRQ_NS;
  for (let round = 0; !cpu.isIdle() && engine.nowNs < end; round++) {
    if (cpu.ideal && round >= MAX_SOFTIRQ_ROUNDS) return;
    yield* sleep(engine, Math.max(0, Math.ceil(cpu.busyUntilNs) - engine.nowNs));
  }
}

/** The pages of one run: those that are given back keep what the program wrote. */
class PagePool {
  /** Contents of the pages at hand; null: as first written. */
  private readonly cache: (Uint8Array | null)[] = [];
  private readonly ring: Uint8Array[] = [];
  private readonly ringSize: number;

  constructor(ringSize: number) {
    this.ringSize = ringSize;
  }

  /** Contents of the next page. */
  take(): Uint8Array | null {
    if (this.cache.length === 0) {
      if (this.ring.length > 0) this.cache.push(...this.ring.splice(0, CACHE_REFILL));
      else for (let i = 0; i < CACHE_REFILL; i++) this.cache.push(null);
    }
    return this.cache.pop()!;
  }

  give(contents: Uint8Array): void {
    if (this.ring.length < this.ringSize) this.ring.push(contents);
  }
}

/** One request's frames. */
class LiveRun {
  private readonly host: Host;
  private readonly program: Program;
  private readonly data: Uint8Array;
  private readonly asked: XdpRequest;
  private readonly pages: PagePool;

  constructor(host: Host, program: Program, data: Uint8Array, asked: XdpRequest) {
    this.host = host;
    this.program = program;
    this.data = data;
    this.asked = asked;
    this.pages = new PagePool(asked.batch);
  }

  /** Runs so many frames. @returns 0, or ENOMEM */
  batch(cpu: Cpu, count: number): number {
    const passed: Skb[] = [];
    let redirected = false;
    let err = 0;
    for (let i = 0; i < count && err === 0; i++) {
      const skb = this.frame();
      if (skb === null) {
        err = ERRNO.ENOMEM;
        break;
      }
      const act = this.runOn(skb, cpu, passed);
      if (act === XDP_PASS) passed.push(skb);
      else if (act === XDP_TX || act === XDP_REDIRECT) redirected = true;
    }
    if (redirected) xdpDoFlush(cpuXdp(cpu));
    const { kernel } = this.host;
    for (const skb of passed) {
      cpu.charge(COST_NS.skbBuild);
      ethTypeTrans(skb, this.asked.dev);
      kernel.paths.netifReceiveSkb(skb);
    }
    return err;
  }

  /** A frame on its page, with the first boundaries; null when there is no memory. */
  private frame(): Skb | null {
    const { meta, dev } = this.asked;
    const skb = freshSkb(this.host, LINEAR_MAX - PAGE_HEAD_BYTES);
    if (skb === null) return null;
    const { u8 } = this.host.kernel.arena;
    const used = this.pages.take();
    if (used === null) u8.set(this.data, skb.data - meta);
    else u8.set(used, skb.head);
    skb.len = this.data.length - meta;
    skb.metaLen = meta;
    skb.frameSz = XDP_FRAME_SZ - PAGE_HEAD_BYTES;
    skb.dev = dev;
    return skb;
  }

  /** Runs the program and does what it answers. @returns its answer; a frame that is passed stays with the caller */
  private runOn(skb: Skb, cpu: Cpu, passed: readonly Skb[]): number {
    const { dev, queue } = this.asked;
    const x = cpuXdp(cpu);
    const depth = x.depth;
    let act: number;
    try {
      act = runXdp(this.program, skb, dev, cpu, queue, 0);
    } catch (error) {
      x.depth = depth;
      for (const frame of [skb, ...passed]) this.host.kernel.kfreeSkb(frame, dev, NETSIM_REASON.XDP_ABORTED);
      this.host.kernel.machine.reset();
      throw error;
    }
    if (act === XDP_PASS) return act;
    if (act === XDP_TX || act === XDP_REDIRECT) {
      if (act === XDP_TX) this.turnBack();
      cpu.charge(COST_NS.xdpRedirect);
      if (xdpDoRedirect(skb, dev, cpu, this.program) !== 0) this.giveBack(skb, NETSIM_REASON.XDP_REDIRECT_ERROR);
    } else if (act === XDP_DROP) this.giveBack(skb, NETSIM_REASON.XDP_DROP);
    else this.giveBack(skb, act === XDP_ABORTED ? NETSIM_REASON.XDP_ABORTED : NETSIM_REASON.XDP_INVALID_ACTION);
    return act;
  }

  /** XDP_TX without a driver: a redirect to the device itself. */
  private turnBack(): void {
    const { redirect } = this.host.kernel.env;
    redirect.kind = REDIRECT_IFINDEX;
    redirect.tgtIndex = this.asked.dev.ifindex;
    redirect.map = null;
    redirect.cpu = null;
  }

  private giveBack(skb: Skb, reason: number): void {
    const { kernel } = this.host;
    this.pages.give(kernel.arena.u8.slice(skb.head, skb.head + skb.bufBytes));
    kernel.kfreeSkb(skb, this.asked.dev, reason);
  }
}
