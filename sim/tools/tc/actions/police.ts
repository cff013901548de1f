/** `action police`. @source iproute2 tc/m_police.c act_parse_police, print_police */
import { TC_ACT_OK, TC_ACT_RECLASSIFY } from "../../../net/tc/act.ts";
import type { TcAction } from "../../../net/tc/action.ts";
import { Police, type PoliceOptions } from "../../../net/tc/actions/police.ts";
import {
  burstFromNs,
  formatRate,
  formatSize,
  LINKLAYERS,
  PLAIN_RATE,
  parseRate,
  parseSize,
} from "../../../net/tc-units.ts";
import type { ToolFlags } from "../../rtnetlink.ts";
import { duplicateArgument, invalidArgument, matches, type Words } from "../../rtnetlink.ts";
import { ToolError } from "../../tool.ts";
import { type ActionWords, type ParsedAction, printReferences } from "../action-kind.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { controlOf, printControl, takeControl, takeControlPair } from "../control-word.ts";
import type { PrintObject } from "../print.ts";

const USAGE =
  "Usage: ... police [ rate BPS burst BYTES[/BYTES] ] \n" +
  "\t\t[ pkts_rate RATE pkts_burst PACKETS ] [ mtu BYTES[/BYTES] ]\n" +
  "\t\t[ peakrate BPS ] [ avrate BPS ] [ overhead BYTES ]\n" +
  "\t\t[ linklayer TYPE ] [ CONTROL ]\n" +
  "Where: CONTROL := conform-exceed <EXCEEDACT>[/NOTEXCEEDACT]\n" +
  "\t\t  Define how to handle packets which exceed (<EXCEEDACT>)\n" +
  "\t\t  or conform (<NOTEXCEEDACT>) the configured bandwidth limit.\n" +
  "       EXCEEDACT/NOTEXCEEDACT := { pipe | ok | reclassify | drop | continue |\n" +
  "\t\t\t\t   goto chain <CHAIN_INDEX> }\n";

/** Control words that may stand alone; `trap` and `jump` may not. */
const CONTROLS: readonly string[] = ["reclassify", "drop", "shot", "continue", "pass", "ok", "pipe", "goto"];
/** What a size has behind its slash (the cell of the rate table) counts for nothing here but the default mtu. */
const DEFAULT_CELL_LOG = 3;

/** What the words say; 0 where they say nothing. */
class Said {
  index: number = 0;
  exceed: number = TC_ACT_RECLASSIFY;
  conform: number | null = null;
  rate: number = 0;
  burst: number = 0;
  burstCellLog: number = -1;
  mtu: number = 0;
  mpu: number = 0;
  peakrate: number = 0;
  avrate: number = 0;
  overhead: number = 0;
  linklayer: number = PLAIN_RATE.linklayer;
  pktsRate: number = 0;
  pktsBurst: number = 0;
}

/** Takes the words behind `police`. @throws ToolError 1 */
export function parsePolice(words: Words): ParsedAction {
  const s = new Said();
  let any = false;
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (!takeWord(words, w, s)) break;
    any = true;
  }
  if (!any || (s.rate !== 0 && s.avrate !== 0)) throw refusal("");
  check(s);
  let { mtu } = s;
  if (mtu === 0) mtu = s.rate === 0 ? 0xffffffff : 255 << (s.burstCellLog >= 0 ? s.burstCellLog : DEFAULT_CELL_LOG);
  const options: PoliceOptions = {
    exceed: s.exceed,
    conform: s.conform ?? TC_ACT_OK,
    rateBytes: s.rate,
    burstBytes: s.burst,
    peakBytes: s.peakrate,
    avrateBytes: s.avrate,
    mtu,
    terms: { overhead: s.overhead, mpu: s.mpu, linklayer: s.linklayer },
    pktsRate: s.pktsRate,
    pktsBurst: s.pktsBurst,
  };
  return { index: s.index, options };
}

function check(s: Said): void {
  if (s.rate === 0 && s.avrate === 0 && s.index === 0 && s.mtu === 0 && s.pktsRate === 0) {
    throw refusal("'rate' or 'avrate' or 'mtu' or 'pkts_rate' MUST be specified.\n");
  }
  if (s.rate !== 0 && s.burst === 0 && s.avrate === 0) throw refusal("'burst' requires 'rate'.\n");
  if (s.pktsRate !== 0 && s.pktsBurst === 0) throw refusal("'pkts_burst' requires 'pkts_rate'.\n");
  if (s.pktsRate !== 0 && s.rate !== 0) {
    throw refusal("'rate' and 'pkts_rate' are not allowed in same action.\n");
  }
  if (s.peakrate === 0) return;
  if (s.rate === 0) throw refusal("'peakrate' requires 'rate'.\n");
  if (s.mtu === 0) throw refusal("'mtu' is required, if 'peakrate' is requested.\n");
}

