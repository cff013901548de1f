/**
 * The helpers that copy from and to the packet of a program on a socket buffer, and mend its checksums, as WebAssembly. They work on
 * the context (tc/skb-context.ts), which says where the packet lies. Only forgetting the flow hash goes out to JavaScript.
 *
 * @source net/core/filter.c bpf_skb_load_bytes, bpf_skb_store_bytes, bpf_skb_pull_data, bpf_l3_csum_replace, bpf_l4_csum_replace,
 *         bpf_csum_update;
 *         include/net/checksum.h csum_replace2, csum_replace4, csum_replace_by_diff; net/core/utils.c inet_proto_csum_replace4,
 *         inet_proto_csum_replace_by_diff; RFC 1624
 */
import { emitFold } from "../../../bpf/helpers/csum-code.ts";
import { codeInstance } from "../../../bpf/jit/code-instance.ts";
import { emitCopyBytes, emitZeroBytes } from "../../../bpf/jit/wasm-bytes.ts";
import { WasmCode } from "../../../bpf/jit/wasm-code.ts";
import type { FuncType, ValueType, WasmModuleBuilder } from "../../../bpf/jit/wasm-module.ts";
import { I32, I64, W } from "../../../bpf/jit/wasm-op.ts";
import { EFAULT, EINVAL, ENOMEM } from "../../../bpf/maps/errno.ts";
import type { NetEnv } from "../../net-env.ts";
import { SKB_CTX_COMPLETE, SKB_CTX_DATA, SKB_CTX_LEN, SKB_CTX_PARTIAL } from "../../tc/skb-context.ts";

const BPF_F_RECOMPUTE_CSUM = 1;
const BPF_F_INVALIDATE_HASH = 2;
const BPF_F_HDR_FIELD_MASK = 0xf;
const BPF_F_PSEUDO_HDR = 0x10;
const BPF_F_MARK_MANGLED_0 = 0x20;
const BPF_F_MARK_ENFORCE = 0x40;
const BPF_F_IPV6 = 0x80;
const L4_FLAGS = BPF_F_HDR_FIELD_MASK | BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_IPV6;
/** Written in place of a UDP checksum of 0, which would mean that there is none. @source include/net/checksum.h CSUM_MANGLED_0 */
const CSUM_MANGLED_0 = 0xffff;

/** Replaces a field of the packet in a checksum at an offset: 64-bit words are low, high. */
type CsumReplace = (
  ctx: number,
  offset: number,
  from: number,
  fromHi: number,
  to: number,
  toHi: number,
  flags: number,
  flagsHi: number,
) => number;

/** The code over one arena. All take the context's address and answer what the helper does. */
export interface SkbCode {
  /** @param to address, any alignment; zeroed when the bytes are not in the packet */
  load(ctx: number, offset: number, to: number, bytes: number): number;
  /** @param from address, any alignment */
  store(ctx: number, offset: number, from: number, bytes: number, flags: number, flagsHi: number): number;
  readonly l3Replace: CsumReplace;
  readonly l4Replace: CsumReplace;
  /** -ENOTSUPP but for a packet that a device summed; the high word is in the machine. */
  csumUpdate(ctx: number, sum: number): number;
  /** The packet is always in one piece. */
  pull(ctx: number, bytes: number): number;
}

/** What the code asks of JavaScript: to forget the packet's flow hash. */
export type ForgetHash = (env: NetEnv) => number;
/** And to keep the sum of a packet that a device summed: what happened is one of SUM_*. */
export type KeepSum = (env: NetEnv, what: number, a: number, b: number) => number;
/** b bytes at address a are about to be overwritten; they have been. */
export const SUM_LEAVE = 0;
export const SUM_COME = 1;
/** A field of the pseudo header was replaced in a checksum: from a to b, or by the difference a. */
export const SUM_REPLACED = 2;
export const SUM_CHANGED = 3;
/** bpf_csum_update by a; answers what it does. */
export const SUM_UPDATE = 4;

