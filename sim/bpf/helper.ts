/**
 * Helper and kfunc records. A helper family is one file; those that know no network stand in bpf/helpers/, the network's in
 * net/helpers/. Verifier, JIT, interpreter and documentation read the one record.
 *
 * Arguments reach `call` as numbers. An argument of kind "u64" takes two places (low word, high word), every other one place;
 * the words are signed or unsigned as they come from WebAssembly: use `>>> 0` where it matters (addresses never need it).
 * A result of kind "u64" is returned as its low word, after the high word was put into `env.machine.setReturnHigh(hi)`.
 */

import type { AttachKind } from "./attach-kinds.ts";
import type { BpfEnv } from "./env.ts";
import type { MapKind } from "./map.ts";
import type { ProgKind } from "./prog-type.ts";

/** What a helper takes in one argument. */
export type ArgKind =
  /** The program's context, whole. */
  | "ctx"
  /** A map; the number is its handle. */
  | "map"
  /** Address of keySize readable bytes of the map in the argument before. */
  | "map_key"
  /** Address of valueSize readable bytes of that map; of a map of sockets: address of a socket. */
  | "map_value"
  /** Address of valueSize readable bytes of that map, may be null. */
  | "map_value_or_null"
  /** Address of readable bytes; their number is the next argument of kind "size" or "size0". */
  | "mem"
  /** Likewise, may be null when the size is 0 (size0) or always. */
  | "mem_or_null"
  /** Address of bytes that the helper writes; their number is the next argument of kind "size" or "size0". */
  | "mem_out"
  /** Address of readable and writable bytes, a fixed number of them (`fixed` in the record). */
  | "mem_fixed"
  /** Address of readable bytes, a fixed number of them. */
  | "mem_fixed_ro"
  /** Number of bytes, at least 1, for the memory argument before it. */
  | "size"
  /** Number of bytes, 0 allowed. */
  | "size0"
  /** A 32-bit scalar. */
  | "u32"
  /** A 64-bit scalar, passed as low word, high word. */
  | "u64"
  /** Address that a ring buffer reserve returned. */
  | "ringbuf_record"
  /** Address of a `struct bpf_dynptr`: 16 bytes of the stack. */
  | "dynptr"
  /** Address of a socket's `struct bpf_sock` (or another socket struct that a helper returned). */
  | "sock"
  /** Likewise, may be null. */
  | "sock_or_null"
  /** Address of a kernel object that a helper or kfunc returned; opaque or readable, never null. */
  | "obj"
  /** Likewise, may be null. */
  | "obj_or_null"
  /** Address of a field of a map value that belongs to the kernel: a timer, a kptr, a list head. The helper checks which. */
  | "map_field"
  /** Address of a subprogram (a callback). The number is an index into the machine's table. */
  | "func"
  /** Not the register: the table index of the program that calls (kernel arguments `aux__prog` and `meta__ign`). */
  | "prog"
  /** Whatever the register holds, low word; the helper checks itself. */
  | "any";

/** What a helper answers. */
export type RetKind =
  /** int, sign-extended to 64 bits. */
  | "int"
  /** u32, zero-extended. */
  | "u32"
  /** u64; high word by setReturnHigh. */
  | "u64"
  /** Address of a map value, or 0. */
  | "map_value_or_null"
  /** Address of memory of the size given as argument, or 0. */
  | "mem_or_null"
  /** Address of a socket's struct, or 0. */
  | "sock_or_null"
  /** Address of a kernel object, or 0. */
  | "obj_or_null"
  | "void";

