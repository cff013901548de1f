/** Loads, stores, atomics, and the loads from the packet that classic BPF left behind. */
import type { Insn } from "../isa/insn.ts";
import { emitReach } from "./emit-access.ts";
import { swap16, swap32 } from "./emit-alu.ts";
import type { Emitter } from "./emitter.ts";
import { I32, I64, W, type WasmOp } from "./wasm-op.ts";

const LOAD: Readonly<Record<number, WasmOp>> = {
  1: W.i64_load8_u,
  2: W.i64_load16_u,
  4: W.i64_load32_u,
  8: W.i64_load,
};
const LOAD_SIGNED: Readonly<Record<number, WasmOp>> = { 1: W.i64_load8_s, 2: W.i64_load16_s, 4: W.i64_load32_s };
const STORE: Readonly<Record<number, WasmOp>> = { 1: W.i64_store8, 2: W.i64_store16, 4: W.i64_store32, 8: W.i64_store };

/** dst = *(size *)(src + off). */
export function emitLoad(e: Emitter, insn: Extract<Insn, { kind: "ldx" }>): void {
  const reach = emitReach(e, insn, insn.src, insn.off, insn.size, false);
  if (reach === null) return;
  e.code.memory(insn.signed ? LOAD_SIGNED[insn.size]! : LOAD[insn.size]!, reach.offset);
  e.setReg(insn.dst);
}

/** *(size *)(dst + off) = src or immediate. */
export function emitStore(e: Emitter, insn: Extract<Insn, { kind: "st" | "stx" }>): void {
  const reach = emitReach(e, insn, insn.dst, insn.off, insn.size, true);
  if (reach === null) return;
  if (insn.kind === "stx") e.reg(insn.src);
  else e.code.i64(insn.imm);
  e.code.memory(STORE[insn.size]!, reach.offset);
}

const COMBINE = { add: W.i64_add, or: W.i64_or, and: W.i64_and, xor: W.i64_xor } as const;

/** Atomic operations; a simulated machine's programs never run at the same time, so they are plain ones. */
export function emitAtomic(e: Emitter, insn: Extract<Insn, { kind: "atomic" }>): void {
  const { code } = e;
  const reach = emitReach(e, insn, insn.dst, insn.off, insn.size, true);
  if (reach === null) return;
  const address = e.local("addr", I32);
  const old = e.local("old", I64);
  const load = LOAD[insn.size]!;
  const store = STORE[insn.size]!;
  code.tee(address);
  code.memory(load, reach.offset);
  code.set(old);
  if (insn.op === "cmpxchg") {
    e.reg(0);
    if (insn.size === 4) {
      code.i64(0xffffffff);
      code.op(W.i64_and);
    }
    code.get(old);
    code.op(W.i64_eq);
    code.open(W.if);
    code.get(address);
    e.reg(insn.src);
    code.memory(store, reach.offset);
    code.end();
    code.get(old);
    e.setReg(0);
    return;
  }
  code.get(address);
  if (insn.op === "xchg") e.reg(insn.src);
  else {
    code.get(old);
    e.reg(insn.src);
    code.op(COMBINE[insn.op]);
  }
  code.memory(store, reach.offset);
  if (insn.fetch) {
    code.get(old);
    e.setReg(insn.src);
  }
}

/**
 * LD_ABS and LD_IND: r0 = the bytes at an offset from the packet's start, in host order; the program ends with 0 when there are
 * none. What lies outside of the linear data is asked of the surroundings.
 * @source kernel/bpf/verifier.c check_ld_abs; net/core/filter.c bpf_skb_load_helper_*
 */
export function emitPacketLoad(e: Emitter, insn: Extract<Insn, { kind: "ld_packet" }>): void {
  const { code, program } = e;
  const offset = e.local("off", I32);
  const address = e.local("addr", I32);
  if (insn.src < 0) code.i32(insn.imm);
  else {
    e.word(insn.src);
    code.i32(insn.imm);
    code.op(W.i32_add);
  }
  code.set(offset);
  code.get(e.ctx);
  code.memory(W.i32_load, program.def.dataOffset);
  code.get(offset);
  code.op(W.i32_add);
  code.set(address);
  // linear data is shorter than 2 GiB: a negative offset is large when taken as unsigned
  code.get(offset);
  code.op(W.i64_extend_i32_u);
  code.i64(insn.size);
  code.op(W.i64_add);
  code.get(e.ctx);
  code.memory(W.i32_load, program.def.dataEndOffset);
  code.get(e.ctx);
  code.memory(W.i32_load, program.def.dataOffset);
  code.op(W.i32_sub, W.i64_extend_i32_u, W.i64_gt_u);
  code.open(W.if);
  code.get(e.ctx);
  code.get(offset);
  code.i32(insn.size);
  code.callImport(e.import("legacy", [I32, I32, I32], [I32]));
  code.tee(address);
  code.op(W.i32_eqz);
  code.open(W.if);
  e.flush();
  code.i64(0);
  code.op(W.return);
  code.end();
  code.end();
  code.get(address);
  code.memory(LOAD[insn.size]!, 0);
  if (insn.size > 1) {
    code.op(W.i32_wrap_i64);
    if (insn.size === 2) swap16(e);
    else swap32(e);
    code.op(W.i64_extend_i32_u);
  }
  e.setReg(0);
}
