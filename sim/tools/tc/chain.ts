/** `tc chain`. @source iproute2 tc/tc_filter.c do_chain */
import { addChain, deleteChain, existingChain } from "../../net/tc/filter-control.ts";
import { expand, findDevice, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { deviceToGet, parseKind, TALKING } from "./filter.ts";
import { listChainsOf, siteOf } from "./filter-list.ts";
import { chainRecord } from "./filter-show.ts";
import { filterTarget } from "./filter-target.ts";
import { takeFilterWords } from "./filter-words.ts";
import type { TcObject } from "./object.ts";
import { printObjects } from "./print.ts";

const USAGE =
  "Usage: tc chain [ add | del | get | show ] [ dev STRING ]\n" +
  "       tc chain [ add | del | get | show ] [ block BLOCK_INDEX ] ]\n";

function run(session: ToolSession, words: Words, flags: ToolFlags): string {
  if (words.done) return listChainsOf(session, words, flags, USAGE);
  const word = words.next();
  const verb = expand(word, ["add", "delete", "get", "list", "show", "lst", "help"] as const);
  switch (verb) {
    case undefined:
      throw new ToolError(255, `Command "${word}" is unknown, try "tc chain help".\n`);
    case "help":
      throw new ToolError(255, USAGE);
    case "add":
      return add(session, words);
    case "delete":
      return remove(session, words);
    case "get":
      return get(session, words, flags);
    default:
      return listChainsOf(session, words, flags, USAGE);
  }
}

function add(session: ToolSession, words: Words): string {
  const f = takeFilterWords(words, "modify", USAGE);
  const dev = f.device === null ? null : findDevice(session.host, f.device);
  const { options } = parseKind(session, f, words, f.protocol, false);
  const template = f.kind === null ? null : { kind: f.kind, options };
  talk(() => addChain(filterTarget(session.host, dev, f).block, f.chain ?? 0, template), TALKING);
  return "";
}

function remove(session: ToolSession, words: Words): string {
  const f = takeFilterWords(words, "modify", USAGE);
  const dev = f.device === null ? null : findDevice(session.host, f.device);
  talk(() => deleteChain(filterTarget(session.host, dev, f).block, f.chain ?? 0), TALKING);
  return "";
}

function get(session: ToolSession, words: Words, flags: ToolFlags): string {
  const f = takeFilterWords(words, "get", USAGE);
  if (f.parent === 0) throw new ToolError(255, "Must specify filter parent\n");
  const dev = deviceToGet(session, f);
  const target = talk(() => filterTarget(session.host, dev, f), TALKING);
  const chain = talk(() => existingChain(target.block, f.chain ?? 0), TALKING);
  const site = { ...siteOf(f), parent: dev === null ? null : target.qdisc, chain: null };
  return printObjects([chainRecord(session.host, chain, site, flags)], flags);
}

/** The object. */
export const chain: TcObject = { name: "chain", run };
