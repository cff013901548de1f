/** Helper calls of the interpreter: argument checks, marshalling to numbers, results. */
import type { BpfEnv } from "../env.ts";
import { type CallDef, DYNPTR_BYTES, fixedBytes } from "../helper.ts";
import type { Insn } from "../isa/insn.ts";
import { CELL_CALL_FP, CELL_CTX, CELL_RETURN_HIGH } from "../jit/cells.ts";
import { FAULT } from "../jit/emitter.ts";
import { calleeOf, type KernelCall } from "../jit/link.ts";
import { mapAllowsCall, mapForbidsProgram, readsMapValue, valueBytes } from "../jit/map-helpers.ts";
import type { BpfMap } from "../map.ts";
import { checkAccess } from "./access.ts";
import { u64 } from "./alu.ts";
import { cell, currentCpu, type Frame, fail, setCell } from "./frame.ts";

const SMP_PROCESSOR_ID = 8;

/** Executes a call of a kfunc or of any helper but bpf_tail_call. */
export function callKernel(frame: Frame, insn: KernelCall): void {
  const { machine, regs } = frame;
  const callee = calleeOf(frame.program.linked, insn);
  if (callee === undefined) fail(frame, insn, FAULT.poison, BigInt(insn.id));
  const helper = callee as CallDef<BpfEnv>;
  checkArguments(frame, insn, helper);
  if (insn.kind === "call_helper" && insn.id === SMP_PROCESSOR_ID) {
    regs[0] = BigInt(currentCpu(frame));
    return;
  }
  if (helper.args.includes("func")) setCell(machine, CELL_CALL_FP, frame.fp);
  const args: number[] = [];
  helper.args.forEach((kind, i) => {
    if (kind === "prog") {
      args.push(frame.program.tableIndex);
      return;
    }
    const value = regs[i + 1]!;
    args.push(Number(BigInt.asIntN(32, value)));
    if (kind === "u64") args.push(Number(BigInt.asIntN(32, value >> 32n)));
  });
  const result = BigInt(helper.call(machine.env, ...args) ?? 0);
  switch (helper.ret) {
    case "void":
      return;
    case "int":
      regs[0] = u64(BigInt.asIntN(32, result));
      return;
    case "u64":
      regs[0] = (BigInt(cell(machine, CELL_RETURN_HIGH)) << 32n) | BigInt.asUintN(32, result);
      return;
    case "u32":
    case "map_value_or_null":
    case "mem_or_null":
    case "sock_or_null":
    case "obj_or_null":
      regs[0] = BigInt.asUintN(32, result);
      return;
  }
}

function checkArguments(frame: Frame, insn: KernelCall, helper: CallDef<BpfEnv>): void {
  const { machine, regs } = frame;
  let map: BpfMap | undefined;
  helper.args.forEach((kind, i) => {
    const value = regs[i + 1]!;
    switch (kind) {
      case "ctx":
        if (value !== BigInt(cell(machine, CELL_CTX))) fail(frame, insn, FAULT.ctxArgument, value, i + 1);
        return;
      case "map":
        map = value < 1n << 31n ? machine.mapOfHandle(Number(value)) : undefined;
        if (
          map === undefined ||
          !mapAllowsCall(map.spec.kind, helper, insn) ||
          mapForbidsProgram(map.spec.kind, frame.program.linked.def.kind, insn)
        )
          fail(frame, insn, FAULT.mapArgument, value);
        return;
      case "func":
        if (value < 1n << 31n && frame.program.hasCallback(Number(value))) return;
        fail(frame, insn, FAULT.funcArgument, value, i + 1);
        return;
      case "map_key":
        if (map!.spec.keySize > 0) checkAccess(frame, insn, value, map!.spec.keySize, false);
        return;
      case "map_value":
        checkAccess(frame, insn, value, valueBytes(map!.spec), !readsMapValue(insn));
        return;
      case "map_value_or_null":
        if (value !== 0n) checkAccess(frame, insn, value, map!.spec.valueSize, false);
        return;
      case "mem":
      case "mem_or_null":
      case "mem_out":
        checkSized(frame, insn, helper, i);
        return;
      case "mem_fixed":
        checkAccess(frame, insn, value, fixedBytes(helper, i), true);
        return;
      case "mem_fixed_ro":
        checkAccess(frame, insn, value, fixedBytes(helper, i), false);
        return;
      case "dynptr":
        checkAccess(frame, insn, value, DYNPTR_BYTES, true);
        return;
      case "ringbuf_record":
        checkAccess(frame, insn, value, 1, true);
        return;
      case "map_field":
      case "sock":
      case "obj":
        checkAccess(frame, insn, value, 1, false);
        return;
      case "sock_or_null":
      case "obj_or_null":
        if (value !== 0n) checkAccess(frame, insn, value, 1, false);
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

function checkSized(frame: Frame, insn: Insn, helper: CallDef<BpfEnv>, at: number): void {
  const { regs } = frame;
  const sizeAt = helper.args.findIndex((a, i) => i > at && (a === "size" || a === "size0"));
  const size = regs[sizeAt + 1]!;
  if (helper.args[at] === "mem_or_null" && regs[at + 1] === 0n) return;
  if (size >= 1n << 31n) fail(frame, insn, FAULT.tooLarge, size, sizeAt + 1);
  if (size > 0n) checkAccess(frame, insn, regs[at + 1]!, Number(size), helper.args[at] === "mem_out");
  else if (helper.args[sizeAt] === "size") fail(frame, insn, FAULT.zeroSize, size, sizeAt + 1);
}
