/** The operations that the LRU vectors were recorded with: the same on the kernel and here. */
import type { MapKind } from "../../../sim/bpf/map.ts";

/** One sequence of operations. */
export interface LruCase {
  readonly kind: Extract<MapKind, "lru_hash" | "lru_percpu_hash">;
  readonly flags: number;
  readonly maxEntries: number;
  readonly keys: number;
  readonly ops: number;
  readonly seed: number;
}

/** U update, D delete, L a program's lookup, C go on on CPU `key`. */
export interface LruOp {
  readonly op: "U" | "D" | "L" | "C";
  readonly key: number;
  readonly flags: number;
}

/** The sequence of a case. */
export function lruOps(c: LruCase): LruOp[] {
  let state = c.seed >>> 0;
  const below = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 4294967296) * n);
  };
  const out: LruOp[] = [];
  for (let i = 0; i < c.ops; i++) {
    const what = below(100);
    const key = below(c.keys);
    if (what < 50) out.push({ op: "U", key, flags: [0, 0, 0, 0, 1, 2][below(6)]! });
    else if (what < 58) out.push({ op: "D", key, flags: 0 });
    else if (what < 97) out.push({ op: "L", key, flags: 0 });
    else out.push({ op: "C", key: below(2), flags: 0 });
  }
  return out;
}
