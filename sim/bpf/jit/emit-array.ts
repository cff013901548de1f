/**
 * Lookups and updates in an array that is known at compile time, in place.
 * @source kernel/bpf/arraymap.c array_map_lookup_elem, array_map_update_elem and their per-CPU kin
 */
import { BPF_EXIST, BPF_NOEXIST, type BpfMap } from "../map.ts";
import { emitCopy } from "../maps/code/key.ts";
import { E2BIG, EEXIST, EINVAL } from "../maps/errno.ts";
import { BPF_F_LOCK } from "../maps/flags.ts";
import { CELL_CPU } from "./cells.ts";
import type { Emitter } from "./emitter.ts";
import { I32, W } from "./wasm-op.ts";

/** Loads the index behind r2 into a local. */
function loadIndex(e: Emitter): number {
  const index = e.local("t32", I32);
  e.word(2);
  e.code.memory(W.i32_load, 0);
  e.code.set(index);
  return index;
}

/** Pushes the address of the element of an index, which may be out of bounds. */
function pushAddress(e: Emitter, map: BpfMap, index: number): void {
  const { code } = e;
  const inline = map.inlineArray!;
  code.global(e.shared.module.importGlobal(`base:${e.program.maps.indexOf(map)}`, I32, false));
  code.get(index);
  code.i32(inline.stride);
  code.op(W.i32_mul, W.i32_add);
  if (inline.cpuStride === 0) return;
  e.cell(CELL_CPU);
  code.i32(inline.cpuStride);
  code.op(W.i32_mul, W.i32_add);
}

/** r0 = the address of an array's element, or of the inner map that stands there; 0 when the index is out of bounds. */
export function emitArrayLookup(e: Emitter, map: BpfMap): void {
  const { code } = e;
  const inline = map.inlineArray!;
  const index = loadIndex(e);
  const pushInBounds = (): void => {
    code.get(index);
    code.i32(inline.maxEntries);
    code.op(W.i32_lt_u);
  };
  if (map.spec.kind === "array_of_maps") {
    pushInBounds();
    code.open(W.if, I32);
    pushAddress(e, map, index);
    code.memory(W.i32_load, 0);
    code.op(W.else);
    code.i32(0);
    code.end();
  } else {
    pushAddress(e, map, index);
    code.i32(0);
    pushInBounds();
    code.op(W.select);
  }
  code.op(W.i64_extend_i32_u);
  e.setReg(0);
}

/** r0 = 0 after the value behind r3 was copied to the element of the index behind r2, or -errno. */
export function emitArrayUpdate(e: Emitter, map: BpfMap): void {
  const { code } = e;
  const inline = map.inlineArray!;
  const [index, flags] = [loadIndex(e), e.local("flags32", I32)];
  const [to, from, counter] = [e.local("to32", I32), e.local("from32", I32), e.local("count32", I32)];
  /** Leaves the block with -errno when the i32 that is pushed is not 0. */
  const refuse = (errno: number, push: () => void): void => {
    code.i32(-errno);
    push();
    code.brIf(0);
    code.op(W.drop);
  };
  const pushFlag = (mask: number): void => {
    code.get(flags);
    code.i32(mask);
    code.op(W.i32_and);
  };
  const known = e.kind(4);
  const any = known.t === "const" && known.value === 0;
  if (!any) {
    pushFlags(e, 4);
    code.set(flags);
  }
  code.open(W.block, I32);
  if (!any) {
    refuse(EINVAL, () => {
      pushFlag(~BPF_F_LOCK);
      code.i32(BPF_EXIST);
      code.op(W.i32_gt_u);
    });
  }
  refuse(E2BIG, () => {
    code.get(index);
    code.i32(inline.maxEntries);
    code.op(W.i32_ge_u);
  });
  if (!any) {
    refuse(EEXIST, () => pushFlag(BPF_NOEXIST));
    refuse(EINVAL, () => pushFlag(BPF_F_LOCK));
  }
  pushAddress(e, map, index);
  code.set(to);
  e.word(3);
  code.set(from);
  emitCopy(code, { local: to, offset: 0 }, { local: from, offset: 0 }, inline.copiedBytes, counter);
  code.i32(0);
  code.end();
  code.op(W.i64_extend_i32_s);
  e.setReg(0);
}

/** Pushes 64-bit flags as an i32: those above 32 bits are as invalid as all bits of the lower word. */
export function pushFlags(e: Emitter, reg: number): void {
  const { code } = e;
  const known = e.kind(reg);
  if (known.t === "const") {
    code.i32(known.value);
    return;
  }
  code.i32(-1);
  e.word(reg);
  e.reg(reg);
  code.i64(32);
  code.op(W.i64_shr_u, W.i32_wrap_i64, W.select);
}