/** The code over a simulation's memory. */
export function skbCode(env: NetEnv, forgetHash: ForgetHash, keepSum: KeepSum): SkbCode {
  return codeInstance<NetEnv, SkbCode>(env.kernel.arena, "skb packet", 0, env, () => ({
    imports: [
      { name: "hash", type: FORGET_TYPE, call: (e) => forgetHash(e) },
      { name: "sum", type: SUM_TYPE, call: (e, what, a, b) => keepSum(e, what!, a!, b!) },
    ],
    build(module): void {
      module.setFunction(CHANGE, { params: [I32, I64, I32], results: [] }, [I64], change());
      const define = (name: keyof SkbCode, params: number, locals: readonly ValueType[], code: WasmCode): void => {
        const fn = CHANGE + 1 + NAMES.indexOf(name);
        const type: FuncType = { params: new Array<typeof I32>(params).fill(I32), results: [I32] };
        module.setFunction(fn, type, locals, code);
        module.export(name, fn);
      };
      define("load", 4, [I32], load());
      define("store", 6, [I32, I32], store(module));
      define("l3Replace", 8, [I32], l3Replace());
      define("l4Replace", 8, [I32, I32], l4Replace(module));
      define("csumUpdate", 2, [], csumUpdate(module));
      define("pull", 2, [], pull());
    },
  }));
}

const CHANGE = 0;
const NAMES: readonly (keyof SkbCode)[] = ["load", "store", "l3Replace", "l4Replace", "csumUpdate", "pull"];
const FORGET_TYPE: FuncType = { params: [I32], results: [I32] };
const SUM_TYPE: FuncType = { params: [I32, I32, I32, I32], results: [I32] };

// the first two parameters of all of them
const CTX = 0;
const OFFSET = 1;

function field(code: WasmCode, offset: number): void {
  code.get(CTX);
  code.memory(W.i32_load, offset);
}

/** Tells JavaScript what happened to the packet, if a device summed it and the condition on the stack holds; consumes that. */
function keepSum(code: WasmCode, module: WasmModuleBuilder, what: number, a: number, b: number): void {
  field(code, SKB_CTX_COMPLETE);
  code.i32(0);
  code.op(W.i32_ne, W.i32_and);
  code.open(W.if);
  code.i32(0);
  code.i32(what);
  code.get(a);
  code.get(b);
  code.callImport(module.importFunction("sum", SUM_TYPE));
  code.op(W.drop);
  code.end();
}

/** Answers -errno when the i32 on the stack is not 0. */
function refuseIf(code: WasmCode, errno: number): void {
  code.open(W.if);
  code.i32(-errno);
  code.op(W.return);
  code.end();
}

/** Pushes whether bytes from OFFSET on are not all in the packet. @param pushBytes fewer than 2^31 */
function pushOutside(code: WasmCode, pushBytes: () => void): void {
  code.get(OFFSET);
  code.i32(0);
  code.op(W.i32_lt_s);
  code.get(OFFSET);
  pushBytes();
  code.op(W.i32_add);
  field(code, SKB_CTX_LEN);
  code.op(W.i32_gt_u, W.i32_or);
}

/** at = data + OFFSET */
function setAt(code: WasmCode, at: number): void {
  field(code, SKB_CTX_DATA);
  code.get(OFFSET);
  code.op(W.i32_add);
  code.set(at);
}

function load(): WasmCode {
  const code = new WasmCode();
  const [TO, BYTES, at] = [2, 3, 4];
  pushOutside(code, () => code.get(BYTES));
  code.open(W.if);
  emitZeroBytes(code, TO, BYTES);
  code.i32(-EFAULT);
  code.op(W.return);
  code.end();
  setAt(code, at);
  emitCopyBytes(code, TO, at, BYTES);
  code.i32(0);
  return code;
}

/** Refuses flags beyond those that are known. */
function checkFlags(code: WasmCode, flags: number, known: number): void {
  code.get(flags);
  code.i32(~known);
  code.op(W.i32_and);
  code.get(flags + 1);
  code.op(W.i32_or);
  refuseIf(code, EINVAL);
}

