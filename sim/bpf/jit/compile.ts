/**
 * A linked program to one WebAssembly module.
 *
 * The module's functions are the program's, in their order, then the check function. What differs between two hosts that run
 * the same program over maps of the same shape are imported values only, so that they share one compiled module.
 */
import { assertNever, BugError } from "../../engine/errors.ts";
import { Wasm, type WasmModule } from "../../engine/wasm.ts";
import type { Insn } from "../isa/insn.ts";
import { defineAccessCheck } from "./access-check.ts";
import { planAccounting } from "./accounting.ts";
import { CELL_CTX, CELL_INSNS, CELL_START, FRAME_BYTES, LEVEL_BYTES, MAX_MAY_GOTO } from "./cells.ts";
import { buildCfg, type Cfg } from "./cfg.ts";
import { ctxExtent } from "./ctx-extent.ts";
import { emitAlu, emitCondition, emitMovsx, emitNeg, emitSwap } from "./emit-alu.ts";
import { emitKernelCall, emitSubprogramCall } from "./emit-call.ts";
import { emitAtomic, emitLoad, emitPacketLoad, emitStore } from "./emit-memory.ts";
import { Emitter, ENTRY_TYPE, FAULT, FAULT_PARAMS, type ProgramContext, SUBPROGRAM_TYPE } from "./emitter.ts";
import { entryState, type FlowState, flowKinds, isPacketStart, transfer } from "./flow.ts";
import { ANY, joinKinds, type Kind } from "./kinds.ts";
import type { LinkedFunction, LinkedProgram } from "./link.ts";
import { PacketPlaces } from "./packet-place.ts";
import { priceOf, showsCounters } from "./price.ts";
import { type BlockRange, emitBlockHit, PROFILE_GLOBAL, profileBlocks } from "./profile.ts";
import { emitStructure } from "./structure.ts";
import { WasmCode } from "./wasm-code.ts";
import { WasmModuleBuilder } from "./wasm-module.ts";
import { I32, I64, W } from "./wasm-op.ts";

/** A compiled program; needs the values of its imports to become an instance. */
export interface CompiledProgram {
  readonly module: WasmModule;
  /** Size of the module, bytes. */
  readonly bytes: number;
  readonly functionImports: readonly string[];
  readonly globalImports: readonly string[];
  /** See Program.ctxBytes. */
  readonly ctxBytes: number;
  /** Blocks that have counters, in the counters' order; null without `profile`. */
  readonly profiled: readonly BlockRange[] | null;
}

/** What is compiled in besides the program. */
export interface CompileOptions {
  /** Access checks. */
  readonly checks: boolean;
  /** A counter for each basic block. */
  readonly profile: boolean;
  /** Slots of functions that ext programs stand in for. */
  readonly replaced: readonly number[];
}

/** Name of the export that is the program's entry; callbacks are exported as `cb:` and their slot. */
export const ENTRY_EXPORT = "run";
/** An ext program's function as its target calls it, with all arguments. */
export const EXTENSION_EXPORT = "extension";

/**
 * Compiles.
 * @param cells address of the machine's cells, a constant in the code
 * @throws ObjectError when a helper is called with a map that it does not take
 */
export function compileProgram(program: LinkedProgram, cells: number, options: CompileOptions): CompiledProgram {
  const module = new WasmModuleBuilder();
  const accessFn = program.functions.length;
  const { cfgs, flows } = analyse(program);
  const shared: ProgramContext = {
    program,
    module,
    cells,
    checks: options.checks,
    accessFn,
    replaced: options.replaced,
  };
  let blocksBefore = 0;
  program.functions.forEach((fn, i) => {
    compileFunction(shared, fn, i, cfgs[i]!, flows[i]!, options.profile ? blocksBefore : -1);
    blocksBefore += cfgs[i]!.blocks.length;
    if (fn.isCallback) module.export(`cb:${fn.slot}`, i);
  });
  defineAccessCheck(module, accessFn, program.def, cells);
  if (program.place === null) module.export(ENTRY_EXPORT, 0);
  else {
    module.export(EXTENSION_EXPORT, 0);
    module.export(ENTRY_EXPORT, accessFn + 1);
    defineExtensionEntry(module, accessFn + 1);
  }
  const bytes = module.finish();
  return {
    module: compileModule(program.spec.name, bytes),
    bytes: bytes.length,
    functionImports: module.functionImportNames(),
    globalImports: module.globalImportNames(),
    ctxBytes: program.def.kind === "syscall" ? ctxExtent(program, cfgs, flows) : 0,
    profiled: options.profile ? profileBlocks(program.decoded, cfgs) : null,
  };
}

