/**
 * BPF_MAP_TYPE_LPM_TRIE: longest prefix match. A path-compressed binary trie, its nodes in the arena.
 *
 *     key:   u32 prefixlen, host order | data, the most significant bit first
 *     node:  | value, padded to 8 | the trie's words |      code/lpm-layout.ts; code/ has lookup, update and deletion
 *
 * An intermediate node holds no value; it has two children and only tells them apart.
 * @source kernel/bpf/lpm_trie.c; errno and the order of keys asked of Linux 6.18
 * @differs a node that was deleted or replaced may be reused at once; Linux waits until running programs have ended
 */
import { roundUp } from "../../engine/arena.ts";
import { releaseState } from "../jit/code-instance.ts";
import type { MapCode, MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, bytesOfU32, mustAlloc, valueStride } from "./base-map.ts";
import { type LpmCode, lpmCode } from "./code/lpm-code.ts";
import {
  NODE_INTERMEDIATE,
  NODE_MASK,
  NODE_PREFIX,
  nodeDataBytes,
  TRIE_BYTES,
  TRIE_ENTRIES,
  TRIE_KEY,
  TRIE_LIMIT,
  TRIE_ROOT,
  TRIE_SLAB,
} from "./code/lpm-layout.ts";
import {
  ACCESS_FLAGS,
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  checkFlags,
  checkMaxEntries,
  invalid,
  KMALLOC_MAX_SIZE,
} from "./flags.ts";
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
  /** Words from a node's first child to its data. */
  private readonly dataWord: number;
  /** Address of the trie's state. */
  private readonly state: number;
  override readonly code: MapCode & LpmCode;
  private readonly maxPrefix: number;
  /** Words from a node's address to its first child. */
  private readonly childWord: number;
  private readonly nodes: Slab;
  /** A key of user space; its data are those that the code walks with. */
  private readonly scratch: number;
  private readonly scratchBytes: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.dataSize = spec.keySize - 4;
    const dataBytes = nodeDataBytes(this.dataSize);
    this.dataWord = MASK + dataBytes / 4;
    this.maxPrefix = this.dataSize * 8;
    const value = valueStride(spec);
    this.childWord = value >>> 2;
    const strideBytes = roundUp(value + NODE_MASK + 2 * dataBytes, 8);
    this.scratchBytes = 4 + dataBytes;
    this.scratch = mustAlloc(ctx.arena.alloc(this.scratchBytes), spec, this.scratchBytes);
    this.state = mustAlloc(ctx.arena.alloc(TRIE_BYTES), spec, TRIE_BYTES);
    this.nodes = new Slab(ctx.arena, {
      strideBytes,
      region: { strideBytes, valueBytes: spec.valueSize, writable: this.programsMayWrite, label: this.label },
      linkOffset: value,
      maxRecords: spec.maxEntries * 2 + 1,
      state: this.state + TRIE_SLAB,
    });
    ctx.arena.i32[(this.state + TRIE_LIMIT) >>> 2] = spec.maxEntries;
    ctx.arena.i32[(this.state + TRIE_KEY) >>> 2] = this.scratch + 4;
    const layout = { dataBytes: this.dataSize, childOffset: value, valueBytes: spec.valueSize };
    const { lookup, update, delete: del, common } = lpmCode(ctx.arena, layout, this.state, this.nodes);
    this.code = { state: this.state, lookup, update, delete: del, common };
  }

  override lookup(key: number, cpu: number): number {
    return this.code.lookup(this.state, key, cpu);
  }

  override update(key: number, value: number, flags: number, cpu: number): number {
    return this.code.update(this.state, key, value, flags, cpu);
  }

  override delete(key: number): number {
    return this.code.delete(this.state, key);
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
    return this.arena.i32[(this.state + TRIE_ENTRIES) >>> 2]!;
  }

  destroy(): void {
    this.nodes.destroy();
    this.arena.free(this.scratch, this.scratchBytes);
    releaseState(this.arena, this.state);
    this.arena.free(this.state, TRIE_BYTES);
  }

  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.updateFromUser(this.stageUser(key), value, flags);
  }

  protected override removeChecked(key: Uint8Array): number {
    return this.delete(this.stageUser(key));
  }

  private get root(): number {
    return this.arena.i32[(this.state + TRIE_ROOT) >>> 2]!;
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
      const match = this.code.common((w + this.dataWord) << 2, (k + 1) << 2, Math.min(length, prefix));
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

  private stageUser(key: Uint8Array): number {
    this.arena.i32.fill(0, this.scratch >>> 2, (this.scratch + this.scratchBytes) >>> 2);
    this.arena.u8.set(key, this.scratch);
    return this.scratch;
  }
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
