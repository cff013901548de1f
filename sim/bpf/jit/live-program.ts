/** Compiled programs made live: their imports filled in, their entry put into the machine's table. */
import type { Arena } from "../../engine/arena.ts";
import { BugError, ObjectError } from "../../engine/errors.ts";
import { Wasm, type WasmMemory, type WasmRefGlobal, type WasmTable } from "../../engine/wasm.ts";
import type { AttachKind } from "../attach-kinds.ts";
import type { BpfEnv } from "../env.ts";
import { codeOf, type HelperDef } from "../helper.ts";
import type { BpfMap } from "../map.ts";
import type { ProgKind } from "../prog-type.ts";
import { ctxFieldOf } from "../prog-types/ctx-access.ts";
import type { BlockHits, Program, RunStats } from "../program.ts";
import type { ProgramSpec } from "../spec.ts";
import { type CompiledProgram, ENTRY_EXPORT, EXTENSION_EXPORT } from "./compile.ts";
import { FAULT } from "./emitter.ts";
import type { Fault } from "./fault.ts";
import { faultReason } from "./fault.ts";
import { calleeOf, type LinkedProgram } from "./link.ts";
import { mapAllowsCall, mapForbidsProgram, valueBytes } from "./map-helpers.ts";
import { allocCounters, type BlockRange, PROFILE_GLOBAL, readBlockHits } from "./profile.ts";
import { IMPORT_MODULE } from "./wasm-module.ts";

/** What a live program needs of its machine. */
export interface ProgramHost {
  readonly arena: Arena;
  readonly wasmMemory: WasmMemory;
  readonly table: WasmTable;
  /** Holds the surroundings, for helpers. */
  readonly envGlobal: WasmRefGlobal;
  /** The same, for helpers' code. */
  readonly env: BpfEnv;
  run(tableIndex: number, ctx: number): number;
  /** Machine.cost16. */
  readonly cost16: number;
  /** Takes a new index of the function table. */
  takeIndex(): number;
  mapOfHandle(handle: number): BpfMap | undefined;
  legacyLoad(ctx: number, offset: number, sizeBytes: number): number;
  /** Address of the context of the current run. */
  ctx(): number;
  fail(program: LinkedProgram, fault: Fault): never;
}

/** A program's block counters. */
export interface Profile {
  readonly base: number;
  readonly blocks: readonly BlockRange[];
}

/** A program in the machine. */
export class LiveProgram implements Program {
  readonly spec: ProgramSpec;
  readonly kind: ProgKind;
  readonly id: number;
  readonly tag: string;
  readonly gpl: boolean;
  readonly maps: readonly BpfMap[];
  readonly tableIndex: number;
  readonly jitedBytes: number;
  readonly attach: AttachKind | null;
  readonly device: object | null;
  readonly ctxBytes: number;
  readonly linked: LinkedProgram;
  /** Table indices of its callbacks by slot: what the address of such a subprogram is. */
  readonly callbackIndex: ReadonlyMap<number, number>;
  /** Table index of an ext program's function as its target calls it, -1 of others. */
  readonly extensionIndex: number;
  /** Ext programs by the slot of the function that they stand in for. */
  readonly replaced: Map<number, LiveProgram> = new Map();
  readonly runStats: RunStats = { count: 0, cost16: 0 };
  private enter: (tableIndex: number, ctx: number) => number;
  private readonly host: ProgramHost;
  private readonly arena: Arena;
  readonly profile: Profile | null;

  constructor(
    linked: LinkedProgram,
    id: number,
    tableIndex: number,
    callbackIndex: ReadonlyMap<number, number>,
    host: ProgramHost,
    compiled: Pick<CompiledProgram, "bytes" | "ctxBytes">,
    profile: Profile | null = null,
  ) {
    this.arena = host.arena;
    this.profile = profile;
    this.jitedBytes = compiled.bytes;
    this.ctxBytes = compiled.ctxBytes;
    this.attach = linked.attach;
    this.device = linked.device;
    this.spec = linked.spec;
    this.kind = linked.place === null ? linked.def.kind : "ext";
    this.id = id;
    this.tag = linked.tag;
    this.gpl = linked.gpl;
    this.maps = linked.maps;
    this.tableIndex = tableIndex;
    this.linked = linked;
    this.callbackIndex = callbackIndex;
    this.extensionIndex = linked.place === null ? -1 : host.takeIndex();
    this.host = host;
    this.enter = host.run;
  }