function store(module: WasmModuleBuilder): WasmCode {
  const code = new WasmCode();
  const [FROM, BYTES, FLAGS, at, stored] = [2, 3, 4, 6, 7];
  checkFlags(code, FLAGS, BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH);
  pushOutside(code, () => code.get(BYTES));
  refuseIf(code, EFAULT);
  setAt(code, at);
  const recompute = (what: number): void => {
    code.get(FLAGS);
    code.i32(BPF_F_RECOMPUTE_CSUM);
    code.op(W.i32_and);
    keepSum(code, module, what, at, stored);
  };
  code.get(BYTES);
  code.set(stored);
  recompute(SUM_LEAVE);
  emitCopyBytes(code, at, FROM, BYTES);
  // the copy has moved it
  setAt(code, at);
  recompute(SUM_COME);
  code.get(FLAGS);
  code.i32(BPF_F_INVALIDATE_HASH);
  code.op(W.i32_and);
  code.open(W.if);
  code.i32(0); // the state of all that the code asks for
  code.callImport(module.importFunction("hash", FORGET_TYPE));
  code.op(W.return);
  code.end();
  code.i32(0);
  return code;
}

/**
 * (address of a checksum, what is added to the sum, mask): the sum is the checksum with the mask's bits inverted, the new checksum
 * likewise.
 */
function change(): WasmCode {
  const code = new WasmCode();
  const [AT, ADDED, MASK, sum] = [0, 1, 2, 3];
  code.get(AT);
  code.memory(W.i32_load16_u, 0);
  code.get(MASK);
  code.op(W.i32_xor, W.i64_extend_i32_u);
  code.get(ADDED);
  code.op(W.i64_add);
  code.set(sum);
  emitFold(code, sum, 32);
  emitFold(code, sum, 16);
  code.get(AT);
  code.get(sum);
  code.op(W.i32_wrap_i64);
  code.get(MASK);
  code.op(W.i32_xor);
  code.memory(W.i32_store16, 0);
  return code;
}

/** Sums that checksums complement: of 32 bits, of 16; and the one of a pseudo header, which stands there as it is. */
const MASK_32 = -1;
const MASK_16 = 0xffff;
const MASK_PSEUDO = 0;

// parameters of the two that replace
const FROM = 2;
const FROM_HI = 3;
const TO = 4;
const FLAGS = 6;

/** Pushes ~from + to of two words as an i64, neither of which wraps. */
function pushDifference(code: WasmCode, bits: 16 | 32, complementBits: 16 | 32): void {
  const masked = (local: number): void => {
    code.get(local);
    if (bits === 32) return;
    code.i32(0xffff);
    code.op(W.i32_and);
  };
  masked(FROM);
  code.i32(complementBits === 16 ? 0xffff : -1);
  code.op(W.i32_xor, W.i64_extend_i32_u);
  masked(TO);
  code.op(W.i64_extend_i32_u, W.i64_add);
}

/** Answers EFAULT unless a checksum may lie at OFFSET, else leaves its address in a local. */
function checkOffset(code: WasmCode, at: number): void {
  code.get(OFFSET);
  code.i32(~0xfffe);
  code.op(W.i32_and);
  pushOutside(code, () => code.i32(2));
  code.op(W.i32_or);
  refuseIf(code, EFAULT);
  setAt(code, at);
}

/** One case for each size of the field that the flags can name, EINVAL for others; leaves the cases' block at the end of one. */
function eachSize(code: WasmCode, cases: Readonly<Record<0 | 2 | 4, () => void>>): void {
  code.open(W.block);
  for (const size of [0, 2, 4] as const) {
    code.get(FLAGS);
    code.i32(BPF_F_HDR_FIELD_MASK);
    code.op(W.i32_and);
    code.i32(size);
    code.op(W.i32_eq);
    code.open(W.if);
    if (size === 0) {
      code.get(FROM);
      code.get(FROM_HI);
      code.op(W.i32_or);
      refuseIf(code, EINVAL);
    }
    cases[size]();
    code.br(1);
    code.end();
  }
  code.i32(-EINVAL);
  code.op(W.return);
  code.end();
}

