/** `sysctl`. @source procps sysctl.c */
import type { Host } from "../net/host.ts";
import { getSysctl, listSysctls, setSysctl } from "../net/ip/sysctl-control.ts";
import { ERRNO, NetlinkError } from "../net/netlink-error.ts";
import { strerror } from "./rtnetlink.ts";
import { immediate, type Tool, ToolError, type ToolResult, type ToolSession } from "./tool.ts";

const USAGE =
  "\nUsage:\n sysctl [options] [variable[=value] ...]\n\nOptions:\n" +
  "  -a, --all            display all variables\n" +
  "  -e, --ignore         ignore unknown variables errors\n" +
  "  -N, --names          print variable names without values\n" +
  "  -n, --values         print only values of the given variable(s)\n" +
  "  -q, --quiet          do not echo variable set\n" +
  "  -w, --write          enable writing a value to variable\n";

interface SysctlOptions {
  all: boolean;
  ignore: boolean;
  namesOnly: boolean;
  valuesOnly: boolean;
  binary: boolean;
  quiet: boolean;
  write: boolean;
}

const LONG: Readonly<Record<string, string>> = {
  "--all": "a",
  "--ignore": "e",
  "--names": "N",
  "--values": "n",
  "--quiet": "q",
  "--write": "w",
  "--binary": "b",
  "--help": "h",
  "--load": "p",
  "--system": "S",
  "--pattern": "r",
};

function takeOption(c: string, o: SysctlOptions): void {
  if (c === "a" || c === "A" || c === "X") o.all = true;
  else if (c === "e") o.ignore = true;
  else if (c === "N") o.namesOnly = true;
  else if (c === "n") o.valuesOnly = true;
  else if (c === "b") o.binary = true;
  else if (c === "q") o.quiet = true;
  else if (c === "w") o.write = true;
  else if (c === "h") throw new ToolError(0, "", USAGE);
  else if (c === "p" || c === "f" || c === "r" || c === "S")
    throw new ToolError(1, `netsim has no \`sysctl -${c}\` yet\n`);
  else if (c !== "o" && c !== "x") throw new ToolError(1, `sysctl: invalid option -- '${c}'\n${USAGE}`);
}

function run(session: ToolSession, argv: readonly string[]): ToolResult {
  const o: SysctlOptions = {
    all: false,
    ignore: false,
    namesOnly: false,
    valuesOnly: false,
    binary: false,
    quiet: false,
    write: false,
  };
  const names: string[] = [];
  for (const w of argv) {
    const long = LONG[w];
    if (long !== undefined) takeOption(long, o);
    else if (/^-[a-zA-Z]+$/.test(w)) for (const c of w.slice(1)) takeOption(c, o);
    else if (w.startsWith("-")) throw new ToolError(1, `sysctl: unrecognized option '${w}'\n${USAGE}`);
    else names.push(w);
  }
  if (argv.length === 0) throw new ToolError(1, USAGE);
  if (o.all) names.push(...listSysctls(session.host));
  else if (names.length === 0) {
    throw new ToolError(1, "sysctl: no variables specified\nTry `sysctl --help' for more information.\n");
  }
  const out = { stdout: "", stderr: "", failed: false };
  for (const name of names) one(session.host, name, o, out);
  return { status: out.failed ? 1 : 0, stdout: out.stdout, stderr: out.stderr };
}

/** `net/ipv4/x` and `net.ipv4.x` are the same; the first separator says which one is meant. */
function dotted(name: string): string {
  const slash = name.indexOf("/");
  const dot = name.indexOf(".");
  if (slash < 0 || (dot >= 0 && dot < slash)) return name;
  return name.replace(/[/.]/g, (c) => (c === "/" ? "." : "/"));
}

interface Output {
  stdout: string;
  stderr: string;
  failed: boolean;
}

function one(host: Host, text: string, o: SysctlOptions, out: Output): void {
  const eq = text.indexOf("=");
  const name = dotted(eq < 0 ? text : text.slice(0, eq));
  if (eq < 0 && o.write) {
    out.stderr += "sysctl: command line(0): invalid syntax, continuing...\n";
    out.failed = true;
    return;
  }
  const value = eq < 0 ? null : text.slice(eq + 1);
  try {
    const shown = value === null ? getSysctl(host, name) : write(host, name, value);
    if (value === null || !o.quiet) out.stdout += line(name, shown, o);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    report(name, error, o, out);
  }
}

function write(host: Host, name: string, value: string): string {
  getSysctl(host, name);
  setSysctl(host, name, value);
  return value;
}

function line(name: string, value: string, o: SysctlOptions): string {
  if (o.namesOnly) return `${name}\n`;
  if (o.binary) return value;
  return o.valuesOnly ? `${value}\n` : `${name} = ${value}\n`;
}

function report(name: string, error: NetlinkError, o: SysctlOptions, out: Output): void {
  const { errno } = error;
  if (errno === ERRNO.ENOENT) {
    if (o.ignore) return;
    out.stderr += `sysctl: cannot stat /proc/sys/${name.replaceAll(".", "/")}: No such file or directory\n`;
  } else if (error.extack !== "") out.stderr += `sysctl: ${error.extack}\n`;
  else out.stderr += `sysctl: setting key "${name}": ${strerror(errno)}\n`;
  out.failed = true;
}

/** `sysctl`. */
export const sysctl: Tool = {
  name: "sysctl",
  summary: "settings of the simulated kernel",
  run: (session, argv) => immediate(() => run(session, argv)),
};
