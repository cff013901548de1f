/** How tc reads and prints each classifier: one file and one line each. */
import type { FilterKind } from "../filter-kind.ts";
import { basic } from "./basic.ts";
import { bpf } from "./bpf.ts";
import { flower } from "./flower.ts";
import { fw } from "./fw.ts";
import { matchall } from "./matchall.ts";
import { u32 } from "./u32.ts";

/** In alphabetical order. */
export const filterKinds: readonly FilterKind[] = [basic, bpf, flower, fw, matchall, u32];

/** Classifiers that Linux has and netsim has not. */
export const LINUX_FILTERS: readonly string[] = ["cgroup", "flow", "route", "rsvp", "tcindex"];

/** The record of a kind, or undefined. */
export function filterKindOf(kind: string): FilterKind | undefined {
  return filterKinds.find((f) => f.kind === kind);
}
