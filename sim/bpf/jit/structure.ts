/**
 * Control-flow graph to WebAssembly's structured control.
 *
 * A reducible graph is walked along its dominator tree: a loop header opens a `loop`; a block that dominates merge points
 * opens one `block` for each, so that a branch to the merge point is a branch out of that block; everything else nests in
 * place. What a conditional jump leads to and does not merge elsewhere stands after it, the smaller side within an `if`, so that
 * nesting grows with the logarithm of the program only. An irreducible graph becomes a loop around a jump table.
 *
 * @source N. Ramsey: Beyond Relooper: Recursive Translation of Unstructured Control Flow to Structured Control Flow (ICFP 2022)
 */
import { BugError } from "../../engine/errors.ts";
import type { Cfg } from "./cfg.ts";
import type { WasmCode } from "./wasm-code.ts";
import { W } from "./wasm-op.ts";

/** Emits what the structure leaves open. */
export interface BlockEmitter {
  /** All instructions of a block but its jump. An `exit` returns; nothing may stay on the stack. */
  body(block: number): void;
  /** Pushes the condition of the block's conditional jump as an i32: taken when it is not 0. */
  condition(block: number): void;
  /** At the start of each turn of a loop. */
  turn(block: number): void;
}

type Task =
  | { readonly do: "tree"; readonly block: number }
  | { readonly do: "goto"; readonly from: number; readonly to: number }
  /** Closes the innermost scope. */
  | { readonly do: "end" };

const END: Task = { do: "end" };

/** Emits the blocks of a function. @param stateLocal an i32 local for the jump table, used by irreducible graphs only */
export function emitStructure(cfg: Cfg, code: WasmCode, emitter: BlockEmitter, stateLocal: () => number): void {
  if (cfg.reducible) emitTree(cfg, code, emitter);
  else emitDispatchLoop(cfg, code, emitter, stateLocal());
  code.op(W.unreachable);
}

function emitTree(cfg: Cfg, code: WasmCode, emitter: BlockEmitter): void {
  /** Blocks that a branch out of each open scope leads to, innermost last; -1 for an `if`. */
  const scopes: number[] = [];
  /** Where in `scopes` a block stands; it stands there once. */
  const scopeOf = new Int32Array(cfg.blocks.length).fill(-1);
  const openScope = (block: number): void => {
    scopeOf[block] = scopes.length;
    scopes.push(block);
  };
  const tasks: Task[] = [{ do: "tree", block: 0 }];
  const depthOf = (block: number): number => {
    const at = scopeOf[block]!;
    if (scopes[at] !== block) throw new BugError("JIT_SCOPE", `no scope leads to block ${block}`);
    return scopes.length - 1 - at;
  };
  const isBranch = (from: number, to: number): boolean => to <= from || cfg.isMerge[to] === 1;
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    if (task.do === "end") {
      code.end();
      scopes.pop();
      continue;
    }
    if (task.do === "goto") {
      if (isBranch(task.from, task.to)) code.br(depthOf(task.to));
      else tasks.push({ do: "tree", block: task.to });
      continue;
    }
    const x = task.block;
    const isLoop = cfg.isLoop[x] === 1;
    if (isLoop) {
      code.open(W.loop);
      openScope(x);
      tasks.push(END);
    }
    const merges = cfg.merges[x]!;
    for (let i = merges.length - 1; i >= 0; i--) {
      code.open(W.block);
      openScope(merges[i]!);
      tasks.push({ do: "tree", block: merges[i]! }, END);
    }
    if (isLoop) emitter.turn(x);
    emitter.body(x);
    const [taken, next] = cfg.blocks[x]!.successors;
    if (taken === undefined) continue;
    if (next === undefined) {
      tasks.push({ do: "goto", from: x, to: taken });
      continue;
    }
    emitter.condition(x);
    if (isBranch(x, taken)) {
      code.brIf(depthOf(taken));
      tasks.push({ do: "goto", from: x, to: next });
    } else if (isBranch(x, next)) {
      code.op(W.i32_eqz);
      code.brIf(depthOf(next));
      tasks.push({ do: "goto", from: x, to: taken });
    } else {
      const takenInside = cfg.subtreeSize[taken]! <= cfg.subtreeSize[next]!;
      if (!takenInside) code.op(W.i32_eqz);
      code.open(W.if);
      scopes.push(-1);
      tasks.push({ do: "tree", block: takenInside ? next : taken }, END, {
        do: "tree",
        block: takenInside ? taken : next,
      });
    }
  }
}

/**
 *     loop
 *       block (n-1) ... block (0)  br_table state  end  body 0  br loop  end  body 1 ...
 */
function emitDispatchLoop(cfg: Cfg, code: WasmCode, emitter: BlockEmitter, state: number): void {
  const n = cfg.blocks.length;
  code.open(W.loop);
  emitter.turn(0);
  for (let i = 0; i < n; i++) code.open(W.block);
  code.get(state);
  code.op(W.br_table);
  code.uleb(n - 1);
  for (let i = 0; i < n; i++) code.uleb(i);
  for (let b = 0; b < n; b++) {
    code.end();
    emitter.body(b);
    const [taken, next] = cfg.blocks[b]!.successors;
    if (taken === undefined) continue;
    code.i32(taken);
    if (next !== undefined) {
      code.i32(next);
      emitter.condition(b);
      code.op(W.select);
    }
    code.set(state);
    code.br(n - 1 - b);
  }
  code.end();
}
