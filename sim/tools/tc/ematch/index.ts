/** The kinds of extended matches: one file and one line each. */
import { cmp } from "./cmp.ts";
import type { EmatchKind } from "./kind.ts";
import { meta } from "./meta.ts";
import { nbyte } from "./nbyte.ts";
import { u32 } from "./u32.ts";

/** In alphabetical order. */
export const ematchKinds: readonly EmatchKind[] = [cmp, meta, nbyte, u32];

/** Kinds that Linux has and netsim has not. */
export const LINUX_EMATCHES: readonly string[] = ["canid", "ipset", "ipt", "text"];
