/**
 * BPF_PROG_RUN: runs a loaded program on bytes and a context that the caller gives, and hands back what it left. No hook is passed, a
 * redirect is answered and not done, no counter of a device moves.
 *
 *     XDP             one page with 256 bytes of headroom; in the context `data` is the length of the metadata at the front of the
 *                     bytes, `data_end` their number; ingress_ifindex 0 means the loopback device
 *     tc              the packet as eth_type_trans leaves it, received by `ifindex` or the loopback device, its MAC header in front
 *     socket filters  the same without the MAC header; 14 zero bytes stand in its place afterwards
 *
 * @source net/bpf/test_run.c bpf_prog_test_run_xdp, bpf_prog_test_run_skb, convert___skb_to_skb, xdp_convert_md_to_buff; limits and
 *         errors measured on Linux 6.18
 */
import { SK_BUFF_SIZE } from "../bpf/prog-types/sk-buff.ts";
import type { Program } from "../bpf/program.ts";
import { LabError } from "../engine/errors.ts";
import { ethTypeTrans } from "./eth-type-trans.ts";
import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6 } from "./ether.ts";
import type { Host } from "./host.ts";
import type { Netdev } from "./netdev.ts";
import { ERRNO } from "./netlink-error.ts";
import type { Skb, SkbOwner } from "./skb.ts";
import { cpuXdp, XDP_MD_BYTES } from "./xdp/cpu-xdp.ts";

const IPV4_HLEN = 20;
const IPV6_HLEN = 40;
/** A page less headroom and struct skb_shared_info. */
const XDP_LINEAR_MAX = 4096 - 256 - 320;
/** What XDP_PACKET_HEADROOM leaves for metadata beside struct xdp_frame. */
const XDP_META_MAX = 256 - 40;
/** A page less NET_SKB_PAD and struct skb_shared_info. */
const SKB_MAX = 4096 - 64 - 320;
const GSO_MAX_SEGS = 65535;
const WIRE_LEN_MAX = 65536;
const LOOPBACK_IFINDEX = 1;

/** Fields of struct __sk_buff that a caller may give, as [offset, bytes]; all else must be zero. */
const SKB_GIVEN: readonly (readonly [number, number])[] = [
  [8, 4], // mark
  [32, 4], // priority
  [36, 4], // ingress_ifindex
  [40, 4], // ifindex
  [48, 20], // cb
  [152, 8], // tstamp
  [160, 4], // wire_len
  [164, 4], // gso_segs
  [176, 4], // gso_size
  [184, 8], // hwtstamp
];
const OFF_IFINDEX = 40;
const OFF_WIRE_LEN = 160;
const OFF_GSO_SEGS = 164;
/** Of these fields Skb holds nothing: they lie in the context only. */
const CTX_ONLY: readonly (readonly [number, number])[] = [
  [152, 8],
  [164, 4],
  [176, 4],
  [184, 8],
];

/** What to run a program on. */
export interface TestRunRequest {
  /** Metadata and packet (XDP), or the frame. */
  readonly data: Uint8Array;
  /** struct xdp_md or struct __sk_buff; may be cut after its last byte that is not zero. Absent: Linux's defaults. */
  readonly ctx?: Uint8Array;
  /** Runs on one buffer, without restoring it in between; 0 and absent mean 1. */
  readonly repeat?: number;
  /** Runs the program once, instead of `program.run`: the interpreter, a stepper. @returns r0's low 32 bits, unsigned */
  readonly execute?: (program: Program, ctx: number) => number;
}

/** What a program left. */
export interface TestRunAnswer {
  /** r0 of the last run, 32 bits, unsigned. */
  readonly retval: number;
  /** XDP: from data_meta to data_end; else the frame. */
  readonly data: Uint8Array;
  /** The whole context as Linux hands it to user space. */
  readonly ctx: Uint8Array;
}

/** A packet and a context, ready to be run on. It holds the machine's environment: call `end` before anything else runs. */
export interface TestRun {
  /** Runs the program so many times. @throws VerifierError when an access check fails; `end` must still be called */
  run(times: number): void;
  /** Gives memory and environment back. */
  end(): TestRunAnswer;
}

/**
 * Runs a program as BPF_PROG_RUN does.
 * @returns the answer, or the positive errno with which Linux refuses the request
 * @throws VerifierError when an access check fails
 * @throws LabError TEST_RUN_FRAGS for XDP packets that Linux would lay into several buffers
 */
export function progTestRun(host: Host, program: Program, request: TestRunRequest): TestRunAnswer | number {
  const run = beginTestRun(host, program, request);
  if (typeof run === "number") return run;
  try {
    run.run(Math.max(1, request.repeat ?? 1));
  } catch (error) {
    run.end();
    host.kernel.machine.reset();
    throw error;
  }
  return run.end();
}

