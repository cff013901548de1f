/**
 * Helpers that make, read and write dynptrs. Those of packets are made by kfuncs (net/kfuncs/dynptr.ts) and used here as well.
 * @source kernel/bpf/helpers.c bpf_dynptr_from_mem, __bpf_dynptr_read, __bpf_dynptr_write, bpf_dynptr_data; kernel/bpf/ringbuf.c
 *
 * Costs: estimates (a bounds check, and the copy as probe reads have it).
 */
import { VerifierError } from "../../engine/errors.ts";
import {
  checkDynptrSpan,
  DYNPTR_LOCAL,
  DYNPTR_MAX_SIZE,
  DYNPTR_RINGBUF,
  DYNPTR_SKB,
  DYNPTR_SKB_META,
  DYNPTR_XDP,
  dynptrData,
  dynptrMemory,
  dynptrOffset,
  dynptrType,
  initDynptr,
  invalidDynptr,
  isNullDynptr,
  isReadonlyDynptr,
  nullDynptr,
} from "../dynptr.ts";
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { E2BIG, EFAULT, EINVAL } from "../maps/errno.ts";
import { RingbufMap } from "../maps/ringbuf.ts";
import { commitRecord } from "./ringbuf.ts";

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false, since: "5.19" } as const;

/** `bpf_dynptr_from_mem`: of a map value. */
export const dynptrFromMem: HelperDef = {
  ...plain,
  id: 197,
  name: "dynptr_from_mem",
  args: ["mem", "size0", "u64", "dynptr"],
  ret: "int",
  costNs: 4,
  call(env: BpfEnv, data: number, size: number, flags: number, flagsHi: number, p: number): number {
    const { arena } = env.machine;
    if (size > 0 && arena.allows(data, size, false) !== true) {
      const message = "Unsupported reg type for bpf_dynptr_from_mem data: only map values";
      throw new VerifierError({ code: "DYNPTR_INVALID", message });
    }
    const err = size >>> 0 > DYNPTR_MAX_SIZE ? -E2BIG : flags !== 0 || flagsHi !== 0 ? -EINVAL : 0;
    if (err !== 0) nullDynptr(arena, p);
    else initDynptr(arena, p, data, DYNPTR_LOCAL, size);
    return err;
  },
};

/** `bpf_ringbuf_reserve_dynptr`: also one that failed must be submitted or discarded. */
export const ringbufReserveDynptr: HelperDef = {
  ...plain,
  id: 198,
  name: "ringbuf_reserve_dynptr",
  args: ["map", "u32", "u64", "dynptr"],
  ret: "int",
  mapKinds: ["ringbuf"],
  costNs: 42,
  call(env: BpfEnv, handle: number, size: number, flags: number, flagsHi: number, p: number): number {
    const { arena } = env.machine;
    const map = env.machine.mapOfHandle(handle);
    const bytes = size >>> 0;
    nullDynptr(arena, p);
    if (!(map instanceof RingbufMap) || flags !== 0 || flagsHi !== 0) return -EINVAL;
    if (bytes > DYNPTR_MAX_SIZE) return -E2BIG;
    const record = map.reserve(bytes);
    if (record === 0) return -EINVAL;
    initDynptr(arena, p, record, DYNPTR_RINGBUF, bytes);
    return 0;
  },
};

/** `bpf_ringbuf_submit_dynptr`. */
export const ringbufSubmitDynptr: HelperDef = {
  ...plain,
  id: 199,
  name: "ringbuf_submit_dynptr",
  args: ["dynptr", "u64"],
  ret: "void",
  costNs: 20,
  call(env: BpfEnv, p: number): number {
    commitDynptr(env, p, false);
    return 0;
  },
};

/** `bpf_ringbuf_discard_dynptr`. */
export const ringbufDiscardDynptr: HelperDef = {
  ...plain,
  id: 200,
  name: "ringbuf_discard_dynptr",
  args: ["dynptr", "u64"],
  ret: "void",
  costNs: 20,
  call(env: BpfEnv, p: number): number {
    commitDynptr(env, p, true);
    return 0;
  },
};

function commitDynptr(env: BpfEnv, p: number, discard: boolean): void {
  const { arena } = env.machine;
  if (isNullDynptr(arena, p)) return;
  if (dynptrType(arena, p) !== DYNPTR_RINGBUF) throw invalidDynptr();
  commitRecord(env, dynptrData(arena, p), discard);
  nullDynptr(arena, p);
}

