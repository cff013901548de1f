/** All hints: what the counters of a run say about losses with a well-known cause. One line for each group's list. */
import type { Kernel } from "../net/kernel.ts";
import type { Hint, HintRule } from "./hint.ts";
import { netHints } from "./net-hints.ts";
import { tcHints } from "./tc-hints.ts";
import { xdpHints } from "./xdp-hints.ts";

export const hintRules: readonly HintRule[] = [...xdpHints, ...tcHints, ...netHints];

/** Places of one kind of hint that are written out; a hundred backends with the same fault are one sentence more. */
const SHOWN = 3;

/** The hints that hold now, by rule, then by host and device. */
export function findHints(kernel: Kernel): readonly Hint[] {
  const out: Hint[] = [];
  for (const rule of hintRules) {
    const texts: string[] = [];
    for (const host of kernel.hosts) {
      const said = rule.onHost?.(host) ?? null;
      if (said !== null) texts.push(said);
      for (const dev of host.devices) {
        const text = dev === undefined ? null : (rule.onDevice?.(dev) ?? null);
        if (text !== null) texts.push(text);
      }
    }
    for (const text of texts.slice(0, SHOWN)) out.push({ code: rule.code, text });
    if (texts.length > SHOWN) {
      out.push({ code: rule.code, text: `the same holds for ${texts.length - SHOWN} more places (${rule.code})` });
    }
  }
  return out;
}
