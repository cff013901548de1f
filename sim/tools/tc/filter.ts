/** `tc filter`. @source iproute2 tc/tc_filter.c do_filter, tc_filter_modify, tc_filter_get, tc_filter_list */
import { ObjectError } from "../../engine/errors.ts";
import type { Netdev } from "../../net/netdev.ts";
import {
  changeFilter,
  deleteFilters,
  type FilterPlace,
  getFilter,
  protocolOrAll,
} from "../../net/tc/filter-control.ts";
import { expand, findDevice, notInNetsim, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { releaseUnused, runningPrograms } from "./attached-programs.ts";
import type { ParsedFilter } from "./filter-kind.ts";
import { listFiltersOf, siteOf } from "./filter-list.ts";
import { filterRecord } from "./filter-show.ts";
import { filterTarget } from "./filter-target.ts";
import { type FilterWords, takeFilterWords } from "./filter-words.ts";
import { filterKindOf, LINUX_FILTERS } from "./filters/index.ts";
import type { TcObject } from "./object.ts";
import { printObjects } from "./print.ts";

/** What tc adds to the kernel's refusals. */
export const TALKING = "We have an error talking to the kernel\n";

const USAGE =
  "Usage: tc filter [ add | del | change | replace | show ] [ dev STRING ]\n" +
  "       tc filter [ add | del | change | replace | show ] [ block BLOCK_INDEX ]\n" +
  "       tc filter get dev STRING parent CLASSID protocol PROTO handle FILTERID pref PRIO FILTER_TYPE\n" +
  "       tc filter get block BLOCK_INDEX protocol PROTO handle FILTERID pref PRIO FILTER_TYPE\n" +
  "       [ pref PRIO ] protocol PROTO [ chain CHAIN_INDEX ]\n" +
  "       [ estimator INTERVAL TIME_CONSTANT ]\n" +
  "       [ root | ingress | egress | parent CLASSID ]\n" +
  "       [ handle FILTERID ] [ [ FILTER_TYPE ] [ help | OPTIONS ] ]\n\n" +
  "       tc filter show [ dev STRING ] [ root | ingress | egress | parent CLASSID ]\n" +
  "       tc filter show [ block BLOCK_INDEX ]\n" +
  "Where:\n" +
  "FILTER_TYPE := { rsvp | u32 | bpf | fw | route | etc. }\n" +
  "FILTERID := ... format depends on classifier, see there\n" +
  "OPTIONS := ... try tc filter add <desired FILTER_KIND> help\n";

type Verb = "add" | "change" | "replace" | "delete";

function run(session: ToolSession, words: Words, flags: ToolFlags): string {
  if (words.done) return listFiltersOf(session, words, flags, USAGE);
  const word = words.next();
  const verb = expand(word, ["add", "change", "replace", "delete", "get", "list", "show", "lst", "help"] as const);
  switch (verb) {
    case undefined:
      throw new ToolError(255, `Command "${word}" is unknown, try "tc filter help".\n`);
    case "help":
      throw new ToolError(255, USAGE);
    case "list":
    case "show":
    case "lst":
      return listFiltersOf(session, words, flags, USAGE);
    case "get":
      return get(session, words, flags);
    default:
      return modify(session, words, verb);
  }
}

function modify(session: ToolSession, words: Words, verb: Verb): string {
  const f = takeFilterWords(words, "modify", USAGE);
  const dev = f.device === null ? null : findDevice(session.host, f.device);
  const protocol = f.protocol === 0 && (verb === "add" || verb === "replace") ? protocolOrAll(0) : f.protocol;
  const before = runningPrograms(session.host);
  const parsed = parseKind(session, f, words, protocol, verb === "delete");
  const place: FilterPlace = {
    chain: f.chain ?? 0,
    pref: f.pref,
    protocol,
    handle: parsed.handle,
    kind: f.kind,
  };
  try {
    talk(() => {
      const { block } = filterTarget(session.host, dev, f);
      if (verb === "delete") deleteFilters(block, place);
      else changeFilter(block, verb, place, parsed.options, dev);
    }, TALKING);
  } catch (error) {
    parsed.undo?.();
    if (error instanceof ObjectError) {
      // the kernel's only word for a classic program that it does not take
      throw new ToolError(2, `RTNETLINK answers: Invalid argument\n${TALKING}`, "", error);
    }
    throw error;
  }
  releaseUnused(session.host, before);
  return "";
}

/** What stands behind the kind. @param finding only the handle counts */
export function parseKind(
  session: ToolSession,
  f: FilterWords,
  words: Words,
  protocol: number,
  finding: boolean,
): ParsedFilter {
  if (f.kind === null) {
    if (f.handle !== null) throw new ToolError(255, 'Must specify filter type when using "handle"\n');
    return { handle: 0, options: null };
  }
  const kind = filterKindOf(f.kind);
  if (kind !== undefined) return kind.parse(words, { session, handle: f.handle, protocol, finding });
  if (LINUX_FILTERS.includes(f.kind)) throw notInNetsim(`filter ${f.kind}`);
  const option = words.peek();
  if (option !== undefined) {
    throw new ToolError(1, `Unknown filter "${f.kind}", hence option "${option}" is unparsable\n`);
  }
  if (f.handle !== null) throw new ToolError(1, `Unknown filter "${f.kind}", hence "handle" is unparsable\n`);
  return { handle: 0, options: null };
}

function get(session: ToolSession, words: Words, flags: ToolFlags): string {
  const f = takeFilterWords(words, "get", USAGE);
  if (f.protocol === 0) throw new ToolError(255, "Must specify filter protocol\n");
  if (f.pref === 0) throw new ToolError(255, "Must specify filter priority\n");
  if (f.parent === 0) throw new ToolError(255, "Must specify filter parent\n");
  if (f.kind === null) throw new ToolError(255, "Must specify filter type\n");
  const dev = deviceToGet(session, f);
  const parsed = parseKind(session, f, words, f.protocol, true);
  if (f.handle === null) throw new ToolError(255, 'Must specify filter "handle"\n');
  const { chain, pref, protocol, kind } = f;
  const place: FilterPlace = { chain: chain ?? 0, pref, protocol, handle: parsed.handle, kind };
  const found = talk(() => getFilter(filterTarget(session.host, dev, f).block, place), TALKING);
  const site = { ...siteOf(f), parent: dev === null ? null : f.parent, pref: 0, protocol: 0, chain: null };
  return printObjects([filterRecord(session.host, found.proto, found.filter, site, flags)], flags);
}

/** The device of `get`, null with a block. @throws ToolError */
export function deviceToGet(session: ToolSession, f: FilterWords): Netdev | null {
  if (f.device !== null) return findDevice(session.host, f.device);
  if (f.block !== 0) return null;
  throw new ToolError(255, 'Must specify netdevice "dev" or block index "block"\n');
}

/** The object. */
export const filter: TcObject = { name: "filter", run };
