/**
 * Longest prefix match: a trie of four bits a step in one typed array, for IPv4 (32 bits) and IPv6 (128). Prefixes that end inside a
 * step are expanded over the entries they cover, so a lookup never goes back. Single IPv6 addresses, which would take 32 nodes each,
 * stand in a hash table of their own, which is asked first.
 *
 * Node: 16 entries of two int32
 *
 *     +2i    index of the child node, 0 when none (the root is nobody's child)
 *     +2i+1  number of the leaf whose prefix ends in this step, 0 when none
 *
 * @source the same answers as net/ipv4/fib_trie.c fib_table_lookup; the structure is this project's own
 */
import type { IpAddr } from "../address.ts";

const ENTRIES = 16;
const NODE = ENTRIES * 2;
/** Length of a prefix that is a single IPv6 address. */
const HOST6 = 128;
/** Words of a row of the table of single addresses. */
const ROW = 5;

/** Longest-prefix match over addresses of one family. */
export class PrefixTrie {
  private t: Int32Array = new Int32Array(NODE * 2);
  private used: number = NODE;
  private readonly freeNodes: number[] = [];
  /** Leaf of the zero-length prefix. */
  private rootLeaf: number = 0;
  private readonly exact: Map<string, number> = new Map();
  /** Prefix length by leaf number. */
  private lens: Uint8Array = new Uint8Array(16);
  /** Leaves of single IPv6 addresses; null while there is none. */
  private hosts6: AddrTable | null = null;

  /** @returns the leaf of the longest prefix that covers an IPv4 address, 0 when there is none */
  lookup4(a: number): number {
    const t = this.t;
    let best = this.rootLeaf;
    let n = 0;
    for (let shift = 28; shift >= 0; shift -= 4) {
      const e = n + (((a >>> shift) & 15) << 1);
      const leaf = t[e + 1]!;
      if (leaf !== 0) best = leaf;
      n = t[e]!;
      if (n === 0) break;
    }
    return best;
  }

  /** The same for IPv6. */
  lookup6(a: number, b: number, c: number, d: number): number {
    if (this.hosts6 !== null) {
      const leaf = this.hosts6.find(a, b, c, d);
      if (leaf !== 0) return leaf;
    }
    const t = this.t;
    let best = this.rootLeaf;
    let n = 0;
    let w = a;
    for (let i = 0; i < 32; i++) {
      if (i === 8) w = b;
      else if (i === 16) w = c;
      else if (i === 24) w = d;
      const e = n + (((w >>> (28 - ((i & 7) << 2))) & 15) << 1);
      const leaf = t[e + 1]!;
      if (leaf !== 0) best = leaf;
      n = t[e]!;
      if (n === 0) break;
    }
    return best;
  }

  /** The leaf of exactly this prefix, 0 when there is none. */
  find(p: IpAddr, len: number): number {
    return this.exact.get(key(p, len)) ?? 0;
  }

  /** The leaf of the longest prefix that covers p/len and is shorter than it, 0 when there is none. */
  covering(p: IpAddr, len: number): number {
    for (let l = len - 1; l >= 0; l--) {
      const leaf = this.exact.get(key(p, l));
      if (leaf !== undefined) return leaf;
    }
    return 0;
  }

  /** Adds a prefix that is not there yet. @param leaf its number, from 1 */
  insert(p: IpAddr, len: number, leaf: number): void {
    if (leaf >= this.lens.length) {
      const bigger = new Uint8Array(Math.max(leaf + 1, this.lens.length * 2));
      bigger.set(this.lens);
      this.lens = bigger;
    }
    this.lens[leaf] = len;
    this.exact.set(key(p, len), leaf);
    if (len === 0) {
      this.rootLeaf = leaf;
      return;
    }
    if (len === HOST6) {
      this.hosts6 ??= new AddrTable();
      this.hosts6.add(p, leaf);
      return;
    }
    const level = (len - 1) >> 2;
    let n = 0;
    for (let i = 0; i < level; i++) {
      const e = n + (nibble(p, i) << 1);
      let child = this.t[e]!;
      if (child === 0) {
        child = this.newNode();
        this.t[e] = child;
      }
      n = child;
    }
    const span = 1 << (3 - ((len - 1) & 3));
    const first = nibble(p, level) & ~(span - 1);
    for (let i = first; i < first + span; i++) {
      const e = n + (i << 1) + 1;
      const old = this.t[e]!;
      if (old === 0 || this.lens[old]! <= len) this.t[e] = leaf;
    }
  }

