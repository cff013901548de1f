/**
 * Calls of helpers: the checks of their arguments, the call, the result. Built in are bpf_tail_call and bpf_get_smp_processor_id;
 * lookups, updates and deletions in a map that is known stand in emit-map-call.ts.
 */
import { type ArgKind, type CallDef, codeOf, DYNPTR_BYTES, fixedBytes } from "../helper.ts";
import { insnError } from "../isa/decode.ts";
import type { Insn } from "../isa/insn.ts";
import type { BpfMap } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { CELL_CALL_FP, CELL_CPU, CELL_RETURN_HIGH, FRAME_BYTES } from "./cells.ts";
import { emitReach } from "./emit-access.ts";
import { emitMapCall } from "./emit-map-call.ts";
import { emitTailCall } from "./emit-tail-call.ts";
import { emitThrow } from "./emit-throw.ts";
import { type Emitter, FAULT, SUBPROGRAM_TYPE } from "./emitter.ts";
import { emitCheckCall, IN_ANYTHING } from "./fault-exit.ts";
import { calleeOf, type KernelCall } from "./link.ts";
import { mapAllowsCall, mapForbidsProgram, mapForbidsWrite, readsMapValue, valueBytes } from "./map-helpers.ts";
import type { ValueType } from "./wasm-module.ts";
import { EXTERNREF, I32, W } from "./wasm-op.ts";

const SMP_PROCESSOR_ID = 8;
const TAIL_CALL = 12;

type Callee = CallDef<never>;

/** r0 = helper(r1, ...), or a kfunc. */
export function emitKernelCall(e: Emitter, insn: KernelCall): void {
  const helper = calleeOf(e.program, insn);
  if (helper === undefined) {
    e.code.i64(insn.id);
    e.fault(insn, FAULT.poison);
    return;
  }
  if ("throws" in helper) {
    emitThrow(e);
    return;
  }
  const id = insn.kind === "call_helper" ? insn.id : -1;
  const map = knownMap(e, helper);
  const spec = mapSpecOf(e, helper);
  if (spec !== null) checkMapKind(e, insn, helper, spec);
  if (id === TAIL_CALL) {
    emitTailCall(e, insn, map);
    return;
  }
  checkArguments(e, insn, helper, spec);
  if (id === SMP_PROCESSOR_ID) {
    e.cell(CELL_CPU, W.i64_load32_u);
    e.setReg(0);
    return;
  }
  if (map === null || !emitMapCall(e, id, map)) emitGenericCall(e, insn, helper);
  if (helper.ret === "map_value_or_null") e.keepLookup(insn.slot);
}

/** The helper record's own function. */
function emitGenericCall(e: Emitter, insn: KernelCall, helper: Callee): void {
  const leaves = codeOf(helper, e.program.def.kind) === undefined;
  if (leaves) e.flush();
  emitCall(e, insn, helper, leaves);
  emitResult(e, helper);
  if (leaves) e.reload();
}

/** Index of the program's map in the first argument of kind "map"; null when there is none or it is not known. */
function knownMap(e: Emitter, helper: Callee): BpfMap | null {
  const at = helper.args.indexOf("map");
  if (at < 0) return null;
  const kind = e.kind(at + 1);
  return kind.t === "map" ? e.program.maps[kind.map]! : null;
}

function checkMapKind(e: Emitter, insn: KernelCall, helper: Callee, spec: MapSpec): void {
  if (mapForbidsWrite(spec, insn)) {
    const text = `write into map forbidden: map "${spec.name}" has BPF_F_RDONLY_PROG`;
    throw insnError(e.program.spec.name, insn.slot, text, "HELPER_MAP_KIND");
  }
  if (mapForbidsProgram(spec.kind, e.program.def.kind, insn)) {
    throw insnError(e.program.spec.name, insn.slot, "cannot update sockmap in this context", "HELPER_MAP_KIND");
  }
  if (mapAllowsCall(spec.kind, helper, insn)) return;
  const func = insn.kind === "call_helper" ? `bpf_${helper.name}#${insn.id}` : helper.name;
  const text = `cannot pass map "${spec.name}" of type ${spec.kind} into func ${func}`;
  throw insnError(e.program.spec.name, insn.slot, text, "HELPER_MAP_KIND");
}

/** Spec of the map argument as far as it is known: its own, or the template of the inner maps. */
function mapSpecOf(e: Emitter, helper: Callee): MapSpec | null {
  const at = helper.args.indexOf("map");
  if (at < 0) return null;
  const kind = e.kind(at + 1);
  if (kind.t === "map") return e.program.maps[kind.map]!.spec;
  return kind.t === "inner" ? e.program.maps[kind.outer]!.spec.inner : null;
}

