/** `tc class show`. @source iproute2 tc/tc_class.c print_class; net/sched/sch_api.c tc_fill_tclass */
import type { QdiscBase, QdiscClass } from "../../net/qdiscs/base.ts";
import { listQdiscs } from "../../net/qdiscs/tree.ts";
import { expand, findDevice, notInNetsim, type ToolFlags, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { formatClassid, formatHandle, parseClassid, parseQdiscHandle } from "./handles.ts";
import type { TcObject } from "./object.ts";
import { formatStats } from "./stats.ts";

const USAGE =
  "Usage: tc class [ show | list ] dev STRING [ qdisc HANDLE ] [ classid CLASSID ] [ root | parent CLASSID ]\n";

/** Kinds whose classes count nothing of their own. */
const WITHOUT_STATS = ["tbf", "netem"];

function run(session: ToolSession, words: Words, flags: ToolFlags): string {
  if (words.done) return show(session, words, flags);
  const word = words.next();
  const verb = expand(word, ["add", "change", "replace", "delete", "list", "show", "lst", "help"] as const);
  switch (verb) {
    case undefined:
      throw new ToolError(255, `Command "${word}" is unknown, try "tc class help".\n`);
    case "help":
      throw new ToolError(255, USAGE);
    case "list":
    case "show":
    case "lst":
      return show(session, words, flags);
    default:
      throw notInNetsim(`\`tc class ${verb}\``, "no qdisc of netsim has classes that are added by hand");
  }
}

function show(session: ToolSession, words: Words, flags: ToolFlags): string {
  let device: string | null = null;
  let qdisc = 0;
  let classid = 0;
  let root = false;
  while (!words.done) {
    const w = words.next();
    if (w === "dev") device = words.next();
    else if (w === "qdisc") qdisc = parseQdiscHandle(words.next());
    else if (w === "classid") classid = parseClassid(words.next(), "invalid class ID");
    else if (w === "root") root = true;
    else if (w === "parent") qdisc = (parseClassid(words.next(), "invalid parent ID") & 0xffff0000) >>> 0;
    else throw new ToolError(255, `What is "${w}"? Try "tc class help".\n`);
  }
  // iproute2 prints nothing when it is not told a device
  if (device === null) return "";
  const dev = findDevice(session.host, device);
  const lines: string[] = [];
  for (const q of listQdiscs(dev)) {
    if ((qdisc !== 0 && q.handle !== qdisc) || (root && q.kind !== "mq")) continue;
    for (const c of q.classes()) {
      const id = (q.handle + c.minor) >>> 0;
      if (classid === 0 || classid === id) lines.push(classText(q, c, id, flags));
    }
  }
  return lines.join("");
}

function classText(q: QdiscBase, c: QdiscClass, id: number, flags: ToolFlags): string {
  const parent = q.kind === "mq" ? "root" : `parent ${formatClassid(q.handle)}`;
  const leaf = c.child !== null && c.child.handle !== 0 ? `leaf ${formatHandle(c.child.handle)} ` : "";
  let text = `class ${q.kind} ${formatClassid(id)} ${parent} ${leaf}\n`;
  if (flags.stats === 0) return text;
  if (c.child !== null && !WITHOUT_STATS.includes(q.kind)) text += formatStats(c.child.stats);
  return `${text}\n`;
}

/** The object. */
export const tcClass: TcObject = { name: "class", run };
