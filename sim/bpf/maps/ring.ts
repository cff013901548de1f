/**
 * What the rings in either direction share: bytes of addresses that lie there twice, so that a record that reaches beyond the end goes on
 * in the second half, as in the kernel's double mapping, and every record is contiguous.
 *
 *     record: u32 reserved (8 bytes with the next) | u32 | bytes, padded to 8
 *
 * Positions count bytes since the beginning, headers included.
 * @source kernel/bpf/ringbuf.c
 */
import type { MapContext } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, mustAlloc } from "./base-map.ts";
import { ENOTSUPP } from "./errno.ts";
import { BPF_F_NUMA_NODE, checkFlags, invalid, type Refusal, tooBig } from "./flags.ts";

/** Bytes in front of a record. */
export const RING_HEADER_BYTES = 8;
const PAGE = 4096;
/** Largest ring, bytes: page offsets are 24 bits. @source RINGBUF_MAX_DATA_SZ */
const MAX_RING = (2 ** 24 - 2 - 2) * PAGE;

/** A ring: it has no keys, and user space can neither read nor write elements. */
export abstract class RingMap extends BaseMap {
  override readonly readErrno: number = -ENOTSUPP;
  override readonly nextErrno: number = -ENOTSUPP;
  /** Bytes of records and headers written and read since the beginning. */
  producerPos: number = 0;
  consumerPos: number = 0;
  protected readonly base: number;
  protected readonly size: number;

  /** @param what what it is and holds, for messages */
  constructor(spec: MapSpec, ctx: MapContext, what: readonly [ring: string, record: string]) {
    super(spec, ctx);
    this.size = spec.maxEntries;
    const bytes = spec.maxEntries * 2;
    this.base = mustAlloc(
      this.arena.allocRegion({
        sizeBytes: bytes,
        strideBytes: bytes,
        valueBytes: bytes,
        writable: true,
        label: `${what[0]} "${spec.name}" ${what[1]}`,
      }),
      spec,
      bytes,
    );
  }

  nextKey(_key: Uint8Array | null): Uint8Array | null {
    return null;
  }

  read(_key: Uint8Array): Uint8Array | null {
    return null;
  }

  /** Bytes that wait for the consumer, as there are no elements to count. */
  count(): number {
    return this.producerPos - this.consumerPos;
  }

  destroy(): void {
    this.arena.freeRegion(this.base);
  }

  protected writeChecked(_key: Uint8Array, _value: Uint8Array, _flags: number): number {
    return -ENOTSUPP;
  }

  protected override removeChecked(_key: Uint8Array): number {
    return -ENOTSUPP;
  }
}

/** Bytes a record takes in the ring: the header, and padding to 8. */
export function recordBytes(length: number): number {
  return Math.ceil((length + RING_HEADER_BYTES) / 8) * 8;
}

/** What BPF_MAP_CREATE checks of a ring. @source ringbuf_map_alloc */
export function checkRing(spec: MapSpec): Refusal | null {
  if (spec.keySize !== 0 || spec.valueSize !== 0) return invalid(`a ${spec.kind} has no key_size and no value_size`);
  const n = spec.maxEntries;
  if (n === 0 || (n & (n - 1)) !== 0 || n % PAGE !== 0) {
    return invalid(`max_entries ${n} is no power of two and multiple of the page size ${PAGE}`);
  }
  return checkFlags(spec, BPF_F_NUMA_NODE) ?? (n > MAX_RING ? tooBig(`max_entries ${n} is above ${MAX_RING}`) : null);
}
