/**
 * The control-flow graph of one function, numbered so that structured code can be recovered from it.
 *
 * Blocks are numbered in reverse postorder; unreachable ones are left out. An edge to a block with a number not above its
 * source's is a back edge; the graph is reducible when every back edge's target dominates its source.
 *
 * @source K. Cooper, T. Harvey, K. Kennedy: A Simple, Fast Dominance Algorithm (2001)
 */
import { endsBlock, type Insn } from "../isa/insn.ts";

const TAIL_CALL = 12;

/** A basic block: instructions `first` to `last`, by index. */
export interface Block {
  readonly first: number;
  readonly last: number;
  /** Numbers of the successors: none after exit; of a conditional jump the taken one first. */
  readonly successors: readonly number[];
  readonly predecessors: readonly number[];
}

/** The graph of one function. */
export interface Cfg {
  readonly blocks: readonly Block[];
  /** Immediate dominator by block; the entry's is itself. */
  readonly idom: Int32Array;
  /** Merge points that a block immediately dominates, ascending. */
  readonly merges: readonly (readonly number[])[];
  /** Instructions in a block and in all that it dominates. */
  readonly subtreeSize: Int32Array;
  /** 1: more than one forward edge leads there. */
  readonly isMerge: Uint8Array;
  /** 1: a back edge leads there. */
  readonly isLoop: Uint8Array;
  readonly hasLoops: boolean;
  readonly reducible: boolean;
}

const NO_BLOCKS: readonly number[] = [];

/**
 * Builds the graph of the instructions `first` to `last`.
 * @param indexOfSlot index into `insns` by slot
 * @param ends calls that may not come back: a block ends with each; null: all do
 */
export function buildCfg(
  insns: readonly Insn[],
  indexOfSlot: Int32Array,
  first: number,
  last: number,
  ends: ((insn: Insn) => boolean) | null = null,
): Cfg {
  const raw = new RawBlocks(insns, indexOfSlot, first, last, ends);
  const order = reversePostorder(raw);
  const number = new Int32Array(raw.count).fill(-1);
  for (let b = 0; b < order.length; b++) number[order[b]!] = b;
  const blocks: (Block & { predecessors: readonly number[] })[] = [];
  for (const block of order) {
    const taken = raw.taken[block]! < 0 ? -1 : number[raw.taken[block]!]!;
    const next = raw.next[block]! < 0 ? -1 : number[raw.next[block]!]!;
    // literals, as a list that grows has room for many more
    const successors = taken < 0 ? (next < 0 ? NO_BLOCKS : [next]) : next < 0 ? [taken] : [taken, next];
    blocks.push({ first: raw.firsts[block]!, last: raw.lasts[block]!, successors, predecessors: NO_BLOCKS });
  }
  const n = blocks.length;
  fillPredecessors(blocks);
  const isMerge = new Uint8Array(n);
  const isLoop = new Uint8Array(n);
  const forward = new Uint8Array(n);
  for (let b = 0; b < n; b++) {
    for (const s of blocks[b]!.successors) {
      if (s <= b) isLoop[s] = 1;
      else if (forward[s] === 0) forward[s] = 1;
      else isMerge[s] = 1;
    }
  }
  const hasLoops = isLoop.includes(1);
  const tree = new DominatorTree(blocks, hasLoops);
  const { idom } = tree;
  const merges: (readonly number[])[] = new Array<readonly number[]>(n).fill(NO_BLOCKS);
  for (let b = 1; b < n; b++) {
    if (isMerge[b] === 0) continue;
    const at = idom[b]!;
    if (merges[at] === NO_BLOCKS) merges[at] = [b];
    else (merges[at] as number[]).push(b);
  }
  const subtreeSize = new Int32Array(n);
  let reducible = true;
  for (let b = n - 1; b >= 0; b--) {
    const block = blocks[b]!;
    subtreeSize[b] = subtreeSize[b]! + block.last - block.first + 1;
    if (b > 0) subtreeSize[idom[b]!] = subtreeSize[idom[b]!]! + subtreeSize[b]!;
    for (const s of block.successors) if (s <= b && !tree.dominates(s, b)) reducible = false;
  }
  return { blocks, idom, merges, subtreeSize, isMerge, isLoop, hasLoops, reducible };
}

function fillPredecessors(blocks: { readonly successors: readonly number[]; predecessors: readonly number[] }[]): void {
  const missing = new Int32Array(blocks.length);
  for (const { successors } of blocks) for (const s of successors) missing[s]!++;
  for (let b = 0; b < blocks.length; b++) {
    for (const s of blocks[b]!.successors) {
      const block = blocks[s]!;
      const total = block.predecessors.length === 0 ? missing[s]! : block.predecessors.length;
      if (total === 1) block.predecessors = [b];
      else {
        if (block.predecessors.length === 0) block.predecessors = new Array<number>(total).fill(-1);
        (block.predecessors as number[])[total - missing[s]!] = b;
      }
      missing[s]!--;
    }
  }
}

/** Whether control may leave behind an instruction, in the middle of what would else be a block. */
function mayLeave(insn: Insn): boolean {
  return endsBlock(insn) || insn.kind === "ld_packet" || (insn.kind === "call_helper" && insn.id === TAIL_CALL);
}

