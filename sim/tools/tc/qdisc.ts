/** `tc qdisc`. @source iproute2 tc/tc_qdisc.c */
import type { Netdev } from "../../net/netdev.ts";
import { QdiscStats } from "../../net/qdisc.ts";
import { type QdiscBase, TC_H_ROOT } from "../../net/qdiscs/base.ts";
import { deleteQdisc, listQdiscs, modifyQdisc, type QdiscVerb } from "../../net/qdiscs/tree.ts";
import { devicesOf, expand, findDevice, printJson, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { addClsactQdisc, clsactRow, deleteClsactQdisc } from "./clsact.ts";
import { formatClassid, formatHandle, parseClassid, parseQdiscHandle } from "./handles.ts";
import type { TcObject } from "./object.ts";
import type { QdiscRow } from "./qdisc-row.ts";
import { knownQdisc, parseQdiscOptions } from "./qdisc-words.ts";
import { formatStats, jsonStats } from "./stats.ts";

/** TC_H_CLSACT, also TC_H_INGRESS. */
export const TC_H_CLSACT = 0xfffffff1;
const USAGE =
  "Usage: tc qdisc [ add | del | replace | change | show ] dev STRING\n" +
  "       [ handle QHANDLE ] [ root | ingress | clsact | parent CLASSID ]\n" +
  "       [ [ QDISC_KIND ] [ help | OPTIONS ] ]\n";

/** Runs `tc qdisc WORDS`. @returns what it prints */
function tcQdisc(session: ToolSession, words: Words, flags: ToolFlags): string {
  const verb = words.done ? "show" : words.next();
  const full = expand(verb, ["add", "change", "replace", "link", "delete", "list", "show", "lst", "help"] as const);
  switch (full) {
    case undefined:
      throw new ToolError(255, `Command "${verb}" is unknown, try "tc qdisc help".\n`);
    case "help":
      throw new ToolError(255, USAGE);
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
    json: q.jsonOptions(),
    stats: q.stats,
  };
}

function showQdiscs(session: ToolSession, words: Words, flags: ToolFlags): string {
  let only: Netdev | null = null;
  let side: number | null = null;
  while (!words.done) {
    const w = words.next();
    if (w === "dev") only = findDevice(session.host, words.next());
    else if (w === "root") side = TC_H_ROOT;
    else if (w === "clsact" || w === "ingress") side = TC_H_CLSACT;
    else throw new ToolError(255, `What is "${w}"? Try "tc qdisc help".\n`);
  }
  const devices = only !== null ? [only] : devicesOf(session.host);
  const text: string[] = [];
  const json: unknown[] = [];
  for (const dev of devices) {
    for (const row of qdiscRows(dev, flags.details)) {
      if (side !== null && row.parent !== side) continue;
      const refcnt = row.refcnt !== 1 ? `refcnt ${row.refcnt} ` : "";
      const place = row.parent === TC_H_ROOT ? "root " : `parent ${formatClassid(row.parent)} `;
      const name = only === null ? `dev ${dev.name} ` : "";
      text.push(`qdisc ${row.kind} ${formatHandle(row.handle)} ${name}${place}${refcnt}${row.options}\n`);
      if (flags.stats > 0) text.push(formatStats(row.stats));
      json.push({
        kind: row.kind,
        handle: formatHandle(row.handle),
        ...(only === null ? { dev: dev.name } : {}),
        ...(row.parent === TC_H_ROOT ? { root: true } : { parent: formatClassid(row.parent) }),
        ...(row.refcnt !== 1 ? { refcnt: row.refcnt } : {}),
        options: row.json,
        ...(flags.stats > 0 ? jsonStats(row.stats) : {}),
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
  let options: readonly string[] = [];
  while (!words.done) {
    const w = words.next();
    if (w === "dev") device = words.next();
    else if (w === "root") parent = setParent(parent, TC_H_ROOT, w);
    else if (w === "parent") parent = setParent(parent, parseClassid(words.next(), "invalid parent ID"), w);
    else if (w === "handle") handle = parseQdiscHandle(words.next());
    else if (w === "clsact" || w === "ingress") {
      parent = setParent(parent, TC_H_CLSACT, w);
      handle = 0xffff0000;
      kind = w;
      options = words.rest();
    } else if (w === "help") throw new ToolError(255, USAGE);
    else {
      kind = w;
      options = words.rest();
    }
  }
  if (device === "") throw new ToolError(255, 'Command line is not complete. Try option "help"\n');
  if (parent === TC_H_CLSACT) {
    const dev = findDevice(session.host, device);
    if (options.length > 0)
      throw new ToolError(1, `Unknown qdisc "${kind}", hence option "${options[0]}" is unparsable\n`);
    talk(() =>
      verb === null
        ? deleteClsactQdisc(dev, kind ?? "clsact")
        : addClsactQdisc(dev, kind as "clsact" | "ingress", verb),
    );
    return "";
  }
  const def = kind === null ? null : knownQdisc(kind);
  const parsed = def === null ? {} : parseQdiscOptions(def, options, verb === null);
  const dev = findDevice(session.host, device);
  if (verb === null) talk(() => deleteQdisc(dev, parent, handle, kind));
  else talk(() => modifyQdisc(dev, { verb, def, options: parsed, parent: parent === 0 ? TC_H_ROOT : parent, handle }));
  return "";
}

function setParent(old: number, value: number, word: string): number {
  if (old !== 0) throw new ToolError(255, `Error: "${word}" is a duplicate parent ID\n`);
  return value;
}

/** The object. */
export const qdisc: TcObject = { name: "qdisc", run: tcQdisc };
