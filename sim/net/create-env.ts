/**
 * The network's side of the eBPF machine's environment. Made before the machine is bound to the kernel; it asks the kernel for it
 * at each use.
 */
import { type PrandomCode, prandomCode } from "../bpf/helpers/prandom-code.ts";
import type { Machine } from "../bpf/machine.ts";
import type { BpfMap } from "../bpf/map.ts";
import { EFAULT } from "../bpf/maps/errno.ts";
import type { BpfTimer } from "../bpf/timers.ts";
import type { Arena } from "../engine/arena.ts";
import type { EventKind } from "../engine/engine.ts";
import { BugError } from "../engine/errors.ts";
import { kernelTypes } from "./btf/kernel-types.ts";
import type { FibApi } from "./fib-api.ts";
import { type SkbCode, skbCode } from "./helpers/code/skb-code.ts";
import { type XdpCode, xdpCode } from "./helpers/code/xdp-code.ts";
import { inXdp } from "./helpers/packet.ts";
import { forgetHash } from "./helpers/skb-bytes.ts";
import { keepSum } from "./helpers/skb-csum.ts";
import { adjustTailOutside } from "./helpers/xdp-adjust.ts";
import type { Host } from "./host.ts";
import type { Kernel } from "./kernel.ts";
import { KernelStructs } from "./kernel-structs/kernel-structs.ts";
import type { KernelFunctions } from "./kernel-structs/symbols.ts";
import { type NetEnv, RedirectInfo } from "./net-env.ts";
import type { Netdev } from "./netdev.ts";
import { Seg6BpfState } from "./seg6/bpf-state.ts";
import { Skb } from "./skb.ts";
import { type BpfSocket, BpfSockets } from "./sockets/bpf-sock.ts";
import type { Cpu } from "./softirq.ts";
import { SkbContexts } from "./tc/skb-context.ts";
import { packetFromXdp } from "./xdp/xdp-context.ts";

/** ns per jiffy at HZ=250. @source CONFIG_HZ of the reference kernel, FACTS 4.6 */
const NS_PER_JIFFY = 4_000_000;
/** jiffies start five minutes before the 32-bit counter wraps. @source include/linux/jiffies.h INITIAL_JIFFIES */
const INITIAL_JIFFIES = 2 ** 32 - 300 * 250;
/** Pseudo offsets of LD_ABS and LD_IND. @source include/uapi/linux/filter.h */
const SKF_NET_OFF = -0x100000;
const SKF_LL_OFF = -0x200000;

/**
 * Makes the environment of one simulation.
 * @param functions what programs may call, for the table of symbols; fib: may be bound later (NetEnv.fib)
 */
export function createNetEnv(kernel: Kernel, functions: KernelFunctions, fib: FibApi | null = null): NetEnv {
  return new KernelEnv(kernel, functions, fib);
}

class KernelEnv implements NetEnv {
  readonly kernel: Kernel;
  readonly redirect: RedirectInfo = new RedirectInfo();
  readonly skbContexts: SkbContexts;
  readonly sockets: BpfSockets;
  sk: BpfSocket | null = null;
  cgroupRetval: number = 0;
  optionRoom: number = 0;
  readonly seg6: Seg6BpfState = new Seg6BpfState();
  fib: FibApi | null;
  ctx: number = 0;
  readonly packetMoved: number;
  // these three have no neutral value; they are set before each run
  host: Host = null as unknown as Host;
  currentCpu: Cpu = null as unknown as Cpu;
  dev: Netdev = null as unknown as Netdev;

  private current: Skb = new Skb();
  private readonly arena: Arena;
  private readonly movedWord: number;
  private madeXdpCode: XdpCode | null = null;
  private madeSkbCode: SkbCode | null = null;
  private madePrandom: PrandomCode | null = null;
  private readonly functions: KernelFunctions;
  private madeStructs: KernelStructs | null = null;
  private readonly timerEvent: EventKind<BpfTimer>;

  constructor(kernel: Kernel, functions: KernelFunctions, fib: FibApi | null) {
    this.kernel = kernel;
    this.functions = functions;
    this.timerEvent = kernel.engine.defineEvent<BpfTimer>("bpf timer", (timer, seq) => this.onTimer(timer, seq));
    this.fib = fib;
    this.arena = kernel.arena;
    this.packetMoved = kernel.arena.alloc(4);
    if (this.packetMoved === 0) throw new BugError("ARENA_FULL", "no memory for the network's word");
    this.movedWord = this.packetMoved >>> 2;
    this.sockets = new BpfSockets(kernel.arena);
    this.skbContexts = new SkbContexts(kernel.arena, this.sockets);
  }

  get machine(): Machine {
    return this.kernel.machine;
  }

  get skb(): Skb {
    if (this.arena.u32[this.movedWord] !== 0) this.settlePacket();
    return this.current;
  }

  set skb(skb: Skb) {
    this.current = skb;
  }

  settlePacket(): void {
    const { u32 } = this.arena;
    if (u32[this.movedWord] === 0) return;
    u32[this.movedWord] = 0;
    packetFromXdp(u32, this.ctx, this.current);
  }