/**
 * Lays packet and context out, for callers that run many times (benchmarks, steppers).
 * @returns the run, or the positive errno with which Linux refuses the request
 * @throws LabError TEST_RUN_FRAGS
 */
export function beginTestRun(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  const xdp = program.kind === "xdp";
  const ctx = wholeContext(request.ctx, xdp ? XDP_MD_BYTES : SK_BUFF_SIZE);
  if (ctx === null) return ERRNO.EINVAL;
  return xdp ? beginXdp(host, program, request, ctx) : beginSkb(host, program, request, ctx);
}

/** The context with zeros at its end; null when it has bytes that the kernel does not know. */
function wholeContext(given: Uint8Array | undefined, bytes: number): Uint8Array | null {
  const whole = new Uint8Array(bytes);
  if (given === undefined) return whole;
  if (given.subarray(bytes).some((b) => b !== 0)) return null;
  whole.set(given.subarray(0, bytes));
  return whole;
}

/** Puts a run's surroundings in place. @returns how to run, and how to put the former ones back */
function enter(
  host: Host,
  program: Program,
  request: TestRunRequest,
  skb: Skb,
  dev: Netdev,
  ctx: number,
): { run(times: number): number; leave(): void } {
  const { env, machine } = host.kernel;
  const outer = { host: env.host, cpu: env.currentCpu, skb: env.skb, ctx: env.ctx, dev: env.dev };
  const cpu = host.cpu();
  const costBefore = machine.cost16;
  env.host = host;
  env.currentCpu = cpu;
  env.skb = skb;
  env.ctx = ctx;
  env.dev = dev;
  env.redirect.reset();
  machine.setCpu(cpu.index);
  const { execute } = request;
  return {
    run: (times) => {
      let r0 = 0;
      if (execute === undefined) for (let i = 0; i < times; i++) r0 = program.run(ctx);
      else for (let i = 0; i < times; i++) r0 = execute(program, ctx);
      return r0;
    },
    leave: () => {
      cpu.charge(((machine.cost16 - costBefore) >>> 0) / 16);
      env.redirect.reset();
      env.host = outer.host;
      env.currentCpu = outer.cpu;
      env.skb = outer.skb;
      env.ctx = outer.ctx;
      env.dev = outer.dev;
      if (outer.ctx !== 0) machine.setCpu(outer.cpu.index);
    },
  };
}

function beginXdp(host: Host, program: Program, request: TestRunRequest, given: Uint8Array): TestRun | number {
  const { data } = request;
  const md = new DataView(given.buffer);
  const meta = md.getUint32(0, true);
  const end = md.getUint32(4, true);
  const dataMeta = md.getUint32(8, true);
  const ingress = md.getUint32(12, true);
  const queue = md.getUint32(16, true);
  const egress = md.getUint32(20, true);
  if (program.spec.attach === "xdp_devmap" || program.spec.attach === "xdp_cpumap") return ERRNO.EINVAL;
  const linear = request.ctx === undefined ? data.length : end;
  if (request.ctx !== undefined) {
    if (dataMeta !== 0 || end > data.length || meta > end) return ERRNO.EINVAL;
    if (meta % 4 !== 0 || meta > XDP_META_MAX) return ERRNO.EINVAL;
  }
  if (data.length - meta < ETH_HLEN || egress !== 0) return ERRNO.EINVAL;
  if (ingress === 0 && queue !== 0) return ERRNO.EINVAL;
  const dev = host.devices[ingress === 0 ? LOOPBACK_IFINDEX : ingress];
  if (dev === undefined) return ERRNO.ENODEV;
  if (queue >= dev.rxQueueCount) return ERRNO.EINVAL;
  if (linear < data.length || linear - meta > XDP_LINEAR_MAX) throw fragments(data.length);

  const kernel = host.kernel;
  const skb = freshSkb(host, data.length - meta);
  if (skb === null) return ERRNO.ENOMEM;
  skb.dev = dev;
  skb.metaLen = meta;
  kernel.arena.u8.set(data, skb.data - meta);
  const x = cpuXdp(host.cpu());
  const ctx = x.context();
  const depth = x.depth++;
  kernel.arena.u32.set([skb.data, skb.data + skb.len, skb.data - meta, dev.ifindex, queue, 0], ctx >>> 2);
  const entered = enter(host, program, request, skb, dev, ctx);
  let retval = 0;
  return {
    run: (times) => {
      retval = entered.run(times);
    },
    end: () => {
      const out = new Uint8Array(XDP_MD_BYTES);
      const view = new DataView(out.buffer);
      view.setUint32(0, skb.metaLen, true);
      view.setUint32(4, skb.metaLen + skb.len, true);
      view.setUint32(12, ingress, true);
      view.setUint32(16, queue, true);
      const bytes = kernel.arena.u8.slice(skb.data - skb.metaLen, skb.data + skb.len);
      entered.leave();
      x.depth = depth;
      discard(host, skb);
      return { retval, data: bytes, ctx: out };
    },
  };
}

