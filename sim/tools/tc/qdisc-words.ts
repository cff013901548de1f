/** A qdisc's kind and parameters as tc reads them, and how each kind's parser says no. @source iproute2 tc/q_tbf.c, q_fifo.c, q_netem.c, q_prio.c */
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { ERRNO, NetlinkError } from "../../net/netlink-error.ts";
import type { QdiscDef } from "../../net/qdiscs/base.ts";
import { NOT_BUILT, qdiscDef, qdiscDefs } from "../../net/qdiscs/index.ts";
import { type ParseResult, parseQdiscWords, type QdiscOptions } from "../../net/qdiscs/params.ts";
import { notInNetsim } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";

const UNKNOWN_KIND = "Specified qdisc kind is unknown";

/**
 * The record of a kind. The kernel looks at the place first and at the kind when it makes the qdisc, so one that is not there is a
 * record, too, and says so when it is asked to make one.
 * @throws ToolError for kinds that Linux has and netsim has not
 */
export function qdiscOfKind(kind: string): QdiscDef {
  const def = qdiscDef(kind);
  if (def !== undefined) return def;
  if (NOT_BUILT.includes(kind)) throw notInNetsim(`qdisc ${kind}`);
  return {
    kind,
    source: "net/sched/sch_api.c qdisc_create",
    params: [],
    usage: "",
    lazyOptions: true,
    check: () => [],
    create: () => {
      throw new NetlinkError(ERRNO.ENOENT, UNKNOWN_KIND);
    },
  };
}

/** A refusal of an unknown kind gets a cause that knows the nearest one. */
export function withRemedy(kind: string, error: unknown): unknown {
  if (!(error instanceof ToolError) || error.stderr !== `Error: ${UNKNOWN_KIND}.\n`) return error;
  const names = [...qdiscDefs.map((d) => d.kind), "clsact", "ingress"].sort();
  const message = `Error: ${UNKNOWN_KIND}: ${kind}`;
  const cause = new LabError([{ code: "QDISC_UNKNOWN", message, fix: suggest(kind, names) }]);
  return new ToolError(error.status, error.stderr, error.stdout, cause);
}

/**
 * @param deleting nothing is missing then
 * @returns null when tc sends no options
 * @throws ToolError in the words of the kind's parser
 */
export function parseQdiscOptions(def: QdiscDef, words: readonly string[], deleting: boolean): QdiscOptions | null {
  if (words[0] === "help" && def.usage !== "") throw new ToolError(1, def.usage);
  if (def.lazyOptions === true && words.length === 0) return null;
  if (def.usage === "" && words.length > 0) {
    const known = qdiscDef(def.kind) !== undefined;
    const text = known
      ? `qdisc '${def.kind}' does not support option parsing\n`
      : `Unknown qdisc "${def.kind}", hence option "${words[0]}" is unparsable\n`;
    throw new ToolError(1, text);
  }
  if (def.kind === "tbf") refuseLimitAndLatency(words);
  const result = def.parse?.(words) ?? parseQdiscWords(def.kind, def.params, words, def.refused, def.style);
  return optionsOf(def.usage, result, deleting ? undefined : def.check);
}

/** What `tc class add ... KIND WORDS` says. @throws ToolError in the words of the kind's parser */
export function parseClassOptions(
  kind: string,
  words: readonly string[],
): { readonly def: QdiscDef; readonly options: QdiscOptions } {
  const def = qdiscDef(kind);
  if (NOT_BUILT.includes(kind)) throw notInNetsim(`qdisc ${kind}`);
  if (def?.classes === undefined) throw new ToolError(1, `Error: Qdisc "${kind}" is classless.\n`);
  const { params, refused, check, usage = def.usage } = def.classes;
  if (words[0] === "help") throw new ToolError(1, usage);
  const result = parseQdiscWords(def.kind, params, words, refused, def.style);
  return { def, options: optionsOf(usage, result, check, false) };
}

function optionsOf(
  usage: string,
  result: ParseResult,
  check: ((options: QdiscOptions) => readonly string[]) | undefined,
  explain: boolean = true,
): QdiscOptions {
  if (!result.ok) {
    const lines = result.errors.map((e) => `${e}\n`).join("");
    throw new ToolError(1, `${lines}${result.showUsage ? usage : ""}`);
  }
  const missing = check?.(result.options) ?? [];
  if (missing.length > 0) throw new ToolError(1, `${missing.join("\n")}\n${explain ? usage : ""}`);
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
