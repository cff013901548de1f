/** `tc filter`. @source iproute2 tc/tc_filter.c, tc/f_bpf.c */
import type { Program } from "../../bpf/program.ts";
import { ObjectError } from "../../engine/errors.ts";
import { ETH_P_ALL } from "../../net/ether.ts";
import type { Netdev } from "../../net/netdev.ts";
import { ERRNO, NetlinkError } from "../../net/netlink-error.ts";
import {
  addBpfFilter,
  type BpfFilterOptions,
  delFilter,
  type FilterSelection,
  listFilters,
} from "../../net/tc/bpf-filters.ts";
import { clsactOf, type TcDirectionName } from "../../net/tc/control.ts";
import { releaseProgram } from "../bpf/held-objects.ts";
import { obtainProgram } from "../bpf/load.ts";
import { expand, findDevice, invalidArgument, notInNetsim, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { BPF_USAGE, type BpfFilterWords, parseBpfFilter } from "./filter-bpf.ts";
import { printFilters } from "./filter-show.ts";
import { type FilterWords, PARENT_EGRESS, PARENT_INGRESS, takeFilterWords } from "./filter-words.ts";
import { formatClassid } from "./handles.ts";
import type { TcObject } from "./object.ts";

/** TC_H_INGRESS without a minor number. */
const PARENT_QDISC = 0xffff0000;

const TALKING = "We have an error talking to the kernel\n";
const USAGE =
  "Usage: tc filter [ add | del | change | replace | show ] dev STRING\n" +
  "       [ ingress | egress | parent CLASSID ] [ pref PRIO ] protocol PROTO [ handle FILTERID ]\n" +
  "       [ bpf OPTIONS ]\n";

/** Classifiers that Linux has and netsim has not. */
const LINUX_FILTERS = ["basic", "cgroup", "flow", "flower", "fw", "matchall", "route", "rsvp", "tcindex", "u32"];

type Verb = "add" | "change" | "replace" | "delete" | "get";

function run(session: ToolSession, words: Words, flags: ToolFlags): string {
  if (words.done) return show(session, words, flags);
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
      return show(session, words, flags);
    case "get":
      throw notInNetsim("`tc filter get`", "tc filter show lists all");
    default:
      return modify(session, words, verb);
  }
}

/** The block of filters that a parent names. @throws ToolError for classes of other qdiscs */
function directionOf(dev: Netdev, parent: number): TcDirectionName {
  if (parent === PARENT_EGRESS) return "egress";
  if (parent === PARENT_INGRESS || (parent === PARENT_QDISC && clsactOf(dev)?.kind !== "clsact")) return "ingress";
  throw notInNetsim(
    `filters of qdiscs and classes (parent ${formatClassid(parent)})`,
    "it has those of clsact and ingress",
  );
}

function modify(session: ToolSession, words: Words, verb: Exclude<Verb, "get">): string {
  const f = takeFilterWords(words, false, USAGE);
  const rest = words.rest();
  if (f.device === null) throw new ToolError(2, `RTNETLINK answers: No such device\n${TALKING}`);
  const dev = findDevice(session.host, f.device);
  if (f.kind !== null && f.kind !== "bpf") throw unknownKind(f.kind, rest);
  if (verb === "delete") return remove(dev, f);
  if (f.kind === null) {
    if (clsactOf(dev) === null) throw new ToolError(2, `Error: Parent Qdisc doesn't exists.\n${TALKING}`);
    if (f.handle !== null) throw new ToolError(255, 'Must specify filter type when using "handle"\n');
    throw new ToolError(2, `Error: Filter kind and protocol must be specified.\n${TALKING}`);
  }
  return add(session, dev, f, rest, verb);
}

function unknownKind(kind: string, rest: readonly string[]): ToolError {
  if (LINUX_FILTERS.includes(kind)) return notInNetsim(`filter ${kind}`, "it has bpf");
  const option = rest[0];
  if (option !== undefined)
    return new ToolError(1, `Unknown filter "${kind}", hence option "${option}" is unparsable\n`);
  return new ToolError(2, `Error: TC classifier not found.\n${TALKING}`);
}

