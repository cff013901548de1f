/**
 * BPF_MAP_TYPE_LPM_TRIE: longest prefix match. A path-compressed binary trie, its nodes in the arena.
 *
 *     key:   u32 prefixlen, host order | data, the most significant bit first
 *     node:  | value, padded to 8 | the trie's words |      code/lpm-code.ts has their layout, and the lookup
 *
 * An intermediate node holds no value; it has two children and only tells them apart.
 * @source kernel/bpf/lpm_trie.c; errno and the order of keys asked of Linux 6.18
 * @differs a node that was deleted or replaced may be reused at once; Linux waits until running programs have ended
 */
import { roundUp } from "../../engine/arena.ts";
import { releaseState } from "../jit/code-instance.ts";
import type { MapCode, MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, bytesOfU32, mustAlloc, valueStride } from "./base-map.ts";
import {
  type LpmCode,
  lpmCode,
  NODE_INTERMEDIATE,
  NODE_MASK,
  NODE_PREFIX,
  nodeDataBytes,
  TRIE_BYTES,
  TRIE_ROOT,
} from "./code/lpm-code.ts";
import { EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC } from "./errno.ts";
import {
  ACCESS_FLAGS,
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  checkFlags,
  checkMaxEntries,
  invalid,
  KMALLOC_MAX_SIZE,
} from "./flags.ts";
import { copyBytes } from "./memory.ts";
import { Slab } from "./slab.ts";

// words of a node, counted from its first child; its data stand behind the mask
const PREFIX = NODE_PREFIX / 4;
const INTERMEDIATE = NODE_INTERMEDIATE / 4;
const MASK = NODE_MASK / 4;

const DATA_SIZE_MAX = 256;
const NODE_BYTES = 40;

