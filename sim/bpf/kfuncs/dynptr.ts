/**
 * Kfuncs on dynptrs of any kind: slices, and changes of their bounds.
 * @source kernel/bpf/helpers.c bpf_dynptr_slice, bpf_dynptr_adjust, bpf_dynptr_copy, bpf_dynptr_memset and their kin.
 *         Costs: estimates
 */
import {
  checkDynptrSpan,
  DYNPTR_LOCAL,
  DYNPTR_RINGBUF,
  DYNPTR_SKB,
  DYNPTR_SKB_META,
  DYNPTR_XDP,
  dynptrData,
  dynptrMemory,
  dynptrOffset,
  dynptrSize,
  dynptrType,
  invalidDynptr,
  isNullDynptr,
  isReadonlyDynptr,
  narrowDynptr,
  nullDynptr,
} from "../dynptr.ts";
import type { BpfEnv } from "../env.ts";
import { DYNPTR_BYTES, type KfuncDef } from "../helper.ts";
import { readDynptr, writeDynptr } from "../helpers/dynptr.ts";
import { EINVAL, ENOMEM, ERANGE } from "../maps/errno.ts";

const plain = {
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  flags: [],
  costNs: 4,
} as const;
/** Bytes that are moved at a time where packets do not lie together. */
const CHUNK_BYTES = 256;

/** `bpf_dynptr_slice`: the bytes themselves where they lie together, else a copy in the buffer, if there is one. */
export const dynptrSlice: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_slice",
  since: "6.4",
  args: ["dynptr", "u32", "mem_or_null", "size0"],
  ret: "mem_or_null",
  flags: ["RET_NULL"],
  call: (env: BpfEnv, p: number, offset: number, buffer: number, len: number): number =>
    slice(env, p, offset >>> 0, buffer, len >>> 0, false),
};

/** `bpf_dynptr_slice_rdwr`: null also where the dynptr is read-only. What is written to the buffer stays there. */
export const dynptrSliceRdwr: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_slice_rdwr",
  since: "6.4",
  args: ["dynptr", "u32", "mem_or_null", "size0"],
  ret: "mem_or_null",
  flags: ["RET_NULL"],
  call: (env: BpfEnv, p: number, offset: number, buffer: number, len: number): number =>
    slice(env, p, offset >>> 0, buffer, len >>> 0, true),
};

/** `bpf_dynptr_adjust`: keeps the bytes from start to end only. */
export const dynptrAdjust: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_adjust",
  since: "6.5",
  args: ["dynptr", "u32", "u32"],
  ret: "int",
  call(env: BpfEnv, p: number, start: number, end: number): number {
    const { arena } = env.machine;
    const from = start >>> 0;
    const to = end >>> 0;
    if (isNullDynptr(arena, p) || from > to) return -EINVAL;
    if (to > dynptrSize(arena, p)) return -ERANGE;
    narrowDynptr(arena, p, from, to);
    return 0;
  },
};

/** `bpf_dynptr_is_null`. */
export const dynptrIsNull: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_is_null",
  since: "6.5",
  args: ["dynptr"],
  ret: "int",
  call: (env: BpfEnv, p: number): number => (isNullDynptr(env.machine.arena, p) ? 1 : 0),
};

/** `bpf_dynptr_is_rdonly`: a null dynptr is not. */
export const dynptrIsRdonly: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_is_rdonly",
  since: "6.5",
  args: ["dynptr"],
  ret: "int",
  call(env: BpfEnv, p: number): number {
    const { arena } = env.machine;
    return !isNullDynptr(arena, p) && isReadonlyDynptr(arena, p) ? 1 : 0;
  },
};

/** `bpf_dynptr_size`: a null dynptr answers -EINVAL as a u32. */
export const dynptrSizeKfunc: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_size",
  since: "6.5",
  args: ["dynptr"],
  ret: "u32",
  call(env: BpfEnv, p: number): number {
    const { arena } = env.machine;
    return isNullDynptr(arena, p) ? -EINVAL : dynptrSize(arena, p);
  },
};

/** `bpf_dynptr_clone`. */
export const dynptrClone: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_clone",
  since: "6.5",
  args: ["dynptr", "dynptr"],
  ret: "int",
  call(env: BpfEnv, p: number, clone: number): number {
    const { arena } = env.machine;
    if (isNullDynptr(arena, p)) {
      nullDynptr(arena, clone);
      return -EINVAL;
    }
    arena.u8.copyWithin(clone, p, p + DYNPTR_BYTES);
    return 0;
  },
};

