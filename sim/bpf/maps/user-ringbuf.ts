/**
 * BPF_MAP_TYPE_USER_RINGBUF: a ring by which user space sends samples to programs, which take them by bpf_user_ringbuf_drain.
 *
 *     record in the ring: 8 bytes of header (the length, out of programs' reach here), the sample, padded to 8
 *
 * User space writes by `submit` and `discard`, as libbpf's user_ring_buffer does; it cannot write a broken header.
 * @source kernel/bpf/ringbuf.c user_ringbuf_map_ops, __bpf_user_ringbuf_peek; tools/lib/bpf/ringbuf.c user_ring_buffer__reserve
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { E2BIG, ENOSPC } from "./errno.ts";
import { checkRing, RING_HEADER_BYTES, RingMap, recordBytes } from "./ring.ts";

/** A dynptr's size has 24 bits. @source kernel/bpf/helpers.c DYNPTR_MAX_SIZE */
const DYNPTR_MAX_SIZE = 0xffffff;

/** A ring from user space to programs. */
export class UserRingbufMap extends RingMap {
  /** A program drains it now: another one is answered -EBUSY. */
  busy: boolean = false;
  /** Length of the record that starts at each 8 bytes, -1 - length for a discarded one. */
  private readonly lengths: Int32Array;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, ["user ring buffer", "sample"]);
    this.lengths = new Int32Array(spec.maxEntries / RING_HEADER_BYTES);
  }

  /** User space sends a sample. @returns 0, -ENOSPC while there is no room, -E2BIG when there never is */
  submit(sample: Uint8Array): number {
    return this.produce(sample, false);
  }

  /** User space reserves room for a sample and discards it. @returns as submit */
  discard(sizeBytes: number): number {
    return this.produce(new Uint8Array(sizeBytes), true);
  }

  /**
   * The oldest sample; discarded ones are skipped, one a call.
   * @returns its address, 0 when none waits, -1 when a discarded one was skipped, -2 when it is too large for a dynptr
   */
  peek(): number {
    if (this.consumerPos >= this.producerPos) return 0;
    const at = this.consumerPos % this.size;
    const length = this.lengths[at / RING_HEADER_BYTES]!;
    if (length < 0) {
      this.consumerPos += recordBytes(-1 - length);
      return -1;
    }
    return length > DYNPTR_MAX_SIZE ? -2 : this.base + at + RING_HEADER_BYTES;
  }

  /** Bytes of the sample that `peek` answered. */
  get peekedBytes(): number {
    return this.lengths[(this.consumerPos % this.size) / RING_HEADER_BYTES]!;
  }

  /** The sample that `peek` answered has been read. */
  release(): void {
    this.consumerPos += recordBytes(this.peekedBytes);
  }

  private produce(sample: Uint8Array, discarded: boolean): number {
    const total = recordBytes(sample.length);
    if (total > this.size) return -E2BIG;
    if (this.producerPos + total - this.consumerPos > this.size) return -ENOSPC;
    const at = this.producerPos % this.size;
    this.lengths[at / RING_HEADER_BYTES] = discarded ? -1 - sample.length : sample.length;
    this.arena.u8.set(sample, this.base + at + RING_HEADER_BYTES);
    this.producerPos += total;
    return 0;
  }
}

/** `user_ringbuf`. */
export const userRingbufType: MapTypeDef = {
  kind: "user_ringbuf",
  uapi: 31,
  since: "6.1",
  user: { take: false, batch: "none" },
  check: checkRing,
  create: (spec, ctx) => new UserRingbufMap(spec, ctx),
};
