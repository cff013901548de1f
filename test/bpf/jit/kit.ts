/** A machine with a bare environment, programs from text, and runs in both engines. */
import { type BpfMachine, createMachine } from "../../../sim/bpf/create-machine.ts";
import type { BpfEnv } from "../../../sim/bpf/env.ts";
import type { HelperDef } from "../../../sim/bpf/helper.ts";
import { baseHelpers } from "../../../sim/bpf/helpers/index.ts";
import { createInterpreter, type Interpreter } from "../../../sim/bpf/interp/interpreter.ts";
import { assemble } from "../../../sim/bpf/isa/assemble.ts";
import { baseKfuncs } from "../../../sim/bpf/kfuncs/index.ts";
import type { LoadProgramOptions } from "../../../sim/bpf/machine.ts";
import type { BpfMap, MapKind } from "../../../sim/bpf/map.ts";
import { mapTypes } from "../../../sim/bpf/maps/index.ts";
import type { ProgKind } from "../../../sim/bpf/prog-type.ts";
import { progTypeOf } from "../../../sim/bpf/prog-types/index.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import type { LineInfo, MapSpec, ProgramSpec } from "../../../sim/bpf/spec.ts";
import { Arena } from "../../../sim/engine/arena.ts";
import { mapSpec } from "../kit.ts";

const PACKET_ROOM = 4096;
const HEADROOM = 256;

/** How a program is loaded besides its text. */
export interface LoadOver extends Partial<Omit<LoadProgramOptions, "maps">> {
  readonly name?: string;
  readonly attach?: ProgramSpec["attach"];
  readonly lines?: readonly LineInfo[];
}

/** What a run left. */
export interface Outcome {
  readonly r0: bigint;
  readonly insns: number;
}

export class MachineBench {
  readonly arena: Arena = new Arena(8 * 1024 * 1024);
  readonly machine: BpfMachine<BpfEnv>;
  readonly interpreter: Interpreter;
  readonly maps: Map<string, BpfMap> = new Map();
  readonly programs: Map<number, Program> = new Map();
  /** Lines that programs printed. */
  readonly printed: string[] = [];
  /** Address of the context and of the packet's room. */
  readonly ctx: number;
  readonly room: number;
  /** What legacyLoad answers. */
  legacy: (offset: number, size: number) => number = () => 0;
  kind: ProgKind = "xdp";
  private random: number = 0;

  constructor(extra: readonly HelperDef[] = []) {
    const ids = new Set(extra.map((h) => h.id));
    const helpers = [...baseHelpers.filter((h) => !ids.has(h.id)), ...extra];
    this.machine = createMachine({
      arena: this.arena,
      helpers,
      kfuncs: baseKfuncs,
      ksym: (name) => (name === "known" ? 0x12345 : undefined),
      mapTypes,
    });
    this.machine.bindEnv({
      machine: this.machine,
      cpu: () => this.arena.u32[(this.machine.memory.cells + 20) >>> 2]!,
      ktimeNs: () => 1_000_000,
      jiffies: () => 100,
      prandomU32: () => this.random++,
      tracePrintk: (line) => {
        this.printed.push(line);
      },
      userRecord: () => undefined,
      packetBytes: () => null,
      legacyLoad: (_ctx, offset, size) => this.legacy(offset, size),
      armTimer: () => undefined,
      packetSlice: () => 0,
      packetLoad: () => -14,
      packetStore: () => -14,
    });
    this.interpreter = createInterpreter(this.machine);
    this.ctx = this.arena.alloc(256);
    this.room = this.arena.alloc(PACKET_ROOM);
    this.packet(new Uint8Array(64));
  }

  /** Puts a packet behind the context. */
  packet(bytes: Uint8Array): void {
    const def = progTypeOf(this.kind);
    const data = this.room + HEADROOM;
    this.arena.u8.fill(0, this.room, this.room + PACKET_ROOM);
    this.arena.u8.set(bytes, data);
    this.arena.dv.setUint32(this.ctx + def.dataOffset, data, true);
    this.arena.dv.setUint32(this.ctx + def.dataEndOffset, data + bytes.length, true);
    if (def.dataMetaOffset >= 0) this.arena.dv.setUint32(this.ctx + def.dataMetaOffset, data, true);
  }

  /** The packet's first address. */
  get data(): number {
    return this.room + HEADROOM;
  }

  /** A live map under a name. */
  map(name: string, kind: MapKind, over: Partial<MapSpec> = {}): BpfMap {
    const id = this.maps.size + 1;
    const map = this.machine.createMap(mapSpec(kind, { name, ...over }), 2, id, {
      mapOfId: (wanted) => [...this.maps.values()].find((m) => m.id === wanted),
      programOfId: (wanted) => this.programs.get(wanted),
      devExists: () => true,
    });
    this.maps.set(name, map);
    return map;
  }

  /** A live program from text. */
  load(text: string, over: LoadOver = {}): Program {
    const helperId = (name: string): number | undefined => baseHelpers.find((h) => h.name === name)?.id;
    const { insns, relocations, labels } = assemble(text, { helperId });
    const { name = "p", attach = null, lines = [], ...options } = over;
    const called = ([label]: readonly [string, number]): boolean => new RegExp(`call ${label}$`, "m").test(text);
    const id = options.id ?? this.programs.size + 1;
    const spec: ProgramSpec = {
      name,
      section: this.kind,
      kind: this.kind,
      attach,
      frags: false,
      insns,
      relocations,
      funcs: [{ insn: 0, name }, ...[...labels].filter(called).map(([label, insn]) => ({ insn, name: label }))],
      lines,
    };
    const program = this.machine.loadProgram(spec, { license: "GPL", ...options, id, maps: this.maps });
    this.programs.set(id, program);
    return program;
  }

  /** Runs compiled. */
  jit(program: Program): Outcome {
    const before = this.machine.insnCount;
    program.run(this.ctx);
    return { r0: this.machine.r0, insns: (this.machine.insnCount - before) >>> 0 };
  }

  /** Runs interpreted. */
  interpret(program: Program): Outcome {
    const before = this.machine.insnCount;
    this.interpreter.run(program, this.ctx);
    return { r0: this.machine.r0, insns: (this.machine.insnCount - before) >>> 0 };
  }

  /** Copies all that a run can change and a test can see, to start both engines alike. */
  snapshot(): Uint8Array {
    return this.arena.u8.slice();
  }

  restore(bytes: Uint8Array): void {
    this.arena.u8.set(bytes);
  }
}

/** Runs a text in both engines from the same memory. @returns both outcomes; the machine is left as the JIT left it */
export function runBoth(bench: MachineBench, program: Program): { readonly jit: Outcome; readonly interp: Outcome } {
  const before = bench.snapshot();
  const interp = bench.interpret(program);
  bench.restore(before);
  return { jit: bench.jit(program), interp };
}

/** The message of the error that `run` throws; fails when it does not. */
export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (e) {
    return (e as Error).message;
  }
  throw new Error("nothing was thrown");
}