/** What helpers and kfuncs have in common: a function of the kernel that programs call. */
export interface CallDef<E extends BpfEnv = BpfEnv> {
  /** Helpers without the `bpf_` prefix: `map_lookup_elem`; kfuncs as the kernel calls them: `bpf_dynptr_from_xdp`. */
  readonly name: string;
  /** Kernel version that has it: `3.19`. */
  readonly since: string;
  readonly args: readonly ArgKind[];
  /** Bytes behind the "mem_fixed" and "mem_fixed_ro" arguments: of all of them, or of each in their order. */
  readonly fixed?: number | readonly number[];
  readonly ret: RetKind;
  /** May only be called by programs under a GPL-compatible licence. */
  readonly gplOnly: boolean;
  /** Program types that may call it; null means all. */
  readonly progKinds: readonly ProgKind[] | null;
  /** Of program types that have attach types: only programs loaded for one of these may call it. Absent: all. */
  readonly attachKinds?: readonly AttachKind[];
  /** Map types its map argument may have; null means all or none. */
  readonly mapKinds: readonly MapKind[] | null;
  /** It may move the packet: packet pointers die (bpf_helper_changes_pkt_data). */
  readonly changesPacket: boolean;
  /** What a call costs the simulated CPU, ns. @source FACTS: measured on Linux 6.18 with BPF_PROG_RUN, or an estimate that says so */
  readonly costNs: number;
  call(env: E, ...args: number[]): number;
}

/** A helper as WebAssembly. */
export interface HelperCode<E extends BpfEnv = BpfEnv> {
  /** Program types whose programs call it; absent: all that may call the helper. The others leave WebAssembly for `call`. */
  readonly kinds?: readonly ProgKind[];
  /** The function, which does what `call` does with the same arguments but for the surroundings. @throws BugError without memory */
  of(env: E): (...args: number[]) => number;
}

/** The record of one helper. */
export interface HelperDef<E extends BpfEnv = BpfEnv> extends CallDef<E> {
  /** BPF_FUNC_* number; below 0 for those with `classicOnly`. */
  readonly id: number;
  /** Program types in which Linux knows the helper and refuses every call that can be written, in its words. */
  readonly refused?: Readonly<Partial<Record<ProgKind, string>>>;
  /** The kernel calls it from translated classic programs (bpf/cbpf); no object can name it. */
  readonly classicOnly?: true;
  /** Compiled programs call this in place of `call`, and do not leave WebAssembly. For helpers that run no program and return no u64. */
  readonly code?: HelperCode<E>;
}

/** What programs of a type call in place of the record's own function; undefined: nothing. */
export function codeOf(callee: CallDef<never> | HelperDef<never>, kind: ProgKind): HelperCode<never> | undefined {
  const code = "code" in callee ? callee.code : undefined;
  return code?.kinds === undefined || code.kinds.includes(kind) ? code : undefined;
}

/**
 * The record of one kfunc. Programs name it by an extern symbol; the linked program calls it by that name.
 * @source kernel/bpf/verifier.c check_kfunc_call; the BTF_KFUNCS_START sets of the kernel say which program types may call it
 */
export interface KfuncDef<E extends BpfEnv = BpfEnv> extends CallDef<E> {
  /** What it does to references, for the verifier: KF_ACQUIRE, KF_RELEASE, KF_RET_NULL, ... without the prefix. */
  readonly flags: readonly KfuncFlag[];
  /** Only programs that are bound to a device may call it. @source kernel/bpf/offload.c bpf_dev_bound_kfunc_check */
  readonly deviceBound?: true;
  /** It ends the program that calls it, from however deep, with its argument: compiled code and interpreter do that, `call` never. */
  readonly throws?: true;
  /** The record in whose place programs of a type call another one. @source kernel/bpf/verifier.c specialize_kfunc */
  specialize?(kind: ProgKind): KfuncDef<E>;
}

/** @source include/linux/btf.h KF_* */
export type KfuncFlag =
  | "ACQUIRE"
  | "RELEASE"
  | "RET_NULL"
  | "TRUSTED_ARGS"
  | "SLEEPABLE"
  | "DESTRUCTIVE"
  | "RCU"
  | "ITER_NEW"
  | "ITER_NEXT"
  | "ITER_DESTROY"
  | "RCU_PROTECTED"
  | "FASTCALL";

/** sizeof(struct bpf_dynptr). */
export const DYNPTR_BYTES = 16;

/** Bytes behind argument `at`, one of kind "mem_fixed" or "mem_fixed_ro". */
export function fixedBytes(def: CallDef<never>, at: number): number {
  const { fixed } = def;
  if (typeof fixed === "number") return fixed;
  if (fixed === undefined) return 1;
  let n = 0;
  for (let i = 0; i < at; i++) if (def.args[i] === "mem_fixed" || def.args[i] === "mem_fixed_ro") n++;
  return fixed[n] ?? 1;
}