/** `bpf_dynptr_copy`: from one dynptr to another. */
export const dynptrCopy: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_copy",
  since: "6.16",
  args: ["dynptr", "u32", "dynptr", "u32", "u32"],
  ret: "int",
  changesPacket: true,
  costNs: 15,
  call(env: BpfEnv, dst: number, dstOff: number, src: number, srcOff: number, size: number): number {
    const { u8 } = env.machine.arena;
    const n = size >>> 0;
    const from = slice(env, src, srcOff >>> 0, 0, n, false);
    const to = slice(env, dst, dstOff >>> 0, 0, n, true);
    if (from !== 0 && to !== 0) {
      u8.copyWithin(to, from, from + n);
      return 0;
    }
    if (from !== 0) return writeDynptr(env, dst, dstOff >>> 0, from, n, 0);
    if (to !== 0) return readDynptr(env, to, n, src, srcOff >>> 0);
    return copyChunks(env, dst, dstOff >>> 0, src, srcOff >>> 0, n);
  },
};

/** `bpf_dynptr_memset`. */
export const dynptrMemset: KfuncDef = {
  ...plain,
  name: "bpf_dynptr_memset",
  since: "6.17",
  args: ["dynptr", "u32", "u32", "u32"],
  ret: "int",
  changesPacket: true,
  costNs: 10,
  call(env: BpfEnv, p: number, offset: number, size: number, value: number): number {
    const { arena } = env.machine;
    const n = size >>> 0;
    const at = slice(env, p, offset >>> 0, 0, n, true);
    if (at !== 0) {
      arena.u8.fill(value & 0xff, at, at + n);
      return 0;
    }
    if (isReadonlyDynptr(arena, p)) return -EINVAL;
    const err = checkDynptrSpan(arena, p, offset >>> 0, n);
    return err !== 0 ? err : fillChunks(env, p, offset >>> 0, n, value & 0xff);
  },
};

/** Address of bytes behind a dynptr, or of their copy in a buffer; 0 when there are none. */
function slice(env: BpfEnv, p: number, offset: number, buffer: number, len: number, write: boolean): number {
  const { arena } = env.machine;
  if (isNullDynptr(arena, p) || (write && isReadonlyDynptr(arena, p))) return 0;
  if (checkDynptrSpan(arena, p, offset, len) !== 0) return 0;
  const type = dynptrType(arena, p);
  const at = dynptrOffset(arena, p) + offset;
  switch (type) {
    case DYNPTR_LOCAL:
    case DYNPTR_RINGBUF:
      return dynptrMemory(env, p, offset, len, write);
    case DYNPTR_SKB_META:
      return env.packetSlice(dynptrData(arena, p), at, len, true);
    case DYNPTR_SKB:
    case DYNPTR_XDP: {
      const direct = env.packetSlice(dynptrData(arena, p), at, len, false);
      if (direct !== 0 || buffer === 0) return direct;
      const err = env.packetLoad(dynptrData(arena, p), at, buffer, len);
      return err !== 0 && type === DYNPTR_SKB ? 0 : buffer;
    }
    default:
      throw invalidDynptr();
  }
}

/** Runs `step` over the bytes, a chunk at a time through a buffer. @returns 0 or -errno */
function inChunks(env: BpfEnv, n: number, step: (buffer: number, off: number, len: number) => number): number {
  const { arena } = env.machine;
  const buffer = arena.alloc(CHUNK_BYTES);
  if (buffer === 0) return -ENOMEM;
  let err = 0;
  for (let off = 0; off < n && err === 0; off += CHUNK_BYTES) err = step(buffer, off, Math.min(CHUNK_BYTES, n - off));
  arena.free(buffer, CHUNK_BYTES);
  return err;
}

function copyChunks(env: BpfEnv, dst: number, dstOff: number, src: number, srcOff: number, n: number): number {
  const { arena } = env.machine;
  const err = checkDynptrSpan(arena, dst, dstOff, n) || checkDynptrSpan(arena, src, srcOff, n);
  if (err !== 0) return err;
  return inChunks(env, n, (buffer, off, len) => {
    return readDynptr(env, buffer, len, src, srcOff + off) || writeDynptr(env, dst, dstOff + off, buffer, len, 0);
  });
}

function fillChunks(env: BpfEnv, p: number, offset: number, n: number, value: number): number {
  return inChunks(env, n, (buffer, off, len) => {
    env.machine.arena.u8.fill(value, buffer, buffer + len);
    return writeDynptr(env, p, offset + off, buffer, len, 0);
  });
}
