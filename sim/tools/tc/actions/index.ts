/** How tc reads and prints each kind of action: one file and one line each. */
import type { ActionWords } from "../action-kind.ts";
import { bpf } from "./bpf.ts";
import { csum } from "./csum.ts";
import { gact } from "./gact.ts";
import { mirred } from "./mirred.ts";
import { pedit } from "./pedit.ts";
import { police } from "./police.ts";
import { skbedit } from "./skbedit.ts";
import { tunnelKey } from "./tunnel-key.ts";
import { vlan } from "./vlan.ts";

/** In alphabetical order. */
export const actionWords: readonly ActionWords[] = [bpf, csum, gact, mirred, pedit, police, skbedit, tunnelKey, vlan];

/** Kinds that Linux has and netsim has not. */
export const LINUX_ACTIONS: readonly string[] = [
  "connmark",
  "ct",
  "ctinfo",
  "gate",
  "ife",
  "mpls",
  "nat",
  "sample",
  "simple",
  "skbmod",
  "xt",
];

/** The record of a kind, or undefined. */
export function actionWordsOf(kind: string): ActionWords | undefined {
  return actionWords.find((a) => a.kind === kind);
}