/** The blocks of a function in the order of their instructions, by columns. */
class RawBlocks {
  readonly count: number;
  readonly firsts: Int32Array;
  readonly lasts: Int32Array;
  /** Where a jump at the end leads, and what follows when it does not; -1: nothing. */
  readonly taken: Int32Array;
  readonly next: Int32Array;

  constructor(
    insns: readonly Insn[],
    indexOfSlot: Int32Array,
    first: number,
    last: number,
    ends: ((insn: Insn) => boolean) | null,
  ) {
    const size = last - first + 1;
    const begins = new Uint8Array(size);
    begins[0] = 1;
    for (let i = first; i <= last; i++) {
      const insn = insns[i]!;
      if (insn.kind === "ja" || insn.kind === "jump" || insn.kind === "may_goto") {
        begins[indexOfSlot[insn.target]! - first] = 1;
      }
      if (i < last && (mayLeave(insn) || ends?.(insn) === true)) begins[i + 1 - first] = 1;
    }
    const blockOf = new Int32Array(size);
    let count = 0;
    for (let i = 0; i < size; i++) {
      if (begins[i] === 1) count++;
      blockOf[i] = count - 1;
    }
    this.count = count;
    this.firsts = new Int32Array(count);
    this.lasts = new Int32Array(count);
    this.taken = new Int32Array(count).fill(-1);
    this.next = new Int32Array(count).fill(-1);
    for (let i = 0; i < size; i++) {
      const b = blockOf[i]!;
      if (begins[i] === 1) this.firsts[b] = first + i;
      this.lasts[b] = first + i;
    }
    for (let b = 0; b < count; b++) {
      const insn = insns[this.lasts[b]!]!;
      if (insn.kind === "exit") continue;
      const jumps = insn.kind === "ja" || insn.kind === "jump" || insn.kind === "may_goto";
      if (jumps) this.taken[b] = blockOf[indexOfSlot[insn.target]! - first]!;
      if (insn.kind !== "ja" && this.taken[b] !== b + 1) this.next[b] = b + 1;
    }
  }
}

/** Numbers of the blocks that can be reached. */
function reversePostorder(raw: RawBlocks): Int32Array {
  const order = new Int32Array(raw.count);
  const state = new Uint8Array(raw.count);
  const stack = new Int32Array(raw.count);
  let depth = 1;
  let at = raw.count;
  state[0] = 1;
  while (depth > 0) {
    const block = stack[depth - 1]!;
    // 1: the jump is followed next, 2: what follows the block, 3: it is done
    const way = state[block]!;
    if (way === 3) {
      order[--at] = block;
      depth--;
      continue;
    }
    state[block] = way + 1;
    const s = way === 1 ? raw.taken[block]! : raw.next[block]!;
    if (s < 0 || state[s] !== 0) continue;
    state[s] = 1;
    stack[depth++] = s;
  }
  return order.subarray(at);
}

/**
 * Immediate dominators. Next to its parent every block keeps a jump pointer to an ancestor further up, so that the common ancestor of
 * two blocks is found in logarithmic time: a block that thousands of others lead to costs no walk along the whole tree for each.
 */
class DominatorTree {
  readonly idom: Int32Array;
  private readonly depth: Int32Array;
  private readonly jump: Int32Array;

  constructor(blocks: readonly Block[], hasLoops: boolean) {
    this.idom = new Int32Array(blocks.length).fill(-1);
    this.depth = new Int32Array(blocks.length);
    this.jump = new Int32Array(blocks.length);
    this.idom[0] = 0;
    for (let changed = true; changed; ) {
      changed = false;
      for (let b = 1; b < blocks.length; b++) {
        let common = -1;
        for (const p of blocks[b]!.predecessors) {
          if (this.idom[p] === -1) continue;
          common = common === -1 ? p : this.commonAncestor(p, common);
        }
        if (this.idom[b] !== common) {
          this.idom[b] = common;
          changed = hasLoops;
        }
        this.attach(b, common);
      }
    }
  }

  dominates(a: number, b: number): boolean {
    return this.depth[b]! >= this.depth[a]! && this.ancestorAt(b, this.depth[a]!) === a;
  }

  /** Sets depth and jump pointer of a block below `parent`. @source E. Myers: An Applicative Random-Access Stack (1983) */
  private attach(b: number, parent: number): void {
    const { depth, jump } = this;
    depth[b] = depth[parent]! + 1;
    const far = jump[parent]!;
    jump[b] = depth[parent]! - depth[far]! === depth[far]! - depth[jump[far]!]! ? jump[far]! : parent;
  }

  private ancestorAt(block: number, level: number): number {
    let x = block;
    while (this.depth[x]! > level) x = this.depth[this.jump[x]!]! >= level ? this.jump[x]! : this.idom[x]!;
    return x;
  }

  private commonAncestor(a: number, b: number): number {
    const level = Math.min(this.depth[a]!, this.depth[b]!);
    let x = this.ancestorAt(a, level);
    let y = this.ancestorAt(b, level);
    while (x !== y) {
      const further = this.jump[x] !== this.jump[y];
      x = further ? this.jump[x]! : this.idom[x]!;
      y = further ? this.jump[y]! : this.idom[y]!;
    }
    return x;
  }
}
