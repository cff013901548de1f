/** What differs between map types, for those who make cases and those who read answers. */
import { type CaseMap, MAP_TYPE } from "./case.ts";

const PERCPU: ReadonlySet<number> = new Set([MAP_TYPE.percpu_array, MAP_TYPE.percpu_hash, MAP_TYPE.lru_percpu_hash]);
const OF_MAPS: ReadonlySet<number> = new Set([MAP_TYPE.array_of_maps, MAP_TYPE.hash_of_maps]);

/** Holds a value for each CPU. */
export function isPerCpu(map: CaseMap): boolean {
  return PERCPU.has(map.type);
}

/** Its values are maps. */
export function isOfMaps(map: CaseMap): boolean {
  return OF_MAPS.has(map.type);
}

/** Its elements are part of the answer. */
export function isDumped(map: CaseMap): boolean {
  return !isOfMaps(map) && map.type !== MAP_TYPE.prog_array && map.type !== MAP_TYPE.ringbuf;
}

/** Bytes of a value as user space reads it. */
export function userValueBytes(map: CaseMap, cpus: number): number {
  return isPerCpu(map) ? Math.ceil(map.valueSize / 8) * 8 * cpus : map.valueSize;
}
