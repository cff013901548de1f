/**
 * The helpers that call a subprogram back: bpf_loop and bpf_for_each_map_elem.
 * @source kernel/bpf/bpf_iter.c bpf_loop, kernel/bpf/helpers.c; arraymap.c and hashtab.c *_for_each_*_elem
 * @differs the key that a hash map's callback gets is a copy
 *
 * Costs: the calls of the callback count themselves; the helper's own part is an estimate.
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { MAX_LOOPS } from "../jit/cells.ts";
import type { Machine } from "../machine.ts";
import type { BpfMap, MapKind } from "../map.ts";
import { E2BIG, EINVAL } from "../maps/errno.ts";
import { TableMap } from "../maps/table-map.ts";

/** What all of them have. */
const plain = { gplOnly: false, progKinds: null, changesPacket: false, ret: "int" } as const;

/**
 * `bpf_loop`: calls (index, ctx) until the callback answers 1. Answers the number of calls. With flags of 0 the kernel puts the loop into the
 * program, and there -E2BIG is 32 bits of the answer, the others zero (inline_bpf_loop).
 */
export const loop: HelperDef = {
  ...plain,
  id: 181,
  name: "loop",
  since: "5.17",
  args: ["u32", "func", "any", "u64"],
  ret: "u64",
  mapKinds: null,
  costNs: 2,
  call(env: BpfEnv, loops: number, func: number, ctx: number, flags: number, flagsHi: number): number {
    const machine = env.machine;
    const refused = flags !== 0 || flagsHi !== 0;
    const n = refused || loops >>> 0 > MAX_LOOPS ? 0 : loops >>> 0;
    let calls = 0;
    while (calls < n && machine.callback(func, calls++, ctx, 0, 0) === 0);
    // last: what is called back may set it, too
    machine.setReturnHigh(refused ? -1 : 0);
    return refused ? -EINVAL : loops >>> 0 > MAX_LOOPS ? -E2BIG : calls;
  },
};

const KINDS: readonly MapKind[] = ["array", "percpu_array", "hash", "percpu_hash", "lru_hash", "lru_percpu_hash"];

/** `bpf_for_each_map_elem`: calls (map, key, value, ctx) for each element until the callback answers 1. */
export const forEachMapElem: HelperDef = {
  ...plain,
  id: 164,
  name: "for_each_map_elem",
  since: "5.13",
  args: ["map", "func", "any", "u64"],
  mapKinds: KINDS,
  costNs: 5,
  call(env: BpfEnv, handle: number, func: number, ctx: number, flags: number, flagsHi: number): number {
    const map = env.machine.mapOfHandle(handle);
    if (flags !== 0 || flagsHi !== 0 || map === undefined) return -EINVAL;
    const machine = env.machine;
    const arena = env.machine.arena;
    const bytes = Math.max(8, map.spec.keySize);
    const key = arena.allocRegion({
      sizeBytes: bytes,
      strideBytes: bytes,
      valueBytes: map.spec.keySize,
      writable: false,
      label: `map "${map.spec.name}" key`,
    });
    if (key === 0) return -EINVAL;
    const visited = visit(env, map, machine, func, ctx, key);
    arena.freeRegion(key);
    return visited;
  },
};

function visit(env: BpfEnv, map: BpfMap, machine: Machine, func: number, ctx: number, key: number): number {
  const arena = env.machine.arena;
  const cpu = env.cpu();
  const inline = map.inlineArray;
  if (inline !== null) {
    for (let i = 0; i < inline.maxEntries; i++) {
      arena.u32[key >>> 2] = i;
      const value = inline.base + cpu * inline.cpuStride + i * inline.stride;
      if (machine.callback(func, map.handle, key, value, ctx) !== 0) return i + 1;
    }
    return inline.maxEntries;
  }
  if (!(map instanceof TableMap)) return -EINVAL;
  const table = map.table;
  let visited = 0;
  for (let el = table.next(0); el !== 0; ) {
    const next = table.next(el);
    const from = table.keyOf(el);
    arena.u8.copyWithin(key, from, from + map.spec.keySize);
    visited++;
    if (machine.callback(func, map.handle, key, table.valueOf(el, cpu), ctx) !== 0) break;
    el = next;
  }
  return visited;
}
