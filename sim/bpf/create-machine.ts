/**
 * The eBPF machine: an arena's memory, one function table, a dispatcher, and what was loaded into them.
 */
import type { Arena } from "../engine/arena.ts";
import { BugError, ObjectError, VerifierError } from "../engine/errors.ts";
import { indexBy } from "../engine/registry.ts";
import { Wasm, type WasmMemory, type WasmRefGlobal, type WasmTable } from "../engine/wasm.ts";
import type { KernelTypes } from "./core/kernel-types.ts";
import { relocateCore } from "./core/relocate.ts";
import type { BpfEnv } from "./env.ts";
import { placeExtension } from "./extension.ts";
import { ObjectGraph } from "./graph.ts";
import type { HelperDef, KfuncDef } from "./helper.ts";
import {
  CELL_CALL_FP,
  CELL_COST16,
  CELL_CPU,
  CELL_CTX,
  CELL_INSNS,
  CELL_R0,
  CELL_RETURN_HIGH,
  CELL_STACK_TOP,
  CELL_START,
  CELL_TAIL_CALLS,
  CELLS_BYTES,
  LEVEL_BYTES,
  type MachineMemory,
  STACK_LEVELS,
} from "./jit/cells.ts";
import { type CompiledProgram, type CompileOptions, compileProgram } from "./jit/compile.ts";
import { createDispatcher, type Dispatcher } from "./jit/dispatcher.ts";
import { type Fault, faultError } from "./jit/fault.ts";
import { type KernelCalls, type LinkedProgram, linkProgram } from "./jit/link.ts";
import { install, instantiate, type LiveProgram, type ProgramHost } from "./jit/live-program.ts";
import { beginRun, endRun } from "./jit/run-cells.ts";
import type { LoadProgramOptions, Machine, MapHooks } from "./machine.ts";
import type { BpfMap, MapTypeDef } from "./map.ts";
import { BaseMap } from "./maps/base-map.ts";
import { checkFields } from "./maps/field-rules.ts";
import { ProgArrayMap } from "./maps/prog-array.ts";
import { KernelObjects } from "./objects.ts";
import type { Program } from "./program.ts";
import type { MapSpec, ProgramSpec } from "./spec.ts";
import { BpfTimers } from "./timers.ts";

/** More than any context has. */
const NO_CONTEXT_BYTES = 256;

/** What a machine is made of. */
export interface MachineParts<E extends BpfEnv> {
  readonly arena: Arena;
  readonly helpers: readonly HelperDef<E>[];
  /** Absent: none. */
  readonly kfuncs?: readonly KfuncDef<E>[];
  /** Address of a kernel symbol, undefined when there is none of that name. Absent: there are none. */
  readonly ksym?: (name: string, typed: boolean) => number | undefined;
  readonly mapTypes: readonly MapTypeDef[];
  /** The types of the kernel that programs are relocated against. Absent: programs with CO-RE relocations are refused. */
  readonly kernelTypes?: KernelTypes;
  /** May be bound later, as it refers to the machine. */
  readonly env?: E;
}

/** A machine whose surroundings can be bound, and looked into by tests. */
export interface BpfMachine<E extends BpfEnv = BpfEnv> extends Machine {
  /** Must be called once before a program is run. */
  bindEnv(env: E): void;
  readonly env: E;
  /** Where cells and stack lie. */
  readonly memory: MachineMemory;
  /** r0 as the last run left it, unsigned. */
  readonly r0: bigint;
  /** A program of this machine with what it was compiled from. */
  liveOf(program: Program): LiveProgram;
  /** Size of a program's WebAssembly module, bytes. */
  jitedBytes(program: Program): number;
}

/**
 * Makes a machine.
 * @throws BugError when two helpers have one number, or two map types one kind
 */
export function createMachine<E extends BpfEnv>(parts: MachineParts<E>): BpfMachine<E> {
  return new WasmMachine(parts);
}