  /** Takes a prefix out. @returns its leaf number, 0 when it was not there */
  remove(p: IpAddr, len: number): number {
    const k = key(p, len);
    const leaf = this.exact.get(k);
    if (leaf === undefined) return 0;
    this.exact.delete(k);
    if (len === 0) {
      this.rootLeaf = 0;
      return leaf;
    }
    if (len === HOST6) {
      this.hosts6!.remove(p);
      return leaf;
    }
    const level = (len - 1) >> 2;
    const path: number[] = [];
    let n = 0;
    for (let i = 0; i < level; i++) {
      const e = n + (nibble(p, i) << 1);
      path.push(e);
      n = this.t[e]!;
    }
    let heir = 0;
    for (let l = len - 1; l > level * 4 && heir === 0; l--) heir = this.exact.get(key(p, l)) ?? 0;
    const span = 1 << (3 - ((len - 1) & 3));
    const first = nibble(p, level) & ~(span - 1);
    for (let i = first; i < first + span; i++) {
      const e = n + (i << 1) + 1;
      if (this.t[e] === leaf) this.t[e] = heir;
    }
    for (let i = path.length - 1; i >= 0 && this.isEmpty(n); i--) {
      this.freeNodes.push(n);
      const e = path[i]!;
      this.t[e] = 0;
      n = e - (e % NODE);
    }
    return leaf;
  }

  private isEmpty(n: number): boolean {
    for (let i = n; i < n + NODE; i++) if (this.t[i] !== 0) return false;
    return true;
  }

  private newNode(): number {
    const reused = this.freeNodes.pop();
    if (reused !== undefined) return reused;
    if (this.used + NODE > this.t.length) {
      const bigger = new Int32Array(this.t.length * 2);
      bigger.set(this.t);
      this.t = bigger;
    }
    const n = this.used;
    this.used += NODE;
    return n;
  }
}

/** IPv6 addresses and their leaves: open addressing, rows of four address words and a leaf, which is 0 in an empty row. */
class AddrTable {
  private rows: Int32Array = new Int32Array(4 * ROW);
  private count: number = 0;

  /** @returns the leaf, 0 when the address is not there */
  find(a: number, b: number, c: number, d: number): number {
    return this.rows[this.rowOf(a, b, c, d) + 4]!;
  }

  /** Adds an address that is not there. */
  add(p: IpAddr, leaf: number): void {
    if (++this.count * 2 * ROW > this.rows.length) this.rebuild(this.rows.length * 2);
    this.put(p.a, p.b, p.c, p.d, leaf);
  }

  /** Takes out an address that is there. */
  remove(p: IpAddr): void {
    this.rows[this.rowOf(p.a, p.b, p.c, p.d) + 4] = 0;
    this.count--;
    // rows that were pushed aside must be found without this one
    this.rebuild(this.rows.length);
  }

  private put(a: number, b: number, c: number, d: number, leaf: number): void {
    const r = this.rowOf(a, b, c, d);
    this.rows[r] = a;
    this.rows[r + 1] = b;
    this.rows[r + 2] = c;
    this.rows[r + 3] = d;
    this.rows[r + 4] = leaf;
  }

  /** Where the address stands, or the empty row where it would. */
  private rowOf(a: number, b: number, c: number, d: number): number {
    const { rows } = this;
    const mask = rows.length / ROW - 1;
    let h = Math.imul(a ^ c, 0x9e3779b1) ^ Math.imul(b ^ (d >>> 16) ^ (d << 16), 0x85ebca6b);
    h ^= h >>> 15;
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const r = i * ROW;
      if (rows[r + 4] === 0) return r;
      if (rows[r] === (a | 0) && rows[r + 1] === (b | 0) && rows[r + 2] === (c | 0) && rows[r + 3] === (d | 0))
        return r;
    }
  }

  private rebuild(length: number): void {
    const old = this.rows;
    this.rows = new Int32Array(length);
    for (let r = 0; r < old.length; r += ROW) {
      if (old[r + 4] !== 0) this.put(old[r]!, old[r + 1]!, old[r + 2]!, old[r + 3]!, old[r + 4]!);
    }
  }
}

function nibble(p: IpAddr, i: number): number {
  const w = i < 8 ? p.a : i < 16 ? p.b : i < 24 ? p.c : p.d;
  return (w >>> (28 - ((i & 7) << 2))) & 15;
}

/** The prefix with host bits cleared and its length, as a string: control plane only. */
function key(p: IpAddr, len: number): string {
  const word = (w: number, i: number): number => {
    const n = len - 32 * i;
    return n >= 32 ? w : n <= 0 ? 0 : (w & (0xffffffff << (32 - n))) >>> 0;
  };
  return `${word(p.a, 0)},${word(p.b, 1)},${word(p.c, 2)},${word(p.d, 3)}/${len}`;
}
