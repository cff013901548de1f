/** A qdisc's kind and parameters as tc reads them, and how each kind's parser says no. @source iproute2 tc/q_tbf.c, q_fifo.c, q_netem.c, q_prio.c */
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { QdiscDef } from "../../net/qdiscs/base.ts";
import { qdiscDef, qdiscDefs } from "../../net/qdiscs/index.ts";
import { parseQdiscWords, type QdiscOptions } from "../../net/qdiscs/params.ts";
import { ToolError } from "../tool.ts";

/** @throws ToolError in the kernel's words; its cause knows the nearest kind */
export function knownQdisc(kind: string): QdiscDef {
  const def = qdiscDef(kind);
  if (def !== undefined) return def;
  const names = [...qdiscDefs.map((d) => d.kind), "clsact", "ingress"].sort();
  const message = `Error: Specified qdisc kind is unknown: ${kind}`;
  const cause = new LabError([{ code: "QDISC_UNKNOWN", message, fix: suggest(kind, names) }]);
  throw new ToolError(2, "Error: Specified qdisc kind is unknown.\n", "", cause);
}

/** @param deleting nothing is missing then. @throws ToolError in the words of the kind's parser */
export function parseQdiscOptions(def: QdiscDef, words: readonly string[], deleting: boolean): QdiscOptions {
  if (words[0] === "help") throw new ToolError(1, def.usage);
  if (def.kind === "tbf") refuseLimitAndLatency(words);
  const result = parseQdiscWords(def.kind, def.params, words, def.refused);
  if (!result.ok) {
    const lines = result.errors.map((e) => `${ownWords(def.kind, e)}\n`).join("");
    throw new ToolError(1, `${lines}${result.showUsage ? def.usage : ""}`);
  }
  const missing = deleting ? [] : def.check(result.options);
  if (missing.length > 0) throw new ToolError(1, `${missing.join("\n")}\n${def.usage}`);
  return result.options;
}

/** The second of the two is the one that tbf's parser stumbles over. */
function refuseLimitAndLatency(words: readonly string[]): void {
  const limit = words.indexOf("limit");
  const latency = words.indexOf("latency");
  if (limit < 0 || latency < 0) return;
  const pair = limit < latency ? '"limit" and "/latency"' : '"latency" and "limit"';
  throw new ToolError(1, `tbf: specifying both ${pair} is not allowed\n`);
}

/** Each parser has its own way to call a value illegal. */
function ownWords(kind: string, error: string): string {
  const illegal = /^\w+: Illegal value for "(.*)": ".*"$/.exec(error);
  if (illegal !== null) {
    if (kind === "tbf") return error.replace("Illegal", "illegal");
    if (kind === "netem" || kind === "prio") return `Illegal "${illegal[1]}"`;
  }
  const unknown = /^\w+: unknown parameter "(.*)"$/.exec(error);
  if (unknown !== null && (kind === "netem" || kind === "prio")) return `What is "${unknown[1]}"?`;
  return error;
}
