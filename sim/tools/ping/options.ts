/** ping's command line. @source iputils 20221126 ping/ping.c main */
import { ToolError } from "../tool.ts";

/** What the command line says. */
export interface PingOptions {
  /** 0: any; else 4 or 6. */
  family: 0 | 4 | 6;
  /** 0: no limit. */
  count: number;
  intervalNs: number;
  /** Bytes of data behind the ICMP header. */
  size: number;
  /** How long to wait for a first reply after the last request. */
  lingerNs: number;
  /** 0: none. */
  deadlineNs: number;
  /** Device or address, as said. */
  from: string | null;
  quiet: boolean;
  numeric: boolean;
  timestamps: boolean;
  broadcast: boolean;
  /** -1: the host's default. */
  ttl: number;
  tos: number;
  pmtu: "want" | "do" | "dont";
  target: string;
}

const S = 1e9;
/** MAXWAIT. */
const LINGER_NS = 10 * S;
const MAX_COUNT = "9223372036854775807";
const MAX_SIZE = 65507;

const TAKES_VALUE = "cisWwItQMelmpSTFN";
const REFUSED = "aABCdefhlLmNOpRSTFUvV";

/** @throws ToolError in ping's words */
export function parsePing(argv: readonly string[]): PingOptions {
  const o: PingOptions = {
    family: 0,
    count: 0,
    intervalNs: S,
    size: 56,
    lingerNs: LINGER_NS,
    deadlineNs: 0,
    from: null,
    quiet: false,
    numeric: false,
    timestamps: false,
    broadcast: false,
    ttl: -1,
    tos: 0,
    pmtu: "want",
    target: "",
  };
  const targets: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const w = argv[i]!;
    if (!w.startsWith("-") || w === "-") {
      targets.push(w);
      continue;
    }
    for (let k = 1; k < w.length; k++) {
      const c = w[k]!;
      if (!TAKES_VALUE.includes(c)) {
        takeFlag(c, o);
        continue;
      }
      const value = k + 1 < w.length ? w.slice(k + 1) : argv[++i];
      if (value === undefined) throw new ToolError(2, `ping: option requires an argument -- '${c}'\n`);
      takeValue(c, value, o);
      break;
    }
  }
  if (targets.length === 0) throw new ToolError(1, "ping: usage error: Destination address required\n");
  if (targets.length > 1) throw new ToolError(2, "netsim has no `ping` by way of other hosts (record route) yet\n");
  if (o.count === 0 && o.deadlineNs === 0) {
    throw new ToolError(2, "ping: nobody is there to stop it in netsim: say -c COUNT or -w SECONDS\n");
  }
  o.target = targets[0]!;
  return o;
}

function takeFlag(c: string, o: PingOptions): void {
  if (c === "4" || c === "6") o.family = c === "4" ? 4 : 6;
  else if (c === "q") o.quiet = true;
  else if (c === "n") o.numeric = true;
  else if (c === "D") o.timestamps = true;
  else if (c === "b") o.broadcast = true;
  else if (REFUSED.includes(c))
    throw new ToolError(2, `netsim has no \`ping -${c}\` yet; it has -4 -6 -b -c -D -i -I -M -n -q -Q -s -t -w -W\n`);
  else throw new ToolError(2, `ping: invalid option -- '${c}'\n`);
}

function takeValue(c: string, text: string, o: PingOptions): void {
  if (c === "c") o.count = whole(text, 1, Number.MAX_SAFE_INTEGER, MAX_COUNT);
  else if (c === "i") o.intervalNs = Math.max(0, Math.round(seconds(text) * 1000)) * 1e6;
  else if (c === "s") o.size = whole(text, 0, MAX_SIZE, String(MAX_SIZE));
  else if (c === "W") o.lingerNs = Math.round(seconds(text) * S) || LINGER_NS;
  else if (c === "w") o.deadlineNs = whole(text, 0, 2147483647, "2147483647") * S;
  else if (c === "I") o.from = text;
  else if (c === "t") o.ttl = whole(text, 0, 255, "255");
  else if (c === "Q") o.tos = whole(text, 0, 255, "255");
  else if (c === "M") o.pmtu = pmtuOf(text);
  else
    throw new ToolError(2, `netsim has no \`ping -${c}\` yet; it has -4 -6 -b -c -D -i -I -M -n -q -Q -s -t -w -W\n`);
}

function pmtuOf(text: string): "want" | "do" | "dont" {
  if (text === "want" || text === "do" || text === "dont") return text;
  throw new ToolError(2, `ping: invalid -M argument: ${text}\n`);
}

function whole(text: string, min: number, max: number, shownMax: string): number {
  if (!/^-?(\d+|0x[0-9a-f]+)$/i.test(text)) throw new ToolError(1, `ping: invalid argument: '${text}'\n`);
  const n = Number(text);
  if (n < min || n > max)
    throw new ToolError(1, `ping: invalid argument: '${text}': out of range: ${min} <= value <= ${shownMax}\n`);
  return n;
}

function seconds(text: string): number {
  const n = /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(n)) throw new ToolError(1, `ping: invalid argument: '${text}'\n`);
  return n;
}
