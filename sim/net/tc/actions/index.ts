/** The kinds of actions: one file and one line each. */
import type { ActionDef } from "../action-control.ts";
import { csum } from "./csum.ts";
import { gact } from "./gact.ts";
import { mirred } from "./mirred.ts";
import { police } from "./police.ts";
import { skbedit } from "./skbedit.ts";
import { vlan } from "./vlan.ts";

/** In alphabetical order. */
export const actionDefs: readonly ActionDef[] = [csum, gact, mirred, police, skbedit, vlan];

/** The record of a kind, or undefined. */
export function actionDef(kind: string): ActionDef | undefined {
  return actionDefs.find((d) => d.kind === kind);
}
