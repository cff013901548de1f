/**
 * The helpers that work on maps of any type: lookup, update, delete.
 * @source kernel/bpf/helpers.c; which map goes with which helper: kernel/bpf/verifier.c check_map_func_compatibility
 *
 * Costs: FACTS 4.9, BPF_PROG_RUN on Linux 6.18. Lookup and update stand there for the hash map; `mapCallCostNs` has the others.
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import type { MapKind } from "../map.ts";

/** Maps whose values programs may look up. */
const LOOKUP_KINDS: readonly MapKind[] = [
  "hash",
  "array",
  "percpu_hash",
  "percpu_array",
  "lru_hash",
  "lru_percpu_hash",
  "lpm_trie",
  "array_of_maps",
  "hash_of_maps",
  "devmap",
  "devmap_hash",
  "xskmap",
  "sockmap",
  "sockhash",
];
/** Maps whose elements programs may change. */
const UPDATE_KINDS: readonly MapKind[] = [
  "hash",
  "array",
  "percpu_hash",
  "percpu_array",
  "lru_hash",
  "lru_percpu_hash",
  "lpm_trie",
  "sockmap",
  "sockhash",
];

/** What all of them have. */
const plain = { gplOnly: false, progKinds: null, changesPacket: false } as const;

/** `bpf_map_lookup_elem`. */
export const mapLookupElem: HelperDef = {
  ...plain,
  id: 1,
  name: "map_lookup_elem",
  since: "3.19",
  args: ["map", "map_key"],
  ret: "map_value_or_null",
  mapKinds: LOOKUP_KINDS,
  costNs: 23,
  call(env: BpfEnv, map: number, key: number): number {
    return env.machine.mapOfHandle(map)!.lookup(key, env.cpu());
  },
};

/** `bpf_map_update_elem`. */
export const mapUpdateElem: HelperDef = {
  ...plain,
  id: 2,
  name: "map_update_elem",
  since: "3.19",
  args: ["map", "map_key", "map_value", "u64"],
  ret: "int",
  mapKinds: UPDATE_KINDS,
  costNs: 89,
  call(env: BpfEnv, map: number, key: number, value: number, flags: number, flagsHi: number): number {
    // flags above 32 bits are as invalid as all bits of the lower word
    return env.machine.mapOfHandle(map)!.update(key, value, flagsHi === 0 ? flags : -1, env.cpu());
  },
};

/** `bpf_map_delete_elem`. Cost: an estimate between lookup and update. */
export const mapDeleteElem: HelperDef = {
  ...plain,
  id: 3,
  name: "map_delete_elem",
  since: "3.19",
  args: ["map", "map_key"],
  ret: "int",
  mapKinds: UPDATE_KINDS,
  costNs: 50,
  call(env: BpfEnv, map: number, key: number): number {
    return env.machine.mapOfHandle(map)!.delete(key);
  },
};

/** `bpf_map_lookup_percpu_elem`: the value of another CPU. Cost: as a lookup in a hash map. */
export const mapLookupPercpuElem: HelperDef = {
  ...plain,
  id: 195,
  name: "map_lookup_percpu_elem",
  since: "5.19",
  args: ["map", "map_key", "u32"],
  ret: "map_value_or_null",
  mapKinds: ["percpu_array", "percpu_hash", "lru_percpu_hash"],
  costNs: 23,
  call(env: BpfEnv, map: number, key: number, cpu: number): number {
    const live = env.machine.mapOfHandle(map)!;
    return cpu >>> 0 < live.numCpus ? live.lookup(key, cpu) : 0;
  },
};

/** ns a lookup costs by type of map; measured for array, percpu_array, hash, lru_hash and lpm_trie, the others likened. */
const LOOKUP_NS: Readonly<Partial<Record<MapKind, number>>> = {
  array: 1.5,
  percpu_array: 1.6,
  hash: 23,
  percpu_hash: 23,
  lru_hash: 30,
  lru_percpu_hash: 30,
  lpm_trie: 16,
  array_of_maps: 1.5,
  hash_of_maps: 23,
  devmap: 2,
  devmap_hash: 3,
};
/** ns an update of an existing key costs; measured for hash and lru_hash, the others estimated. */
const UPDATE_NS: Readonly<Partial<Record<MapKind, number>>> = {
  array: 8,
  percpu_array: 8,
  hash: 89,
  percpu_hash: 60,
  lru_hash: 144,
  lru_percpu_hash: 120,
  lpm_trie: 120,
};

/**
 * What a call of helper 1 or 2 costs on a map of a type, ns.
 * @returns null where the helper's own `costNs` holds
 * @source FACTS 4.9
 */
export function mapCallCostNs(helperId: number, kind: MapKind): number | null {
  if (helperId === 1 || helperId === 195) return LOOKUP_NS[kind] ?? null;
  return helperId === 2 ? (UPDATE_NS[kind] ?? null) : null;
}
