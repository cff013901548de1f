/** Runs cases on a simulated host: compiled with and without access checks, or interpreted. */
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import type { BpfMap } from "../../../sim/bpf/map.ts";
import type { QueueStackMap } from "../../../sim/bpf/maps/queue.ts";
import { mapKindOf } from "../../../sim/bpf/object/map-types.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import type { MapSpec, ObjectSpec, ProgramSpec, Relocation } from "../../../sim/bpf/spec.ts";
import { type LoadedObject, loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost, createKernel } from "../../../sim/net/stack.ts";
import { mapSpec } from "../kit.ts";
import {
  type Answer,
  type Case,
  type CaseMap,
  type CaseProgram,
  type CaseRun,
  hexOf,
  MAP_TYPE,
  orderElements,
} from "./case.ts";
import { isDumped, isOfMaps, isPerCpu, userValueBytes } from "./map-shape.ts";

/** How programs are run. */
export type Engine = "checked" | "unchecked" | "interpreter";
/** Every engine; the interpreter behind the code with checks, whose load it can share. */
export const ENGINES: readonly Engine[] = ["checked", "interpreter", "unchecked"];

const PSEUDO_MAP_VALUE = 2;
/** A machine keeps its programs for ever: a fresh one every so often. */
const CASES_PER_KERNEL = 500;

/** What came of a case: an answer, and what stopped it, if something did. */
export interface Attempt {
  /** Of the runs before it was stopped; null when it could not be loaded. */
  readonly answer: Answer | null;
  readonly error: unknown;
  /** Instructions executed. */
  readonly insns: number;
}

/** How cases follow one another. */
export interface NetsimOptions {
  /** Cases before a fresh kernel is made. */
  readonly perKernel?: number;
  /** Programs and maps stay loaded until then. */
  readonly keep?: boolean;
  /** Called with each fresh kernel, before anything is loaded. */
  readonly onKernel?: (kernel: Kernel) => void;
}

/** A place to run cases, one after another, none of which sees anything of another. */
export class Netsim {
  readonly cpus: number;
  private readonly options: NetsimOptions;
  private host: Host | null = null;
  private cases: number = 0;

  /** @param cpus that per-CPU maps have values of, as on the kernel that gives the answers */
  constructor(cpus: number, options: NetsimOptions = {}) {
    this.cpus = cpus;
    this.options = options;
  }

  /**
   * What a case answers.
   * @throws ObjectError, VerifierError what netsim has against it
   */
  run(c: Case, engine: Engine, spec: ObjectSpec = objectOf(c)): Answer {
    const { answer, error } = this.attempt(c, engine, spec);
    if (error !== null || answer === null) throw error;
    return answer;
  }

  /** What a case answers, and what stopped it. */
  attempt(c: Case, engine: Engine, spec: ObjectSpec = objectOf(c)): Attempt {
    return this.attempts(c, [engine], spec)[0]!;
  }

  /** What a case answers in each engine. One load serves several where its maps can be put back to what they were. */
  attempts(c: Case, engines: readonly Engine[], spec: ObjectSpec = objectOf(c)): readonly Attempt[] {
    const out: Attempt[] = [];
    let loaded: LoadedObject | null = null;
    let checked = false;
    for (const engine of engines) {
      const host = this.prepare();
      const checks = engine !== "unchecked";
      const again = loaded !== null && loaded.host === host && checked === checks && c.maps.every(isResettable);
      this.cases++;
      try {
        if (!again) {
          this.drop(loaded);
          loaded = null;
          loaded = loadObjectOnHost(host, spec, { checks });
          checked = checks;
        }
        out.push(this.runLoaded(c, engine, host, loaded!, again));
      } catch (error) {
        out.push({ answer: null, error, insns: 0 });
      }
      if (out.at(-1)!.error !== null) host.kernel.env.resetRuns();
    }
    this.drop(loaded);
    return out;
  }

  private drop(loaded: LoadedObject | null): void {
    if (this.options.keep !== true) loaded?.unload();
  }

  /** Makes a fresh kernel if it is time for one. */
  prepare(): Host {
    if (this.host === null || this.cases >= (this.options.perKernel ?? CASES_PER_KERNEL)) {
      const kernel = createKernel({ seed: 1, idealCpu: true });
      this.options.onKernel?.(kernel);
      this.host = addHost(kernel, "h", { cpus: this.cpus });
      this.cases = 0;
    }
    return this.host;
  }

  private runLoaded(c: Case, engine: Engine, host: Host, loaded: LoadedObject, again: boolean): Attempt {
    const maps = c.maps.map((_, i) => loaded.map(mapName(i)));
    c.maps.forEach((m, i) => {
      if (again) empty(m, maps[i]!, this.cpus);
      fill(m, maps[i]!, maps, this.cpus);
    });
    const interpreter = engine === "interpreter" ? createInterpreter(host.kernel.machine as never) : null;
    const execute = interpreter === null ? {} : { execute: (p: Program, ctx: number) => interpreter.run(p, ctx) };
    const runs: CaseRun[] = [];
    const before = host.kernel.machine.insnCount;
    let error: unknown = null;
    try {
      for (const { data, ctx } of c.packets) {
        const answer = progTestRun(host, loaded.program("p0"), { data, ctx, ...execute });
        if (typeof answer === "number") runs.push({ errno: answer, retval: 0, data: EMPTY, ctx: EMPTY });
        else runs.push({ errno: 0, retval: answer.retval >>> 0, data: answer.data, ctx: answer.ctx });
      }
    } catch (stopped) {
      error = stopped;
    }
    const insns = (host.kernel.machine.insnCount - before) >>> 0;
    return { answer: { runs, maps: c.maps.map((m, i) => dump(m, maps[i]!, this.cpus)) }, error, insns };
  }
}

