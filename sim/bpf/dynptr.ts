/**
 * `struct bpf_dynptr`: a pointer with its bounds, kept in 16 bytes of a program's stack that only helpers and kfuncs touch.
 *
 *     +0  u64 what it points at: the first byte (local, ring buffer) or the packet's context (skb, xdp); 0 is a null dynptr
 *     +8  u32 bytes 0..23 size | bits 28..30 type | bit 31 read-only
 *     +12 u32 offset of the first byte from what it points at
 *
 * There is no verifier that knows which stack slots hold dynptrs. So each use asks again whether what stands there leads to memory
 * that programs may reach: a map value, a reserved record of a ring buffer, or the packet in work.
 * @source include/linux/bpf.h struct bpf_dynptr_kern, enum bpf_dynptr_type; kernel/bpf/helpers.c bpf_dynptr_check_off_len
 */
import type { Arena } from "../engine/arena.ts";
import { VerifierError } from "../engine/errors.ts";
import type { BpfEnv } from "./env.ts";
import { mapOfRecord } from "./helpers/ringbuf.ts";
import { E2BIG } from "./maps/errno.ts";

/** What a dynptr points into. */
export const DYNPTR_LOCAL = 1;
export const DYNPTR_RINGBUF = 2;
export const DYNPTR_SKB = 3;
export const DYNPTR_XDP = 4;
export const DYNPTR_SKB_META = 5;

/** Largest size of a dynptr, bytes. @source kernel/bpf/helpers.c DYNPTR_MAX_SIZE */
export const DYNPTR_MAX_SIZE: number = 0xffffff;
const TYPE_SHIFT = 28;
const TYPE_MASK = 7;
const RDONLY = 0x80000000;

/** Makes a dynptr at `p`. @param data first byte, or the packet's context */
export function initDynptr(arena: Arena, p: number, data: number, type: number, sizeBytes: number): void {
  const { dv } = arena;
  dv.setUint32(p, data, true);
  dv.setUint32(p + 4, 0, true);
  dv.setUint32(p + 8, (sizeBytes | (type << TYPE_SHIFT)) >>> 0, true);
  dv.setUint32(p + 12, 0, true);
}

/** Makes a null dynptr at `p`. */
export function nullDynptr(arena: Arena, p: number): void {
  arena.u8.fill(0, p, p + 16);
}

/** The dynptr may be read only from now on. */
export function setDynptrReadonly(arena: Arena, p: number): void {
  arena.dv.setUint32(p + 8, (arena.dv.getUint32(p + 8, true) | RDONLY) >>> 0, true);
}

/** It points nowhere. */
export function isNullDynptr(arena: Arena, p: number): boolean {
  return arena.dv.getUint32(p, true) === 0;
}

/** It may be read only. */
export function isReadonlyDynptr(arena: Arena, p: number): boolean {
  return arena.dv.getUint32(p + 8, true) >= RDONLY;
}

/** Bytes it spans. */
export function dynptrSize(arena: Arena, p: number): number {
  return arena.dv.getUint32(p + 8, true) & DYNPTR_MAX_SIZE;
}

/** One of DYNPTR_*. */
export function dynptrType(arena: Arena, p: number): number {
  return (arena.dv.getUint32(p + 8, true) >>> TYPE_SHIFT) & TYPE_MASK;
}

/** What it points at: first byte, or a packet's context. */
export function dynptrData(arena: Arena, p: number): number {
  return arena.dv.getUint32(p, true);
}

/** Offset of its first byte from what it points at. */
export function dynptrOffset(arena: Arena, p: number): number {
  return arena.dv.getUint32(p + 12, true);
}

/** Keeps the bytes from `start` to `end` only; both lie within its size. */
export function narrowDynptr(arena: Arena, p: number, start: number, end: number): void {
  const { dv } = arena;
  dv.setUint32(p + 12, dv.getUint32(p + 12, true) + start, true);
  dv.setUint32(p + 8, ((dv.getUint32(p + 8, true) & ~DYNPTR_MAX_SIZE) | (end - start)) >>> 0, true);
}

/** @returns 0, or -E2BIG when the bytes do not lie within it */
export function checkDynptrSpan(arena: Arena, p: number, offset: number, len: number): number {
  const size = dynptrSize(arena, p);
  return len > size || offset > size - len ? -E2BIG : 0;
}

/**
 * Address of bytes of a local or ring buffer dynptr. The bytes lie within its size.
 * @throws VerifierError DYNPTR_INVALID when no program could have been given this memory
 */
export function dynptrMemory(env: BpfEnv, p: number, offset: number, len: number, write: boolean): number {
  const { arena } = env.machine;
  const data = dynptrData(arena, p);
  const addr = data + dynptrOffset(arena, p) + offset;
  if (dynptrType(arena, p) === DYNPTR_RINGBUF && (mapOfRecord(env, data)?.reservedBytes(data) ?? -1) < 0) {
    throw invalidDynptr();
  }
  if (len > 0 && arena.allows(addr, len, write) !== true) throw invalidDynptr();
  return addr;
}

/** What the verifier says of a stack slot that holds no dynptr. */
export function invalidDynptr(): VerifierError {
  const message = "Expected an initialized dynptr: what stands there was not made by a kernel function";
  return new VerifierError({ code: "DYNPTR_INVALID", message });
}