function l3Replace(): WasmCode {
  const code = new WasmCode();
  const at = 8;
  checkFlags(code, FLAGS, BPF_F_HDR_FIELD_MASK);
  checkOffset(code, at);
  const callChange = (mask: number, added: () => void): void => {
    code.get(at);
    added();
    code.i32(mask);
    code.callLocal(CHANGE);
  };
  eachSize(code, {
    0: () =>
      callChange(MASK_32, () => {
        code.get(TO);
        code.op(W.i64_extend_i32_u);
      }),
    2: () => callChange(MASK_16, () => pushDifference(code, 16, 16)),
    4: () => callChange(MASK_32, () => pushDifference(code, 32, 32)),
  });
  code.i32(0);
  return code;
}

function l4Replace(module: WasmModuleBuilder): WasmCode {
  const code = new WasmCode();
  const [at, mask] = [8, 9];
  checkFlags(code, FLAGS, L4_FLAGS);
  checkOffset(code, at);
  const flag = (bit: number): void => {
    code.get(FLAGS);
    code.i32(bit);
    code.op(W.i32_and);
  };
  const pushIsZero = (): void => {
    code.get(at);
    code.memory(W.i32_load16_u, 0);
    code.op(W.i32_eqz);
  };
  // a zero UDP checksum stays: the sender has made none
  flag(BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE);
  code.i32(BPF_F_MARK_MANGLED_0);
  code.op(W.i32_eq);
  pushIsZero();
  code.op(W.i32_and);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  // with CHECKSUM_PARTIAL the field holds the pseudo header's sum, so that only changes of the pseudo header touch it
  code.i32(MASK_PSEUDO);
  code.i32(MASK_32);
  field(code, SKB_CTX_PARTIAL);
  code.op(W.select);
  code.set(mask);
  const callChange = (added: () => void): void => {
    flag(BPF_F_PSEUDO_HDR);
    code.get(mask);
    code.op(W.i32_or);
    code.open(W.if);
    code.get(at);
    added();
    code.get(mask);
    code.callLocal(CHANGE);
    code.end();
  };
  const pseudo = (what: number, a: number, b: number): void => {
    flag(BPF_F_PSEUDO_HDR);
    code.i32(0);
    code.op(W.i32_ne);
    keepSum(code, module, what, a, b);
  };
  eachSize(code, {
    0: () => {
      callChange(() => {
        code.get(TO);
        code.op(W.i64_extend_i32_u);
      });
      // of IPv6 the difference is in the packet as well, and the sum stays
      flag(BPF_F_PSEUDO_HDR | BPF_F_IPV6);
      code.i32(BPF_F_PSEUDO_HDR);
      code.op(W.i32_eq);
      keepSum(code, module, SUM_CHANGED, TO, TO);
    },
    2: () => {
      callChange(() => pushDifference(code, 16, 32));
      for (const word of [FROM, TO]) {
        code.get(word);
        code.i32(0xffff);
        code.op(W.i32_and);
        code.set(word);
      }
      pseudo(SUM_REPLACED, FROM, TO);
    },
    4: () => {
      callChange(() => pushDifference(code, 32, 32));
      pseudo(SUM_REPLACED, FROM, TO);
    },
  });
  flag(BPF_F_MARK_MANGLED_0);
  code.open(W.if);
  pushIsZero();
  code.open(W.if);
  code.get(at);
  code.i32(CSUM_MANGLED_0);
  code.memory(W.i32_store16, 0);
  code.end();
  code.end();
  code.i32(0);
  return code;
}

function csumUpdate(module: WasmModuleBuilder): WasmCode {
  const code = new WasmCode();
  const SUM = 1;
  code.i32(0);
  code.i32(SUM_UPDATE);
  code.get(SUM);
  code.i32(0);
  code.callImport(module.importFunction("sum", SUM_TYPE));
  return code;
}

function pull(): WasmCode {
  const code = new WasmCode();
  const BYTES = 1;
  code.i32(-ENOMEM);
  code.i32(0);
  code.get(BYTES);
  field(code, SKB_CTX_LEN);
  code.op(W.i32_gt_u, W.select);
  return code;
}