function checkArguments(e: Emitter, insn: KernelCall, helper: Callee, spec: MapSpec | null): void {
  if (!e.shared.checks) return;
  helper.args.forEach((arg, i) => {
    const reg = i + 1;
    switch (arg) {
      case "ctx":
        checkCtx(e, insn, reg);
        return;
      case "map":
        checkMap(e, insn, reg);
        return;
      case "func":
        checkFunc(e, insn, reg);
        return;
      case "map_key":
        checkMapMemory(e, insn, helper, reg, spec, "key", false);
        return;
      case "map_value":
        checkMapMemory(e, insn, helper, reg, spec, "value", !readsMapValue(insn));
        return;
      case "map_value_or_null":
        checkOrNull(e, reg, () => checkMapMemory(e, insn, helper, reg, spec, "value", false));
        return;
      case "mem":
      case "mem_or_null":
      case "mem_out":
        checkSizedMemory(e, insn, helper, i, arg);
        return;
      case "mem_fixed":
        checkFixed(e, insn, reg, fixedBytes(helper, i), true);
        return;
      case "mem_fixed_ro":
        checkFixed(e, insn, reg, fixedBytes(helper, i), false);
        return;
      case "dynptr":
        checkFixed(e, insn, reg, DYNPTR_BYTES, true);
        return;
      case "ringbuf_record":
        checkFixed(e, insn, reg, 1, true);
        return;
      case "map_field":
      case "sock":
      case "obj":
        checkFixed(e, insn, reg, 1, false);
        return;
      case "sock_or_null":
      case "obj_or_null":
        checkOrNull(e, reg, () => checkFixed(e, insn, reg, 1, false));
        return;
      case "size":
      case "size0":
      case "u32":
      case "u64":
      case "any":
      case "prog":
        return;
    }
  });
}

function checkCtx(e: Emitter, insn: Insn, reg: number): void {
  const kind = e.kind(reg);
  if (kind.t === "ctx" && kind.off === 0) return;
  e.reg(reg);
  e.code.get(e.ctx);
  e.code.op(W.i64_extend_i32_u, W.i64_ne);
  e.code.open(W.if);
  e.reg(reg);
  e.fault(insn, FAULT.ctxArgument, reg);
  e.code.end();
}

/** Nothing is known of functions at compile time: a callback goes through the machine's table, which holds those of all programs. */
function checkFunc(e: Emitter, insn: Insn, reg: number): void {
  e.word(reg);
  e.reg(reg);
  e.code.i64(32);
  e.code.op(W.i64_shr_u, W.i32_wrap_i64);
  e.code.i32(insn.slot);
  e.code.i32(reg);
  e.code.callImport(e.import("funcarg", [I32, I32, I32, I32], []));
}

/** A map that is not known at compile time: its handle is looked up before the call. */
function checkMap(e: Emitter, insn: Insn, reg: number): void {
  const kind = e.kind(reg);
  if (kind.t === "map" || (kind.t === "inner" && !kind.nullable)) return;
  e.word(reg);
  e.reg(reg);
  e.code.i64(32);
  e.code.op(W.i64_shr_u, W.i32_wrap_i64);
  e.code.i32(insn.slot);
  e.code.callImport(e.import("maparg", [I32, I32, I32], []));
}

function checkMapMemory(
  e: Emitter,
  insn: KernelCall,
  helper: Callee,
  reg: number,
  spec: MapSpec | null,
  part: "key" | "value",
  write: boolean,
): void {
  if (spec !== null) {
    const size = part === "key" ? spec.keySize : valueBytes(spec);
    checkFixed(e, insn, reg, size, write);
    return;
  }
  e.reg(reg);
  e.word(helper.args.indexOf("map") + 1);
  e.code.callImport(e.import(part === "key" ? "keysize" : "valuesize", [I32], [I32]));
  emitCheckCall(e, insn, reg, 0, "on stack", write, IN_ANYTHING);
}

/** A check, or null. */
function checkOrNull(e: Emitter, reg: number, check: () => void): void {
  e.reg(reg);
  e.code.i64(0);
  e.code.op(W.i64_ne);
  e.code.open(W.if);
  check();
  e.code.end();
}

