/**
 * The eBPF machine of one simulation: memory, function table, maps and programs. The network holds one and runs programs by it.
 */
import type { Arena } from "../engine/arena.ts";
import type { AttachKind } from "./attach-kinds.ts";
import type { ObjectGraph } from "./graph.ts";
import type { BpfMap, MapContext } from "./map.ts";
import type { KernelObjects } from "./objects.ts";
import type { ProgKind } from "./prog-type.ts";
import type { Program } from "./program.ts";
import type { MapSpec, ProgramSpec } from "./spec.ts";
import type { BpfTimers } from "./timers.ts";

/** How a program is loaded. */
export interface LoadProgramOptions {
  /** Overrides or supplies the type that the section name does not say. */
  readonly kind?: ProgKind;
  /** Overrides or supplies the attach type that the section name does not say. */
  readonly attach?: AttachKind | null;
  /** Of an ext program: whose function it is made for. */
  readonly extend?: { readonly target: Program; readonly functionName: string };
  /** The device that the program is bound to (BPF_F_XDP_DEV_BOUND_ONLY); the network knows what it is. Absent: none. */
  readonly device?: object;
  readonly id: number;
  readonly license: string;
  /** Live maps by the names that the relocations use. */
  readonly maps: ReadonlyMap<string, BpfMap>;
  /** false: without access checks, for programs that a verifier has accepted. The default is true. */
  readonly checks?: boolean;
  /** true: compiled with a counter for each basic block; see `Program.blockHits`. The default is false. */
  readonly profile?: boolean;
}

/** What a map asks about its host, where ids are looked up; the network gives it. */
export type MapHooks = Pick<MapContext, "mapOfId" | "programOfId" | "devExists" | "socketOfCookie" | "socketAt">;

/** The eBPF machine of one simulation: live maps and programs over one memory. */
export interface Machine {
  readonly arena: Arena;
  /** Instructions executed since the beginning, wrapping at 2^32. */
  readonly insnCount: number;
  /** Cost of what was executed since the beginning in sixteenths of a ns, wrapping at 2^32. */
  readonly cost16: number;
  /** High word of a helper's 64-bit result. */
  setReturnHigh(hi: number): void;
  /** The CPU that programs run on from now; per-CPU lookups inlined by the JIT read it. */
  setCpu(cpu: number): void;
  /** @throws ObjectError when the kernel would refuse the map */
  createMap(spec: MapSpec, numCpus: number, id: number, hooks?: MapHooks): BpfMap;
  /** @throws ObjectError when the program cannot be loaded: bad opcode, unknown helper, helper not allowed ... */
  loadProgram(spec: ProgramSpec, options: LoadProgramOptions): Program;
  /**
   * For helpers with an argument of kind "func": calls the subprogram below the frame that called the helper.
   * @param funcIndex the number that the helper got; a1..a4 become r1..r4, zero-extended
   * @returns r0's low word, signed
   */
  callback(funcIndex: number, a1: number, a2: number, a3: number, a4: number): number;
  /**
   * Calls a subprogram that is a callback on its own, outside of any run: it has the stack of a run and no context.
   * @throws VerifierError when an access check fails
   */
  asyncCallback(funcIndex: number, a1: number, a2: number, a3: number): void;
  /** Objects that programs allocated. */
  readonly objects: KernelObjects;
  /** The lists and trees that hold them. */
  readonly graph: ObjectGraph;
  /** Timers in map values. */
  readonly timers: BpfTimers;
  /**
   * Puts an ext program in the place of a global function: every call of it, in programs that run already, goes to the ext program
   * from now on. When the function is the target's first, the target itself is replaced wherever it is attached.
   * @throws ObjectError EXT_TARGET, EXT_PROTOTYPE, EXT_BUSY (one is there already, or this one stands elsewhere)
   */
  attachExt(target: Program, functionName: string, ext: Program): void;
  /** Puts the target's own function back. Does nothing when the program stands nowhere. */
  detachExt(ext: Program): void;
  /** Live map of a handle, undefined when the number is none. */
  mapOfHandle(handle: number): BpfMap | undefined;
  /** Live program of a table index. */
  programOfIndex(tableIndex: number): Program | undefined;
  /** After a VerifierError was thrown out of a run: makes the machine usable again. */
  reset(): void;
}
