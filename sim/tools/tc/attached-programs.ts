/** Programs whose last filter or action a command took away are unloaded. */
import type { Program } from "../../bpf/program.ts";
import type { Host } from "../../net/host.ts";
import { filterPrograms } from "../../net/tc/programs.ts";
import { releaseProgram } from "../bpf/held-objects.ts";

/** What runs in filters and actions now. */
export function runningPrograms(host: Host): ReadonlySet<Program> {
  return filterPrograms(host);
}

/** Gives back those of `before` that run no more. */
export function releaseUnused(host: Host, before: ReadonlySet<Program>): void {
  const now = filterPrograms(host);
  for (const prog of before) if (!now.has(prog)) releaseProgram(prog);
}