/** A longest-prefix-match trie. */
class LpmTrieMap extends BaseMap {
  private readonly dataSize: number;
  private readonly dataWords: number;
  /** Words from a node's first child to its data. */
  private readonly dataWord: number;
  /** Address of the trie's state. */
  private readonly state: number;
  override readonly code: MapCode & LpmCode;
  private readonly maxPrefix: number;
  private readonly maxEntries: number;
  /** Words from a node's address to its first child. */
  private readonly childWord: number;
  private readonly nodes: Slab;
  private readonly scratch: number;
  private readonly scratchBytes: number;
  private readonly staged: boolean;
  private entries: number = 0;
  // where the last walk ended: the word that points at the node, and the one above
  private slot: number = -1;
  private parent: number = 0;
  private parentSlot: number = -1;
  private matched: number = 0;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.dataSize = spec.keySize - 4;
    this.dataWords = nodeDataBytes(this.dataSize) / 4;
    this.dataWord = MASK + this.dataWords;
    this.staged = this.dataSize % 4 !== 0;
    this.maxPrefix = this.dataSize * 8;
    this.maxEntries = spec.maxEntries;
    const value = valueStride(spec);
    this.childWord = value >>> 2;
    const strideBytes = roundUp(value + (this.dataWord + this.dataWords) * 4, 8);
    this.scratchBytes = 4 + this.dataWords * 4;
    this.scratch = mustAlloc(ctx.arena.alloc(this.scratchBytes), spec, this.scratchBytes);
    this.nodes = new Slab(ctx.arena, {
      strideBytes,
      region: { strideBytes, valueBytes: spec.valueSize, writable: this.programsMayWrite, label: this.label },
      linkOffset: value,
      maxRecords: spec.maxEntries * 2 + 1,
    });
    this.state = mustAlloc(ctx.arena.alloc(TRIE_BYTES), spec, TRIE_BYTES);
    const code = lpmCode(ctx.arena, { dataBytes: this.dataSize, childOffset: value }, this.state);
    this.code = { state: this.state, lookup: code.lookup };
  }

  override lookup(key: number, cpu: number): number {
    return this.code.lookup(this.state, key, cpu);
  }

  /** A new node takes an old one's place; the flags rule before the room does. @source trie_update_elem of 6.18 */
  override update(key: number, value: number, flags: number, _cpu: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const k = this.keyWord(key);
    const prefix = this.arena.i32[k]! >>> 0;
    if (prefix > this.maxPrefix) return -EINVAL;
    const node = this.walk(k, prefix);
    const w = (node >>> 2) + this.childWord;
    const same = node !== 0 && this.matched === prefix && this.arena.i32[w + PREFIX] === prefix;
    if (same && this.arena.i32[w + INTERMEDIATE] === 0) {
      if ((flags & BPF_NOEXIST) !== 0) return -EEXIST;
    } else {
      if ((flags & BPF_EXIST) !== 0) return -ENOENT;
      if (this.entries === this.maxEntries) return -ENOSPC;
    }
    const added = this.nodes.take();
    if (added === 0) return -ENOMEM;
    const n = (added >>> 2) + this.childWord;
    const i32 = this.arena.i32;
    this.storeValue(added, value);
    i32[n] = 0;
    i32[n + 1] = 0;
    i32[n + PREFIX] = prefix;
    i32[n + INTERMEDIATE] = 0;
    this.fill(n, k + 1, prefix);
    if (node === 0) {
      this.point(this.slot, added);
      this.entries++;
      return 0;
    }
    if (same) {
      if (i32[w + INTERMEDIATE] !== 0) this.entries++;
      i32[n] = i32[w]!;
      i32[n + 1] = i32[w + 1]!;
      this.point(this.slot, added);
      this.nodes.give(node);
      return 0;
    }
    if (this.matched === prefix) {
      i32[n + bitAt(i32, w + this.dataWord, prefix)] = node;
      this.point(this.slot, added);
      this.entries++;
      return 0;
    }
    return this.fork(node, added);
  }

  override delete(key: number): number {
    const k = this.keyWord(key);
    const prefix = this.arena.i32[k]! >>> 0;
    if (prefix > this.maxPrefix) return -EINVAL;
    const node = this.walk(k, prefix);
    const i32 = this.arena.i32;
    const w = (node >>> 2) + this.childWord;
    if (node === 0 || i32[w + PREFIX] !== prefix || this.matched !== prefix || i32[w + INTERMEDIATE] !== 0) {
      return -ENOENT;
    }
    this.entries--;
    const left = i32[w]!;
    const right = i32[w + 1]!;
    if (left !== 0 && right !== 0) {
      i32[w + INTERMEDIATE] = 1;
      return 0;
    }
    const parent = this.parent;
    const p = (parent >>> 2) + this.childWord;
    if (left === 0 && right === 0 && parent !== 0 && i32[p + INTERMEDIATE] !== 0) {
      this.point(this.parentSlot, i32[p] === node ? i32[p + 1]! : i32[p]!);
      this.nodes.give(parent);
    } else {
      this.point(this.slot, left !== 0 ? left : right);
    }
    this.nodes.give(node);
    return 0;
  }

  /** Children before their parents, the 0 side first, as trie_get_next_key walks; an unknown key starts over. */
  nextKey(key: Uint8Array | null): Uint8Array | null {
    if (!this.userMayRead || this.root === 0) return null;
    const path = key === null || key.length !== this.spec.keySize ? null : this.pathTo(key);
    if (path === null) return this.keyOf(this.firstLeaf(this.root));
    const i32 = this.arena.i32;
    for (let i = path.length - 1; i > 0; i--) {
      const parent: number = path[i - 1]!;
      const w = (parent >>> 2) + this.childWord;
      if (i32[w] === path[i] && i32[w + 1] !== 0) return this.keyOf(this.firstLeaf(i32[w + 1]!));
      if (i32[w + INTERMEDIATE] === 0) return this.keyOf(parent);
    }
    return null;
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== this.spec.keySize) return null;
    const at = this.lookup(this.stageUser(key), 0);
    return at === 0 ? null : this.copyOut(at);
  }

  count(): number {
    return this.entries;
  }

  destroy(): void {
    this.nodes.destroy();
    this.arena.free(this.scratch, this.scratchBytes);
    releaseState(this.arena, this.state);
    this.arena.free(this.state, TRIE_BYTES);
    this.entries = 0;
  }

  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.updateFromUser(this.stageUser(key), value, flags);
  }

  protected override removeChecked(key: Uint8Array): number {
    return this.delete(this.stageUser(key));
  }

  /** Walks to the node that equals, covers or collides with a key; leaves the way in slot, parent, matched. */
  private walk(k: number, prefix: number): number {
    const i32 = this.arena.i32;
    this.slot = -1;
    this.parent = 0;
    this.parentSlot = -1;
    this.matched = 0;
    let node = this.root;
    while (node !== 0) {
      const w = (node >>> 2) + this.childWord;
      const length = i32[w + PREFIX]!;
      this.matched = commonBits(i32, w + this.dataWord, k + 1, Math.min(length, prefix));
      if (this.matched !== length || length === prefix) return node;
      this.parent = node;
      this.parentSlot = this.slot;
      this.slot = w + bitAt(i32, k + 1, length);
      node = i32[this.slot]!;
    }
    return 0;
  }

  /** Puts an intermediate node above two that part at bit `matched`. */
  private fork(node: number, added: number): number {
    const im = this.nodes.take();
    if (im === 0) {
      this.nodes.give(added);
      return -ENOMEM;
    }
    const i32 = this.arena.i32;
    const m = (im >>> 2) + this.childWord;
    const n = (added >>> 2) + this.childWord;
    const w = (node >>> 2) + this.childWord;
    i32[m + PREFIX] = this.matched;
    i32[m + INTERMEDIATE] = 1;
    this.fill(m, w + this.dataWord, this.matched);
    const side = bitAt(i32, n + this.dataWord, this.matched);
    i32[m + side] = added;
    i32[m + 1 - side] = node;
    this.point(this.slot, im);
    this.entries++;
    return 0;
  }

  /** Writes a node's data from the words at `from`, and the mask of its first `bits` bits. */
  private fill(w: number, from: number, bits: number): void {
    const i32 = this.arena.i32;
    for (let i = 0; i < this.dataWords; i++) {
      const within = Math.min(32, Math.max(0, bits - 32 * i));
      i32[w + MASK + i] = within === 0 ? 0 : swapBytes(-1 << (32 - within));
      i32[w + this.dataWord + i] = i32[from + i]!;
    }
  }

  private get root(): number {
    return this.arena.i32[(this.state + TRIE_ROOT) >>> 2]!;
  }

  private point(slot: number, node: number): void {
    if (slot < 0) this.arena.i32[(this.state + TRIE_ROOT) >>> 2] = node;
    else this.arena.i32[slot] = node;
  }

  private pathTo(key: Uint8Array): number[] | null {
    const k = this.stageUser(key) >>> 2;
    const i32 = this.arena.i32;
    const prefix = i32[k]! >>> 0;
    if (prefix > this.maxPrefix) return null;
    const path: number[] = [];
    let node = this.root;
    while (node !== 0) {
      path.push(node);
      const w = (node >>> 2) + this.childWord;
      const length = i32[w + PREFIX]!;
      const match = commonBits(i32, w + this.dataWord, k + 1, Math.min(length, prefix));
      if (match !== length) return null;
      if (length === prefix) return i32[w + INTERMEDIATE] === 0 ? path : null;
      node = i32[w + bitAt(i32, k + 1, length)]!;
    }
    return null;
  }

  private firstLeaf(top: number): number {
    const i32 = this.arena.i32;
    let node = top;
    for (;;) {
      const w = (node >>> 2) + this.childWord;
      const child = i32[w] !== 0 ? i32[w]! : i32[w + 1]!;
      if (child === 0) return node;
      node = child;
    }
  }

  private keyOf(node: number): Uint8Array {
    const w = (node >>> 2) + this.childWord;
    const out = new Uint8Array(this.spec.keySize);
    out.set(bytesOfU32(this.arena.i32[w + PREFIX]!));
    const data = (w + this.dataWord) << 2;
    out.set(this.arena.u8.subarray(data, data + this.dataSize), 4);
    return out;
  }

  /** Index of the word at which a key's prefix length stands, its data padded to words behind it. */
  private keyWord(key: number): number {
    if ((key & 3) === 0 && !this.staged) return key >>> 2;
    const at = this.scratch;
    if (key !== at) {
      this.arena.i32[(at >>> 2) + this.dataWords] = 0;
      copyBytes(this.arena, at, key, this.spec.keySize);
    }
    return at >>> 2;
  }

  private stageUser(key: Uint8Array): number {
    this.arena.i32.fill(0, this.scratch >>> 2, (this.scratch + this.scratchBytes) >>> 2);
    this.arena.u8.set(key, this.scratch);
    return this.scratch;
  }
}

