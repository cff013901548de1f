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
  /** Blocks that a block immediately dominates, ascending. */
  readonly children: readonly (readonly number[])[];
  /** Instructions in a block and in all that it dominates. */
  readonly subtreeSize: Int32Array;
  /** More than one forward edge leads there. */
  readonly isMerge: readonly boolean[];
  /** A back edge leads there. */
  readonly isLoop: readonly boolean[];
  readonly reducible: boolean;
}

/**
 * Builds the graph of the instructions `first` to `last`.
 * @param indexOfSlot index into `insns` by slot
 */
export function buildCfg(insns: readonly Insn[], indexOfSlot: Int32Array, first: number, last: number): Cfg {
  const raw = rawBlocks(insns, indexOfSlot, first, last);
  const order = reversePostorder(raw.map((b) => b.successors));
  const number = new Int32Array(raw.length).fill(-1);
  order.forEach((block, i) => {
    number[block] = i;
  });
  const predecessors: number[][] = order.map(() => []);
  const blocks = order.map((block, i): Block => {
    const b = raw[block]!;
    const successors = b.successors.map((s) => number[s]!);
    for (const s of successors) if (predecessors[s]!.at(-1) !== i) predecessors[s]!.push(i);
    return { first: b.first, last: b.last, successors, predecessors: predecessors[i]! };
  });
  const tree = new DominatorTree(blocks);
  const { idom } = tree;
  const children: number[][] = blocks.map(() => []);
  for (let b = 1; b < blocks.length; b++) children[idom[b]!]!.push(b);
  const subtreeSize = new Int32Array(blocks.length);
  for (let b = blocks.length - 1; b >= 0; b--) {
    subtreeSize[b] = subtreeSize[b]! + blocks[b]!.last - blocks[b]!.first + 1;
    if (b > 0) subtreeSize[idom[b]!] = subtreeSize[idom[b]!]! + subtreeSize[b]!;
  }
  const isMerge = blocks.map((b, i) => b.predecessors.filter((p) => p < i).length > 1);
  const isLoop = blocks.map((b, i) => b.predecessors.some((p) => p >= i));
  const reducible = blocks.every((b, i) => b.successors.every((s) => s > i || tree.dominates(s, i)));
  return { blocks, idom, children, subtreeSize, isMerge, isLoop, reducible };
}

interface RawBlock {
  readonly first: number;
  readonly last: number;
  readonly successors: readonly number[];
}

/** An instruction after which control may leave in the middle of what would else be a block. */
function mayLeave(insn: Insn): boolean {
  return endsBlock(insn) || insn.kind === "ld_packet" || (insn.kind === "call_helper" && insn.id === TAIL_CALL);
}

function rawBlocks(insns: readonly Insn[], indexOfSlot: Int32Array, first: number, last: number): RawBlock[] {
  const leaders = new Set<number>([first]);
  for (let i = first; i <= last; i++) {
    const insn = insns[i]!;
    if (insn.kind === "ja" || insn.kind === "jump" || insn.kind === "may_goto") leaders.add(indexOfSlot[insn.target]!);
    if (mayLeave(insn) && i < last) leaders.add(i + 1);
  }
  const starts = [...leaders].sort((a, b) => a - b);
  const blockOf = new Map(starts.map((start, i) => [start, i]));
  return starts.map((start, i): RawBlock => {
    const end = (starts[i + 1] ?? last + 1) - 1;
    const insn = insns[end]!;
    let successors: number[];
    if (insn.kind === "exit") successors = [];
    else if (insn.kind === "ja") successors = [blockOf.get(indexOfSlot[insn.target]!)!];
    else if (insn.kind === "jump" || insn.kind === "may_goto") {
      const taken = blockOf.get(indexOfSlot[insn.target]!)!;
      successors = taken === i + 1 ? [taken] : [taken, i + 1];
    } else successors = [i + 1];
    return { first: start, last: end, successors };
  });
}

function reversePostorder(successors: readonly (readonly number[])[]): number[] {
  const post: number[] = [];
  const seen = new Uint8Array(successors.length);
  const stack: { readonly block: number; next: number }[] = [{ block: 0, next: 0 }];
  seen[0] = 1;
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const s = successors[top.block]![top.next++];
    if (s === undefined) {
      post.push(top.block);
      stack.pop();
    } else if (seen[s] === 0) {
      seen[s] = 1;
      stack.push({ block: s, next: 0 });
    }
  }
  return post.reverse();
}

/**
 * Immediate dominators. Next to its parent every block keeps a jump pointer to an ancestor further up, so that the common ancestor of
 * two blocks is found in logarithmic time: a block that thousands of others lead to costs no walk along the whole tree for each.
 */
class DominatorTree {
  readonly idom: Int32Array;
  private readonly depth: Int32Array;
  private readonly jump: Int32Array;

  constructor(blocks: readonly Block[]) {
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
          changed = true;
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
