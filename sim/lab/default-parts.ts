/** The real floors below, bound for the lab. */
import { startTraffic } from "../apps/index.ts";
import { findHints } from "../observe/hints.ts";
import { runCommand } from "../tools/run-command.ts";
import type { LabParts } from "./parts.ts";

export const defaultParts: LabParts = { runCommand, startTraffic, findHints };