/** (ctx, fp) -> r0: calls the extension a frame further down, as a target would, for where it stands in for a whole program. */
function defineExtensionEntry(module: WasmModuleBuilder, fn: number): void {
  const code = new WasmCode();
  const [CTX, FP] = [0, 1] as const;
  code.get(CTX);
  code.op(W.i64_extend_i32_u);
  for (let r = 2; r <= 5; r++) code.i64(0);
  code.get(FP);
  code.i32(FRAME_BYTES);
  code.op(W.i32_sub);
  code.callLocal(0);
  module.setFunction(fn, ENTRY_TYPE, [], code);
}

function compileModule(name: string, bytes: Uint8Array): WasmModule {
  try {
    return new Wasm.Module(bytes);
  } catch (e) {
    throw new BugError("JIT_INVALID", `program "${name}" compiled to an invalid WebAssembly module: ${String(e)}`);
  }
}

interface Analysis {
  readonly cfgs: readonly Cfg[];
  readonly flows: readonly FlowState[][];
}

/** Dataflow of all functions, callers before callees, so that arguments are known. */
function analyse(program: LinkedProgram): Analysis {
  const { insns, indexOfSlot } = program.decoded;
  const cfgs = program.functions.map((fn) => buildCfg(insns, indexOfSlot, fn.first, fn.last));
  const flows: FlowState[][] = program.functions.map(() => []);
  const args: (readonly Kind[] | undefined)[] = program.functions.map((fn) => (fn.isCallback ? NO_ARGS : undefined));
  if (program.place === null || program.place.takesContext) args[0] = [{ t: "ctx", off: 0 }, ANY, ANY, ANY, ANY];
  for (const fn of program.callOrder) {
    flows[fn] = flowKinds(program, cfgs[fn]!, entryState(args[fn] ?? NO_ARGS), (target, kinds) => {
      const callee = program.functionOfSlot.get(target)!;
      const passed = kinds.map((k) => (k.t === "stack" ? ANY : k));
      const before = args[callee];
      args[callee] = before === undefined ? passed : before.map((k, i) => joinKinds(k, passed[i]!));
    });
  }
  return { cfgs, flows };
}

const NO_ARGS: readonly Kind[] = [ANY, ANY, ANY, ANY, ANY];

/** @param firstCounter number of the function's first block counter, -1 when it has none */
function compileFunction(
  shared: ProgramContext,
  fn: LinkedFunction,
  number: number,
  cfg: Cfg,
  flow: FlowState[],
  firstCounter: number,
): void {
  const loops = cfg.isLoop.includes(true);
  const e = new Emitter(shared, fn, number === 0 && shared.program.place === null, loops);
  const { insns } = shared.program.decoded;
  const prices = Float64Array.from(cfg.blocks, (block, b) => priceOf(e.program, block, flow[b]!));
  const stores = cfg.blocks.map((block) => insns.slice(block.first, block.last + 1).some(showsCounters));
  const accounting = planAccounting(cfg, prices, stores);
  /** What is known about the packet on the two ways out of each block. */
  const placesOut: (readonly PacketPlaces[])[] = [];
  if (loops) {
    e.code.op(W.block);
    e.code.byte(I32);
  }
  emitStructure(
    cfg,
    e.code,
    {
      body(b) {
        const block = cfg.blocks[b]!;
        e.state = [...flow[b]!];
        const [only] = block.predecessors;
        const chained = block.predecessors.length === 1 && only! < b;
        e.places = chained ? placesOut[only!]![cfg.blocks[only!]!.successors.indexOf(b)]!.copy() : new PacketPlaces();
        e.count(accounting.add[b]!);
        e.owed = accounting.owed[b]!;
        if (firstCounter >= 0) {
          emitBlockHit(e.code, shared.module.importGlobal(PROFILE_GLOBAL, I32, false), firstCounter + b);
        }
        for (let i = block.first; i <= block.last; i++) emitInsn(e, insns[i]!);
        placesOut[b] = block.successors.map((_, way, all) =>
          all.length === 2 ? e.places.afterJump(insns[block.last]!, e.state, way === 0) : e.places,
        );
      },
      condition(b) {
        const insn = insns[cfg.blocks[b]!.last]!;
        if (insn.kind === "jump") emitCondition(e, insn);
        else if (insn.kind === "may_goto") emitMayGoto(e);
      },
      turn(b, depth) {
        stopWhenTooLong(e, insns[cfg.blocks[b]!.first]!, depth);
      },
    },
    () => e.local("state", I32),
  );
  if (loops) emitTooLong(e);
  const code = prologue(e);
  code.append(e.code);
  shared.module.setFunction(number, e.isEntry ? ENTRY_TYPE : SUBPROGRAM_TYPE, e.extraLocals, code);
}

