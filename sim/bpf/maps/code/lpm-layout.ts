/**
 * How the longest-prefix-match trie lies in memory, and what its code is made for. lpm-code.ts has the lookup, lpm-update.ts what changes
 * the trie.
 *
 *     state                                      node, counted from its first child
 *     +0  u32 root, 0 when empty                 +0  u32 child 0, 0 when there is none    +4 u32 child 1
 *     +4  u32 nodes with a value                 +8  u32 prefixlen                         +12 u32 1: intermediate, holds no value
 *     +8  u32 such nodes at most                 +16 mask: the first prefixlen bits        +16 + m data; each m bytes, zero-padded to 4
 *     +12 u32 x 3, of the slab (slab.ts)
 *     +24 u32 address for a key's data, m bytes
 *     +28 where the last walk ended: u32 address of the word that points at the node, +32 u32 the node above, +36 u32 address of
 *         the word that points at that, +40 u32 number of bits in which the last node looked at begins as the key does
 */
import { wordsOf } from "./key.ts";

export const TRIE_ROOT = 0;
export const TRIE_ENTRIES = 4;
export const TRIE_LIMIT = 8;
export const TRIE_SLAB = 12;
export const TRIE_KEY = 24;
export const TRIE_SLOT = 28;
export const TRIE_PARENT = 32;
export const TRIE_PARENT_SLOT = 36;
export const TRIE_MATCHED = 40;
export const TRIE_BYTES = 44;

export const NODE_CHILD = 0;
export const NODE_PREFIX = 8;
export const NODE_INTERMEDIATE = 12;
export const NODE_MASK = 16;

/** What the code is made for. */
export interface LpmLayout {
  /** Bytes of a key's data, behind its prefix length. */
  readonly dataBytes: number;
  /** Bytes from a node's address, where its value is, to its first child. */
  readonly childOffset: number;
  readonly valueBytes: number;
}

/** What the code asks of JavaScript. */
export interface LpmOwner {
  /** A node from new memory, or 0. */
  takeNew(): number;
}

/** The code's functions by number. */
export const LPM_FN = { lookup: 0, common: 1, walk: 2, fill: 3, update: 4, delete: 5 } as const;

/** Bytes of a node's data, and of its mask. */
export function nodeDataBytes(dataBytes: number): number {
  return wordsOf(dataBytes) * 4;
}
