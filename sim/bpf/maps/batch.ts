/**
 * User space's batches: many elements by one call. Hash maps go by whole buckets and say where to go on by a bucket's number; the
 * others go by keys and say so by the last key.
 * @source kernel/bpf/syscall.c bpf_map_do_batch, generic_map_lookup_batch, generic_map_update_batch, generic_map_delete_batch;
 *         kernel/bpf/hashtab.c __htab_map_lookup_and_delete_batch; asked of Linux 6.18 (test/bpf/maps/sessions.test.ts)
 */
import type { BpfMap } from "../map.ts";
import { bytesOfU32, u32Of } from "./base-map.ts";
import { EINVAL, ENOENT, ENOSPC, ENOTSUPP, EPERM } from "./errno.ts";
import type { TableMap } from "./table-map.ts";
import { badLookupFlags, lockIsMissing, userDelete, userLookup, userNextKey, userOpsOf, userUpdate } from "./user.ts";

/** What a batch of lookups answers. */
export interface LookupBatch {
  /** 0; -ENOENT when the map's end was reached, which is no failure: what was found is there; other -errno. */
  readonly err: number;
  readonly keys: readonly Uint8Array[];
  readonly values: readonly Uint8Array[];
  /** Where to go on; null when nothing was asked. */
  readonly next: Uint8Array | null;
}

/** What a batch of updates or deletes answers. */
export interface ChangeBatch {
  readonly err: number;
  /** Elements changed before the one that failed. */
  readonly count: number;
}

const NOTHING: Omit<LookupBatch, "err"> = { keys: [], values: [], next: null };

/** BPF_MAP_LOOKUP_BATCH. @param from null, or what the last batch answered as `next`. @param count elements at most */
export function lookupBatch(map: BpfMap, from: Uint8Array | null, count: number, flags: number): LookupBatch {
  if (!map.userMayRead) return { err: -EPERM, ...NOTHING };
  const how = userOpsOf(map).batch;
  if (how === "none") return { err: -ENOTSUPP, ...NOTHING };
  return how === "buckets"
    ? lookupBuckets(map as TableMap, from, count, flags, false)
    : lookupKeys(map, from, count, flags);
}

/** BPF_MAP_LOOKUP_AND_DELETE_BATCH. @param from as in lookupBatch */
export function takeBatch(map: BpfMap, from: Uint8Array | null, count: number, flags: number): LookupBatch {
  if (!map.userMayRead || !map.userMayWrite) return { err: -EPERM, ...NOTHING };
  if (userOpsOf(map).batch !== "buckets") return { err: -ENOTSUPP, ...NOTHING };
  return lookupBuckets(map as TableMap, from, count, flags, true);
}

/** BPF_MAP_UPDATE_BATCH. */
export function updateBatch(
  map: BpfMap,
  keys: readonly Uint8Array[],
  values: readonly Uint8Array[],
  flags: number,
): ChangeBatch {
  if (!map.userMayWrite) return { err: -EPERM, count: 0 };
  if (userOpsOf(map).batch === "none") return { err: -ENOTSUPP, count: 0 };
  if (badLookupFlags(flags) || lockIsMissing(map, flags)) return { err: -EINVAL, count: 0 };
  for (let i = 0; i < keys.length; i++) {
    const err = userUpdate(map, keys[i]!, values[i]!, flags);
    if (err !== 0) return { err, count: i };
  }
  return { err: 0, count: keys.length };
}

/** BPF_MAP_DELETE_BATCH. */
export function deleteBatch(map: BpfMap, keys: readonly Uint8Array[], flags: number): ChangeBatch {
  if (!map.userMayWrite) return { err: -EPERM, count: 0 };
  const how = userOpsOf(map).batch;
  if (how === "none" || how === "fixed") return { err: -ENOTSUPP, count: 0 };
  if (badLookupFlags(flags) || lockIsMissing(map, flags)) return { err: -EINVAL, count: 0 };
  for (let i = 0; i < keys.length; i++) {
    const err = userDelete(map, keys[i]!);
    if (err !== 0) return { err, count: i };
  }
  return { err: 0, count: keys.length };
}

function lookupKeys(map: BpfMap, from: Uint8Array | null, count: number, flags: number): LookupBatch {
  if (badLookupFlags(flags) || lockIsMissing(map, flags)) return { err: -EINVAL, ...NOTHING };
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  let err = 0;
  let next = from;
  while (keys.length < count) {
    const key = userNextKey(map, next);
    if (typeof key === "number") {
      err = key;
      break;
    }
    next = key;
    const value = userLookup(map, key, flags);
    // an element that went away in between, or an empty slot of an array of maps
    if (value === -ENOENT) continue;
    if (typeof value === "number") return { err: value, ...NOTHING };
    keys.push(key);
    values.push(value);
  }
  return { err, keys, values, next };
}

/** A bucket comes whole or not at all; the first that does not fit answers -ENOSPC. */
function lookupBuckets(
  map: TableMap,
  from: Uint8Array | null,
  count: number,
  flags: number,
  remove: boolean,
): LookupBatch {
  if (badLookupFlags(flags) || lockIsMissing(map, flags)) return { err: -EINVAL, ...NOTHING };
  if (count === 0) return { err: 0, ...NOTHING };
  const table = map.table;
  let bucket = from === null ? 0 : u32Of(from);
  if (bucket >= table.bucketCount) return { err: -ENOENT, ...NOTHING };
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  let err = -ENOENT;
  for (; bucket < table.bucketCount; bucket++) {
    const here = table.keysOfBucket(bucket);
    if (here.length > count - keys.length) {
      err = keys.length === 0 ? -ENOSPC : 0;
      break;
    }
    for (const key of here) {
      keys.push(key);
      values.push(map.read(key)!);
    }
    if (remove) for (const key of here) map.removeTaken(key);
  }
  return { err, keys, values, next: bytesOfU32(bucket) };
}
