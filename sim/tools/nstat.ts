/**
 * `nstat`: the host's SNMP counters, since the last time or, with -a, since the beginning.
 *
 * @source iproute2 misc/nstat.c; the order is that of /proc/net/snmp, snmp6 and netstat
 * @differs counters that nothing here counts are not listed, with -z neither; a pattern that matches none is refused
 */
import type { Host } from "../net/host.ts";
import { ipStack } from "../net/ip/ip-stack.ts";
import { layOutJson } from "./json.ts";
import { immediate, type Tool, ToolError, type ToolResult, type ToolSession } from "./tool.ts";

const USAGE =
  "Usage: nstat [OPTION] [ PATTERN [ PATTERN ] ]\n" +
  "   -h, --help          this message\n" +
  "   -a, --ignore        ignore history\n" +
  "   -d, --scan=SECS     sample every statistics every SECS\n" +
  "   -j, --json          format output in JSON\n" +
  "   -n, --nooutput      do history only\n" +
  "   -p, --pretty        pretty print\n" +
  "   -r, --reset         reset history\n" +
  "   -s, --noupdate      don't update history\n" +
  "   -t, --interval=SECS report average over the last SECS\n" +
  "   -V, --version       output version information\n" +
  "   -z, --zeros         show entries with zero activity\n";
const STATUS_USAGE = 255;
const VERSION = "nstat utility, iproute2-6.1.0\n";

/** Groups of counters in the order in which Linux lists them. */
const GROUPS = ["Ip", "Icmp", "Tcp", "Udp", "Ip6", "Icmp6", "Udp6", "TcpExt", "IpExt"] as const;
const GROUP = /^(IpExt|TcpExt|Icmp6|Udp6|Ip6|Icmp|Tcp|Udp|Ip)/;

const LONG: Readonly<Record<string, string>> = {
  "--help": "h",
  "--ignore": "a",
  "--scan": "d",
  "--json": "j",
  "--nooutput": "n",
  "--pretty": "p",
  "--reset": "r",
  "--noupdate": "s",
  "--interval": "t",
  "--version": "V",
  "--zeros": "z",
};

/** What each host's nstat read last: its history file. */
const histories: WeakMap<Host, ReadonlyMap<string, number>> = new WeakMap();

function parse(argv: readonly string[]): { readonly flags: ReadonlySet<string>; readonly patterns: readonly string[] } {
  const flags = new Set<string>();
  const patterns: string[] = [];
  for (const w of argv) {
    const long = LONG[w.split("=")[0]!];
    if (long !== undefined) flags.add(long);
    else if (w.startsWith("--")) throw new ToolError(STATUS_USAGE, `nstat: unrecognized option '${w}'\n${USAGE}`);
    else if (w.startsWith("-") && w !== "-") {
      for (const c of w.slice(1)) {
        if (!"h?vVzrnasdtjp".includes(c))
          throw new ToolError(STATUS_USAGE, `nstat: invalid option -- '${c}'\n${USAGE}`);
        flags.add(c === "v" ? "V" : c);
      }
    } else patterns.push(w);
  }
  if (flags.has("h") || flags.has("?")) throw new ToolError(STATUS_USAGE, USAGE);
  for (const c of "dt") {
    if (flags.has(c)) throw new ToolError(1, `netsim has no \`nstat -${c}\` yet; sample with the lab's timeline\n`);
  }
  return { flags, patterns };
}

/** A shell pattern as nstat takes it: `*`, `?` and `[...]`, capitals or not. */
function patternOf(glob: string): RegExp {
  const source = glob.replace(/\[[^\]]+\]|[\s\S]/g, (part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    if (part.length > 1) return `[${part.slice(1, -1).replace(/^!/, "^").replace(/\\/g, "\\\\")}]`;
    return part.replace(/[\\^$.|+(){}[\]]/, "\\$&");
  });
  try {
    return new RegExp(`^${source}$`, "i");
  } catch {
    return /^$/; // a range backwards matches nothing
  }
}

function ordered(host: Host): readonly (readonly [string, number])[] {
  const rank = (name: string): number => GROUPS.indexOf(GROUP.exec(name)![1] as (typeof GROUPS)[number]);
  return [...ipStack(host).snmp.rows()].sort((a, b) => rank(a[0]) - rank(b[0]));
}

function run({ host }: ToolSession, argv: readonly string[]): string | ToolResult {
  const { flags, patterns } = parse(argv);
  if (flags.has("V")) return VERSION;
  const all = ordered(host);
  const rows = all.filter(([name]) => patterns.length === 0 || patterns.some((p) => patternOf(p).test(name)));
  if (rows.length === 0) {
    throw new ToolError(1, `nstat: netsim counts nothing by the name of ${patterns.join(", ")}\n`);
  }
  if (flags.has("r")) histories.delete(host);
  const last = flags.has("a") ? undefined : histories.get(host);
  const shown = rows
    .map(([name, value]) => [name, value - (last?.get(name) ?? 0)] as const)
    .filter(([, value]) => value !== 0 || flags.has("z"));
  if (!flags.has("s")) remember(host, all, new Set(rows.map(([name]) => name)));
  return flags.has("n") ? "" : print(shown, flags);
}

/** Counters that were not asked for keep what was read of them before. */
function remember(host: Host, all: readonly (readonly [string, number])[], read: ReadonlySet<string>): void {
  const old = histories.get(host);
  histories.set(host, new Map(all.map(([name, value]) => [name, read.has(name) ? value : (old?.get(name) ?? value)])));
}

function print(rows: readonly (readonly [string, number])[], flags: ReadonlySet<string>): string {
  if (!flags.has("j")) {
    const line = ([name, value]: readonly [string, number]): string =>
      `${name.padEnd(32)}${String(value).padEnd(16)}   0.0\n`;
    return `#kernel\n${rows.map(line).join("")}`;
  }
  const text = JSON.stringify({ kernel: Object.fromEntries(rows) });
  return `${flags.has("p") ? layOutJson(text, "iproute2") : text}\n`;
}

/** `nstat`. */
export const nstat: Tool = {
  name: "nstat",
  summary: "SNMP counters of IP, ICMP and UDP",
  run: (session, argv) => immediate(() => run(session, argv)),
};
