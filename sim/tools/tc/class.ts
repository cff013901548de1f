/** `tc class`. @source iproute2 tc/tc_class.c tc_class_modify, tc_class_list, print_class; net/sched/sch_api.c tc_fill_tclass */
import { TC_H_ROOT } from "../../net/qdiscs/base.ts";
import { type ClassVerb, deleteClass, modifyClass } from "../../net/qdiscs/class-tree.ts";
import { ClassfulQdisc, type QdiscClass } from "../../net/qdiscs/classful.ts";
import type { EstimatorSpec } from "../../net/qdiscs/estimator.ts";
import { listQdiscs, majorOf } from "../../net/qdiscs/tree.ts";
import { duplicateArgument, expand, findDevice, matches, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { takeEstimator } from "./estimator.ts";
import { formatClassid, formatHandle, parseClassid, parseQdiscHandle } from "./handles.ts";
import type { TcObject } from "./object.ts";
import { parseClassOptions } from "./qdisc-words.ts";
import { formatStats } from "./stats.ts";

const USAGE =
  "Usage: tc class [ add | del | change | replace | show ] dev STRING\n" +
  "       [ classid CLASSID ] [ root | parent CLASSID ]\n" +
  "       [ [ QDISC_KIND ] [ help | OPTIONS ] ]\n" +
  "\n" +
  "       tc class show [ dev STRING ] [ root | parent CLASSID ]\n" +
  "Where:\n" +
  "QDISC_KIND := { prio | cbq | etc. }\n" +
  "OPTIONS := ... try tc class add <desired QDISC_KIND> help\n";

function run(session: ToolSession, words: Words, flags: ToolFlags): string | ToolResult {
  if (words.done) return show(session, words, flags);
  const word = words.next();
  const verb = expand(word, ["add", "change", "replace", "delete", "list", "show", "lst", "help"] as const);
  switch (verb) {
    case undefined:
      throw new ToolError(255, `Command "${word}" is unknown, try "tc class help".\n`);
    case "help":
      return { status: 0, stdout: "", stderr: USAGE };
    case "list":
    case "show":
    case "lst":
      return show(session, words, flags);
    case "delete":
      return modify(session, words, null);
    default:
      return modify(session, words, verb);
  }
}

function modify(session: ToolSession, words: Words, verb: ClassVerb | null): string | ToolResult {
  let device = "";
  let parent = 0;
  let classid = 0;
  let kind: string | null = null;
  let estimator: EstimatorSpec | null = null;
  while (kind === null && !words.done) {
    const w = words.next();
    if (w === "dev") {
      const name = words.next();
      if (device !== "") throw duplicateArgument("dev", name);
      device = name;
    } else if (w === "classid") {
      const id = words.next();
      if (classid !== 0) throw duplicateArgument("classid", id);
      classid = parseClassid(id, "invalid class ID");
    } else if (w === "handle") throw new ToolError(255, 'Error: try "classid" instead of "handle"\n');
    else if (w === "root") {
      if (parent !== 0) throw new ToolError(255, 'Error: "root" is duplicate parent ID.\n');
      parent = TC_H_ROOT;
    } else if (w === "parent") {
      const id = words.next();
      if (parent !== 0) throw duplicateArgument("parent", id);
      parent = parseClassid(id, "invalid parent ID");
    } else if (matches(w, "estimator")) estimator = takeEstimator(words, estimator);
    else if (matches(w, "help")) throw new ToolError(255, USAGE);
    else kind = w;
  }
  const said = kind === null ? { def: null, options: null } : parseClassOptions(kind, words.rest());
  if (device === "") throw new ToolError(2, "RTNETLINK answers: No such device\n");
  const dev = findDevice(session.host, device);
  if (verb === null) {
    talk(() => deleteClass(dev, parent, classid));
    return "";
  }
  const { def, options } = said;
  const warning = talk(() => modifyClass(dev, verb, def, { parent, classid, options, estimator }));
  return warning === "" ? "" : { status: 0, stdout: "", stderr: `Warning: ${warning}\n` };
}

function show(session: ToolSession, words: Words, flags: ToolFlags): string {
  let device: string | null = null;
  let qdisc = 0;
  let classid = 0;
  let parent = 0;
  while (!words.done) {
    const w = words.next();
    if (w === "dev") device = words.next();
    else if (w === "qdisc") qdisc = parseQdiscHandle(words.next());
    else if (w === "classid") classid = parseClassid(words.next(), "invalid class ID");
    else if (w === "root") parent = TC_H_ROOT;
    else if (w === "parent") parent = parseClassid(words.next(), "invalid parent ID");
    else if (matches(w, "help")) throw new ToolError(255, USAGE);
    else throw new ToolError(255, `What is "${w}"? Try "tc class help".\n`);
  }
  // iproute2 prints nothing when it is not told a device
  if (device === null) return "";
  const dev = findDevice(session.host, device);
  let text = "";
  for (const q of listQdiscs(dev)) {
    if (!(q instanceof ClassfulQdisc)) continue;
    // the kernel only looks at the major number of the parent
    if (parent !== 0 && majorOf(parent) !== q.handle) continue;
    if (qdisc !== 0 && q.handle !== qdisc) continue;
    for (const c of q.classes()) {
      if (classid === 0 || classid === c.classid) text += classText(q.kind, c, qdisc !== 0, flags);
    }
  }
  return text;
}

/** @param short ids without their major number, as for `qdisc HANDLE` */
function classText(kind: string, c: QdiscClass, short: boolean, flags: ToolFlags): string {
  const id = (n: number): string => formatClassid(short && n !== TC_H_ROOT ? n & 0xffff : n);
  const parent = c.parent === TC_H_ROOT ? "root" : `parent ${id(c.parent)}`;
  const leaf = c.child !== null && c.child.handle !== 0 ? `leaf ${formatHandle(c.child.handle)} ` : "";
  let text = `class ${kind} ${id(c.classid)} ${parent} ${leaf}${c.print(flags.details)}\n`;
  if (flags.stats === 0) return text;
  const stats = c.stats();
  text += stats === null ? "\n" : formatStats(stats, c.estimator, c.countsSent);
  const xstats = c.printXstats();
  return xstats === "" ? text : `${text}${xstats}\n`;
}

/** The object. */
export const tcClass: TcObject = { name: "class", run };
