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
    for (const s of successors) if (!predecessors[s]!.includes(i)) predecessors[s]!.push(i);
    return { first: b.first, last: b.last, successors, predecessors: predecessors[i]! };
  });
  const idom = dominators(blocks);
  const children: number[][] = blocks.map(() => []);
  for (let b = 1; b < blocks.length; b++) children[idom[b]!]!.push(b);
  const subtreeSize = new Int32Array(blocks.length);
  for (let b = blocks.length - 1; b >= 0; b--) {
    subtreeSize[b] = subtreeSize[b]! + blocks[b]!.last - blocks[b]!.first + 1;
    if (b > 0) subtreeSize[idom[b]!] = subtreeSize[idom[b]!]! + subtreeSize[b]!;
  }
  const isMerge = blocks.map((b, i) => b.predecessors.filter((p) => p < i).length > 1);
  const isLoop = blocks.map((b, i) => b.predecessors.some((p) => p >= i));
  const reducible = blocks.every((b, i) => b.successors.every((s) => s > i || dominates(idom, s, i)));
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

function dominators(blocks: readonly Block[]): Int32Array {
  const idom = new Int32Array(blocks.length).fill(-1);
  idom[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = 1; b < blocks.length; b++) {
      let common = -1;
      for (const p of blocks[b]!.predecessors) {
        if (idom[p] === -1) continue;
        common = common === -1 ? p : intersect(idom, p, common);
      }
      if (idom[b] !== common) {
        idom[b] = common;
        changed = true;
      }
    }
  }
  return idom;
}

function intersect(idom: Int32Array, a: number, b: number): number {
  let x = a;
  let y = b;
  while (x !== y) {
    while (x > y) x = idom[x]!;
    while (y > x) y = idom[y]!;
  }
  return x;
}

function dominates(idom: Int32Array, a: number, b: number): boolean {
  let x = b;
  while (x > a) x = idom[x]!;
  return x === a;
}
