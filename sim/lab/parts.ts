/**
 * What the lab asks of the floors below it, in one place: commands, traffic, hints. `default-parts.ts` binds the real ones; tests may
 * bind others.
 */
import type { Operation } from "effection";
import type { LiveTraffic, TrafficPlan } from "../apps/traffic.ts";
import type { Kernel } from "../net/kernel.ts";
import type { Hint } from "../observe/hint.ts";
import type { ToolResult, ToolSession } from "../tools/tool.ts";

/** The floors below, as the lab uses them. */
export interface LabParts {
  /** Runs a command line on a host. A line that cannot be a command is refused by status, not by an exception. */
  runCommand(session: ToolSession, line: string): Operation<ToolResult>;
  /** Prepares traffic; sending begins at spec.startNs. @throws LabError without places for what the spec cannot mean */
  startTraffic(kernel: Kernel, plan: TrafficPlan): LiveTraffic;
  /** Hints about what the counters show. */
  findHints(kernel: Kernel): readonly Hint[];
}