  countRuns(on: boolean): void {
    const { host, runStats } = this;
    this.enter = on ? counting(host, runStats) : host.run;
  }

  run(ctx: number): number {
    return this.enter(this.tableIndex, ctx) >>> 0;
  }

  /** Whether a number is the table index of one of its callbacks. */
  hasCallback(index: number): boolean {
    for (const own of this.callbackIndex.values()) if (own === index) return true;
    return false;
  }

  blockHits(): readonly BlockHits[] {
    return this.profile === null ? [] : readBlockHits(this.arena, this.profile.base, this.profile.blocks);
  }
}

/** Instantiates a compiled program and puts it into the table. */
export function instantiate(
  compiled: CompiledProgram,
  linked: LinkedProgram,
  id: number,
  host: ProgramHost,
): LiveProgram {
  const callbackIndex = new Map<number, number>();
  for (const fn of linked.functions) if (fn.isCallback) callbackIndex.set(fn.slot, host.takeIndex());
  const tableIndex = host.takeIndex();
  const profile = createProfile(compiled, linked, host);
  const program = new LiveProgram(linked, id, tableIndex, callbackIndex, host, compiled, profile);
  install(program, compiled, host);
  return program;
}

/** Makes an instance of compiled code and puts its functions, and the ext programs that stand in for some, into the table. */
export function install(program: LiveProgram, compiled: CompiledProgram, host: ProgramHost): void {
  const { replaced } = program;
  const imports: Record<string, unknown> = { mem: host.wasmMemory, tab: host.table };
  for (const name of compiled.functionImports) imports[name] = functionImport(name, program, host);
  for (const name of compiled.globalImports) imports[name] = globalImport(name, program, host);
  const { exports } = new Wasm.Instance(compiled.module, { [IMPORT_MODULE]: imports });
  const whole = replaced.get(0);
  host.table.set(program.tableIndex, whole === undefined ? exports[ENTRY_EXPORT] : host.table.get(whole.tableIndex));
  if (program.extensionIndex >= 0) host.table.set(program.extensionIndex, exports[EXTENSION_EXPORT]);
  for (const [slot, index] of program.callbackIndex) {
    const ext = replaced.get(slot);
    host.table.set(index, ext === undefined ? exports[`cb:${slot}`] : host.table.get(ext.extensionIndex));
  }
}

function createProfile(compiled: CompiledProgram, linked: LinkedProgram, host: ProgramHost): Profile | null {
  if (compiled.profiled === null) return null;
  const base = allocCounters(host.arena, compiled.profiled.length);
  if (base === 0) {
    const message = `program "${linked.spec.name}": no memory is left for its block counters (errno 12)`;
    throw new ObjectError({ code: "PROGRAM_NOMEM", message });
  }
  return { base, blocks: compiled.profiled };
}

function functionImport(name: string, program: LiveProgram, host: ProgramHost): unknown {
  const { linked } = program;
  const [what, arg] = name.split(":");
  switch (what) {
    case "helper":
      return helperFunction(linked.helpers.get(Number(arg))!, linked.def.kind, host);
    case "kfunc":
      return [...linked.kfuncs.values()].find((k) => k.name === arg)!.call;
    case "lookup":
      return linked.maps[Number(arg)]!.code?.lookup ?? lookupOf(linked.maps[Number(arg)]!);
    case "update":
      return linked.maps[Number(arg)]!.code?.update ?? updateOf(linked.maps[Number(arg)]!);
    case "delete":
      return linked.maps[Number(arg)]!.code?.delete ?? deleteOf(linked.maps[Number(arg)]!);
    case "push":
    case "pop":
    case "peek":
      return linked.maps[Number(arg)]!.code![what];
    case "legacy":
      return (ctx: number, offset: number, size: number): number => host.legacyLoad(ctx, offset, size);
    case "keysize":
      return (handle: number): number => host.mapOfHandle(handle)!.spec.keySize;
    case "valuesize":
      return (handle: number): number => valueBytes(host.mapOfHandle(handle)!.spec);
    case "maparg":
      return (lo: number, hi: number, slot: number): void => checkMapArgument(linked, host, lo, hi, slot);
    case "funcarg":
      return (lo: number, hi: number, slot: number, reg: number): void => {
        if (hi === 0 && program.hasCallback(lo)) return;
        host.fail(linked, { reason: FAULT.funcArgument, slot, value: u64(lo, hi), size: reg });
      };
    case "ctxaccess":
      return (addr: number, size: number, meta: number): void => checkCtxAccess(linked, host, addr, size, meta);
    case "fault":
      return (lo: number, hi: number, size: number, slot: number, reason: number): never => {
        return host.fail(linked, { reason: faultReason(reason), slot, value: u64(lo, hi), size: size >>> 0 });
      };
    default:
      throw new BugError("JIT_IMPORT", `compiled code imports "${name}"`);
  }
}

