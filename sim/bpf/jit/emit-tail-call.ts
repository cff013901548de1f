/**
 * bpf_tail_call: a jump into another program through the machine's function table. What does not lead anywhere falls through.
 *
 * @source arch/x86/net/bpf_jit_comp.c emit_bpf_tail_call_indirect: index, then count, then slot; only a taken call counts
 */
import type { Insn } from "../isa/insn.ts";
import type { BpfMap, InlineArray } from "../map.ts";
import { CELL_TAIL_CALLS, MAX_TAIL_CALLS } from "./cells.ts";
import { type Emitter, ENTRY_TYPE, FAULT } from "./emitter.ts";
import { I32, W } from "./wasm-op.ts";

/** tail_call(ctx, prog array, index). @param map null when it depends on the way there: then one of the program's prog arrays is it */
export function emitTailCall(e: Emitter, insn: Insn, map: BpfMap | null): void {
  if (map?.inlineArray != null) {
    emitJump(e, insn, map, map.inlineArray);
    return;
  }
  const { code } = e;
  code.open(W.block);
  e.program.maps.forEach((candidate, i) => {
    if (candidate.spec.kind !== "prog_array" || candidate.inlineArray === null) return;
    code.open(W.block);
    e.reg(2);
    code.global(e.shared.module.importGlobal(`handle:${i}`, I32, false));
    code.op(W.i64_extend_i32_u, W.i64_ne);
    code.brIf(0);
    emitJump(e, insn, candidate, candidate.inlineArray);
    code.br(1);
    code.end();
  });
  e.reg(2);
  e.fault(insn, FAULT.progArray, 2);
  code.end();
}

function checkContext(e: Emitter, insn: Insn): void {
  const { code } = e;
  const kind = e.kind(1);
  if (!e.shared.checks || (kind.t === "ctx" && kind.off === 0)) return;
  e.reg(1);
  code.get(e.ctx);
  code.op(W.i64_extend_i32_u, W.i64_ne);
  code.open(W.if);
  e.reg(1);
  e.fault(insn, FAULT.ctxArgument, 1);
  code.end();
}

/** Falls through when the index leads nowhere or the run has made its last tail call. */
function emitJump(e: Emitter, insn: Insn, map: BpfMap, slots: InlineArray): void {
  const { code } = e;
  checkContext(e, insn);
  const slot = e.local("t32", I32);
  code.open(W.block);
  e.word(3);
  code.tee(slot);
  code.i32(slots.maxEntries);
  code.op(W.i32_ge_u);
  code.brIf(0);
  e.cell(CELL_TAIL_CALLS);
  code.i32(MAX_TAIL_CALLS);
  code.op(W.i32_ge_u);
  code.brIf(0);
  code.global(e.shared.module.importGlobal(`base:${e.program.maps.indexOf(map)}`, I32, false));
  code.get(slot);
  code.i32(slots.stride);
  code.op(W.i32_mul, W.i32_add);
  code.memory(W.i32_load, 0);
  code.tee(slot);
  code.op(W.i32_eqz);
  code.brIf(0);
  code.i32(e.shared.cells);
  e.cell(CELL_TAIL_CALLS);
  code.i32(1);
  code.op(W.i32_add);
  code.memory(W.i32_store, CELL_TAIL_CALLS);
  e.flush();
  code.get(e.ctx);
  code.get(e.fp);
  code.get(slot);
  code.i32(1);
  code.op(W.i32_sub, W.return_call_indirect);
  code.uleb(e.shared.module.type(ENTRY_TYPE));
  code.uleb(0);
  code.end();
}
