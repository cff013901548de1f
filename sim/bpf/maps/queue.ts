/**
 * BPF_MAP_TYPE_QUEUE: first in, first out. Values only, no keys; programs get copies, never addresses.
 * @source kernel/bpf/queue_stack_maps.c; errno asked of Linux 6.18
 */
import { releaseState } from "../jit/code-instance.ts";
import type { MapCode, MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, mustAlloc } from "./base-map.ts";
import {
  type QueueCode,
  queueCode,
  RING_BYTES,
  RING_END,
  RING_FIRST,
  RING_HEAD,
  RING_TAIL,
} from "./code/queue-code.ts";
import { EINVAL, ENOMEM } from "./errno.ts";
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

/** Values in a ring: the queue takes from its tail, the stack from its head. What they do is in code/queue-code.ts. */
export class QueueStackMap extends BaseMap {
  override readonly nextErrno: number = -EINVAL;
  override readonly code: MapCode & QueueCode;
  private readonly base: number;
  private readonly bytes: number;

  constructor(spec: MapSpec, ctx: MapContext, stack: boolean) {
    super(spec, ctx);
    const { arena } = this;
    this.bytes = (spec.maxEntries + 1) * spec.valueSize;
    this.base = mustAlloc(arena.alloc(this.bytes), spec, this.bytes);
    const state = mustAlloc(arena.alloc(RING_BYTES), spec, RING_BYTES);
    const word = (offset: number, value: number): void => {
      arena.i32[(state + offset) >>> 2] = value;
    };
    for (const offset of [RING_FIRST, RING_HEAD, RING_TAIL]) word(offset, this.base);
    word(RING_END, this.base + this.bytes);
    const { push, pop, peek, front } = queueCode(arena, { valueBytes: spec.valueSize, stack }, state);
    this.code = { state, push, pop, peek, front };
  }

  /** @param value address. @returns 0, -E2BIG when full and BPF_EXIST is not given, -EINVAL for other flags */
  push(value: number, flags: number): number {
    return this.code.push(this.code.state, value, flags);
  }

  /** Copies the front value out and forgets it. @returns 0, or -ENOENT with the bytes zeroed when there is none */
  pop(value: number): number {
    return this.code.pop(this.code.state, value);
  }

  /** Copies the front value out. @returns 0, or -ENOENT with the bytes zeroed when there is none */
  peek(value: number): number {
    return this.code.peek(this.code.state, value);
  }

  /** User space: BPF_MAP_LOOKUP_AND_DELETE_ELEM. */
  takeFront(): Uint8Array | null {
    const out = this.read(new Uint8Array(0));
    if (out === null) return null;
    const at = this.takeUser(out);
    if (at === 0) return null;
    this.pop(at);
    this.dropUser(at, out);
    return out;
  }

  /** There are no keys. */
  nextKey(_key: Uint8Array | null): Uint8Array | null {
    return null;
  }

  /** User space's lookup peeks. @param _key empty */
  read(_key: Uint8Array): Uint8Array | null {
    const at = this.userMayRead ? this.code.front(this.code.state) : 0;
    return at === 0 ? null : this.arena.u8.slice(at, at + this.spec.valueSize);
  }

  /** Values waiting. */
  count(): number {
    const word = (offset: number): number => this.arena.i32[(this.code.state + offset) >>> 2]!;
    const used = word(RING_HEAD) - word(RING_TAIL);
    return (used < 0 ? used + this.bytes : used) / this.spec.valueSize;
  }

  destroy(): void {
    releaseState(this.arena, this.code.state);
    this.arena.free(this.code.state, RING_BYTES);
    this.arena.free(this.base, this.bytes);
  }

  /** User space's update pushes. */
  protected writeChecked(_key: Uint8Array, value: Uint8Array, flags: number): number {
    const src = this.takeUser(value);
    if (src === 0) return -ENOMEM;
    const err = this.push(src, flags);
    this.dropUser(src, value);
    return err;
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
  create: (spec, ctx) => new QueueStackMap(spec, ctx, false),
};