function helperFunction(helper: HelperDef<never>, kind: ProgKind, host: ProgramHost): unknown {
  const code = codeOf(helper, kind);
  return code === undefined ? helper.call : code.of(host.env as never);
}

// The method is looked up once: it then is called without a property load, whatever the number of map classes.

function lookupOf(map: BpfMap): (key: number, cpu: number) => number {
  const { lookup } = map;
  return (key, cpu) => lookup.call(map, key, cpu);
}

function updateOf(map: BpfMap): (key: number, value: number, flags: number, cpu: number) => number {
  const { update } = map;
  return (key, value, flags, cpu) => update.call(map, key, value, flags, cpu);
}

function deleteOf(map: BpfMap): (key: number) => number {
  const del = map.delete;
  return (key) => del.call(map, key);
}

function globalImport(name: string, program: LiveProgram, host: ProgramHost): unknown {
  const { linked } = program;
  const [what, arg] = name.split(":");
  switch (what) {
    case "env":
      return host.envGlobal;
    case "prog":
      return program.tableIndex;
    case PROFILE_GLOBAL:
      return program.profile!.base;
    case "base":
      return linked.maps[Number(arg)]!.inlineArray!.base | 0;
    case "state":
      return linked.maps[Number(arg)]!.code!.state;
    case "handle":
      return linked.maps[Number(arg)]!.handle | 0;
    case "func":
      return program.callbackIndex.get(Number(arg))!;
    case "ext":
      return program.replaced.get(Number(arg))!.extensionIndex;
    default:
      throw new BugError("JIT_IMPORT", `compiled code imports the global "${name}"`);
  }
}

function checkMapArgument(linked: LinkedProgram, host: ProgramHost, lo: number, hi: number, slot: number): void {
  const map = hi === 0 && lo >= 0 ? host.mapOfHandle(lo) : undefined;
  const insn = linked.decoded.insns[linked.decoded.indexOfSlot[slot]!]!;
  if (map !== undefined && (insn.kind === "call_helper" || insn.kind === "call_kfunc")) {
    const callee = calleeOf(linked, insn);
    const allowed = callee !== undefined && mapAllowsCall(map.spec.kind, callee, insn);
    if (allowed && !mapForbidsProgram(map.spec.kind, linked.def.kind, insn)) return;
  }
  host.fail(linked, { reason: FAULT.mapArgument, slot, value: u64(lo, hi), size: 0 });
}

function u64(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

function checkCtxAccess(linked: LinkedProgram, host: ProgramHost, addr: number, size: number, meta: number): void {
  const write = (meta & 1) !== 0;
  const off = (addr >>> 0) - host.ctx();
  if (ctxFieldOf(linked.def, linked.attach, off, size, write) !== null) return;
  host.fail(linked, {
    reason: FAULT.ctxAccess,
    slot: meta >>> 3,
    value: BigInt(off),
    size: size | (write ? 0x100 : 0),
  });
}

/** What runs a program and counts the run. @source include/linux/filter.h __bpf_prog_run, bpf_stats_enabled_key */
function counting(host: ProgramHost, stats: RunStats): (tableIndex: number, ctx: number) => number {
  return (tableIndex, ctx) => {
    const before = host.cost16;
    const r0 = host.run(tableIndex, ctx);
    stats.count++;
    stats.cost16 += (host.cost16 - before) >>> 0;
    return r0;
  };
}