  get xdpCode(): XdpCode {
    this.madeXdpCode ??= xdpCode(this, adjustTailOutside);
    return this.madeXdpCode;
  }

  get skbCode(): SkbCode {
    this.madeSkbCode ??= skbCode(this, forgetHash, keepSum);
    return this.madeSkbCode;
  }

  get structs(): KernelStructs {
    this.madeStructs ??= new KernelStructs(this.kernel.arena, kernelTypes.btf(), this.functions, this.machine.objects);
    return this.madeStructs;
  }

  resetRuns(): void {
    this.skbContexts.depth = 0;
    this.skbContexts.nestedCost16 = 0;
    this.arena.u32[this.movedWord] = 0;
    this.redirect.reset();
    this.sk = null;
  }

  cpu(): number {
    return this.currentCpu.index;
  }

  ktimeNs(): number {
    return this.currentCpu.nowNs();
  }

  jiffies(): number {
    return INITIAL_JIFFIES + Math.floor(this.currentCpu.nowNs() / NS_PER_JIFFY);
  }

  private get prandom(): PrandomCode {
    this.madePrandom ??= prandomCode(this.arena, this.kernel.random.state());
    return this.madePrandom;
  }

  prandomU32(): number {
    return this.prandom.next() >>> 0;
  }

  prandomCode(): () => number {
    return this.prandom.next;
  }

  tracePrintk(line: string): void {
    this.host.bpf.trace.add({ atNs: this.currentCpu.nowNs(), cpu: this.currentCpu.index, text: line });
  }

  userRecord(map: BpfMap, cpu: number, data: Uint8Array): void {
    this.host.bpf.records.add({ atNs: this.currentCpu.nowNs(), map, cpu, data });
  }

  packetBytes(ctx: number, lengthBytes: number): Uint8Array | null {
    if (ctx !== this.ctx) return null;
    const skb = this.skb;
    return this.kernel.arena.u8.slice(skb.data, skb.data + Math.min(lengthBytes, skb.len));
  }

  armTimer(timer: BpfTimer, dueNs: number): void {
    timer.place = this.currentCpu;
    this.kernel.engine.schedule(dueNs, this.timerEvent, timer, timer.seq);
  }

  /** run_softirq: a timer's callback on the CPU that armed it. */
  private onTimer(timer: BpfTimer, seq: number): void {
    const { machine, kernel } = this;
    const cpu = timer.place as Cpu;
    if (!cpu.host.alive) return;
    const outer = { host: this.host, cpu: this.currentCpu, ctx: this.ctx };
    const cost16 = machine.cost16;
    this.host = cpu.host;
    this.currentCpu = cpu;
    this.ctx = 0;
    machine.setCpu(cpu.index);
    kernel.currentCpu = cpu;
    machine.timers.fire(timer, seq);
    kernel.currentCpu = null;
    cpu.charge16((machine.cost16 - cost16) >>> 0);
    this.host = outer.host;
    this.currentCpu = outer.cpu;
    this.ctx = outer.ctx;
  }

  packetSlice(ctx: number, offset: number, lengthBytes: number, meta: boolean): number {
    if (ctx !== this.ctx) return 0;
    const skb = this.skb;
    if (offset + lengthBytes > (meta ? skb.metaLen : skb.len)) return 0;
    return skb.data - (meta ? skb.metaLen : 0) + offset;
  }

  packetLoad(ctx: number, offset: number, to: number, lengthBytes: number): number {
    if (ctx !== this.ctx) return -EFAULT;
    return inXdp(this)
      ? this.xdpCode.load(ctx, offset, to, lengthBytes)
      : this.skbCode.load(ctx, offset, to, lengthBytes);
  }

  packetStore(ctx: number, offset: number, from: number, lengthBytes: number, flags: number): number {
    if (ctx !== this.ctx) return -EFAULT;
    if (inXdp(this)) return this.xdpCode.store(ctx, offset, from, lengthBytes);
    return this.skbCode.store(ctx, offset, from, lengthBytes, flags, 0);
  }

  /** @source kernel/bpf/core.c bpf_internal_load_pointer_neg_helper; net/core/filter.c bpf_skb_load_helper_8 and its kin */
  legacyLoad(ctx: number, offset: number, sizeBytes: number): number {
    if (ctx !== this.ctx) return 0;
    const skb = this.skb;
    const end = skb.data + skb.len;
    let addr: number;
    if (offset >= 0) {
      addr = skb.data + offset;
      return addr + sizeBytes <= end ? addr : 0;
    }
    if (offset >= SKF_NET_OFF) {
      if (skb.networkHeader < 0) return 0;
      addr = skb.networkHeader + offset - SKF_NET_OFF;
    } else if (offset >= SKF_LL_OFF) {
      if (skb.macHeader < 0) return 0;
      addr = skb.macHeader + offset - SKF_LL_OFF;
    } else return 0;
    return addr >= skb.head && addr + sizeBytes <= end ? addr : 0;
  }
}
