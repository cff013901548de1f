/** `tc` and its objects: one line each. @source iproute2 tc/tc.c */
import { matches, notInNetsim, takeFlags, Words } from "../rtnetlink.ts";
import { immediate, type Tool, ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { actions } from "./action.ts";
import { chain } from "./chain.ts";
import { tcClass } from "./class.ts";
import { filter } from "./filter.ts";
import type { TcObject } from "./object.ts";
import { qdisc } from "./qdisc.ts";

/** Objects that netsim has. */
export const tcObjects: readonly TcObject[] = [qdisc, tcClass, filter, chain, actions];

/** tc's objects in the order in which abbreviations are looked up. */
const ORDER = ["qdisc", "class", "filter", "chain", "actions", "monitor", "exec", "help"] as const;

const USAGE =
  "Usage:\ttc [ OPTIONS ] OBJECT { COMMAND | help }\n" +
  "where  OBJECT := { qdisc | class | filter | chain | action }\n" +
  "       OPTIONS := { -s[tatistics] | -d[etails] | -p[retty] | -j[son] | -force }\n";

function run(session: ToolSession, argv: readonly string[]): string | ToolResult {
  const words = new Words(argv);
  const flags = takeFlags("tc", words);
  if (words.done) throw new ToolError(255, USAGE);
  const word = words.next();
  const name = ORDER.find((n) => matches(word, n));
  if (name === undefined) throw new ToolError(255, `Object "${word}" is unknown, try "tc help".\n`);
  if (name === "help") throw new ToolError(255, USAGE);
  const object = tcObjects.find((o) => o.name === name);
  if (object === undefined) throw notInNetsim(`\`tc ${name}\``, "it has tc qdisc, class, filter, chain, actions");
  return object.run(session, words, flags);
}

/** `tc`. */
export const tc: Tool = {
  name: "tc",
  summary: "queueing disciplines, classes and filters",
  run: (session, argv) => immediate(() => run(session, argv)),
};
