/** One question to Linux and to netsim: programs over maps, run on packets one after another; and its answer. */

/** Program types that questions are asked about, with their `enum bpf_prog_type`. */
export const CASE_KINDS = { xdp: 6, sched_cls: 3, socket_filter: 1 } as const;

/** Type of a case's programs. */
export type CaseKind = keyof typeof CASE_KINDS;

/** A map of a case. */
export interface CaseMap {
  /** `enum bpf_map_type`. */
  readonly type: number;
  /** bytes */
  readonly keySize: number;
  /** bytes */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* */
  readonly flags: number;
  /** Of maps of maps: index of the map that serves as template, an earlier one. */
  readonly inner: number;
  /** Frozen for user space after it was filled. */
  readonly frozen: boolean;
  /** What it holds at first. A value of a per-CPU map stands for all CPUs; one of a map of maps is the index of a map in one byte. */
  readonly entries: readonly (readonly [Uint8Array, Uint8Array])[];
}

/** A program of a case. In its ld_imm64 of maps (src 1 and 2) the immediate is the index of the map. */
export interface CaseProgram {
  readonly insns: Uint8Array;
  /** First slots of its functions, ascending, 0 first. */
  readonly funcs: readonly number[];
}

/** What a program is run on. */
export interface CasePacket {
  readonly data: Uint8Array;
  /** struct xdp_md or struct __sk_buff. */
  readonly ctx: Uint8Array;
}

/** A whole question. The first program is run; the others are reached by tail calls. */
export interface Case {
  readonly kind: CaseKind;
  readonly maps: readonly CaseMap[];
  readonly programs: readonly CaseProgram[];
  /** Slots of program arrays: map, slot, program. */
  readonly tails: readonly (readonly [number, number, number])[];
  readonly packets: readonly CasePacket[];
}

/** What one run left. */
export interface CaseRun {
  /** Positive errno of BPF_PROG_RUN, 0 when it ran. */
  readonly errno: number;
  /** r0's low word. */
  readonly retval: number;
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
}

/** What all runs left. */
export interface Answer {
  readonly runs: readonly CaseRun[];
  /** Of each map its elements as key and user space's value in hexadecimal, sorted; of queues and stacks in their order. */
  readonly maps: readonly (readonly string[])[];
}

/** The kernel would not load it. */
export interface Refusal {
  readonly what: "map" | "program";
  readonly index: number;
  readonly errno: number;
  /** The verifier's last words. */
  readonly log: string;
}

export const MAP_TYPE = {
  hash: 1,
  array: 2,
  prog_array: 3,
  percpu_hash: 5,
  percpu_array: 6,
  lru_hash: 9,
  lru_percpu_hash: 10,
  lpm_trie: 11,
  array_of_maps: 12,
  hash_of_maps: 13,
  queue: 22,
  stack: 23,
  ringbuf: 27,
} as const;

/**
 * The first difference between two answers.
 * @returns null when there is none
 */
export function difference(a: Answer, b: Answer): string | null {
  for (let i = 0; i < a.runs.length; i++) {
    const x = a.runs[i]!;
    const y = b.runs[i]!;
    if (x.errno !== y.errno) return `packet ${i}: errno ${x.errno} and ${y.errno}`;
    if (x.retval !== y.retval) return `packet ${i}: r0 0x${x.retval.toString(16)} and 0x${y.retval.toString(16)}`;
    if (!sameBytes(x.data, y.data)) return `packet ${i}: bytes\n  ${hexOf(x.data)}\n  ${hexOf(y.data)}`;
    if (!sameBytes(x.ctx, y.ctx)) return `packet ${i}: context\n  ${hexOf(x.ctx)}\n  ${hexOf(y.ctx)}`;
  }
  for (let i = 0; i < a.maps.length; i++) {
    const x = a.maps[i]!.join("\n  ");
    const y = b.maps[i]!.join("\n  ");
    if (x !== y) return `map ${i}:\n  ${x}\nand\n  ${y}`;
  }
  return null;
}

/** Bytes in hexadecimal. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** An answer's elements in the order in which they are compared. */
export function orderElements(map: CaseMap, elements: readonly string[]): readonly string[] {
  return map.type === MAP_TYPE.queue || map.type === MAP_TYPE.stack ? elements : [...elements].sort();
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
