/**
 * The helpers that move the ends of an XDP program's packet, and copy from and to it, as WebAssembly. They work on the context
 * (xdp/xdp-context.ts) and leave a mark when they have moved something; only a tail in fragments, and one that needs a larger
 * buffer, go out to JavaScript.
 *
 * @source net/core/filter.c bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_adjust_meta, bpf_xdp_load_bytes, bpf_xdp_store_bytes,
 *         bpf_xdp_get_buff_len; include/net/xdp.h xdp_metalen_invalid
 */
import { codeInstance } from "../../../bpf/jit/code-instance.ts";
import { emitCopyBytes, emitZeroBytes } from "../../../bpf/jit/wasm-bytes.ts";
import { WasmCode } from "../../../bpf/jit/wasm-code.ts";
import type { FuncType, WasmModuleBuilder } from "../../../bpf/jit/wasm-module.ts";
import { I32, W, type WasmOp } from "../../../bpf/jit/wasm-op.ts";
import { EACCES, EFAULT, EINVAL, EOPNOTSUPP } from "../../../bpf/maps/errno.ts";
import { ETH_HLEN } from "../../ether.ts";
import type { NetEnv } from "../../net-env.ts";
import {
  XDP_BUF_END,
  XDP_BUF_HEAD,
  XDP_DATA,
  XDP_DATA_END,
  XDP_DATA_META,
  XDP_FRAGS,
  XDP_FRAME_END,
  XDP_MOVED,
} from "../../xdp/xdp-context.ts";

/** sizeof(struct xdp_frame). */
const XDP_FRAME_BYTES = 40;
/** Largest metadata: skb_shared_info.meta_len is a u8. */
const META_MAX = 255;
/** Largest offset and length of bytes to be copied. */
const OFFSET_MAX = 0xffff;

/** The code over one arena. All take the context's address and answer what the helper does. */
export interface XdpCode {
  adjustHead(ctx: number, by: number): number;
  adjustTail(ctx: number, by: number): number;
  adjustMeta(ctx: number, by: number): number;
  /** @param to address, any alignment */
  load(ctx: number, offset: number, to: number, bytes: number): number;
  /** @param from address, any alignment */
  store(ctx: number, offset: number, from: number, bytes: number): number;
  length(ctx: number): number;
}

/** What the code asks of JavaScript: bpf_xdp_adjust_tail of a packet that has fragments or outgrows its buffer. */
export type GrowTail = (env: NetEnv, by: number) => number;

/** The code over a simulation's memory. */
export function xdpCode(env: NetEnv, growTail: GrowTail): XdpCode {
  return codeInstance<NetEnv, XdpCode>(env.kernel.arena, "xdp packet", 0, env, () => ({
    imports: [{ name: "tail", type: TWO, call: (e, by) => growTail(e, by!) }],
    build(module): void {
      const define = (name: keyof XdpCode, type: FuncType, locals: number, code: WasmCode): void => {
        const fn = NAMES.indexOf(name);
        module.setFunction(fn, type, new Array<typeof I32>(locals).fill(I32), code);
        module.export(name, fn);
      };
      define("adjustHead", TWO, 3, adjustHead());
      define("adjustTail", TWO, 4, adjustTail(module));
      define("adjustMeta", TWO, 1, adjustMeta());
      define("load", FOUR, 1, copy(false));
      define("store", FOUR, 1, copy(true));
      define("length", { params: [I32], results: [I32] }, 0, length());
    },
  }));
}

const NAMES: readonly (keyof XdpCode)[] = ["adjustHead", "adjustTail", "adjustMeta", "load", "store", "length"];
const TWO: FuncType = { params: [I32, I32], results: [I32] };
const FOUR: FuncType = { params: [I32, I32, I32, I32], results: [I32] };

// parameters of all of them
const CTX = 0;
const BY = 1;

function field(code: WasmCode, offset: number): void {
  code.get(CTX);
  code.memory(W.i32_load, offset);
}

/** Stores the i32 in a local into the context. */
function setField(code: WasmCode, offset: number, local: number): void {
  code.get(CTX);
  code.get(local);
  code.memory(W.i32_store, offset);
}

/** Answers -errno when the i32 on the stack is not 0. */
function refuseIf(code: WasmCode, errno: number): void {
  code.open(W.if);
  code.i32(-errno);
  code.op(W.return);
  code.end();
}

/** Answers 0, having left the mark. */
function moved(code: WasmCode): void {
  field(code, XDP_MOVED);
  code.i32(1);
  code.memory(W.i32_store, 0);
  code.i32(0);
}

