/** `tc qdisc`. @source iproute2 tc/tc_qdisc.c */
import type { Netdev } from "../../net/netdev.ts";
import { QdiscStats } from "../../net/qdisc.ts";
import { type QdiscBase, TC_H_ROOT } from "../../net/qdiscs/base.ts";
import type { EstimatorSpec } from "../../net/qdiscs/estimator.ts";
import { deleteQdisc, listQdiscs, modifyQdisc, type QdiscVerb } from "../../net/qdiscs/tree.ts";
import {
  devicesOf,
  duplicateArgument,
  expand,
  findDevice,
  invalidArgument,
  matches,
  notInNetsim,
  printJson,
  type ToolFlags,
  talk,
  type Words,
} from "../rtnetlink.ts";
import { ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { unsignedOf } from "./arguments.ts";
import { addClsactQdisc, clsactRow, deleteClsactQdisc } from "./clsact.ts";
import { takeEstimator } from "./estimator.ts";
import { formatClassid, formatHandle, parseClassid, parseQdiscHandle } from "./handles.ts";
import type { TcObject } from "./object.ts";
import type { QdiscRow } from "./qdisc-row.ts";
import { parseQdiscOptions, qdiscOfKind, withRemedy } from "./qdisc-words.ts";
import { formatStats, jsonStats } from "./stats.ts";

/** TC_H_CLSACT, also TC_H_INGRESS. */
export const TC_H_CLSACT = 0xfffffff1;
const USAGE =
  "Usage: tc qdisc [ add | del | replace | change | show ] dev STRING\n" +
  "       [ handle QHANDLE ] [ root | ingress | clsact | parent CLASSID ]\n" +
  "       [ estimator INTERVAL TIME_CONSTANT ]\n" +
  "       [ stab [ help | STAB_OPTIONS] ]\n" +
  "       [ ingress_block BLOCK_INDEX ] [ egress_block BLOCK_INDEX ]\n" +
  "       [ [ QDISC_KIND ] [ help | OPTIONS ] ]\n" +
  "\n" +
  "       tc qdisc { show | list } [ dev STRING ] [ QDISC_ID ] [ invisible ]\n" +
  "Where:\n" +
  "QDISC_KIND := { [p|b]fifo | tbf | prio | cbq | red | etc. }\n" +
  "OPTIONS := ... try tc qdisc add <desired QDISC_KIND> help\n" +
  "STAB_OPTIONS := ... try tc qdisc add stab help\n" +
  "QDISC_ID := { root | ingress | handle QHANDLE | parent CLASSID }\n";

/** Runs `tc qdisc WORDS`. @returns what it prints */
function tcQdisc(session: ToolSession, words: Words, flags: ToolFlags): string | ToolResult {
  const verb = words.done ? "show" : words.next();
  const full = expand(verb, ["add", "change", "replace", "link", "delete", "list", "show", "lst", "help"] as const);
  switch (full) {
    case undefined:
      throw new ToolError(255, `Command "${verb}" is unknown, try "tc qdisc help".\n`);
    case "help":
      return { status: 0, stdout: "", stderr: USAGE };
    case "list":
    case "show":
    case "lst":
      return showQdiscs(session, words, flags);
    case "delete":
      return changeQdisc(session, words, null);
    default:
      return changeQdisc(session, words, full);
  }
}

/** Rows of one device: the tree from the root, noqueue where there is none, then clsact. */
export function qdiscRows(dev: Netdev, details: boolean = false): readonly QdiscRow[] {
  const rows: QdiscRow[] = [];
  const tree = listQdiscs(dev);
  if (tree.length === 0 && dev.qdiscAttached) {
    const stats = new QdiscStats();
    rows.push({ kind: "noqueue", handle: 0, parent: TC_H_ROOT, refcnt: 2, options: "", json: {}, stats });
  }
  for (const q of tree) rows.push(rowOf(q, dev, details));
  const clsact = clsactRow(dev);
  if (clsact !== null) rows.push(clsact);
  return rows;
}

function rowOf(q: QdiscBase, dev: Netdev, details: boolean): QdiscRow {
  q.syncStats();
  const refcnt = q.parent === TC_H_ROOT && q.kind !== "mq" ? dev.txQueues.length + 1 : 1;
  return {
    kind: q.kind,
    handle: q.handle,
    parent: q.parent,
    refcnt,
    options: q.printOptions(details),
    json: q.jsonOptions(details),
    stats: q.stats,
    estimator: q.estimator,
    xstats: q.printXstats(),
    jsonXstats: q.jsonXstats(),
  };
}

function showQdiscs(session: ToolSession, words: Words, flags: ToolFlags): string {
  let only: Netdev | null = null;
  let side = 0;
  let handle = 0;
  const place = (w: string, value: () => number): number => {
    if (side !== 0) throw invalidArgument("parent is already specified", w);
    if (handle !== 0) throw invalidArgument("handle is already specified", w);
    return value();
  };
  while (!words.done) {
    const w = words.next();
    if (w === "dev") only = findDevice(session.host, words.next());
    else if (w === "root") side = place(w, () => TC_H_ROOT);
    else if (w === "clsact" || w === "ingress") side = place(w, () => TC_H_CLSACT);
    else if (matches(w, "parent")) side = place(w, () => parseClassid(words.next(), "invalid parent ID"));
    else if (matches(w, "handle")) handle = place(w, () => parseQdiscHandle(words.next()));
    else if (matches(w, "help")) throw new ToolError(255, USAGE);
    else if (w === "invisible") throw notInNetsim("`tc qdisc show invisible`");
    else throw new ToolError(255, `What is "${w}"? Try "tc qdisc help".\n`);
  }
  const devices = only !== null ? [only] : devicesOf(session.host);
  const text: string[] = [];
  const json: unknown[] = [];
  for (const dev of devices) {
    for (const row of qdiscRows(dev, flags.details)) {
      if ((side !== 0 && row.parent !== side) || (handle !== 0 && row.handle !== handle)) continue;
      const refcnt = row.refcnt !== 1 ? `refcnt ${row.refcnt} ` : "";
      const place = row.parent === TC_H_ROOT ? "root " : `parent ${formatClassid(row.parent)} `;
      const name = only === null ? `dev ${dev.name} ` : "";
      const shared = sharedBlocks(row);
      const blocks = shared.map(([key, index]) => `${key} ${index} `).join("");
      text.push(`qdisc ${row.kind} ${formatHandle(row.handle)} ${name}${place}${refcnt}${blocks}${row.options}\n`);
      if (flags.stats > 0) text.push(formatStats(row.stats, row.estimator), row.xstats ?? "");
      json.push({
        kind: row.kind,
        handle: formatHandle(row.handle),
        ...(only === null ? { dev: dev.name } : {}),
        ...(row.parent === TC_H_ROOT ? { root: true } : { parent: formatClassid(row.parent) }),
        ...(row.refcnt !== 1 ? { refcnt: row.refcnt } : {}),
        ...Object.fromEntries(shared),
        options: row.json,
        ...(flags.stats > 0 ? { ...jsonStats(row.stats, row.estimator), ...row.jsonXstats } : {}),
      });
    }
  }
  return flags.json ? printJson(json, flags) : text.join("");
}

function changeQdisc(session: ToolSession, words: Words, verb: QdiscVerb | null): string {
  let device = "";
  let parent = 0;
  let handle = 0;
  let kind: string | null = null;
  let estimator: EstimatorSpec | null = null;
  const blocks = { ingress: 0, egress: 0 };
  let options: readonly string[] = [];
  while (!words.done) {
    const w = words.next();
    if (w === "dev") {
      const name = words.next();
      if (device !== "") throw duplicateArgument("dev", name);
      device = name;
    } else if (w === "root") parent = setParent(parent, TC_H_ROOT, w);
    else if (w === "parent") {
      const id = words.next();
      if (parent !== 0) throw duplicateArgument("parent", id);
      parent = parseClassid(id, "invalid parent ID");
    } else if (w === "handle") handle = parseQdiscHandle(words.next());
    else if (matches(w, "estimator")) estimator = takeEstimator(words, estimator);
    else if (matches(w, "stab")) throw notInNetsim(`\`tc qdisc ... ${w}\``);
    else if (w === "ingress_block") blocks.ingress = takeBlockIndex(words);
    else if (w === "egress_block") blocks.egress = takeBlockIndex(words);
    else if (w === "clsact" || w === "ingress") {
      parent = setParent(parent, TC_H_CLSACT, w);
      handle = 0xffff0000;
      kind = w;
      options = words.rest();
    } else if (matches(w, "help")) throw new ToolError(255, USAGE);
    else {
      kind = w;
      options = words.rest();
    }
  }
  if (device === "") throw new ToolError(2, "RTNETLINK answers: No such device\n");
  if (parent === TC_H_CLSACT) {
    const dev = findDevice(session.host, device);
    if (options.length > 0)
      throw new ToolError(1, `Unknown qdisc "${kind}", hence option "${options[0]}" is unparsable\n`);
    talk(() =>
      verb === null
        ? deleteClsactQdisc(dev, kind ?? "clsact")
        : addClsactQdisc(dev, kind as "clsact" | "ingress", verb, blocks),
    );
    return "";
  }
  if (blocks.ingress !== 0 || blocks.egress !== 0) {
    throw notInNetsim("shared blocks at other qdiscs than clsact and ingress");
  }
  const def = kind === null ? null : qdiscOfKind(kind);
  const parsed = def === null ? null : parseQdiscOptions(def, options, verb === null);
  const dev = findDevice(session.host, device);
  if (verb === null) talk(() => deleteQdisc(dev, parent, handle, kind));
  else {
    try {
      talk(() => modifyQdisc(dev, { verb, def, options: parsed, parent, handle, estimator }));
    } catch (error) {
      throw kind === null ? error : withRemedy(kind, error);
    }
  }
  return "";
}

function sharedBlocks(row: QdiscRow): readonly (readonly [string, number])[] {
  const { ingress, egress } = row.blocks ?? { ingress: 0, egress: 0 };
  const all = [["ingress_block", ingress] as const, ["egress_block", egress] as const];
  return all.filter(([, index]) => index !== 0);
}

function takeBlockIndex(words: Words): number {
  const text = words.next();
  const n = unsignedOf(text, 0);
  if (n === null || n === 0) throw invalidArgument("invalid block index value", text);
  return n;
}

function setParent(old: number, value: number, word: string): number {
  if (old !== 0) throw new ToolError(255, `Error: "${word}" is a duplicate parent ID\n`);
  return value;
}

/** The object. */
export const qdisc: TcObject = { name: "qdisc", run: tcQdisc };
