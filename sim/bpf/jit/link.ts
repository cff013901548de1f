/**
 * A program spec bound to live maps and helper records: decoded, and refused by name where the kernel would refuse it before
 * it looks at any data. JIT and interpreter both run what comes out of here.
 *
 * @source kernel/bpf/verifier.c check_helper_call, check_map_func_compatibility, check_max_stack_depth (their messages)
 */
import { ObjectError } from "../../engine/errors.ts";
import type { AttachKind } from "../attach-kinds.ts";
import { POISON_CORE } from "../core/patch.ts";
import { type ExtensionPlace, placeExtension } from "../extension.ts";
import type { CallDef, HelperDef, KfuncDef } from "../helper.ts";
import { type DecodedProgram, decodeProgram, insnError } from "../isa/decode.ts";
import type { Insn } from "../isa/insn.ts";
import { programTag } from "../isa/tag.ts";
import type { LoadProgramOptions } from "../machine.ts";
import type { BpfMap } from "../map.ts";
import { helperName } from "../object/helper-names.ts";
import type { ProgKind, ProgTypeDef } from "../prog-type.ts";
import { progTypeOf } from "../prog-types/index.ts";
import { isMapRelocation, type ProgramSpec } from "../spec.ts";
import { MAX_CALL_FRAMES, MAX_RUN_INSNS, MAX_RUN_INSNS_MAY_GOTO } from "./cells.ts";
import { mapFitsProgram, SLEEPABLE_MAPS_ONLY } from "./map-helpers.ts";

/** Licences under which GPL-only helpers may be called. @source include/linux/license.h */
const GPL_LICENSES: ReadonlySet<string> = new Set([
  "GPL",
  "GPL v2",
  "GPL and additional rights",
  "Dual BSD/GPL",
  "Dual MIT/GPL",
  "Dual MPL/GPL",
]);

/** A ld_imm64 that loads a map or the address of a byte of its only value. */
export interface MapLoad {
  /** Index into the program's maps. */
  readonly map: number;
  /** -1: the map itself; otherwise the offset into the value. */
  readonly offset: number;
}

/** A function of the program. */
export interface LinkedFunction {
  /** First slot. */
  readonly slot: number;
  /** First and last instruction by index. */
  readonly first: number;
  readonly last: number;
  /** Numbers of the functions it calls. */
  readonly callees: readonly number[];
  /** Its address is taken: it is a callback. */
  readonly isCallback: boolean;
}

/** A program that is ready to be compiled or interpreted. */
export interface LinkedProgram {
  readonly spec: ProgramSpec;
  readonly def: ProgTypeDef;
  readonly attach: AttachKind | null;
  /** Of an ext program, whose `def` and `attach` are its target's: which function it is made for. */
  readonly place: ExtensionPlace | null;
  /** What it is bound to; an ext program to what its target is bound to. */
  readonly device: object | null;
  readonly decoded: DecodedProgram;
  readonly functions: readonly LinkedFunction[];
  /** Function number by first slot. */
  readonly functionOfSlot: ReadonlyMap<number, number>;
  /** Callers before callees. */
  readonly callOrder: readonly number[];
  readonly maps: readonly BpfMap[];
  /** By slot of the ld_imm64. */
  readonly mapLoads: ReadonlyMap<number, MapLoad>;
  /** Every helper it calls, by number. */
  readonly helpers: ReadonlyMap<number, HelperDef<never>>;
  /** Every kfunc it calls, by slot of the call; a slot that is missing is a call of a weak kfunc that the kernel lacks. */
  readonly kfuncs: ReadonlyMap<number, KfuncDef<never>>;
  /** Addresses of kernel symbols by slot of the ld_imm64; 0 for weak ones that the kernel lacks. */
  readonly ksyms: ReadonlyMap<number, number>;
  /** It calls bpf_throw. */
  readonly throws: boolean;
  readonly gpl: boolean;
  readonly tag: string;
  /** A run of more instructions is stopped. */
  readonly maxInsns: number;
}

