/**
 * BPF_MAP_TYPE_STACK: last in, first out.
 * @source kernel/bpf/queue_stack_maps.c; errno asked of Linux 6.18
 */
import type { MapTypeDef } from "../map.ts";
import { checkQueueStack, QueueStackMap } from "./queue.ts";

/** `stack`. */
export const stackType: MapTypeDef = {
  kind: "stack",
  uapi: 23,
  since: "4.20",
  user: { take: true, batch: "none" },
  check: checkQueueStack,
  create: (spec, ctx) => new QueueStackMap(spec, ctx, true),
};