class WasmMachine<E extends BpfEnv> implements BpfMachine<E>, ProgramHost {
  readonly arena: Arena;
  readonly memory: MachineMemory;
  readonly wasmMemory: WasmMemory;
  readonly table: WasmTable;
  readonly envGlobal: WasmRefGlobal;
  readonly run: (tableIndex: number, ctx: number) => number;
  private readonly dispatcher: Dispatcher;
  private readonly kernel: KernelCalls;
  private readonly kernelTypes: KernelTypes | undefined;
  private readonly mapTypes: ReadonlyMap<string, MapTypeDef>;
  private readonly maps: BpfMap[] = [];
  private readonly programs: Map<number, LiveProgram> = new Map();
  private readonly compiled: WeakMap<ProgramSpec, Map<string, CompiledProgram>> = new WeakMap();
  private readonly compiledWith: WeakMap<LiveProgram, CompileOptions> = new WeakMap();
  /** Where ext programs stand. */
  private readonly extended: Map<LiveProgram, { readonly into: LiveProgram; readonly slot: number }> = new Map();
  private readonly sizes: WeakMap<Program, number> = new WeakMap();
  private nextIndex: number = 0;
  /** Index of the first cell among the arena's words. */
  private readonly cells: number;
  private boundEnv: E | null;
  readonly objects: KernelObjects;
  readonly graph: ObjectGraph;
  readonly timers: BpfTimers = new BpfTimers(() => this.env);
  /** What callbacks that have no context see in its place: all zero, and nothing of it readable. */
  private readonly noContext: number;

  constructor(parts: MachineParts<E>) {
    this.arena = parts.arena;
    this.objects = new KernelObjects(parts.arena);
    this.graph = new ObjectGraph(parts.arena, this.objects);
    this.objects.onDrop = (field, at): void => this.graph.dropField(field, at);
    this.kernel = {
      helpers: indexBy(parts.helpers as readonly HelperDef<never>[], (h) => h.id, "helpers"),
      kfuncs: indexBy((parts.kfuncs ?? []) as readonly KfuncDef<never>[], (k) => k.name, "kfuncs"),
      ksym: parts.ksym ?? (() => undefined),
    };
    this.mapTypes = indexBy(parts.mapTypes, (d) => d.kind as string, "map types");
    this.kernelTypes = parts.kernelTypes;
    const cells = this.arena.alloc(CELLS_BYTES, CELLS_BYTES);
    // one level more than is used: nothing else may lie right above the first frame
    const stackBottom = this.arena.alloc(LEVEL_BYTES * (STACK_LEVELS + 1), LEVEL_BYTES);
    this.noContext = this.arena.alloc(NO_CONTEXT_BYTES, CELLS_BYTES);
    if (cells === 0 || stackBottom === 0 || this.noContext === 0)
      throw new BugError("ARENA_FULL", "no memory for the machine's stack");
    this.memory = { cells, stackBottom, stackTop: stackBottom + LEVEL_BYTES * STACK_LEVELS };
    this.cells = cells >>> 2;
    this.wasmMemory = this.arena.memory;
    this.table = new Wasm.Table({ element: "anyfunc", initial: 64 });
    this.boundEnv = parts.env ?? null;
    this.envGlobal = new Wasm.Global({ value: "externref", mutable: true }, this.boundEnv);
    this.dispatcher = createDispatcher(this.arena.memory, this.table, this.memory, () => {
      const message = `more than ${STACK_LEVELS} programs run within each other`;
      throw new VerifierError({ code: "PROGRAM_FAULT", message });
    });
    this.run = this.dispatcher.run;
    this.reset();
  }

  get env(): E {
    if (this.boundEnv === null) throw new BugError("ENV_UNBOUND", "a program needs surroundings and none are bound");
    return this.boundEnv;
  }

  bindEnv(env: E): void {
    this.boundEnv = env;
    this.envGlobal.value = env;
  }

  get insnCount(): number {
    return this.word(CELL_INSNS);
  }

  get cost16(): number {
    return this.word(CELL_COST16);
  }

  get r0(): bigint {
    return this.arena.u64[(this.memory.cells + CELL_R0) >>> 3]!;
  }