/** What the kernel offers programs by name and number. */
export interface KernelCalls {
  /** By number. */
  readonly helpers: ReadonlyMap<number, HelperDef<never>>;
  /** By name. */
  readonly kfuncs: ReadonlyMap<string, KfuncDef<never>>;
  /** Address of a kernel symbol, undefined when the kernel has none of that name. */
  ksym(name: string, typed: boolean): number | undefined;
}

/** An instruction that calls a function of the kernel. */
export type KernelCall = Extract<Insn, { kind: "call_helper" | "call_kfunc" }>;

/** The record of what an instruction calls; undefined for a poisoned call: reaching it is a fault. */
export function calleeOf(program: LinkedProgram, insn: KernelCall): CallDef<never> | undefined {
  return insn.kind === "call_helper" ? program.helpers.get(insn.id) : program.kfuncs.get(insn.slot);
}

/** From here on libbpf's mark on calls of weak kfuncs that the kernel lacks. @source libbpf.c POISON_CALL_KFUNC_BASE */
export const POISON_KFUNC = 2002000000;

/** Whether libbpf made this helper number up: the instruction must never be reached. */
export function isPoison(id: number): boolean {
  return id === POISON_CORE || id >= POISON_KFUNC;
}

/**
 * Binds a program.
 * @throws ObjectError naming program and instruction
 */
export function linkProgram(spec: ProgramSpec, options: LoadProgramOptions, kernel: KernelCalls): LinkedProgram {
  const kind = options.kind ?? spec.kind;
  if (kind === null) {
    throw new ObjectError({
      code: "PROG_TYPE_UNKNOWN",
      message: `program "${spec.name}": section "${spec.section}" does not say the program's type`,
      fix: "name the type where the program is loaded",
    });
  }
  const { place, def, attach } = kind === "ext" ? extend(spec, options) : bindType(spec, options, kind);
  const device = options.device ?? options.extend?.target.device ?? null;
  const gpl = GPL_LICENSES.has(options.license);
  const image = imageOf(spec);
  const { decoded } = image;
  const { maps, mapLoads } = bindMaps(spec, options.maps, decoded, def);
  const externs = bindExterns(spec, decoded, def, device, gpl, kernel);
  return {
    spec,
    def,
    attach,
    place,
    device,
    ...image,
    maps,
    mapLoads,
    helpers: bindHelpers(spec, decoded.insns, def, attach, gpl, kernel.helpers),
    ...externs,
    throws: checkThrows(spec, image, externs.kfuncs),
    gpl,
  };
}

/**
 * Callbacks of helpers, and what they call, must not end the program.
 * @returns whether the program calls bpf_throw at all
 * @source kernel/bpf/verifier.c check_max_stack_depth_subprog
 */
function checkThrows(
  spec: ProgramSpec,
  { functions, decoded, functionOfSlot }: ProgramImage,
  kfuncs: ReadonlyMap<number, KfuncDef<never>>,
): boolean {
  const slots = [...kfuncs].filter(([, kfunc]) => kfunc.throws === true).map(([slot]) => slot);
  if (slots.length === 0) return false;
  const reached = new Set<number>();
  const visit = (fn: number): void => {
    if (reached.has(fn)) return;
    reached.add(fn);
    for (const callee of functions[fn]!.callees) visit(callee);
  };
  functions.forEach((fn, i) => {
    if (fn.isCallback || fn.slot === spec.exceptionCallback) visit(i);
  });
  for (const slot of slots) {
    const at = functions.findLastIndex((fn) => fn.slot <= slot);
    if (!reached.has(at)) continue;
    const text = `bpf_throw kfunc (insn ${slot}) cannot be called from callback subprog ${at}`;
    throw insnError(spec.name, slot, text, "KFUNC_NOT_ALLOWED");
  }
  if (spec.exceptionCallback !== undefined && functionOfSlot.get(spec.exceptionCallback) === undefined) {
    throw insnError(spec.name, decoded.insns[0]!.slot, "exception callback is no function", "KFUNC_NOT_ALLOWED");
  }
  return true;
}

