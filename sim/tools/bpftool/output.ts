/** bpftool's options, its errors and its two forms of output. @source bpftool main.c, json_writer.c */
import { layOutJson } from "../json.ts";
import { expand, strerror, type Words } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";

/** Options in front of the object. */
export interface BpftoolFlags {
  readonly json: boolean;
  readonly pretty: boolean;
  /** -f: show where things are pinned. */
  readonly bpffs?: boolean;
}

/** Exit status of an error that has no errno. */
const STATUS = 255;

/** Options without a meaning here, and how getopt knows them. */
const IGNORED = "mndLl";

const LONG: Readonly<Record<string, string>> = { "--json": "j", "--pretty": "p", "--bpffs": "f" };

/** Takes `-j`, `-p`, `-f`, `-jp`, `--json`, `--pretty`, `--bpffs` off the front. @throws ToolError for others */
export function takeBpftoolFlags(words: Words): BpftoolFlags {
  let json = false;
  let pretty = false;
  let bpffs = false;
  for (let w = words.peek(); w?.startsWith("-"); w = words.peek()) {
    words.next();
    const letters = LONG[w] ?? (/^-[a-zA-Z]+$/.test(w) ? w.slice(1) : "?");
    for (const c of letters) {
      if (c === "j") json = true;
      else if (c === "p") pretty = true;
      else if (c === "f") bpffs = true;
      else if (!IGNORED.includes(c)) {
        throw new ToolError(STATUS, `Error: unrecognized option '${w}'\n`);
      }
    }
  }
  return { json: json || pretty, pretty, bpffs };
}

/** p_err: to stderr, or as an object to stdout. @param errno positive: the exit status is minus that; 0 for 255 */
export function bpftoolError(
  flags: BpftoolFlags,
  text: string,
  errno: number = 0,
  cause?: Error,
  before: string = "",
): ToolError {
  const status = errno === 0 ? STATUS : 256 - (errno & 255);
  if (!flags.json) return new ToolError(status, `${before}Error: ${text}\n`, "", cause);
  return new ToolError(status, before, `${printBpftoolJson(JSON.stringify({ error: text }), flags)}`, cause);
}

/** What the kernel refused: `TEXT: strerror`. */
export function bpftoolRefusal(flags: BpftoolFlags, text: string, errno: number): ToolError {
  return bpftoolError(flags, `${text}: ${strerror(errno)}`, errno);
}

/** A JSON answer, given compactly, with its newline. */
export function printBpftoolJson(text: string, flags: BpftoolFlags): string {
  return `${flags.pretty ? layOutJson(text, "bpftool") : text}\n`;
}

/** A command that prints nothing; with -j it prints null. */
export function printNothing(flags: BpftoolFlags): string {
  return flags.json ? "null\n" : "";
}

/** bpftool finds its commands by any beginning of their names. */
export function takeCommand<T extends string>(words: Words, names: readonly T[], usage: string): T {
  const word = words.peek();
  if (word === undefined) return names[0]!;
  const found = expand(word, names);
  if (found === undefined) throw new ToolError(STATUS, usage);
  words.next();
  return found;
}

/** What Linux has and netsim has not. */
export function bpftoolHasNo(what: string, instead: string = ""): ToolError {
  return new ToolError(STATUS, `netsim has no \`bpftool ${what}\` yet${instead === "" ? "" : `; ${instead}`}\n`);
}