function adjustHead(): WasmCode {
  const code = new WasmCode();
  const [data, meta, metaLen] = [2, 3, 4];
  field(code, XDP_DATA);
  code.tee(data);
  field(code, XDP_DATA_META);
  code.tee(meta);
  code.op(W.i32_sub);
  code.set(metaLen);
  // compared before it is added, so that no sum wraps
  code.get(BY);
  field(code, XDP_DATA_END);
  code.get(data);
  code.op(W.i32_sub);
  code.i32(ETH_HLEN);
  code.op(W.i32_sub, W.i32_gt_s);
  refuseIf(code, EINVAL);
  code.get(data);
  code.get(BY);
  code.op(W.i32_add);
  code.tee(data);
  field(code, XDP_BUF_HEAD);
  code.i32(XDP_FRAME_BYTES);
  code.op(W.i32_add);
  code.get(metaLen);
  code.op(W.i32_add, W.i32_lt_s);
  refuseIf(code, EINVAL);
  code.get(meta);
  code.get(BY);
  code.op(W.i32_add);
  code.set(meta);
  code.get(metaLen);
  code.open(W.if);
  code.get(meta);
  field(code, XDP_DATA_META);
  code.get(metaLen);
  code.memoryCopy();
  code.end();
  setField(code, XDP_DATA, data);
  setField(code, XDP_DATA_META, meta);
  moved(code);
  return code;
}

function adjustTail(module: WasmModuleBuilder): WasmCode {
  const code = new WasmCode();
  const [end, newEnd, limit, bytes] = [2, 3, 4, 5];
  const growOutside = (): void => {
    code.i32(0); // the state of all that the code asks for
    code.get(BY);
    code.callImport(module.importFunction("tail", TWO));
    code.op(W.return);
  };
  field(code, XDP_FRAGS);
  code.open(W.if);
  growOutside();
  code.end();
  field(code, XDP_DATA_END);
  code.set(end);
  code.get(BY);
  code.i32(0);
  code.op(W.i32_gt_s);
  code.tee(bytes);
  code.open(W.if);
  field(code, XDP_FRAME_END);
  code.tee(limit);
  code.get(end);
  code.op(W.i32_lt_s);
  refuseIf(code, EOPNOTSUPP);
  code.get(BY);
  code.get(limit);
  code.get(end);
  code.op(W.i32_sub, W.i32_gt_s);
  refuseIf(code, EINVAL);
  code.end();
  code.get(end);
  code.get(BY);
  code.op(W.i32_add);
  code.tee(newEnd);
  field(code, XDP_DATA);
  code.i32(ETH_HLEN);
  code.op(W.i32_add, W.i32_lt_s);
  refuseIf(code, EINVAL);
  code.get(bytes);
  code.open(W.if);
  code.get(newEnd);
  field(code, XDP_BUF_END);
  code.op(W.i32_gt_s);
  code.open(W.if);
  growOutside();
  code.end();
  code.get(BY);
  code.set(bytes);
  emitZeroBytes(code, end, bytes);
  code.end();
  setField(code, XDP_DATA_END, newEnd);
  moved(code);
  return code;
}

function adjustMeta(): WasmCode {
  const code = new WasmCode();
  const meta = 2;
  // compared before it is added, so that no sum wraps
  code.get(BY);
  field(code, XDP_DATA);
  field(code, XDP_DATA_META);
  code.op(W.i32_sub, W.i32_gt_s);
  refuseIf(code, EINVAL);
  field(code, XDP_DATA_META);
  code.get(BY);
  code.op(W.i32_add);
  code.tee(meta);
  field(code, XDP_BUF_HEAD);
  code.i32(XDP_FRAME_BYTES);
  code.op(W.i32_add, W.i32_lt_s);
  refuseIf(code, EINVAL);
  // neither more than META_MAX nor an odd number of words
  field(code, XDP_DATA);
  code.get(meta);
  code.op(W.i32_sub);
  code.i32(~(META_MAX & ~3));
  code.op(W.i32_and);
  refuseIf(code, EACCES);
  setField(code, XDP_DATA_META, meta);
  moved(code);
  return code;
}

function copy(toPacket: boolean): WasmCode {
  const code = new WasmCode();
  const [OFFSET, BUFFER, BYTES, at] = [1, 2, 3, 4];
  const above = (local: number): void => {
    code.get(local);
    code.i32(OFFSET_MAX);
    code.op(W.i32_gt_u);
  };
  above(OFFSET);
  above(BYTES);
  code.op(W.i32_or);
  refuseIf(code, EFAULT);
  code.get(OFFSET);
  code.get(BYTES);
  code.op(W.i32_add);
  pushLength(code);
  code.op(W.i32_gt_u);
  refuseIf(code, EINVAL);
  field(code, XDP_DATA);
  code.get(OFFSET);
  code.op(W.i32_add);
  code.set(at);
  if (toPacket) emitCopyBytes(code, at, BUFFER, BYTES);
  else emitCopyBytes(code, BUFFER, at, BYTES);
  code.i32(0);
  return code;
}

/** Pushes the packet's length, fragments included. */
function pushLength(code: WasmCode): void {
  const ops: readonly [number, WasmOp | null][] = [
    [XDP_DATA_END, null],
    [XDP_DATA, W.i32_sub],
    [XDP_FRAGS, W.i32_add],
  ];
  for (const [offset, op] of ops) {
    field(code, offset);
    if (op !== null) code.op(op);
  }
}

function length(): WasmCode {
  const code = new WasmCode();
  pushLength(code);
  return code;
}
