/**
 * Flags of BPF_MAP_CREATE and of BPF_MAP_UPDATE_ELEM, and the checks that several map types share.
 * @source include/uapi/linux/bpf.h; every refusal below was asked of Linux 6.18 with BPF_MAP_CREATE
 */
import type { MapSpec } from "../spec.ts";
import { E2BIG, EINVAL } from "./errno.ts";

export const BPF_F_NO_PREALLOC = 1;
export const BPF_F_NO_COMMON_LRU = 2;
export const BPF_F_NUMA_NODE = 4;
export const BPF_F_RDONLY = 8;
export const BPF_F_WRONLY = 16;
export const BPF_F_ZERO_SEED = 64;
export const BPF_F_RDONLY_PROG = 128;
export const BPF_F_WRONLY_PROG = 256;
export const BPF_F_CLONE = 512;
export const BPF_F_MMAPABLE = 1024;
export const BPF_F_PRESERVE_ELEMS = 2048;
export const BPF_F_INNER_MAP = 4096;
/** The four flags about who may read and write. */
export const ACCESS_FLAGS: number = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;

/** Update flag: take the value's bpf_spin_lock while copying. */
export const BPF_F_LOCK = 4;

/** Largest block kmalloc hands out on x86-64 with 4 KiB pages, bytes. */
export const KMALLOC_MAX_SIZE: number = 4 * 1024 * 1024;
/** Largest per-CPU allocation, bytes: the bound of per-CPU values rounded up to 8. @source include/linux/percpu.h PCPU_MIN_UNIT_SIZE */
export const PCPU_MIN_UNIT_SIZE = 32768;

/** The errno (positive) and the reason with which BPF_MAP_CREATE refuses a spec. */
export interface Refusal {
  readonly errno: number;
  readonly reason: string;
}

/** A refusal with EINVAL. */
export function invalid(reason: string): Refusal {
  return { errno: EINVAL, reason };
}

/** A refusal with E2BIG. */
export function tooBig(reason: string): Refusal {
  return { errno: E2BIG, reason };
}

/**
 * Refuses flags outside `allowed`, read-only together with write-only, and a map_extra where none is taken.
 * @source kernel/bpf/syscall.c map_create, bpf_get_file_flag
 */
export function checkFlags(spec: MapSpec, allowed: number): Refusal | null {
  if (spec.kind !== "bloom_filter" && (spec.mapExtra ?? 0) !== 0) {
    return invalid(`map_extra is ${spec.mapExtra}, type ${spec.kind} takes none`);
  }
  const unknown = spec.flags & ~allowed;
  if (unknown !== 0)
    return invalid(`map_flags 0x${(unknown >>> 0).toString(16)} are not allowed for type ${spec.kind}`);
  const both = BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
  if ((spec.flags & both) === both) return invalid("BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other");
  const bothUser = BPF_F_RDONLY | BPF_F_WRONLY;
  return (spec.flags & bothUser) === bothUser ? invalid("BPF_F_RDONLY and BPF_F_WRONLY exclude each other") : null;
}

/** Refuses sizes that differ from what the type demands. */
export function checkKeySize(spec: MapSpec, keySize: number): Refusal | null {
  return spec.keySize === keySize ? null : invalid(`key_size is ${spec.keySize}, type ${spec.kind} takes ${keySize}`);
}

/** Refuses a map without room. */
export function checkMaxEntries(spec: MapSpec): Refusal | null {
  return spec.maxEntries > 0 ? null : invalid("max_entries is 0");
}

/** Refuses empty values and per-CPU values beyond PCPU_MIN_UNIT_SIZE. */
export function checkValueSize(spec: MapSpec, perCpu: boolean): Refusal | null {
  if (spec.valueSize === 0) return invalid("value_size is 0");
  if (spec.valueSize > 0x7fffffff) return tooBig(`value_size ${spec.valueSize} is above 2 GiB`);
  if (perCpu && Math.ceil(spec.valueSize / 8) * 8 > PCPU_MIN_UNIT_SIZE) {
    return tooBig(`value_size ${spec.valueSize} is above the ${PCPU_MIN_UNIT_SIZE} bytes of a per-CPU value`);
  }
  return null;
}

/**
 * The checks that every map in which a map stands for a value or a program for a value shares: u32 keys, u32 values.
 * @source kernel/bpf/arraymap.c fd_array_map_alloc_check
 */
export function checkFdArray(spec: MapSpec, allowed: number): Refusal | null {
  if (spec.valueSize !== 4) return invalid(`value_size is ${spec.valueSize}, type ${spec.kind} takes 4`);
  return checkMaxEntries(spec) ?? checkKeySize(spec, 4) ?? checkFlags(spec, allowed);
}
