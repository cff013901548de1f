/**
 * BPF_MAP_TYPE_RINGBUF: records of any size from programs to user space, in the order in which they were reserved.
 *
 *     record: u32 reserved (8 bytes with the next) | u32 the map's handle | bytes, padded to 8
 *
 * Its positions are what bpf_ringbuf_query answers.
 * The consumer: by default it takes each record in the moment it becomes readable, so the ring is never full for long; with
 * `keepsUp` false it takes none until somebody calls `take`, as when no process reads the ring on Linux.
 * @source kernel/bpf/ringbuf.c; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { checkRing, RING_HEADER_BYTES, RingMap, recordBytes } from "./ring.ts";

const HEADER: number = RING_HEADER_BYTES;
const BUSY = 0x80000000;
const DISCARDED = 0x40000000;
const LENGTH = 0x3fffffff;
const MAX_RECORD = 0x3fffffff;
/** A ring buffer. */
export class RingbufMap extends RingMap {
  /** The consumer reads each record at once. */
  keepsUp: boolean = true;
  /** Length and state of the record that starts at each 8 bytes; out of programs' reach. */
  private readonly headers: Uint32Array;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, ["ring buffer", "record"]);
    this.headers = new Uint32Array(spec.maxEntries / HEADER);
  }

  /**
   * Room for a record.
   * @returns its address, or 0 when the ring has no room or the size is above what a record may have
   * @source __bpf_ringbuf_reserve: the producer stays below a whole ring ahead of the consumer
   */
  reserve(sizeBytes: number): number {
    if (sizeBytes > MAX_RECORD) return 0;
    const total = recordBytes(sizeBytes);
    if (total > this.size || this.producerPos + total - this.consumerPos > this.size - 1) return 0;
    const at = this.producerPos % this.size;
    this.headers[at / HEADER] = (sizeBytes | BUSY) >>> 0;
    const addr = this.base + at;
    this.arena.u32[(addr >>> 2) + 1] = this.handle;
    this.producerPos += total;
    return addr + HEADER;
  }

  /** Bytes of the reserved record at an address, -1 when there is none that waits for submit or discard. */
  reservedBytes(record: number): number {
    const at = record - HEADER - this.base;
    if (at < 0 || at >= this.size || at % HEADER !== 0) return -1;
    const header = this.headers[at / HEADER]!;
    return (header & BUSY) !== 0 ? header & LENGTH : -1;
  }

  /** Submits or discards a reserved record. @returns false when there is none at that address */
  commit(record: number, discard: boolean): boolean {
    const length = this.reservedBytes(record);
    if (length < 0) return false;
    this.headers[(record - HEADER - this.base) / HEADER] = discard ? (length | DISCARDED) >>> 0 : length;
    return true;
  }

  /** User space takes the oldest readable record. @returns a copy, or null when none is readable */
  take(): Uint8Array | null {
    while (this.consumerPos < this.producerPos) {
      const at = this.consumerPos % this.size;
      const header = this.headers[at / HEADER]!;
      if ((header & BUSY) !== 0) return null;
      const length = header & LENGTH;
      this.consumerPos += recordBytes(length);
      if ((header & DISCARDED) !== 0) continue;
      const from = this.base + at + HEADER;
      return this.arena.u8.slice(from, from + length);
    }
    return null;
  }

  /** Bytes of the whole ring. */
  get ringBytes(): number {
    return this.size;
  }
}

/** `ringbuf`. */
export const ringbufType: MapTypeDef = {
  kind: "ringbuf",
  uapi: 27,
  since: "5.8",
  user: { take: false, batch: "none" },
  check: checkRing,
  create: (spec, ctx) => new RingbufMap(spec, ctx),
};