/** What the function's locals begin with; written last, when it is known which ones are used. */
function prologue(e: Emitter): WasmCode {
  const code = new WasmCode();
  const cells = e.shared.cells;
  if (!e.isEntry) {
    code.get(e.fp);
    code.i32(LEVEL_BYTES - 1);
    code.op(W.i32_and, W.i32_eqz);
    code.open(W.if);
    for (const word of [0, 0, 0, e.fn.slot, FAULT.stackOverflow]) code.i32(word);
    code.callImport(e.import("fault", FAULT_PARAMS, []));
    code.op(W.unreachable);
    code.end();
  }
  if (!e.isEntry && e.uses("ctx")) {
    code.i32(cells);
    code.memory(W.i32_load, CELL_CTX);
    code.set(e.ctx);
  }
  if (e.isEntry && e.uses("r1")) {
    code.get(e.ctx);
    code.op(W.i64_extend_i32_u);
    code.set(e.local("r1", I64));
  }
  if (e.uses("frame")) {
    code.get(e.fp);
    code.i32(FRAME_BYTES);
    code.op(W.i32_sub);
    code.set(e.frame);
  }
  if (e.uses("budget")) {
    code.i32(MAX_MAY_GOTO);
    code.set(e.local("budget", I32));
  }
  code.i32(cells);
  code.memory(W.i64_load, CELL_INSNS);
  if (e.loops) {
    code.i32(cells);
    code.memory(W.i64_load32_u, CELL_START);
    code.tee(e.start);
    code.op(W.i64_sub);
  }
  code.set(e.acct);
  return code;
}

/** Pushes whether the function's loop budget is used up, and takes one from it when it is not. */
function emitMayGoto(e: Emitter): void {
  const { code } = e;
  const budget = e.local("budget", I32);
  code.get(budget);
  code.op(W.i32_eqz);
  code.get(budget);
  code.get(budget);
  code.op(W.i32_eqz, W.i32_eqz, W.i32_sub);
  code.set(budget);
}

/** Leaves the loop for what emitTooLong emits, as a call within would keep V8 from unrolling it. */
function stopWhenTooLong(e: Emitter, insn: Insn, depth: number): void {
  const { code } = e;
  code.i32(insn.slot);
  code.get(e.acct);
  code.op(W.i32_wrap_i64);
  code.i32(e.program.maxInsns);
  code.op(W.i32_gt_u);
  code.brIf(depth);
  code.op(W.drop);
}

/** Ends the block around a function with loops; the slot of the loop that ran too long is on the stack. */
function emitTooLong(e: Emitter): void {
  const { code } = e;
  const slot = e.local("t32", I32);
  code.end();
  code.set(slot);
  code.i32(e.program.maxInsns);
  code.i32(0);
  code.i32(0);
  code.get(slot);
  code.i32(FAULT.tooLong);
  code.callImport(e.import("fault", FAULT_PARAMS, []));
  code.op(W.unreachable);
}

function emitInsn(e: Emitter, insn: Insn): void {
  switch (insn.kind) {
    case "alu": {
      const place = e.places.after(insn, (reg) => e.kind(reg).t === "packet");
      emitAlu(e, insn);
      e.places.set(insn.dst, place);
      break;
    }
    case "neg":
      emitNeg(e, insn);
      break;
    case "movsx":
      emitMovsx(e, insn);
      break;
    case "swap":
      emitSwap(e, insn);
      break;
    case "ldx":
      emitLoad(e, insn);
      if (isPacketStart(e.program, e.state, insn)) e.places.begin(insn.dst);
      break;
    case "st":
    case "stx":
      emitStore(e, insn);
      break;
    case "atomic":
      emitAtomic(e, insn);
      break;
    case "ld_imm64":
      emitImm64(e, insn);
      break;
    case "ld_packet":
      emitPacketLoad(e, insn);
      break;
    case "call_helper":
    case "call_kfunc":
      emitKernelCall(e, insn);
      break;
    case "call_sub":
      emitSubprogramCall(e, insn);
      break;
    case "exit":
      e.flush();
      e.reg(0);
      e.code.op(W.return);
      break;
    case "ja":
    case "jump":
    case "may_goto":
      break;
    default:
      assertNever(insn);
  }
  transfer(e.program, e.state, insn);
}

function emitImm64(e: Emitter, insn: Extract<Insn, { kind: "ld_imm64" }>): void {
  const { code, program } = e;
  const load = program.mapLoads.get(insn.slot);
  if (load !== undefined) {
    const name = load.offset < 0 ? `handle:${load.map}` : `base:${load.map}`;
    code.global(e.shared.module.importGlobal(name, I32, false));
    if (load.offset > 0) {
      code.i32(load.offset);
      code.op(W.i32_add);
    }
    code.op(W.i64_extend_i32_u);
  } else if (insn.what === "ksym") {
    code.i64(program.ksyms.get(insn.slot)!);
  } else if (insn.what === "func") {
    code.global(e.shared.module.importGlobal(`func:${insn.target}`, I32, false));
    code.op(W.i64_extend_i32_u);
  } else code.i64((BigInt(insn.hi) << 32n) | BigInt(insn.lo >>> 0));
  e.setReg(insn.dst);
}
