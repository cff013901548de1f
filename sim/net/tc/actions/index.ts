/** The kinds of actions: one file and one line each. */
import type { ActionDef } from "../action-control.ts";
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
export const actionDefs: readonly ActionDef[] = [bpf, csum, gact, mirred, pedit, police, skbedit, tunnelKey, vlan];

/** The record of a kind, or undefined. */
export function actionDef(kind: string): ActionDef | undefined {
  return actionDefs.find((d) => d.kind === kind);
}