function handleOf(f: FilterWords): number | undefined {
  if (f.handle === null) return undefined;
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(f.handle)) throw new ToolError(1, 'Illegal "handle"\n');
  return Number(f.handle);
}

function remove(dev: Netdev, f: FilterWords): string {
  const direction = directionOf(dev, f.parent);
  const handle = handleOf(f);
  const which: FilterSelection = {
    ...(f.pref === 0 ? {} : { pref: f.pref }),
    ...(f.protocol === 0 ? {} : { protocol: f.protocol }),
    ...(handle === undefined ? {} : { handle }),
  };
  const before = listFilters(dev, direction);
  talk(() => delFilter(dev, direction, which), TALKING);
  const after = listFilters(dev, direction);
  for (const x of before) if (!after.includes(x)) releaseProgram(x.prog);
  return "";
}

function add(
  session: ToolSession,
  dev: Netdev,
  f: FilterWords,
  rest: readonly string[],
  verb: "add" | "change" | "replace",
): string {
  const handle = handleOf(f);
  const options = parseBpfFilter(session, rest);
  const found = takeProgram(session, options);
  try {
    if (f.parent === 0) throw new ToolError(2, `Error: Qdisc not classful.\n${TALKING}`);
    const direction = directionOf(dev, f.parent);
    const old = listFilters(dev, direction).find((x) => x.pref === f.pref && x.handle === handle);
    talk(() => {
      if (verb === "change" && old === undefined) {
        throw new NetlinkError(ERRNO.ENOENT, "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter");
      }
      addBpfFilter(dev, {
        direction,
        ...found.given,
        pref: f.pref,
        protocol: f.protocol === 0 ? ETH_P_ALL : f.protocol,
        directAction: options.directAction,
        replace: verb !== "add",
        ...(handle === undefined ? {} : { handle }),
        ...(options.classid === null ? {} : { classid: options.classid }),
      });
    }, TALKING);
    if (old !== undefined) releaseProgram(old.prog);
  } catch (error) {
    if (found.loaded !== null) releaseProgram(found.loaded);
    if (error instanceof ObjectError) {
      // the kernel's only word for a classic program that it does not take
      throw new ToolError(2, `RTNETLINK answers: Invalid argument\n${TALKING}`, "", error);
    }
    throw error;
  }
  return "";
}

/** What the words give the kernel: a program with its name, or bytecode. `loaded` is what this command has loaded for it. */
function takeProgram(
  session: ToolSession,
  options: BpfFilterWords,
): { readonly given: Pick<BpfFilterOptions, "prog" | "name">; readonly loaded: Program | null } {
  if (options.bytecode !== null) return { given: { prog: options.bytecode }, loaded: null };
  if (options.source === null) throw new ToolError(1, `${BPF_USAGE}Unable to load program\n`);
  const fail = (text: string, cause?: Error): ToolError =>
    new ToolError(1, `${text}Unable to load program\n`, "", cause);
  const { prog, annotation, object } = obtainProgram(session, options.source, "sched_cls", fail);
  return { given: { prog, name: annotation }, loaded: object === null ? null : prog };
}

function show(session: ToolSession, words: Words, flags: ToolFlags): string {
  const f = takeFilterWords(words, true, USAGE);
  // iproute2 prints nothing when it is not told a device
  if (f.device === null) return "";
  const dev = findDevice(session.host, f.device);
  if (f.handle !== null) throw invalidArgument("not for show", f.handle);
  // without a parent the kernel lists those of the root qdisc, and those have none here
  const none = f.parent === 0 || f.parent === 0xffffffff;
  const list = none ? [] : listFilters(dev, directionOf(dev, f.parent));
  return printFilters(session.host, list, f, flags);
}

/** The object. */
export const filter: TcObject = { name: "filter", run };