function fragments(bytes: number): LabError {
  const message = `an XDP packet of ${bytes} bytes lies in several buffers on Linux, and netsim has no such packets`;
  return new LabError([{ code: "TEST_RUN_FRAGS", message, fix: `give at most ${XDP_LINEAR_MAX} bytes` }]);
}

function beginSkb(host: Host, program: Program, request: TestRunRequest, given: Uint8Array): TestRun | number {
  const { data } = request;
  const fields = new DataView(given.buffer);
  if (data.length < ETH_HLEN || data.length > SKB_MAX) return ERRNO.EINVAL;
  const rest = given.slice();
  for (const [offset, bytes] of SKB_GIVEN) rest.fill(0, offset, offset + bytes);
  if (rest.some((b) => b !== 0)) return ERRNO.EINVAL;
  const ifindex = fields.getUint32(OFF_IFINDEX, true);
  const dev = host.devices[ifindex === 0 ? LOOPBACK_IFINDEX : ifindex];
  if (dev === undefined) return ERRNO.ENODEV;

  const kernel = host.kernel;
  const skb = freshSkb(host, data.length);
  if (skb === null) return ERRNO.ENOMEM;
  kernel.arena.u8.set(data, skb.data);
  ethTypeTrans(skb, dev);
  const header = skb.protocol === ETH_P_IP ? IPV4_HLEN : skb.protocol === ETH_P_IPV6 ? IPV6_HLEN : 0;
  const l2 = program.kind !== "socket_filter";
  const wireLen = fields.getUint32(OFF_WIRE_LEN, true);
  const len = l2 ? data.length : data.length - ETH_HLEN;
  const refused =
    data.length - ETH_HLEN < header ||
    (wireLen !== 0 && (wireLen < len || wireLen > WIRE_LEN_MAX)) ||
    fields.getUint32(OFF_GSO_SEGS, true) > GSO_MAX_SEGS;
  if (refused) {
    discard(host, skb);
    return ERRNO.EINVAL;
  }
  if (!l2) skb.pull(ETH_HLEN);
  skb.mark = fields.getUint32(8, true);
  skb.priority = fields.getUint32(32, true);
  skb.skbIif = fields.getUint32(36, true);
  skb.cb0 = fields.getUint32(48, true);
  skb.cb1 = fields.getUint32(52, true);
  skb.cb2 = fields.getUint32(56, true);
  skb.cb3 = fields.getUint32(60, true);
  skb.cb4 = fields.getUint32(64, true);
  skb.owner = socket;
  const contexts = kernel.env.skbContexts;
  const depth = contexts.depth++;
  const ctx = contexts.at(depth);
  contexts.fill(ctx, skb, dev, wireLen === 0 ? len : wireLen);
  for (const [offset, bytes] of CTX_ONLY) kernel.arena.u8.set(given.subarray(offset, offset + bytes), ctx + offset);
  const entered = enter(host, program, request, skb, dev, ctx);
  let retval = 0;
  return {
    run: (times) => {
      retval = entered.run(times);
    },
    end: () => {
      const after = kernel.arena.u8.slice(ctx, ctx + SK_BUFF_SIZE);
      const out = new Uint8Array(SK_BUFF_SIZE);
      for (const [offset, bytes] of SKB_GIVEN) out.set(after.subarray(offset, offset + bytes), offset);
      for (const [offset, bytes] of CTX_ONLY) kernel.arena.u8.fill(0, ctx + offset, ctx + offset + bytes);
      const left = kernel.arena.u8.slice(skb.data, skb.data + skb.len);
      let frame = left;
      if (!l2) {
        frame = new Uint8Array(ETH_HLEN + left.length);
        frame.set(left, ETH_HLEN);
      }
      entered.leave();
      contexts.depth = depth;
      discard(host, skb);
      return { retval, data: frame, ctx: out };
    },
  };
}

/** The socket that a test run's packets belong to on Linux. */
const socket: SkbOwner = { cookie: 1, onSkbFree: () => {} };

/** A packet in a zeroed buffer. */
function freshSkb(host: Host, bytes: number): Skb | null {
  const { kernel } = host;
  const skb = kernel.allocSkb(bytes);
  if (skb !== null) kernel.arena.u8.fill(0, skb.head, skb.head + skb.bufBytes);
  return skb;
}

/** The packet was the kernel's own: it neither reached anybody nor was it lost. */
function discard(host: Host, skb: Skb): void {
  host.kernel.ledger.handled++;
  host.kernel.pool.release(skb);
}
