/** The registry of program types. */
import { indexBy } from "../../engine/registry.ts";
import type { ProgKind, ProgTypeDef } from "../prog-type.ts";
import { schedAct } from "./sched-act.ts";
import { schedCls } from "./sched-cls.ts";
import { socketFilter } from "./socket-filter.ts";
import { xdp } from "./xdp.ts";

/** Every program type that netsim runs. */
export const progTypes: readonly ProgTypeDef[] = [socketFilter, schedCls, schedAct, xdp];

const byKind: ReadonlyMap<ProgKind, ProgTypeDef> = indexBy(progTypes, (def) => def.kind, "program types");

/** The record of a program type. */
export function progTypeOf(kind: ProgKind): ProgTypeDef {
  return byKind.get(kind)!;
}