/** `bpf_dynptr_read`. */
export const dynptrRead: HelperDef = {
  ...plain,
  id: 201,
  name: "dynptr_read",
  args: ["mem_out", "size0", "dynptr", "u32", "u64"],
  ret: "int",
  costNs: 10,
  call: (env: BpfEnv, to: number, len: number, p: number, offset: number, flags: number, flagsHi: number): number =>
    flags !== 0 || flagsHi !== 0 ? -EINVAL : readDynptr(env, to, len >>> 0, p, offset >>> 0),
};

/** `bpf_dynptr_write`. */
export const dynptrWrite: HelperDef = {
  ...plain,
  id: 202,
  name: "dynptr_write",
  args: ["dynptr", "u32", "mem", "size0", "u64"],
  ret: "int",
  changesPacket: true,
  costNs: 10,
  call: (env: BpfEnv, p: number, offset: number, from: number, len: number, flags: number, flagsHi: number): number =>
    writeDynptr(env, p, offset >>> 0, from, len >>> 0, flagsHi === 0 ? flags : -1),
};

/** `bpf_dynptr_data`: a slice of a local or ring buffer dynptr that may be written; its length is an allocation's. */
export const dynptrDataHelper: HelperDef = {
  ...plain,
  id: 203,
  name: "dynptr_data",
  args: ["dynptr", "u32", "u32"],
  ret: "mem_or_null",
  costNs: 4,
  call(env: BpfEnv, p: number, offset: number, len: number): number {
    const { arena } = env.machine;
    if (isNullDynptr(arena, p) || isReadonlyDynptr(arena, p)) return 0;
    if (checkDynptrSpan(arena, p, offset >>> 0, len >>> 0) !== 0 || isPacket(dynptrType(arena, p))) return 0;
    return dynptrMemory(env, p, offset >>> 0, len >>> 0, false);
  },
};

/** Copies out of a dynptr. @returns 0 or -errno */
export function readDynptr(env: BpfEnv, to: number, len: number, p: number, offset: number): number {
  const { arena } = env.machine;
  if (isNullDynptr(arena, p)) return -EINVAL;
  const err = checkDynptrSpan(arena, p, offset, len);
  if (err !== 0) return err;
  const at = dynptrOffset(arena, p) + offset;
  switch (dynptrType(arena, p)) {
    case DYNPTR_LOCAL:
    case DYNPTR_RINGBUF: {
      const from = dynptrMemory(env, p, offset, len, false);
      arena.u8.copyWithin(to, from, from + len);
      return 0;
    }
    case DYNPTR_SKB:
    case DYNPTR_XDP:
      return env.packetLoad(dynptrData(arena, p), at, to, len);
    case DYNPTR_SKB_META: {
      const from = env.packetSlice(dynptrData(arena, p), at, len, true);
      if (from === 0) return -EFAULT;
      arena.u8.copyWithin(to, from, from + len);
      return 0;
    }
    default:
      throw invalidDynptr();
  }
}

/** Copies into a dynptr. @param flags BPF_F_RECOMPUTE_CSUM and the like for packets of the stack. @returns 0 or -errno */
export function writeDynptr(env: BpfEnv, p: number, offset: number, from: number, len: number, flags: number): number {
  const { arena } = env.machine;
  if (isNullDynptr(arena, p) || isReadonlyDynptr(arena, p)) return -EINVAL;
  const err = checkDynptrSpan(arena, p, offset, len);
  if (err !== 0) return err;
  const type = dynptrType(arena, p);
  const at = dynptrOffset(arena, p) + offset;
  if (type === DYNPTR_SKB) return env.packetStore(dynptrData(arena, p), at, from, len, flags);
  if (flags !== 0) return -EINVAL;
  switch (type) {
    case DYNPTR_LOCAL:
    case DYNPTR_RINGBUF: {
      const to = dynptrMemory(env, p, offset, len, true);
      arena.u8.copyWithin(to, from, from + len);
      return 0;
    }
    case DYNPTR_XDP:
      return env.packetStore(dynptrData(arena, p), at, from, len, 0);
    case DYNPTR_SKB_META: {
      const to = env.packetSlice(dynptrData(arena, p), at, len, true);
      if (to === 0) return -EFAULT;
      arena.u8.copyWithin(to, from, from + len);
      return 0;
    }
    default:
      throw invalidDynptr();
  }
}

/** A type of dynptr over a packet or its metadata. */
function isPacket(type: number): boolean {
  return type === DYNPTR_SKB || type === DYNPTR_XDP || type === DYNPTR_SKB_META;
}