  setReturnHigh(hi: number): void {
    this.setWord(CELL_RETURN_HIGH, hi);
  }

  setCpu(cpu: number): void {
    this.setWord(CELL_CPU, cpu);
  }

  ctx(): number {
    return this.word(CELL_CTX);
  }

  createMap(spec: MapSpec, numCpus: number, id: number, hooks: MapHooks = {}): BpfMap {
    const def = this.mapTypes.get(spec.kind);
    if (def === undefined) {
      const known = [...this.mapTypes.keys()].sort().join(", ");
      throw mapError(
        spec,
        "MAP_KIND_UNKNOWN",
        `map type ${spec.kind} is not supported by netsim yet`,
        `known: ${known}`,
      );
    }
    const refusal = def.check(spec) ?? checkFields(spec);
    if (refusal !== null) throw mapError(spec, "MAP_REFUSED", `${refusal.reason} (errno ${refusal.errno})`);
    const handle = this.arena.alloc(8, 8);
    if (handle === 0) throw mapError(spec, "MAP_REFUSED", "no memory is left (errno 12)");
    const mapOfHandle = (h: number): BpfMap | undefined => this.mapOfHandle(h);
    const dropFields = (of: BpfMap, value: number): void => this.dropFields(of, value);
    const map = def.create(spec, { arena: this.arena, numCpus, id, handle, mapOfHandle, dropFields, ...hooks });
    this.arena.u32[handle >>> 2] = this.maps.length;
    this.maps.push(map);
    return map;
  }

  loadProgram(spec: ProgramSpec, options: LoadProgramOptions): Program {
    const linked = linkProgram(relocateCore(spec, this.kernelTypes), options, this.kernel);
    const compile = { checks: options.checks ?? true, profile: options.profile ?? false, replaced: [] };
    const compiled = this.compile(linked, compile);
    const program = instantiate(compiled, linked, options.id, this);
    this.compiledWith.set(program, compile);
    for (const map of linked.maps) {
      if (!(map instanceof ProgArrayMap) || map.accept(program)) continue;
      const message = `program "${spec.name}": map "${map.spec.name}" holds programs of another type (errno 22)`;
      throw new ObjectError({ code: "PROG_ARRAY_TYPE", message });
    }
    this.programs.set(program.tableIndex, program);
    this.sizes.set(program, compiled.bytes);
    return program;
  }

  attachExt(target: Program, functionName: string, ext: Program): void {
    const extension = this.liveOf(ext);
    const into = this.liveOf(target);
    if (ext.kind !== "ext") {
      const message = `program "${ext.spec.name}" is of type ${ext.kind}, and only ext programs replace functions`;
      throw new ObjectError({ code: "EXT_TARGET", message });
    }
    const { slot } = placeExtension(ext.spec, target, functionName);
    if (into.linked.def.kind !== extension.linked.def.kind) {
      const message = `program "${ext.spec.name}" was loaded for a ${extension.linked.def.kind} program (errno 22)`;
      throw new ObjectError({ code: "EXT_TARGET", message });
    }
    if (ext.device !== target.device) {
      const message = `program "${ext.spec.name}": Target program bound device mismatch (errno 22)`;
      throw new ObjectError({ code: "EXT_TARGET", message });
    }
    if (into.replaced.has(slot) || this.extended.has(extension)) {
      const what = into.replaced.has(slot) ? `function "${functionName}" is replaced` : "it is attached";
      throw new ObjectError({ code: "EXT_BUSY", message: `program "${ext.spec.name}": ${what} already (errno 16)` });
    }
    into.replaced.set(slot, extension);
    this.extended.set(extension, { into, slot });
    this.reinstall(into);
  }

  detachExt(ext: Program): void {
    const extension = this.liveOf(ext);
    const place = this.extended.get(extension);
    if (place === undefined) return;
    this.extended.delete(extension);
    place.into.replaced.delete(place.slot);
    this.reinstall(place.into);
  }

  /** Compiles a program anew with the calls that now go elsewhere; it keeps its place in the table. */
  private reinstall(program: LiveProgram): void {
    const replaced = [...program.replaced.keys()].sort((a, b) => a - b);
    const options = { ...this.compiledWith.get(program)!, replaced };
    install(program, this.compile(program.linked, options), this);
  }

