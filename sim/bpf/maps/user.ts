/**
 * User space's operations on maps by the rules of the bpf() system call: rights, flags and sizes are checked here as Linux checks them
 * before a map sees the call, and each answers -errno where `BpfMap.read` and its kin can only answer null.
 * @source kernel/bpf/syscall.c map_lookup_elem, map_update_elem, map_delete_elem, map_get_next_key, map_lookup_and_delete_elem; asked
 *         of Linux 6.18 (test/bpf/maps/sessions.test.ts)
 */
import type { BpfMap, UserOps } from "../map.ts";
import { BloomFilterMap } from "./bloom-filter.ts";
import { EBADF, EINVAL, ENOENT, ENOTSUPP, EPERM } from "./errno.ts";
import { BPF_F_LOCK } from "./flags.ts";
import { mapTypes } from "./index.ts";
import { LocalStorageMap } from "./local-storage.ts";
import { QueueStackMap } from "./queue.ts";

const U32 = 2 ** 32;
const OPS: ReadonlyMap<string, UserOps> = new Map(mapTypes.map((t) => [t.kind, t.user]));

/** The operations of a map's type. */
export function userOpsOf(map: BpfMap): UserOps {
  return OPS.get(map.spec.kind)!;
}

/**
 * BPF_MAP_LOOKUP_ELEM.
 * @param flags 0 or BPF_F_LOCK
 * @returns a copy of the value, or -errno
 */
export function userLookup(map: BpfMap, key: Uint8Array, flags: number): Uint8Array | number {
  if (badLookupFlags(flags)) return -EINVAL;
  if (!map.userMayRead) return -EPERM;
  if (lockIsMissing(map, flags) || key.length !== map.spec.keySize) return -EINVAL;
  const value = map.read(key);
  if (value !== null) return value;
  return map instanceof LocalStorageMap && !map.knows(key) ? -EBADF : map.readErrno;
}

/**
 * BPF_MAP_LOOKUP_ELEM of a bloom filter, which asks for a value instead of answering one.
 * @returns 0 or -errno; -EINVAL for maps of other types
 */
export function userPeek(map: BpfMap, value: Uint8Array, flags: number): number {
  if (badLookupFlags(flags)) return -EINVAL;
  if (!map.userMayRead) return -EPERM;
  if (lockIsMissing(map, flags) || !(map instanceof BloomFilterMap)) return -EINVAL;
  return map.peekUser(value);
}

/** BPF_MAP_UPDATE_ELEM. @param flags u64. @returns 0 or -errno */
export function userUpdate(map: BpfMap, key: Uint8Array, value: Uint8Array, flags: number): number {
  if (!map.userMayWrite) return -EPERM;
  if (flags < U32 && lockIsMissing(map, flags)) return -EINVAL;
  // no type knows a flag above the low word: one that none knows stands for all of them
  return map.write(key, value, flags < U32 ? flags : U32 / 2);
}

/** BPF_MAP_DELETE_ELEM. @returns 0 or -errno */
export function userDelete(map: BpfMap, key: Uint8Array): number {
  return map.remove(key);
}

/** BPF_MAP_GET_NEXT_KEY: the key after one; null or an unknown key starts over. @returns a copy of the key, or -errno */
export function userNextKey(map: BpfMap, key: Uint8Array | null): Uint8Array | number {
  if (!map.userMayRead) return -EPERM;
  return map.nextKey(key) ?? map.nextErrno;
}

/** BPF_MAP_LOOKUP_AND_DELETE_ELEM. @param key empty for queues and stacks. @returns a copy of the value, or -errno */
export function userTake(map: BpfMap, key: Uint8Array, flags: number): Uint8Array | number {
  if (badLookupFlags(flags)) return -EINVAL;
  if (!map.userMayRead || !map.userMayWrite) return -EPERM;
  const waiting = map instanceof QueueStackMap;
  if ((waiting && flags !== 0) || lockIsMissing(map, flags)) return -EINVAL;
  if (waiting) return map.takeFront() ?? -ENOENT;
  if (!userOpsOf(map).take) return -ENOTSUPP;
  const value = userLookup(map, key, flags);
  if (typeof value !== "number") map.remove(key);
  return value;
}

/** Flags beyond BPF_F_LOCK, which lookups and batches take alone. */
export function badLookupFlags(flags: number): boolean {
  return flags !== 0 && flags !== BPF_F_LOCK;
}

/** BPF_F_LOCK is asked for and the value has no bpf_spin_lock. */
export function lockIsMissing(map: BpfMap, flags: number): boolean {
  return (flags & BPF_F_LOCK) !== 0 && map.spinLockOffset < 0;
}
