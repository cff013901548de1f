/** The classifiers: one file and one line each. */
import type { ClassifierDef } from "../classify.ts";
import { basic } from "./basic.ts";
import { bpf } from "./bpf.ts";
import { flower } from "./flower.ts";
import { fw } from "./fw.ts";
import { matchall } from "./matchall.ts";
import { u32 } from "./u32.ts";

/** In alphabetical order. */
export const classifierDefs: readonly ClassifierDef[] = [basic, bpf, flower, fw, matchall, u32];

/** The record of a kind, or undefined. */
export function classifierDef(kind: string): ClassifierDef | undefined {
  return classifierDefs.find((d) => d.kind === kind);
}
