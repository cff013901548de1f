/**
 * BPF_MAP_TYPE_BLOOM_FILTER: a set that never forgets and sometimes lies: `peek` answers 0 for what was pushed, and for some of what
 * was not. Bits in the arena, out of programs' reach.
 *
 * The hashes' seed is 0, as Linux's under BPF_F_ZERO_SEED, so that the same pushes always give the same false answers.
 * @source kernel/bpf/bloom_filter.c; errno and false answers asked of Linux 6.18
 */

import { releaseState } from "../jit/code-instance.ts";
import type { MapCode, MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, mustAlloc } from "./base-map.ts";
import { BLOOM_BITS, BLOOM_BYTES, BLOOM_HASHES, BLOOM_MASK, type BloomCode, bloomCode } from "./code/bloom-code.ts";
import { EINVAL, ENOMEM, EOPNOTSUPP } from "./errno.ts";
import {
  ACCESS_FLAGS,
  BPF_F_NUMA_NODE,
  BPF_F_ZERO_SEED,
  checkFlags,
  checkMaxEntries,
  invalid,
  KMALLOC_MAX_SIZE,
  tooBig,
} from "./flags.ts";

/** Hashes when map_extra says none. */
const DEFAULT_HASHES = 5;
const MAX_HASHES = 15;

/** A bloom filter. */
export class BloomFilterMap extends BaseMap {
  override readonly nextErrno: number = -EOPNOTSUPP;
  override readonly code: MapCode & BloomCode;
  private readonly bits: number;
  private readonly bytes: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    const { arena } = this;
    const hashes = hashCount(spec);
    const bits = bitCount(spec.maxEntries, hashes);
    this.bytes = bits / 8;
    this.bits = mustAlloc(arena.alloc(this.bytes), spec, this.bytes);
    const state = mustAlloc(arena.alloc(BLOOM_BYTES), spec, BLOOM_BYTES);
    const word = (offset: number, value: number): void => {
      arena.i32[(state + offset) >>> 2] = value;
    };
    word(BLOOM_BITS, this.bits);
    word(BLOOM_MASK, bits - 1);
    word(BLOOM_HASHES, hashes);
    const { push, peek } = bloomCode(arena, spec.valueSize, state);
    this.code = { state, push, peek };
  }

  /** @param value address. @returns 0, -EINVAL for flags */
  push(value: number, flags: number): number {
    return this.code.push(this.code.state, value, flags);
  }

  /** @param value address. @returns 0: perhaps it was pushed; -ENOENT: it was not */
  peek(value: number): number {
    return this.code.peek(this.code.state, value);
  }

  /** User space's lookup: it brings the value. @returns as peek, or -EINVAL for a value of another size */
  peekUser(value: Uint8Array): number {
    if (value.length !== this.spec.valueSize) return -EINVAL;
    const at = this.takeUser(value);
    if (at === 0) return -ENOMEM;
    const err = this.peek(at);
    this.dropUser(at, value);
    return err;
  }

  nextKey(_key: Uint8Array | null): Uint8Array | null {
    return null;
  }

  /** There are no values to be read; `peekUser` asks for one. */
  read(_key: Uint8Array): Uint8Array | null {
    return null;
  }

  /** What was pushed cannot be counted. */
  count(): number {
    return 0;
  }

  destroy(): void {
    releaseState(this.arena, this.code.state);
    this.arena.free(this.code.state, BLOOM_BYTES);
    this.arena.free(this.bits, this.bytes);
  }

  protected writeChecked(_key: Uint8Array, value: Uint8Array, flags: number): number {
    const at = this.takeUser(value);
    if (at === 0) return -ENOMEM;
    const err = this.push(at, flags);
    this.dropUser(at, value);
    return err;
  }

  protected override removeChecked(_key: Uint8Array): number {
    return -EOPNOTSUPP;
  }
}

function hashCount(spec: MapSpec): number {
  const n = spec.mapExtra ?? 0;
  return n === 0 ? DEFAULT_HASHES : n;
}

/** Bits that keep false answers near one in thirty: n * k * 7 / 5, rounded up to a power of two of at least 64. */
function bitCount(maxEntries: number, hashes: number): number {
  const product = maxEntries * hashes;
  const bits = Math.floor(product / 5) * 7;
  if (product > 0xffffffff || bits > 2 ** 31) return 2 ** 32;
  return bits <= 64 ? 64 : 2 ** (32 - Math.clz32(bits - 1));
}

/** `bloom_filter`. */
export const bloomFilterType: MapTypeDef = {
  kind: "bloom_filter",
  uapi: 30,
  since: "5.16",
  typed: "no key",
  user: { take: false, batch: "none" },
  check(spec) {
    if (spec.keySize !== 0) return invalid(`key_size is ${spec.keySize}, a bloom filter has no keys`);
    if (spec.valueSize === 0) return invalid("value_size is 0");
    const extra = spec.mapExtra ?? 0;
    if (extra > MAX_HASHES) return invalid(`map_extra ${extra} is above the ${MAX_HASHES} hashes of a bloom filter`);
    const common = checkMaxEntries(spec) ?? checkFlags(spec, BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | ACCESS_FLAGS);
    if (common !== null) return common;
    return spec.valueSize > KMALLOC_MAX_SIZE
      ? tooBig(`value_size ${spec.valueSize} is above ${KMALLOC_MAX_SIZE}`)
      : null;
  },
  create: (spec, ctx) => new BloomFilterMap(spec, ctx),
};
