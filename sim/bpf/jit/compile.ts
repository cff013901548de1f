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
import { closeCatch, openCatch } from "./emit-throw.ts";
import { Emitter, ENTRY_TYPE, FAULT, FAULT_PARAMS, type ProgramContext, SUBPROGRAM_TYPE } from "./emitter.ts";
import { emitExits, emitTurnCheck, hasExits } from "./fault-exit.ts";
import { type FunctionFlow, flowFunction, transfer } from "./flow.ts";
import { FlowState } from "./flow-state.ts";
import { ANY, joinKinds, type Kind } from "./kinds.ts";
import type { LinkedProgram } from "./link.ts";
import { BlockPrices, showsCounters } from "./price.ts";
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
  const { cfgs, flows, prices } = analyse(program);
  const shared: ProgramContext = {
    program,
    module,
    cells,
    checks: options.checks,
    accessFn,
    scratch: { code: new WasmCode(), state: FlowState.entry([]) },
    replaced: options.replaced,
  };
  let blocksBefore = 0;
  program.functions.forEach((fn, i) => {
    compileFunction(shared, i, cfgs[i]!, flows[i]!, prices[i]!, options.profile ? blocksBefore : -1);
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
  readonly flows: readonly FunctionFlow[];
  readonly prices: readonly Float64Array[];
}

/** Dataflow of all functions, callers before callees, so that arguments are known. */
function analyse(program: LinkedProgram): Analysis {
  const { insns, indexOfSlot } = program.decoded;
  const cfgs = program.functions.map((fn) => buildCfg(insns, indexOfSlot, fn.first, fn.last, mayThrow(program)));
  const flows: FunctionFlow[] = [];
  const prices: Float64Array[] = [];
  const args: (readonly Kind[] | undefined)[] = program.functions.map((fn) => (fn.isCallback ? NO_ARGS : undefined));
  if (program.place === null || program.place.takesContext) args[0] = [{ t: "ctx", off: 0 }, ANY, ANY, ANY, ANY];
  for (const fn of program.callOrder) {
    const cfg = cfgs[fn]!;
    const costs = new BlockPrices(program, cfg.blocks);
    flows[fn] = flowFunction(program, cfg, FlowState.entry(args[fn] ?? NO_ARGS), {
      begin: (block) => costs.begin(block),
      call(block, insn, state) {
        if (insn.kind !== "call_sub") {
          costs.call(block, insn, state);
          return;
        }
        const callee = program.functionOfSlot.get(insn.target)!;
        const passed = state.regs.slice(1, 6).map(passedKind);
        const before = args[callee];
        args[callee] = before === undefined ? passed : before.map((k, i) => joinKinds(k, passed[i]!));
      },
    });
    prices[fn] = costs.words();
  }
  return { cfgs, flows, prices };
}

/** Calls from which bpf_throw may take a program away. */
function mayThrow(program: LinkedProgram): ((insn: Insn) => boolean) | null {
  if (!program.throws) return null;
  return (insn) =>
    insn.kind === "call_sub" || (insn.kind === "call_kfunc" && program.kfuncs.get(insn.slot)?.throws === true);
}

const NO_ARGS: readonly Kind[] = [ANY, ANY, ANY, ANY, ANY];

/** What the callee knows of an argument: it has another frame, and other lookups. */
function passedKind(kind: Kind): Kind {
  if (kind.t === "stack") return ANY;
  return kind.t === "value" || kind.t === "inner" ? { ...kind, id: -1 } : kind;
}

/** @param firstCounter number of the function's first block counter, -1 when it has none */
function compileFunction(
  shared: ProgramContext,
  number: number,
  cfg: Cfg,
  flow: FunctionFlow,
  prices: Float64Array,
  firstCounter: number,
): void {
  const fn = shared.program.functions[number]!;
  const loops = cfg.hasLoops;
  const e = new Emitter(shared, fn, number === 0 && shared.program.place === null, loops, flow.indexed);
  const { insns } = shared.program.decoded;
  const accounting = planAccounting(cfg, prices, (b) => showsCounters(insns, cfg.blocks[b]!));
  emitStructure(
    cfg,
    e.code,
    {
      body(b) {
        const block = cfg.blocks[b]!;
        e.state.assign(flow.states[b]!);
        e.count(accounting.add[b]!);
        e.owed = accounting.owed[b]!;
        if (firstCounter >= 0) {
          emitBlockHit(e.code, shared.module.importGlobal(PROFILE_GLOBAL, I32, false), firstCounter + b);
        }
        for (let i = block.first; i <= block.last; i++) emitInsn(e, insns[i]!);
      },
      condition(b) {
        const insn = insns[cfg.blocks[b]!.last]!;
        if (insn.kind === "jump") emitCondition(e, insn);
        else if (insn.kind === "may_goto") emitMayGoto(e);
      },
      turn(b) {
        emitTurnCheck(e, insns[cfg.blocks[b]!.first]!);
      },
    },
    () => e.local("state", I32),
  );
  const exits = hasExits(e);
  if (exits) emitExits(e);
  const catches = number === 0 && shared.program.throws;
  const code = prologue(e);
  if (catches) openCatch(code);
  if (exits) code.open(W.block, I32);
  code.append(e.code);
  if (catches) closeCatch(e, code);
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

function emitInsn(e: Emitter, insn: Insn): void {
  switch (insn.kind) {
    case "alu":
      emitAlu(e, insn);
      break;
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
