/**
 * BPF_MAP_TYPE_STACK_TRACE: call stacks by id. bpf_get_stackid puts a stack into the bucket that its hash says, and the bucket's number
 * is its id; user space reads and deletes.
 * @source kernel/bpf/stackmap.c; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { nextIndex } from "./array.ts";
import { BaseMap, u32Of } from "./base-map.ts";
import { E2BIG, EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM } from "./errno.ts";
import {
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_WRONLY,
  checkFlags,
  checkKeySize,
  checkMaxEntries,
  invalid,
  tooBig,
} from "./flags.ts";
import { jhash2 } from "./jhash2.ts";

/** Values hold struct bpf_stack_build_id in place of addresses. */
const BPF_F_STACK_BUILD_ID = 32;
/** s32 status, u8 build_id[20], u64 ip. */
const BUILD_ID_BYTES = 32;
const BUILD_ID_IP_AT = 24;
/** There is no build id, only the address. */
const BPF_STACK_BUILD_ID_IP = 2;
/** sysctl kernel.perf_event_max_stack. */
export const PERF_MAX_STACK = 127;
/** Flags of bpf_get_stackid: frames to leave out; compare hashes only; a stack takes the place of another one. */
export const BPF_F_SKIP_FIELD_MASK = 0xff;
const BPF_F_FAST_STACK_CMP = 1 << 9;
const BPF_F_REUSE_STACKID = 1 << 10;

interface Bucket {
  readonly hash: number;
  readonly value: Uint8Array;
}

/** Stacks by id. */
export class StackTraceMap extends BaseMap {
  private readonly buckets: Map<number, Bucket> = new Map();
  private readonly mask: number;
  private readonly elemBytes: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.mask = roundUpPow2(spec.maxEntries) - 1;
    this.elemBytes = (spec.flags & BPF_F_STACK_BUILD_ID) !== 0 ? BUILD_ID_BYTES : 8;
  }

  /**
   * bpf_get_stackid after its flags were checked.
   * @param ips the stack's addresses, innermost first, low word before high word
   * @returns the id, or -errno
   */
  idOf(ips: Uint32Array, flags: number): number {
    const skip = flags & BPF_F_SKIP_FIELD_MASK;
    const frames = Math.min(ips.length / 2, PERF_MAX_STACK, this.spec.valueSize / this.elemBytes + skip) - skip;
    if (frames <= 0) return -EFAULT;
    const words = ips.subarray(skip * 2, (skip + frames) * 2);
    const hash = jhash2(words, 0);
    const id = (hash & this.mask) >>> 0;
    const old = this.buckets.get(id);
    const matches = old !== undefined && old.hash === hash;
    if (matches && (flags & BPF_F_FAST_STACK_CMP) !== 0) return id;
    const value = this.bytesOf(words);
    // a bucket to be filled is taken before the old one goes
    const isFull = this.buckets.size >= this.spec.maxEntries;
    if (isFull && this.elemBytes === BUILD_ID_BYTES) return -ENOMEM;
    if (matches && same(old.value, value)) return id;
    if (old !== undefined && (flags & BPF_F_REUSE_STACKID) === 0) return -EEXIST;
    if (isFull) return -ENOMEM;
    this.buckets.set(id, { hash, value });
    return id;
  }

  private bytesOf(words: Uint32Array): Uint8Array {
    const value = new Uint8Array(this.spec.valueSize);
    const view = new DataView(value.buffer);
    const withIds = this.elemBytes === BUILD_ID_BYTES;
    for (let i = 0; i < words.length / 2; i++) {
      const at = i * this.elemBytes;
      if (withIds) view.setInt32(at, BPF_STACK_BUILD_ID_IP, true);
      const ip = withIds ? at + BUILD_ID_IP_AT : at;
      view.setUint32(ip, words[i * 2]!, true);
      view.setUint32(ip + 4, words[i * 2 + 1]!, true);
    }
    return value;
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    if (!this.userMayRead) return null;
    const buckets = this.mask + 1;
    let next = nextIndex(key, buckets);
    while (next !== null && !this.buckets.has(u32Of(next))) next = nextIndex(next, buckets);
    return next;
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    return this.buckets.get(u32Of(key))?.value.slice() ?? null;
  }

  /** Stacks that it holds. */
  count(): number {
    return this.buckets.size;
  }

  destroy(): void {
    this.buckets.clear();
  }

  protected writeChecked(_key: Uint8Array, _value: Uint8Array, _flags: number): number {
    return -EINVAL;
  }

  protected override removeChecked(key: Uint8Array): number {
    const id = u32Of(key);
    if (id > this.mask) return -E2BIG;
    return this.buckets.delete(id) ? 0 : -ENOENT;
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

function roundUpPow2(n: number): number {
  let p = 1;
  while (p < n) p *= 2;
  return p;
}

/** `stack_trace`. */
export const stackTraceType: MapTypeDef = {
  kind: "stack_trace",
  uapi: 7,
  since: "4.6",
  user: { take: true, batch: "none" },
  check(spec) {
    const flags = checkFlags(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_STACK_BUILD_ID);
    if (flags !== null) return flags;
    const unfit = checkMaxEntries(spec) ?? checkKeySize(spec, 4);
    if (unfit !== null) return unfit;
    const elem = (spec.flags & BPF_F_STACK_BUILD_ID) !== 0 ? BUILD_ID_BYTES : 8;
    if (spec.valueSize < 8 || spec.valueSize % elem !== 0) {
      return invalid(`value_size is ${spec.valueSize}, and stacks are made of ${elem} bytes a frame`);
    }
    if (spec.valueSize / elem > PERF_MAX_STACK) return invalid(`a stack has at most ${PERF_MAX_STACK} frames`);
    return spec.maxEntries > 2 ** 31 ? tooBig(`max_entries ${spec.maxEntries} is above 2^31`) : null;
  },
  create: (spec, ctx) => new StackTraceMap(spec, ctx),
};