type BoundType = Pick<LinkedProgram, "place" | "def" | "attach">;

function bindType(spec: ProgramSpec, options: LoadProgramOptions, kind: ProgKind): BoundType {
  const def = progTypeOf(kind);
  return { place: null, def, attach: attachOf(spec, options, def) };
}

function extend(spec: ProgramSpec, options: LoadProgramOptions): BoundType {
  if (options.extend === undefined) {
    const message = `program "${spec.name}": a program of type ext is loaded for a function of another program, and none is named (errno 22)`;
    throw new ObjectError({ code: "EXT_TARGET", message, fix: "name target and function where it is loaded" });
  }
  const { target, functionName } = options.extend;
  const place = placeExtension(spec, target, functionName);
  return { place, def: progTypeOf(target.kind), attach: target.attach };
}

/** The attach type that the kernel would load the program for. @source kernel/bpf/syscall.c bpf_prog_load_check_attach */
function attachOf(spec: ProgramSpec, options: LoadProgramOptions, def: ProgTypeDef): AttachKind | null {
  const attach = options.attach === undefined ? spec.attach : options.attach;
  if (def.attachRule === "none" || (attach !== null && def.attachKinds.includes(attach))) return attach;
  if (attach === null && def.attachRule === "default") return def.attachKinds[0]!;
  const what = attach === null ? "without an attach type" : `with attach type ${attach}`;
  throw new ObjectError({
    code: "PROG_ATTACH_TYPE",
    message: `program "${spec.name}": a program of type ${def.kind} cannot be loaded ${what} (errno 22)`,
    fix: `known: ${def.attachKinds.join(", ")}`,
  });
}

/** What follows from the spec alone. */
type ProgramImage = Pick<LinkedProgram, "decoded" | "functions" | "functionOfSlot" | "callOrder" | "tag" | "maxInsns">;

const images: WeakMap<ProgramSpec, ProgramImage> = new WeakMap();

/** Made once per spec, however many hosts load it. */
function imageOf(spec: ProgramSpec): ProgramImage {
  let image = images.get(spec);
  if (image === undefined) {
    const decoded = decodeProgram(spec.name, spec.insns);
    const functions = findFunctions(decoded);
    image = {
      decoded,
      functions,
      functionOfSlot: new Map(functions.map((fn, i) => [fn.slot, i])),
      callOrder: orderCalls(spec.name, functions),
      tag: programTag(spec.insns, spec.relocations),
      maxInsns: decoded.insns.some((insn) => insn.kind === "may_goto") ? MAX_RUN_INSNS_MAY_GOTO : MAX_RUN_INSNS,
    };
    images.set(spec, image);
  }
  return image;
}

function findFunctions(decoded: DecodedProgram): LinkedFunction[] {
  const { insns, indexOfSlot, functionSlots } = decoded;
  const numberOf = new Map(functionSlots.map((slot, i) => [slot, i]));
  const callbacks = new Set<number>();
  for (const insn of insns) if (insn.kind === "ld_imm64" && insn.what === "func") callbacks.add(insn.target);
  return functionSlots.map((slot, i) => {
    const first = indexOfSlot[slot]!;
    const next = functionSlots[i + 1];
    const last = (next === undefined ? insns.length : indexOfSlot[next]!) - 1;
    const callees = new Set<number>();
    for (let k = first; k <= last; k++) {
      const insn = insns[k]!;
      if (insn.kind === "call_sub" || (insn.kind === "ld_imm64" && insn.what === "func")) {
        callees.add(numberOf.get(insn.target)!);
      }
    }
    return { slot, first, last, callees: [...callees], isCallback: callbacks.has(slot) };
  });
}

