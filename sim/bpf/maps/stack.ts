/**
 * BPF_MAP_TYPE_STACK: last in, first out.
 * @source kernel/bpf/queue_stack_maps.c; errno asked of Linux 6.18
 */
import type { MapTypeDef } from "../map.ts";
import { checkQueueStack, QueueStackBase } from "./queue.ts";

/** A stack. */
class StackMap extends QueueStackBase {
  protected frontSlot(): number {
    return (this.head + this.slots - 1) % this.slots;
  }

  protected drop(): void {
    this.head = this.frontSlot();
  }
}

/** `stack`. */
export const stackType: MapTypeDef = {
  kind: "stack",
  uapi: 23,
  since: "4.20",
  user: { take: true, batch: "none" },
  check: checkQueueStack,
  create: (spec, ctx) => new StackMap(spec, ctx),
};
