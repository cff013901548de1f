/** How iproute2 talks: words in, flags, what it says of its own accord and what it makes of the kernel's answers. @source iproute2 lib/libnetlink.c, lib/utils.c */
import { LabError } from "../engine/errors.ts";
import { suggest } from "../engine/nearest.ts";
import type { Host } from "../net/host.ts";
import type { Netdev } from "../net/netdev.ts";
import { NetlinkError, STRERROR } from "../net/netlink-error.ts";
import { layOutJson } from "./json.ts";
import { ToolError } from "./tool.ts";

/** Exit status of `ip` and `tc` when the kernel said no. */
const STATUS_KERNEL = 2;
/** exit(-1). */
const STATUS_USAGE = 255;

/** Runs a control-plane call; the kernel's refusal becomes `Error: EXTACK.` or `RTNETLINK answers: TEXT`. */
export function talk<T>(call: () => T, after: string = ""): T {
  try {
    return call();
  } catch (e) {
    if (!(e instanceof NetlinkError)) throw e;
    const text = e.extack !== "" ? `Error: ${withStop(e.extack)}\n` : `RTNETLINK answers: ${strerror(e.errno)}\n`;
    throw new ToolError(STATUS_KERNEL, text + after);
  }
}

/** strerror(3). @param errno positive */
export function strerror(errno: number): string {
  return errno === 13 ? "Permission denied" : (STRERROR[errno] ?? `Unknown error ${errno}`);
}

/** iproute2 closes an extack with a full stop unless it ends in one or a newline. */
function withStop(text: string): string {
  return /[.\n]$/.test(text) ? text : `${text}.`;
}

/** @throws ToolError `Cannot find device "NAME"` */
export function findDevice(host: Host, name: string): Netdev {
  const dev = host.devByName.get(name);
  if (dev === undefined) throw unknownDevice(host, name, `Cannot find device "${name}"`);
  return dev;
}

/** A device that is not there: in the tool's words, and a cause that knows the nearest name. */
export function unknownDevice(host: Host, name: string, text: string): ToolError {
  const cause = new LabError([
    { code: "DEVICE_UNKNOWN", message: text, fix: suggest(name, [...host.devByName.keys()]) },
  ]);
  return new ToolError(1, `${text}\n`, "", cause);
}

/** The devices of a host in the order of their indices. */
export function devicesOf(host: Host): readonly Netdev[] {
  return host.devices.filter((d) => d !== undefined);
}

/** invarg: a word's value is wrong. */
export function invalidArgument(message: string, word: string): ToolError {
  return new ToolError(STATUS_USAGE, `Error: argument "${word}" is wrong: ${message}\n`);
}

/** duparg: something is said twice. */
export function duplicateArgument(key: string, word: string): ToolError {
  return new ToolError(STATUS_USAGE, `Error: duplicate "${key}": "${word}" is the second value.\n`);
}

/** duparg2: a word that nothing before it has announced. */
export function garbageArgument(key: string, word: string): ToolError {
  return new ToolError(STATUS_USAGE, `Error: either "${key}" is duplicate, or "${word}" is a garbage.\n`);
}

/** incomplete_command. */
export function incompleteCommand(): ToolError {
  return new ToolError(STATUS_USAGE, 'Command line is not complete. Try option "help"\n');
}

/** What Linux has and netsim has not. */
export function notInNetsim(what: string, instead: string = ""): ToolError {
  return new ToolError(STATUS_USAGE, `netsim has no ${what} yet${instead === "" ? "" : `; ${instead}`}\n`);
}

/** get_u32, get_integer: decimal, hex with 0x, octal with 0. @throws ToolError `Error: argument "WORD" is wrong: MESSAGE` */
export function parseNumber(word: string, message: string, min: number = 0, max: number = 0xffffffff): number {
  const n = /^-?\d+$|^0x[0-9a-f]+$/i.test(word)
    ? /^0[0-7]+$/.test(word)
      ? Number.parseInt(word, 8)
      : Number(word)
    : Number.NaN;
  if (!(n >= min && n <= max)) throw invalidArgument(message, word);
  return n;
}

/** Reads words one by one, as iproute2's NEXT_ARG does. */
export class Words {
  private readonly words: readonly string[];
  private i: number = 0;
  constructor(words: readonly string[]) {
    this.words = words;
  }
  get done(): boolean {
    return this.i >= this.words.length;
  }
  /** Words that are left. */
  get left(): number {
    return this.words.length - this.i;
  }
  peek(): string | undefined {
    return this.words[this.i];
  }
  /** @throws ToolError when there is none */
  next(): string {
    const w = this.words[this.i++];
    if (w === undefined) throw incompleteCommand();
    return w;
  }
  rest(): readonly string[] {
    const r = this.words.slice(this.i);
    this.i = this.words.length;
    return r;
  }
}

/** iproute2's matches(): `word` is an abbreviation of `full`. */
export function matches(word: string, full: string): boolean {
  return word.length > 0 && full.startsWith(word);
}

/** The first of the full words that `word` abbreviates. */
export function expand<T extends string>(word: string, fulls: readonly T[]): T | undefined {
  return fulls.find((f) => matches(word, f));
}

/** Global flags before the object: `-s -j`, also joined (`-sj` is not: iproute2 takes words). */
export interface ToolFlags {
  /** How often -s was given. */
  readonly stats: number;
  readonly details: boolean;
  readonly json: boolean;
  readonly pretty: boolean;
  readonly brief: boolean;
  readonly oneline: boolean;
  readonly force: boolean;
  readonly family: 0 | 4 | 6;
}

/** Words of -f[amily]. */
const FAMILIES: Readonly<Record<string, 4 | 6>> = { inet: 4, inet6: 6 };

/**
 * Takes iproute2's global flags off the front.
 * @param tool name for the refusal of unknown ones
 */
export function takeFlags(tool: string, words: Words): ToolFlags {
  const f = {
    stats: 0,
    details: false,
    json: false,
    pretty: false,
    brief: false,
    oneline: false,
    force: false,
    family: 0 as 0 | 4 | 6,
  };
  for (let w = words.peek(); w?.startsWith("-"); w = words.peek()) {
    words.next();
    const name = w.startsWith("--") ? w.slice(2) : w.slice(1);
    if (name === "4") f.family = 4;
    else if (name === "6") f.family = 6;
    else if (tool === "ip" && name !== "f" && name !== "fo" && matches(name, "family"))
      f.family = familyOf(words.next());
    else if (matches(name, "statistics") || matches(name, "stats")) f.stats++;
    else if (matches(name, "details")) f.details = true;
    else if (matches(name, "json")) f.json = true;
    else if (matches(name, "pretty")) f.pretty = true;
    else if (name.length > 1 && matches(name, "brief")) f.brief = true;
    else if (matches(name, "oneline")) f.oneline = true;
    else if (name === "f" && tool === "ip") f.family = familyOf(words.next());
    else if (matches(name, "force")) f.force = true;
    else if (name === "color" || name === "c" || name === "color=never") continue;
    else throw new ToolError(STATUS_USAGE, `Option "${w}" is unknown, try "${tool} -help".\n`);
  }
  return f;
}

function familyOf(word: string): 4 | 6 {
  const family = FAMILIES[word];
  if (family === undefined) throw invalidArgument("invalid protocol family\n", word);
  return family;
}

/** A JSON answer as iproute2 prints it: compact, or laid out with -p. */
export function printJson(value: unknown, flags: ToolFlags): string {
  const text = JSON.stringify(value);
  return `${flags.pretty ? layOutJson(text, "iproute2") : text}\n`;
}
