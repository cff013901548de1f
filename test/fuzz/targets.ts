/** Everything that is fuzzed without a lab, one line each. */
import { btf } from "./btf.ts";
import { objects } from "./objects.ts";
import { streams } from "./streams.ts";
import type { FuzzTarget } from "./target.ts";
import { assembler, classic } from "./texts.ts";

/** All targets; their shares add up to 100. */
export const targets: readonly FuzzTarget[] = [objects, streams, assembler, classic, btf];
