// Long random sequences on LRU maps, all on CPU 0: updates by user space and by programs, new keys and old ones, lookups by programs
// (which set the reference bit) and by user space (which do not), deletions. What a lookup finds says what was evicted.

import { TYPES } from "./create-rows.mjs";

const LE32 = 8;
const key = (n) => n.toString(16).padStart(LE32, "0").match(/../g).reverse().join("");

/** kind, map_flags, max_entries, number of keys, steps, seed. BPF_F_ZERO_SEED (64) fixes the order of the keys left. */
const CASES = [...[1, 2, 3, 5, 8, 31, 64, 100, 255, 256, 300, 600, 1000, 2500].map((max, i) => [max, 100 + i])].flatMap(
  ([max, seed]) => [
    ["lru_hash", 64, max, Math.ceil(max * 1.5) + 1, Math.min(4000, 60 + max * 12), seed],
    ["lru_hash", 66, max, Math.ceil(max * 1.5) + 1, Math.min(4000, 60 + max * 12), seed + 1000],
    ...(max % 2 === 1 || max === 256
      ? [["lru_percpu_hash", 64, max, max * 2 + 1, Math.min(3000, 60 + max * 9), seed + 2000]]
      : []),
  ],
);

function steps(keys, count, seed, perCpu) {
  let state = seed >>> 0;
  const below = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const value = perCpu ? `${"0100000000000000".repeat(2)}` : "01000000";
  const out = [];
  for (let i = 0; i < count; i++) {
    const what = below(100);
    // a third of the keys is asked for more often than the others
    const k = key(below(3) === 0 ? below(Math.ceil(keys / 3)) : below(keys));
    const flags = [0, 0, 0, 0, 0, 1, 2][below(7)];
    if (what < 28) out.push(`up m ${k} ${value} ${flags}`);
    else if (what < 55) out.push(`pu m ${k} 01000000 ${flags}`);
    else if (what < 82) out.push(`pl m ${k} - 0`);
    else if (what < 90) out.push(`look m ${k} - 0`);
    else if (what < 95) out.push(`del m ${k} - 0`);
    else out.push(`pd m ${k} - 0`);
  }
  return out;
}

/** All sequences: steps in the oracle's words, the last one walks the map. */
export function lruSequences() {
  return CASES.map(([kind, flags, max, keys, count, seed]) => ({
    name: `${kind} of ${max}, flags ${flags}`,
    steps: [
      `create m ${TYPES[kind]} 4 4 ${max} ${flags} 0 -`,
      ...steps(keys, count, seed, kind === "lru_percpu_hash"),
      `bl m - - 0 ${2 * max + 4}`,
    ],
  }));
}

/** An answer in one letter: 0 done, n -ENOENT, e -EEXIST, h found, m not found. */
export function letter(step, answer) {
  if (answer === "0") return "0";
  if (answer === "0 -") return "m";
  if (answer === "-2") return step.startsWith("look") ? "m" : "n";
  if (answer === "-17") return "e";
  return /^(1 |[0-9a-f]{8})/.test(answer) ? "h" : `(${answer})`;
}
