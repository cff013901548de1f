/**
 * Push, pop and peek on queues and stacks; push and peek on bloom filters, where a peek asks for the value it is given.
 * @source kernel/bpf/helpers.c, queue_stack_maps.c, bloom_filter.c. Costs: estimates (a spin lock and a copy), no measurement at hand
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import type { MapKind } from "../map.ts";
import { BloomFilterMap } from "../maps/bloom-filter.ts";
import { EINVAL } from "../maps/errno.ts";
import { QueueStackMap } from "../maps/queue.ts";

const QUEUES: readonly MapKind[] = ["queue", "stack"];
const KINDS: readonly MapKind[] = [...QUEUES, "bloom_filter"];

function queueOf(env: BpfEnv, handle: number): QueueStackMap | BloomFilterMap | null {
  const map = env.machine.mapOfHandle(handle);
  return map instanceof QueueStackMap || map instanceof BloomFilterMap ? map : null;
}

/** What all of them have. */
const plain = { gplOnly: false, progKinds: null, mapKinds: KINDS, changesPacket: false, ret: "int" } as const;

/** `bpf_map_push_elem`. */
export const mapPushElem: HelperDef = {
  ...plain,
  id: 87,
  name: "map_push_elem",
  since: "4.20",
  args: ["map", "map_value", "u64"],
  costNs: 15,
  call(env: BpfEnv, map: number, value: number, flags: number, flagsHi: number): number {
    return flagsHi !== 0 ? -EINVAL : (queueOf(env, map)?.push(value, flags) ?? -EINVAL);
  },
};

/** `bpf_map_pop_elem`. */
export const mapPopElem: HelperDef = {
  ...plain,
  id: 88,
  name: "map_pop_elem",
  since: "4.20",
  mapKinds: QUEUES,
  args: ["map", "map_value"],
  costNs: 15,
  call(env: BpfEnv, map: number, value: number): number {
    const queue = queueOf(env, map);
    return queue instanceof QueueStackMap ? queue.pop(value) : -EINVAL;
  },
};

/** `bpf_map_peek_elem`. */
export const mapPeekElem: HelperDef = {
  ...plain,
  id: 89,
  name: "map_peek_elem",
  since: "4.20",
  args: ["map", "map_value"],
  costNs: 15,
  call(env: BpfEnv, map: number, value: number): number {
    return queueOf(env, map)?.peek(value) ?? -EINVAL;
  },
};