/** Topological order of the call graph; refuses recursion and chains of more than 8 frames. */
function orderCalls(name: string, functions: readonly LinkedFunction[]): number[] {
  const postorder: number[] = [];
  const height = new Int32Array(functions.length).fill(-1);
  const visit = (fn: number, depth: number): number => {
    if (depth >= MAX_CALL_FRAMES) {
      throw insnError(name, functions[fn]!.slot, `the call stack of ${depth + 1} frames is too deep !`);
    }
    if (height[fn]! >= 0) return height[fn]!;
    let below = 0;
    for (const callee of functions[fn]!.callees) below = Math.max(below, 1 + visit(callee, depth + 1));
    height[fn] = below;
    postorder.push(fn);
    return below;
  };
  const frames = 1 + visit(0, 0);
  if (frames > MAX_CALL_FRAMES) {
    throw insnError(name, 0, `the call stack of ${frames} frames is too deep !`);
  }
  for (let fn = 0; fn < functions.length; fn++) if (height[fn] === -1) visit(fn, 0);
  return postorder.reverse();
}

function bindMaps(
  spec: ProgramSpec,
  live: ReadonlyMap<string, BpfMap>,
  decoded: DecodedProgram,
  def: ProgTypeDef,
): { maps: BpfMap[]; mapLoads: Map<number, MapLoad> } {
  const maps: BpfMap[] = [];
  const indexOf = new Map<string, number>();
  const mapLoads = new Map<number, MapLoad>();
  for (const r of spec.relocations.filter(isMapRelocation).sort((a, b) => a.insn - b.insn)) {
    const insn = decoded.insns[decoded.indexOfSlot[r.insn] ?? -1];
    if (insn?.kind !== "ld_imm64") {
      throw insnError(
        spec.name,
        r.insn,
        `the relocation for map "${r.map}" is not on a ld_imm64`,
        "RELOCATION_INVALID",
      );
    }
    let index = indexOf.get(r.map);
    if (index === undefined) {
      const map = live.get(r.map);
      if (map === undefined) throw insnError(spec.name, r.insn, `there is no map "${r.map}"`, "MAP_UNKNOWN");
      if (!mapFitsProgram(map.spec.kind, def.kind)) {
        throw insnError(
          spec.name,
          r.insn,
          `${SLEEPABLE_MAPS_ONLY} (map "${r.map}" is of type ${map.spec.kind})`,
          "MAP_KIND",
        );
      }
      index = maps.length;
      maps.push(map);
      indexOf.set(r.map, index);
    }
    if (r.kind === "map-value") {
      const map = maps[index]!;
      if (map.inlineArray === null || map.spec.kind !== "array") {
        throw insnError(
          spec.name,
          r.insn,
          `map "${r.map}" of type ${map.spec.kind} has no direct value address`,
          "RELOCATION_INVALID",
        );
      }
    }
    mapLoads.set(r.insn, { map: index, offset: r.kind === "map" ? -1 : r.offset });
  }
  for (const kind of ["cgroup_storage", "percpu_cgroup_storage"]) {
    if (maps.filter((m) => m.spec.kind === kind).length <= 1) continue;
    throw insnError(spec.name, 0, "only one cgroup storage of each type is allowed", "MAP_KIND");
  }
  for (const insn of decoded.insns) {
    if (insn.kind === "ld_imm64" && (insn.what === "map_fd" || insn.what === "map_value") && !mapLoads.has(insn.slot)) {
      throw insnError(
        spec.name,
        insn.slot,
        "fd 0 is not pointing to valid bpf_map: no relocation names the map",
        "MAP_UNKNOWN",
      );
    }
  }
  return { maps, mapLoads };
}