/** How many leading bits two byte strings share, at most `limit`. */
function commonBits(i32: Int32Array, a: number, b: number, limit: number): number {
  for (let bits = 0; bits < limit; bits += 32) {
    const x = i32[a + (bits >>> 5)]! ^ i32[b + (bits >>> 5)]!;
    if (x !== 0) {
      return Math.min(bits + Math.clz32(swapBytes(x)), limit);
    }
  }
  return limit;
}

function swapBytes(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}

/** Bit number `bit` of a byte string whose first word is at `w`, counted from the most significant bit of its first byte. */
function bitAt(i32: Int32Array, w: number, bit: number): number {
  return (i32[w + (bit >>> 5)]! >>> ((bit & 24) + (7 - (bit & 7)))) & 1;
}

/** `lpm_trie`. */
export const lpmTrieType: MapTypeDef = {
  kind: "lpm_trie",
  uapi: 11,
  since: "4.11",
  typed: "struct key",
  user: { take: false, batch: "keys" },
  check(spec) {
    if ((spec.flags & BPF_F_NO_PREALLOC) === 0) return invalid("an lpm_trie needs BPF_F_NO_PREALLOC");
    const common = checkMaxEntries(spec) ?? checkFlags(spec, BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | ACCESS_FLAGS);
    if (common !== null) return common;
    if (spec.keySize < 5 || spec.keySize > 4 + DATA_SIZE_MAX) {
      return invalid(`key_size is ${spec.keySize}, an lpm_trie takes 5 to ${4 + DATA_SIZE_MAX}`);
    }
    if (spec.valueSize < 1 || spec.valueSize > KMALLOC_MAX_SIZE - DATA_SIZE_MAX - NODE_BYTES) {
      return invalid(`value_size ${spec.valueSize} is out of range`);
    }
    return null;
  },
  create: (spec, ctx) => new LpmTrieMap(spec, ctx),
};
