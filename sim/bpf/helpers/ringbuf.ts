/**
 * The ring buffer's helpers. What a consumer that keeps up can read after a submit goes to `env.userRecord` at once.
 * @source kernel/bpf/ringbuf.c. Costs: estimates (a spin lock, a header, a wake-up now and then)
 */
import { VerifierError } from "../../engine/errors.ts";
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import type { MapKind } from "../map.ts";
import { EAGAIN, EINVAL } from "../maps/errno.ts";
import { copyBytes } from "../maps/memory.ts";
import { RingbufMap } from "../maps/ringbuf.ts";
import { returnU64 } from "./time.ts";

const KINDS: readonly MapKind[] = ["ringbuf"];
/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP: the consumer needs no waking here. */
const WAKEUP_FLAGS = 3;
const plain = { gplOnly: false, progKinds: null, changesPacket: false } as const;

/** `bpf_ringbuf_output`: copies a whole record. */
export const ringbufOutput: HelperDef = {
  ...plain,
  id: 130,
  name: "ringbuf_output",
  since: "5.8",
  args: ["map", "mem", "size0", "u64"],
  ret: "int",
  mapKinds: KINDS,
  costNs: 60,
  call(env: BpfEnv, handle: number, data: number, size: number, flags: number, flagsHi: number): number {
    const map = env.machine.mapOfHandle(handle);
    if (!(map instanceof RingbufMap) || flagsHi !== 0 || (flags & ~WAKEUP_FLAGS) !== 0) return -EINVAL;
    const record = map.reserve(size >>> 0);
    if (record === 0) return -EAGAIN;
    copyBytes(env.machine.arena, record, data, size >>> 0);
    map.commit(record, false);
    deliver(env, map);
    return 0;
  },
};

/** `bpf_ringbuf_reserve`: the size is an allocation's, checked by the verifier to be constant. */
export const ringbufReserve: HelperDef = {
  ...plain,
  id: 131,
  name: "ringbuf_reserve",
  since: "5.8",
  args: ["map", "u64", "u64"],
  ret: "mem_or_null",
  mapKinds: KINDS,
  costNs: 40,
  call(env: BpfEnv, handle: number, size: number, sizeHi: number, flags: number, flagsHi: number): number {
    const map = env.machine.mapOfHandle(handle);
    if (!(map instanceof RingbufMap) || flags !== 0 || flagsHi !== 0 || sizeHi !== 0) return 0;
    return map.reserve(size >>> 0);
  },
};

/** `bpf_ringbuf_submit`. */
export const ringbufSubmit: HelperDef = {
  ...plain,
  id: 132,
  name: "ringbuf_submit",
  since: "5.8",
  args: ["ringbuf_record", "u64"],
  ret: "void",
  mapKinds: null,
  costNs: 20,
  call(env: BpfEnv, record: number): number {
    commitRecord(env, record, false);
    return 0;
  },
};

/** `bpf_ringbuf_discard`. */
export const ringbufDiscard: HelperDef = {
  ...plain,
  id: 133,
  name: "ringbuf_discard",
  since: "5.8",
  args: ["ringbuf_record", "u64"],
  ret: "void",
  mapKinds: null,
  costNs: 20,
  call(env: BpfEnv, record: number): number {
    commitRecord(env, record, true);
    return 0;
  },
};

/** `bpf_ringbuf_query`: 0 bytes waiting, 1 ring size, 2 consumer's and 3 producer's position; anything else answers 0. */
export const ringbufQuery: HelperDef = {
  ...plain,
  id: 134,
  name: "ringbuf_query",
  since: "5.8",
  args: ["map", "u64"],
  ret: "u64",
  mapKinds: KINDS,
  costNs: 5,
  call(env: BpfEnv, handle: number, what: number, whatHi: number): number {
    const map = env.machine.mapOfHandle(handle);
    if (!(map instanceof RingbufMap) || whatHi !== 0) return returnU64(env, 0);
    if (what === 0) return returnU64(env, map.producerPos - map.consumerPos);
    if (what === 1) return returnU64(env, map.ringBytes);
    if (what === 2) return returnU64(env, map.consumerPos);
    return returnU64(env, what === 3 ? map.producerPos : 0);
  },
};

/**
 * Submits or discards a reserved record and hands what became readable to user space.
 * @throws VerifierError RINGBUF_RECORD when no reserved record lies at the address
 */
export function commitRecord(env: BpfEnv, record: number, discard: boolean): void {
  const map = mapOfRecord(env, record);
  if (map === null || !map.commit(record, discard)) {
    throw new VerifierError({
      code: "RINGBUF_RECORD",
      message: `bpf_ringbuf_${discard ? "discard" : "submit"}: no reserved record at 0x${(record >>> 0).toString(16)}`,
      fix: "pass the address that bpf_ringbuf_reserve returned, once",
    });
  }
  deliver(env, map);
}

/** The map whose handle stands in the header before a record; null when there is none. */
export function mapOfRecord(env: BpfEnv, record: number): RingbufMap | null {
  const arena = env.machine.arena;
  if ((record & 7) !== 0 || record < 8 || record > arena.u8.length) return null;
  const map = env.machine.mapOfHandle(arena.u32[(record >>> 2) - 1]!);
  return map instanceof RingbufMap ? map : null;
}

function deliver(env: BpfEnv, map: RingbufMap): void {
  if (!map.keepsUp) return;
  for (let record = map.take(); record !== null; record = map.take()) env.userRecord(map, -1, record);
}