function bindHelpers(
  spec: ProgramSpec,
  insns: readonly Insn[],
  def: ProgTypeDef,
  attach: AttachKind | null,
  gpl: boolean,
  helpers: ReadonlyMap<number, HelperDef<never>>,
): Map<number, HelperDef<never>> {
  const { name } = spec;
  const used = new Map<number, HelperDef<never>>();
  for (const insn of insns) {
    if (insn.kind === "ld_packet" && !def.legacyLoads) {
      throw insnError(
        name,
        insn.slot,
        "BPF_LD_[ABS|IND] instructions not allowed for this program type",
        "INSN_NOT_ALLOWED",
      );
    }
    if (insn.kind !== "call_helper" || used.has(insn.id) || isPoison(insn.id)) continue;
    const helper = helpers.get(insn.id);
    if (helper === undefined || (helper.classicOnly && spec.classic === undefined)) {
      const known = helperName(insn.id);
      const text =
        known === undefined || insn.id === 0
          ? `invalid func unknown#${insn.id}`
          : `helper bpf_${known}#${insn.id} is not supported by netsim yet`;
      throw insnError(name, insn.slot, text, "HELPER_UNKNOWN");
    }
    if (!allowedFor(helper, def.kind, attach)) {
      const text = `program of this type cannot use helper bpf_${helper.name}#${helper.id}`;
      throw insnError(name, insn.slot, text, "HELPER_NOT_ALLOWED");
    }
    const refused = helper.refused?.[def.kind];
    if (refused !== undefined) throw insnError(name, insn.slot, refused, "HELPER_NOT_ALLOWED");
    if (helper.gplOnly && !gpl) {
      const text = `cannot call GPL-restricted function from non-GPL compatible program (bpf_${helper.name}#${helper.id})`;
      throw insnError(name, insn.slot, text, "HELPER_NOT_ALLOWED");
    }
    used.set(insn.id, helper);
  }
  return used;
}

function allowedFor(helper: HelperDef<never>, kind: ProgKind, attach: AttachKind | null): boolean {
  if (helper.progKinds !== null && !helper.progKinds.includes(kind)) return false;
  return helper.attachKinds === undefined || attach === null || helper.attachKinds.includes(attach);
}

/** Kfuncs and kernel symbols. @source kernel/bpf/verifier.c add_kfunc_call, check_pseudo_btf_id, fetch_kfunc_meta (their messages) */
function bindExterns(
  spec: ProgramSpec,
  decoded: DecodedProgram,
  def: ProgTypeDef,
  device: object | null,
  gpl: boolean,
  kernel: KernelCalls,
): { kfuncs: Map<number, KfuncDef<never>>; ksyms: Map<number, number> } {
  const kfuncs = new Map<number, KfuncDef<never>>();
  const ksyms = new Map<number, number>();
  const named = new Set<number>();
  for (const r of spec.relocations) {
    if (isMapRelocation(r)) continue;
    named.add(r.insn);
    if (r.kind === "ksym") {
      const address = kernel.ksym(r.name, r.typed);
      if (address === undefined && !r.weak) {
        throw insnError(spec.name, r.insn, `extern (ksym) '${r.name}': not found in the kernel`, "KSYM_UNKNOWN");
      }
      ksyms.set(r.insn, address ?? 0);
      continue;
    }
    const kfunc = kernel.kfuncs.get(r.name);
    if (kfunc === undefined) {
      if (r.weak) continue;
      const text = `kernel function ${r.name} is not supported by netsim yet`;
      throw insnError(spec.name, r.insn, text, "KFUNC_UNKNOWN");
    }
    if (kfunc.progKinds !== null && !kfunc.progKinds.includes(def.kind)) {
      throw insnError(spec.name, r.insn, `calling kernel function ${r.name} is not allowed`, "KFUNC_NOT_ALLOWED");
    }
    if (!gpl) {
      const text = "cannot call kernel function from non-GPL compatible program";
      throw insnError(spec.name, r.insn, text, "KFUNC_NOT_ALLOWED");
    }
    if (kfunc.deviceBound === true && device === null) {
      throw insnError(spec.name, r.insn, "metadata kfuncs require device-bound program", "KFUNC_NOT_ALLOWED");
    }
    kfuncs.set(r.insn, kfunc.specialize?.(def.kind) ?? kfunc);
  }
  for (const insn of decoded.insns) {
    const extern = insn.kind === "call_kfunc" || (insn.kind === "ld_imm64" && insn.what === "ksym");
    if (!extern || named.has(insn.slot)) continue;
    throw insnError(spec.name, insn.slot, "no relocation names the kernel's function or variable", "KFUNC_UNKNOWN");
  }
  return { kfuncs, ksyms };
}
