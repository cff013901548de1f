/**
 * Tuples of connection tracking in the arena: who sends from where to where by which protocol (kernel-structs/nf-conn.ts draws one).
 * @source include/net/netfilter/nf_conntrack_tuple.h; net/netfilter/nf_conntrack_core.c nf_ct_invert_tuple, hash_conntrack
 */
import type { Arena } from "../../engine/arena.ts";
import {
  TUPLE_BYTES,
  TUPLE_DIR,
  TUPLE_DST,
  TUPLE_DST_PORT,
  TUPLE_FAMILY,
  TUPLE_PROTOCOL,
  TUPLE_SRC,
  TUPLE_SRC_PORT,
} from "../kernel-structs/nf-conn.ts";
import { murmurFinish, murmurMix } from "../murmur3.ts";

/** The direction in the last word is no part of what tells tuples apart. */
const LAST_WORD = 0x00ffffff;

/** nf_ct_tuple_equal. */
export function tupleEqual(arena: Arena, a: number, b: number): boolean {
  const { u32 } = arena;
  const x = a >>> 2;
  const y = b >>> 2;
  for (let i = 0; i < 9; i++) if (u32[x + i] !== u32[y + i]) return false;
  return ((u32[x + 9]! ^ u32[y + 9]!) & LAST_WORD) === 0;
}

/** Of a tuple in a zone. @returns signed 32 bits */
export function hashTuple(arena: Arena, tuple: number, zoneId: number): number {
  const { u32 } = arena;
  const at = tuple >>> 2;
  let h = zoneId;
  for (let i = 0; i < 9; i++) h = murmurMix(h, u32[at + i]!);
  return murmurFinish(murmurMix(h, u32[at + 9]! & LAST_WORD));
}

/** hash_by_src: of a tuple's source and protocol in a zone. @returns signed 32 bits */
export function hashSource(arena: Arena, tuple: number, zoneId: number): number {
  const { u32, u8 } = arena;
  const at = tuple >>> 2;
  let h = zoneId;
  for (let i = 0; i < 5; i++) h = murmurMix(h, u32[at + i]!);
  return murmurFinish(murmurMix(h, u8[tuple + TUPLE_PROTOCOL]!));
}

/** same_src: source, family and protocol are the same. */
export function sameSource(arena: Arena, a: number, b: number): boolean {
  const { u32, u8 } = arena;
  for (let i = 0; i < 5; i++) if (u32[(a >>> 2) + i] !== u32[(b >>> 2) + i]) return false;
  return u8[a + TUPLE_PROTOCOL] === u8[b + TUPLE_PROTOCOL];
}

/** nf_ct_invert_tuple: the same flow the other way. @param to other memory than `from` */
export function invertTuple(arena: Arena, to: number, from: number): void {
  const { u8 } = arena;
  u8.copyWithin(to + TUPLE_SRC, from + TUPLE_DST, from + TUPLE_DST + 16);
  u8.copyWithin(to + TUPLE_DST, from + TUPLE_SRC, from + TUPLE_SRC + 16);
  u8.copyWithin(to + TUPLE_SRC_PORT, from + TUPLE_DST_PORT, from + TUPLE_DST_PORT + 2);
  u8.copyWithin(to + TUPLE_DST_PORT, from + TUPLE_SRC_PORT, from + TUPLE_SRC_PORT + 2);
  u8.copyWithin(to + TUPLE_FAMILY, from + TUPLE_FAMILY, from + TUPLE_FAMILY + 2);
  u8[to + TUPLE_PROTOCOL] = u8[from + TUPLE_PROTOCOL]!;
  u8[to + TUPLE_DIR] = 1 - u8[from + TUPLE_DIR]!;
}

/** Copies a tuple as it is. */
export function copyTuple(arena: Arena, to: number, from: number): void {
  arena.u8.copyWithin(to, from, from + TUPLE_BYTES);
}