function checkFixed(e: Emitter, insn: Insn, reg: number, size: number, write: boolean): void {
  if (size === 0) return;
  const reach = emitReach(e, insn, reg, 0, size, write);
  if (reach !== null) e.code.op(W.drop);
}

/** A memory argument whose size is the next argument of kind "size" or "size0". */
function checkSizedMemory(e: Emitter, insn: KernelCall, helper: Callee, at: number, arg: ArgKind): void {
  const { code } = e;
  const reg = at + 1;
  const sizeAt = helper.args.findIndex((a, i) => i > at && (a === "size" || a === "size0"));
  const sizeReg = sizeAt + 1;
  const write = arg === "mem_out";
  const mayBeEmpty = helper.args[sizeAt] === "size0";
  const known = e.kind(sizeReg);
  const address = e.kind(reg);
  const orNull = arg === "mem_or_null" && !(address.t === "stack" || (address.t === "value" && !address.nullable));
  if (orNull) {
    e.reg(reg);
    code.i64(0);
    code.op(W.i64_ne);
    code.open(W.if);
  }
  if (known.t === "const" && known.value > 0) checkFixed(e, insn, reg, known.value, write);
  else {
    e.reg(sizeReg);
    code.i64(31);
    code.op(W.i64_shr_u);
    code.i64(0);
    code.op(W.i64_ne);
    code.open(W.if);
    e.reg(sizeReg);
    e.fault(insn, FAULT.tooLarge, sizeReg);
    code.end();
    e.word(sizeReg);
    code.open(W.if);
    e.reg(reg);
    e.word(sizeReg);
    emitCheckCall(e, insn, reg, 0, "on stack", write, IN_ANYTHING);
    if (!mayBeEmpty) {
      code.op(W.else);
      e.reg(sizeReg);
      e.fault(insn, FAULT.zeroSize, sizeReg);
    }
    code.end();
  }
  if (orNull) code.end();
}

/** Calls it with the surroundings as its first argument; or its WebAssembly, without them. */
function emitCall(e: Emitter, insn: KernelCall, helper: Callee, leaves: boolean): void {
  const { code } = e;
  if (helper.args.includes("func")) {
    code.i32(e.shared.cells);
    code.get(e.fp);
    code.memory(W.i32_store, CELL_CALL_FP);
  }
  const params: ValueType[] = [];
  if (leaves) {
    code.global(e.shared.module.importGlobal("env", EXTERNREF, true));
    params.push(EXTERNREF);
  }
  helper.args.forEach((arg, i) => {
    params.push(I32);
    if (arg === "prog") {
      code.global(e.shared.module.importGlobal("prog", I32, false));
      return;
    }
    e.word(i + 1);
    if (arg !== "u64") return;
    e.reg(i + 1);
    code.i64(32);
    code.op(W.i64_shr_u, W.i32_wrap_i64);
    params.push(I32);
  });
  code.callImport(
    e.import(
      insn.kind === "call_helper" ? `helper:${insn.id}` : `kfunc:${helper.name}`,
      params,
      helper.ret === "void" ? [] : [I32],
    ),
  );
}

function emitResult(e: Emitter, helper: Callee): void {
  const { code } = e;
  switch (helper.ret) {
    case "void":
      return;
    case "int":
      code.op(W.i64_extend_i32_s);
      break;
    case "u32":
    case "map_value_or_null":
    case "mem_or_null":
    case "sock_or_null":
    case "obj_or_null":
      code.op(W.i64_extend_i32_u);
      break;
    case "u64":
      code.op(W.i64_extend_i32_u);
      e.cell(CELL_RETURN_HIGH, W.i64_load32_u);
      code.i64(32);
      code.op(W.i64_shl, W.i64_or);
      break;
  }
  e.setReg(0);
}

/** r0 = function(r1..r5) one frame further down. */
export function emitSubprogramCall(e: Emitter, insn: Extract<Insn, { kind: "call_sub" }>): void {
  e.flush();
  for (let r = 1; r <= 5; r++) e.reg(r);
  e.code.get(e.fp);
  e.code.i32(FRAME_BYTES);
  e.code.op(W.i32_sub);
  if (e.shared.replaced.includes(insn.target)) {
    e.code.global(e.shared.module.importGlobal(`ext:${insn.target}`, I32, false));
    e.code.op(W.call_indirect);
    e.code.uleb(e.shared.module.type(SUBPROGRAM_TYPE));
    e.code.uleb(0);
  } else e.code.callLocal(e.program.functionOfSlot.get(insn.target)!);
  e.setReg(0);
  e.reload();
}