/** @returns whether the word is one of police's */
function takeWord(words: Words, w: string, s: Said): boolean {
  if (CONTROLS.some((c) => matches(w, c)) && controlOf(w, false) !== null && !isParameter(w)) {
    s.exceed = takeControl(words);
    return true;
  }
  if (w === "conform-exceed") {
    advance(words);
    const [exceed, conform] = takeControlPair(words);
    s.exceed = exceed;
    if (conform !== null && conform !== 0) s.conform = conform;
    return true;
  }
  if (matches(w, "index")) s.index = number(words, "index", 0xffffffff);
  else if (matches(w, "burst") || w === "buffer" || w === "maxburst") {
    const [bytes, cellLog] = sizeAndCell(words, s.burst, "buffer/burst", "buffer");
    s.burst = bytes;
    s.burstCellLog = cellLog;
  } else if (w === "mtu" || w === "minburst") s.mtu = sizeAndCell(words, s.mtu, "mtu/minburst", "mtu")[0];
  else if (w === "mpu") s.mpu = sizeAndCell(words, s.mpu, "mpu", "mpu")[0];
  else if (w === "rate") s.rate = rate(words, s.rate, "rate");
  else if (w === "avrate") s.avrate = rate(words, s.avrate, "avrate");
  else if (matches(w, "peakrate")) s.peakrate = rate(words, s.peakrate, "peakrate");
  else if (matches(w, "overhead")) s.overhead = number(words, "overhead", 0xffff);
  else if (matches(w, "linklayer")) s.linklayer = linklayer(words);
  else if (matches(w, "pkts_rate")) s.pktsRate = once(words, s.pktsRate, "pkts_rate");
  else if (matches(w, "pkts_burst")) s.pktsBurst = once(words, s.pktsBurst, "pkts_burst");
  else if (w === "help") throw new ToolError(255, USAGE);
  else return false;
  words.next();
  return true;
}

/** Words of parameters that abbreviate a control word as well: the parameters are looked at first. */
function isParameter(w: string): boolean {
  return w === "rate" || w === "p" || w === "pe" || matches(w, "index") || matches(w, "burst");
}

function number(words: Words, name: string, max: number): number {
  const text = advance(words);
  const n = unsignedOf(text, 10, max);
  if (n === null) throw invalidArgument(name, text);
  return n;
}

function once(words: Words, old: number, name: string): number {
  const text = advance(words);
  if (old !== 0) throw duplicateArgument(name, text);
  const n = unsignedOf(text, 10, Number.MAX_SAFE_INTEGER);
  if (n === null) throw invalidArgument(name, text);
  return n;
}

function rate(words: Words, old: number, name: string): number {
  const text = advance(words);
  if (old !== 0) throw duplicateArgument(name, text);
  const n = parseRate(text);
  if (n === null) throw invalidArgument(name, text);
  return n;
}

/** get_size_and_cell: `10k/8`. @returns bytes, and the logarithm of the cell or -1 */
function sizeAndCell(words: Words, old: number, twice: string, name: string): readonly [number, number] {
  const text = advance(words);
  if (old !== 0) throw duplicateArgument(twice, text);
  const slash = text.indexOf("/");
  const size = parseSize(slash < 0 ? text : text.slice(0, slash));
  if (size === null) throw invalidArgument(name, text);
  if (slash < 0) return [size, -1];
  const cell = parseSize(text.slice(slash + 1));
  if (cell === null || cell === 0 || (cell & (cell - 1)) !== 0) throw invalidArgument(name, text);
  return [size, 31 - Math.clz32(cell)];
}

function linklayer(words: Words): number {
  const text = advance(words);
  const name = Object.keys(LINKLAYERS).find((n) => matches(text, n));
  if (name === undefined) throw invalidArgument("linklayer", text);
  return LINKLAYERS[name]!;
}

/** print_police, also for filters that were told `police` in the old way. */
export function printPolice(o: PrintObject, action: TcAction, flags: ToolFlags): void {
  if (!(action instanceof Police)) return;
  o.field("kind", "police")
    .plain(` police 0x${action.index.toString(16)} `)
    .field("index", action.index);
  const burst = action.rateBytes === 0 ? 0 : burstFromNs(action.rateBytes, action.burstNs);
  o.plain(`rate ${formatRate(action.rateBytes)} burst ${formatSize(burst)} mtu ${formatSize(action.mtu)} `);
  if (action.peakBytes !== 0) o.plain(`peakrate ${formatRate(action.peakBytes)} `);
  if (action.pktsRate !== 0) {
    const pkts = burstFromNs(action.pktsRate, action.pktsBurstNs);
    o.any("pkts_rate", action.pktsRate, `pkts_rate ${action.pktsRate} `);
    o.any("pkts_burst", pkts, `pkts_burst ${pkts} `);
  }
  printControl(o, "action ", action.verdict);
  if (action.conform !== TC_ACT_OK) printControl(o, "/", action.conform, " ");
  else o.plain(" ");
  const { overhead, linklayer } = action.terms;
  o.any("overhead", overhead, `overhead ${formatSize(overhead)} `);
  if (linklayer !== PLAIN_RATE.linklayer || flags.details) {
    const name = linklayer === PLAIN_RATE.linklayer ? "ethernet" : "atm";
    o.any("linklayer", name, `linklayer ${name} `);
  }
  o.plain("\n");
  printReferences(o, action, "\tref ", " bind ", flags);
  o.plain(flags.stats > 0 ? "\n" : " \n");
}

/** The record of `police`. */
export const police: ActionWords = {
  kind: "police",
  parse(words) {
    advance(words);
    return parsePolice(words);
  },
  print: printPolice,
};