const EMPTY = new Uint8Array(0);

function mapName(index: number): string {
  return `m${index}`;
}

/** A case as an object file would hold it. */
export function objectOf(c: Case): ObjectSpec {
  return {
    path: "case",
    license: "GPL",
    programs: c.programs.map((p, i) => programOf(c, p, i)),
    maps: c.maps.map((m, i) => specOf(c, m, i)),
    btf: null,
  };
}

function programOf(c: Case, p: CaseProgram, index: number): ProgramSpec {
  const insns = Uint8Array.from(p.insns);
  const view = new DataView(insns.buffer);
  const relocations: Relocation[] = [];
  for (let slot = 0; slot + 1 < insns.length / 8; slot++) {
    if (insns[slot * 8] !== 0x18) continue;
    const src = insns[slot * 8 + 1]! >> 4;
    if (src === 1 || src === PSEUDO_MAP_VALUE) {
      const map = mapName(view.getInt32(slot * 8 + 4, true));
      const offset = view.getInt32(slot * 8 + 12, true);
      view.setInt32(slot * 8 + 4, 0, true);
      relocations.push(src === 1 ? { kind: "map", insn: slot, map } : { kind: "map-value", insn: slot, map, offset });
    }
    slot++;
  }
  return {
    name: `p${index}`,
    section: c.kind,
    kind: c.kind,
    attach: null,
    frags: false,
    insns,
    relocations,
    funcs: p.funcs.map((insn, i) => ({ insn, name: i === 0 ? `p${index}` : `f${i}` })),
    lines: [],
  };
}

function specOf(c: Case, m: CaseMap, index: number): MapSpec {
  const kind = mapKindOf(m.type);
  if (kind === null) throw new Error(`netsim has no map type ${m.type}`);
  return mapSpec(kind, {
    name: mapName(index),
    keySize: m.keySize,
    valueSize: m.valueSize,
    maxEntries: m.maxEntries,
    flags: m.flags,
    readonly: m.frozen,
    data: m.frozen ? padded(m.entries[0]![1], m.valueSize) : null,
    inner: isOfMaps(m) ? specOf(c, c.maps[m.inner]!, m.inner) : null,
    slots: c.tails.filter(([map]) => map === index).map(([, slot, prog]) => ({ index: slot, target: `p${prog}` })),
  });
}

function padded(value: Uint8Array, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  out.set(value);
  return out;
}

/** What user space writes before the runs. */
function fill(m: CaseMap, map: BpfMap, all: readonly BpfMap[], cpus: number): void {
  if (m.frozen) return;
  for (const [key, value] of m.entries) {
    const bytes = new Uint8Array(isOfMaps(m) ? 4 : userValueBytes(m, cpus));
    if (isOfMaps(m)) new DataView(bytes.buffer).setUint32(0, all[value[0]!]!.id, true);
    else if (isPerCpu(m)) for (let cpu = 0; cpu < cpus; cpu++) bytes.set(value, (cpu * bytes.length) / cpus);
    else bytes.set(value);
    const error = map.write(key, bytes, 0);
    if (error !== 0) throw new Error(`map ${map.spec.name}: writing element ${hexOf(key)} answers ${error}`);
  }
}

/** Lists of the least recently used, and positions in a ring, cannot be put back. */
function isResettable(m: CaseMap): boolean {
  return m.type !== MAP_TYPE.lru_hash && m.type !== MAP_TYPE.lru_percpu_hash && m.type !== MAP_TYPE.ringbuf;
}

/** What user space does to have a map as it was made. */
function empty(m: CaseMap, map: BpfMap, cpus: number): void {
  if (!isDumped(m) || m.frozen) return;
  if (m.type === MAP_TYPE.queue || m.type === MAP_TYPE.stack) {
    while ((map as QueueStackMap).takeFront() !== null);
  } else if (m.type === MAP_TYPE.array || m.type === MAP_TYPE.percpu_array) {
    const key = new Uint32Array(1);
    const zeros = new Uint8Array(userValueBytes(m, cpus));
    for (key[0] = 0; key[0] < m.maxEntries; key[0]++) map.write(new Uint8Array(key.buffer), zeros, 0);
  } else {
    for (let key = map.nextKey(null); key !== null; key = map.nextKey(null)) map.remove(key);
  }
}

function dump(m: CaseMap, map: BpfMap, cpus: number): readonly string[] {
  const out: string[] = [];
  if (!isDumped(m)) return out;
  if (m.type === MAP_TYPE.queue || m.type === MAP_TYPE.stack) {
    const waiting = map as QueueStackMap;
    for (let value = waiting.takeFront(); value !== null; value = waiting.takeFront()) out.push(hexOf(value));
    return out;
  }
  for (let key = map.nextKey(null); key !== null; key = map.nextKey(key)) {
    out.push(hexOf(key) + hexOf(map.read(key) ?? new Uint8Array(userValueBytes(m, cpus))));
  }
  return orderElements(m, out);
}