  callback(funcIndex: number, a1: number, a2: number, a3: number, a4: number): number {
    return this.dispatcher.callback(funcIndex, a1, a2, a3, a4);
  }

  asyncCallback(funcIndex: number, a1: number, a2: number, a3: number): void {
    const { arena } = this;
    const begun = beginRun(arena, this.memory.cells, this.noContext);
    this.setWord(CELL_CALL_FP, begun.fp);
    this.dispatcher.callback(funcIndex, a1, a2, a3, 0);
    endRun(arena, this.memory.cells, begun);
  }

  mapOfHandle(handle: number): BpfMap | undefined {
    const map = this.maps[this.arena.u32[handle >>> 2] ?? -1];
    return map !== undefined && map.handle === handle ? map : undefined;
  }

  programOfIndex(tableIndex: number): Program | undefined {
    return this.programs.get(tableIndex);
  }

  liveOf(program: Program): LiveProgram {
    const live = this.programs.get(program.tableIndex);
    if (live !== program) throw new BugError("PROG_FOREIGN", `program "${program.spec.name}" is not this machine's`);
    return live;
  }

  jitedBytes(program: Program): number {
    return this.sizes.get(program) ?? 0;
  }

  reset(): void {
    this.timers.reset();
    this.setWord(CELL_STACK_TOP, this.memory.stackTop);
    this.setWord(CELL_CTX, 0);
    this.setWord(CELL_TAIL_CALLS, 0);
    this.setWord(CELL_START, this.word(CELL_INSNS));
  }

  takeIndex(): number {
    if (this.nextIndex === this.table.length) this.table.grow(this.table.length);
    return this.nextIndex++;
  }

  legacyLoad(ctx: number, offset: number, sizeBytes: number): number {
    return this.env.legacyLoad(ctx, offset, sizeBytes);
  }

  fail(program: LinkedProgram, fault: Fault): never {
    throw faultError(this.arena, this.memory, program, fault);
  }

  /** Programs made from one spec over maps of one shape are compiled once. */
  private compile(linked: LinkedProgram, options: CompileOptions): CompiledProgram {
    const key = JSON.stringify([options, linked.def.kind, linked.attach, linked.place, linked.maps.map(shapeOf)]);
    let byShape = this.compiled.get(linked.spec);
    if (byShape === undefined) {
      byShape = new Map();
      this.compiled.set(linked.spec, byShape);
    }
    let compiled = byShape.get(key);
    if (compiled === undefined) {
      compiled = compileProgram(linked, this.memory.cells, options);
      byShape.set(key, compiled);
    }
    return compiled;
  }

  private dropFields(map: BpfMap, value: number): void {
    if (!(map instanceof BaseMap)) return;
    for (const field of map.fields) {
      if (field.kind === "timer" || field.kind === "wq") this.timers.drop(value + field.offset);
      else this.graph.dropField(field, value + field.offset);
    }
  }

  private word(cell: number): number {
    return this.arena.u32[this.cells + (cell >>> 2)]!;
  }

  private setWord(cell: number, value: number): void {
    this.arena.u32[this.cells + (cell >>> 2)] = value;
  }
}

/** All about a map that compiled code depends on, its addresses excepted. */
function shapeOf(map: BpfMap): unknown {
  const sizes = (s: MapSpec | null): unknown =>
    s === null ? null : [s.kind, s.keySize, s.valueSize, s.flags, s.readonly];
  const { inlineArray: inline, code } = map;
  return [
    sizes(map.spec),
    sizes(map.spec.inner),
    inline === null ? null : [inline.stride, inline.cpuStride, inline.maxEntries, inline.copiedBytes],
    code === null ? null : Object.keys(code),
  ];
}

function mapError(spec: MapSpec, code: string, what: string, fix?: string): ObjectError {
  return new ObjectError({ code, message: `map "${spec.name}": ${what}`, ...(fix === undefined ? {} : { fix }) });
}
