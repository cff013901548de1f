/**
 * Where a function counts what it executes. Each block has a price (instructions in the low word, cost in the high one), but need
 * not add it itself: a block may leave it owed to what follows, as long as all ways that lead to one place owe the same there.
 *
 *     A 3 -> B 5 -> D 2      A and B add nothing, C adds -1 to owe what B does: one addition where there were three,
 *     A 3 -> C 6 -> D        and D, at the end, adds all 10
 *
 * Nothing is owed where a loop begins, so that its turn check sees the true count, nor at an exit.
 */
import type { Cfg } from "./cfg.ts";

/** Additions and debts, by block; each a number that holds both words. */
export interface Accounting {
  /** What is added at the block's beginning. */
  readonly add: Float64Array;
  /** What is not yet added from there on to the block's end. */
  readonly owed: Float64Array;
}

/** Debts stay below this: numbers hold both words exactly, and the high one has room for costs of 60 us. */
const OWED_MAX = 2 ** 52;

/**
 * Plans the additions.
 * @param price what each block adds up to
 * @param stores whether a block stores the counters for others to see
 */
export function planAccounting(cfg: Cfg, price: Float64Array, stores: (block: number) => boolean): Accounting {
  const n = cfg.blocks.length;
  if (n === 1) return { add: price, owed: new Float64Array(1) };
  const classOf = outgoingClasses(cfg);
  const debt = new Float64Array(n).fill(Number.NaN);
  if (!cfg.reducible) debt.fill(0);
  cfg.blocks.forEach((block, b) => {
    if (cfg.isLoop[b] === 1) for (const p of block.predecessors) debt[classOf[p]!] = 0;
  });
  const add = new Float64Array(n);
  const owed = new Float64Array(n);
  for (let b = 0; b < n; b++) {
    // what leads to a block has a lower number, or the block begins a loop
    const [p] = cfg.blocks[b]!.predecessors;
    const total = (p === undefined || cfg.isLoop[b] === 1 ? 0 : debt[classOf[p]!]!) + price[b]!;
    const c = classOf[b]!;
    if (Number.isNaN(debt[c]!)) debt[c] = stores(b) || total > OWED_MAX ? 0 : total;
    owed[b] = debt[c]!;
    add[b] = total - owed[b]!;
  }
  return { add, owed };
}

/** By block a number that it shares with all blocks that lead to one of the places to which it leads. */
function outgoingClasses(cfg: Cfg): Int32Array {
  const parent = Int32Array.from(cfg.blocks, (_, b) => b);
  const find = (b: number): number => {
    let x = b;
    while (parent[x] !== x) {
      parent[x] = parent[parent[x]!]!;
      x = parent[x]!;
    }
    return x;
  };
  for (const { predecessors } of cfg.blocks) {
    for (const p of predecessors) parent[find(p)] = find(predecessors[0]!);
  }
  return parent.map((_, b) => find(b));
}
