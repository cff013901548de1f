/**
 * BPF_MAP_TYPE_QUEUE: first in, first out. Values only, no keys; programs get copies, never addresses.
 * @source kernel/bpf/queue_stack_maps.c; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, mustAlloc } from "./base-map.ts";
import { E2BIG, EINVAL, ENOENT, ENOMEM } from "./errno.ts";
import {
  ACCESS_FLAGS,
  BPF_F_NUMA_NODE,
  checkFlags,
  checkMaxEntries,
  invalid,
  KMALLOC_MAX_SIZE,
  type Refusal,
  tooBig,
} from "./flags.ts";
import { copyBytes, zeroBytes } from "./memory.ts";

/** Values in a ring: the queue takes from its tail, the stack from its head. */
export abstract class QueueStackBase extends BaseMap {
  override readonly nextErrno: number = -EINVAL;
  protected readonly slots: number;
  protected head: number = 0;
  protected tail: number = 0;
  private readonly base: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.slots = spec.maxEntries + 1;
    const bytes = this.slots * spec.valueSize;
    this.base = mustAlloc(this.arena.alloc(bytes), spec, bytes);
  }

  /** Slot that the next value comes from. */
  protected abstract frontSlot(): number;
  /** Forgets the value at the front. */
  protected abstract drop(): void;

  /**
   * BPF_EXIST makes room by forgetting the oldest value.
   * @param value address
   * @returns 0, -E2BIG when full, -EINVAL for other flags
   */
  push(value: number, flags: number): number {
    if ((flags & BPF_NOEXIST) !== 0 || flags >>> 0 > BPF_EXIST) return -EINVAL;
    if (this.count() === this.slots - 1) {
      if ((flags & BPF_EXIST) === 0) return -E2BIG;
      this.tail = (this.tail + 1) % this.slots;
    }
    copyBytes(this.arena, this.at(this.head), value, this.spec.valueSize);
    this.head = (this.head + 1) % this.slots;
    return 0;
  }

  /** Copies the front value out and forgets it. @returns 0, or -ENOENT with the bytes zeroed when there is none */
  pop(value: number): number {
    const err = this.peek(value);
    if (err === 0) this.drop();
    return err;
  }

  /** Copies the front value out. @returns 0, or -ENOENT with the bytes zeroed when there is none */
  peek(value: number): number {
    if (this.head === this.tail) {
      zeroBytes(this.arena, value, this.spec.valueSize);
      return -ENOENT;
    }
    copyBytes(this.arena, value, this.at(this.frontSlot()), this.spec.valueSize);
    return 0;
  }

  /** User space: BPF_MAP_LOOKUP_AND_DELETE_ELEM. */
  takeFront(): Uint8Array | null {
    const out = this.read(new Uint8Array(0));
    if (out !== null) this.drop();
    return out;
  }

  /** There are no keys. */
  nextKey(_key: Uint8Array | null): Uint8Array | null {
    return null;
  }

  /** User space's lookup peeks. @param _key empty */
  read(_key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || this.head === this.tail) return null;
    const at = this.at(this.frontSlot());
    return this.arena.u8.slice(at, at + this.spec.valueSize);
  }

  /** Values waiting. */
  count(): number {
    return (this.head + this.slots - this.tail) % this.slots;
  }

  destroy(): void {
    this.arena.free(this.base, this.slots * this.spec.valueSize);
  }

  /** User space's update pushes. */
  protected writeChecked(_key: Uint8Array, value: Uint8Array, flags: number): number {
    const src = this.takeUser(value);
    if (src === 0) return -ENOMEM;
    const err = this.push(src, flags);
    this.dropUser(src, value);
    return err;
  }

  private at(slot: number): number {
    return this.base + slot * this.spec.valueSize;
  }
}

/** A queue. */
class QueueMap extends QueueStackBase {
  protected frontSlot(): number {
    return this.tail;
  }

  protected drop(): void {
    this.tail = (this.tail + 1) % this.slots;
  }
}

/** What BPF_MAP_CREATE checks for queues and stacks. @source queue_stack_map_alloc_check */
export function checkQueueStack(spec: MapSpec): Refusal | null {
  if (spec.keySize !== 0) return invalid(`key_size is ${spec.keySize}, a ${spec.kind} has no keys`);
  if (spec.valueSize === 0) return invalid("value_size is 0");
  const common = checkMaxEntries(spec) ?? checkFlags(spec, BPF_F_NUMA_NODE | ACCESS_FLAGS);
  if (common !== null) return common;
  return spec.valueSize > KMALLOC_MAX_SIZE ? tooBig(`value_size ${spec.valueSize} is above ${KMALLOC_MAX_SIZE}`) : null;
}

/** `queue`. */
export const queueType: MapTypeDef = {
  kind: "queue",
  uapi: 22,
  since: "4.20",
  user: { take: true, batch: "none" },
  check: checkQueueStack,
  create: (spec, ctx) => new QueueMap(spec, ctx),
};
