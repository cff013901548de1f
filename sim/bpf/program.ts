/** Live programs. */
import type { AttachKind } from "./attach-kinds.ts";
import type { BpfMap } from "./map.ts";
import type { ProgKind } from "./prog-type.ts";
import type { ProgramSpec } from "./spec.ts";

/** How often a basic block ran. */
export interface BlockHits {
  /** Slots of its first and of its last instruction. */
  readonly firstSlot: number;
  readonly lastSlot: number;
  /** Runs through it since the program was loaded. */
  readonly hits: number;
}

/** Runs of a program while they were counted. */
export interface RunStats {
  count: number;
  /** Sixteenths of a ns, as the machine counts. */
  cost16: number;
}

/** A loaded program. Made by `Machine.loadProgram`. */
export interface Program {
  readonly spec: ProgramSpec;
  readonly kind: ProgKind;
  /** What it was loaded for; null where its type has none or none was said. */
  readonly attach: AttachKind | null;
  /** The device that it is bound to: it runs in that device's driver and nowhere else. null: none. */
  readonly device: object | null;
  /** As `bpftool prog show` prints it; unique on its host. */
  readonly id: number;
  /** 16 hex digits, as the kernel computes it (bpf_prog_calc_tag). */
  readonly tag: string;
  /** The object's licence is GPL-compatible. */
  readonly gpl: boolean;
  /** Maps it uses, in order of first use. */
  readonly maps: readonly BpfMap[];
  /** Index in the machine's function table; also what a prog array slot holds. */
  readonly tableIndex: number;
  /** Size of the WebAssembly module it was compiled to, bytes; absent where it was not compiled. */
  readonly jitedBytes?: number;
  /**
   * Bytes of the context that a syscall program's caller must give at least: so far it reaches at offsets that were known when it was
   * loaded. 0 for other types, whose context is laid out by the kernel.
   */
  readonly ctxBytes: number;
  /** What `countRuns` has counted since the program was loaded. */
  readonly runStats: RunStats;
  /** Begins to count the runs that the kernel starts, or ends it (kernel.bpf_stats_enabled). */
  countRuns(on: boolean): void;
  /** Hits of every block that a path leads to, functions in their order; empty unless it was loaded with `profile`. */
  blockHits(): readonly BlockHits[];
  /**
   * Runs it. Counts executed instructions and cost into the machine's counters.
   * @param ctx address of the context, laid out as the program type's UAPI struct
   * @returns r0's low 32 bits, unsigned
   * @throws VerifierError when an access check fails
   */
  run(ctx: number): number;
}
