/**
 * Repetition: one entry that stands for many. It happens on the tree, before the schema sees it, so that every entry is checked and
 * reported as if it had been written out.
 *
 *     nodes:
 *       backend[1-8]: {...}            backend1 ... backend8, with ${i} from 1 to 8 inside
 *       rack[r=1-4]: {...}             the variable may have a name, for repetition within repetition
 *       client: {count: 4, ...}        client1 ... client4; or `client-${i}: {count: 4}`
 *     links:
 *       - endpoints: ["backend[1-8]:eth0", "sw:port[1-8]"]      eight links, pairwise; ${i} is the first range's number
 *       - {count: 8, endpoints: ["lb:eth${i-1}", ...]}
 *     interfaces:
 *       eth[0-3]: {...}
 *     any list:
 *       - {for: 1-8, ...}              the entry, eight times
 *       - for: b in 1-8                a list of entries (or plain texts), eight times
 *         do: ["ip neigh add 10.0.0.${b} lladdr 02:00:00:00:00:${b:02x} dev eth0"]
 *
 * `${...}` holds whole-number arithmetic (arithmetic.ts). Text without quotes that becomes a number is a number, and so is text that
 * is one `${...}` and nothing else: within [ ] and { }, YAML wants it in quotes.
 */
import { evaluate } from "./arithmetic.ts";
import type { Findings } from "./findings.ts";
import type { LabNode, MapEntry, MapNode, ScalarNode, ScalarValue } from "./lab-tree.ts";
import { LOOP_VARIABLES, type SourceText } from "./source-text.ts";

/** `${i}` and friends in force. */
type Scope = ReadonlyMap<string, number>;

/** A repetition. */
export interface Range {
  readonly variable: string;
  readonly from: number;
  readonly to: number;
  /** Digits to fill up to: `[01-08]`. */
  readonly width: number;
}

/** A name with a range in it: `backend[1-8]`, `sw[r=1-4]-mgmt`. */
export interface RangedName {
  readonly before: string;
  readonly range: Range;
  readonly after: string;
}

/** Entries that one repetition may make, and nodes of the tree that a whole lab may have. */
const MAX_REPEAT = 65536;
const MAX_NODES = 500_000;

const RANGED = /^([^[\]]*)\[(?:([A-Za-z_]\w*)=)?(\d{1,9})-(\d{1,9})\]([^[\]]*)$/;
const FOR = /^\s*(?:([A-Za-z_]\w*)\s+in\s+)?(\d{1,9})\s*-\s*(\d{1,9})\s*$/;

/** Reads a name with a range. @returns null when there is no range in it */
function parseRangedName(text: string): RangedName | null {
  const m = RANGED.exec(text);
  if (m === null) return null;
  const width = m[3]!.length > 1 && m[3]!.startsWith("0") ? m[3]!.length : 0;
  return { before: m[1]!, range: { variable: m[2] ?? "i", from: Number(m[3]), to: Number(m[4]), width }, after: m[5]! };
}

/** The names a ranged name stands for; a name without a range stands for itself. Backward and huge ranges give none. */
export function expandName(text: string): readonly string[] {
  const r = parseRangedName(text);
  if (r === null) return [text];
  const out: string[] = [];
  if (r.range.to - r.range.from >= MAX_REPEAT) return out;
  for (let n = r.range.from; n <= r.range.to; n++) out.push(rangedName(r, n));
  return out;
}

function rangedName(r: RangedName, n: number): string {
  return r.before + String(n).padStart(r.range.width, "0") + r.after;
}

/** Writes all repetition out. @returns a tree without ranges, counts and `${...}`; null when it would grow beyond all bounds */
export function expandTree(root: LabNode, source: SourceText, findings: Findings): LabNode | null {
  const expander = new Expander(source, findings);
  const tree = expander.expand(root, new Map(), "");
  return expander.tooLarge ? null : tree;
}

class Expander {
  private readonly source: SourceText;
  private readonly findings: Findings;
  private made: number = 0;

  constructor(source: SourceText, findings: Findings) {
    this.source = source;
    this.findings = findings;
  }

  get tooLarge(): boolean {
    return this.made > MAX_NODES;
  }

  /** @param parent the key that the node stands under: what `nodes`, `interfaces` and `links` hold is special */
  expand(node: LabNode, scope: Scope, parent: string): LabNode {
    if (++this.made > MAX_NODES) {
      if (this.made === MAX_NODES + 1) {
        this.report("LAB_TOO_LARGE", `the lab grows to more than ${MAX_NODES} values`, node.start, node.end);
      }
      return { kind: "scalar", value: null, plain: true, start: node.start, end: node.end };
    }
    if (node.kind === "scalar") return this.scalar(node, scope);
    if (node.kind === "map") {
      return parent === "nodes" || parent === "interfaces" ? this.named(node, scope, parent) : this.map(node, scope);
    }
    const items: LabNode[] = [];
    for (const item of node.items) this.item(item, scope, parent, items);
    return { ...node, items };
  }

  private map(node: MapNode, scope: Scope): MapNode {
    const entries = node.entries.map((e) => ({
      ...e,
      key: this.key(e, scope),
      value: this.expand(e.value, scope, e.key),
    }));
    return { ...node, entries };
  }

  /** A mapping whose keys are names of nodes or interfaces. */
  private named(node: MapNode, scope: Scope, parent: string): MapNode {
    const entries: MapEntry[] = [];
    const seen = new Map<string, MapEntry>();
    const add = (e: MapEntry, key: string, inner: Scope): void => {
      if (seen.has(key)) {
        this.report("NAME_TWICE", `"${key}" is given twice, one of them by repetition`, e.keyStart, e.keyEnd);
        return;
      }
      const made = { ...e, key, value: this.expand(e.value, inner, "") };
      seen.set(key, made);
      entries.push(made);
    };
    for (const e of node.entries) {
      if (this.made > MAX_NODES) break;
      const ranged = parseRangedName(e.key);
      if (ranged !== null) {
        for (const n of this.numbers(ranged.range, e.keyStart, e.keyEnd)) {
          const inner = new Map(scope).set(ranged.range.variable, n);
          const key = this.substitute(rangedName(ranged, n), inner, e.keyStart, e.keyEnd);
          add(e, key, inner);
        }
        continue;
      }
      const repeat = parent === "nodes" ? this.takeRepeat(e.value, scope, true) : null;
      if (repeat === null) {
        add(e, this.key(e, scope), scope);
        continue;
      }
      const template = e.key.includes("${") ? e.key : `${e.key}\${${repeat.range.variable}}`;
      for (const n of this.numbers(repeat.range, e.keyStart, e.keyEnd)) {
        const inner = new Map(scope).set(repeat.range.variable, n);
        add({ ...e, value: repeat.rest }, this.substitute(template, inner, e.keyStart, e.keyEnd), inner);
      }
    }
    return { ...node, entries };
  }

  /** One item of a list: itself, or what it repeats. */
  private item(item: LabNode, scope: Scope, parent: string, out: LabNode[]): void {
    if (this.made > MAX_NODES) return;
    const repeat = this.takeRepeat(item, scope, parent === "links");
    if (repeat !== null) {
      for (const n of this.numbers(repeat.range, item.start, item.start + 1)) {
        const inner = new Map(scope).set(repeat.range.variable, n);
        const body = repeat.rest.entries.find((e) => e.key === "do");
        if (body === undefined) this.item(repeat.rest, inner, parent, out);
        else if (body.value.kind === "seq") for (const i of body.value.items) this.item(i, inner, parent, out);
        else this.item(body.value, inner, parent, out);
      }
      return;
    }
    if (parent === "links" && item.kind === "map" && this.rangedLink(item, scope, out)) return;
    out.push(this.expand(item, scope, ""));
  }

  /** A link whose endpoints hold ranges: pairwise. @returns false when there are none */
  private rangedLink(item: MapNode, scope: Scope, out: LabNode[]): boolean {
    const endpoints = item.entries.find((e) => e.key === "endpoints")?.value;
    if (endpoints?.kind !== "seq") return false;
    const ranged: Range[] = [];
    collectRanges(endpoints, ranged);
    const first = ranged[0];
    if (first === undefined) return false;
    const length = first.to - first.from;
    if (ranged.some((r) => r.to - r.from !== length)) {
      const lengths = ranged.map((r) => r.to - r.from + 1).join(" and ");
      this.report(
        "RANGE_LENGTH",
        `the ranges of a link go pairwise, but have ${lengths} entries`,
        endpoints.start,
        endpoints.end,
      );
      return true;
    }
    for (const n of this.numbers(first, endpoints.start, endpoints.end)) {
      const inner = new Map(scope).set(first.variable, n);
      if (!inner.has("i")) inner.set("i", n);
      const offset = n - first.from;
      const entries = item.entries.map((e) =>
        e.value === endpoints ? { ...e, value: pickRanges(endpoints, offset) } : e,
      );
      out.push(this.expand({ ...item, entries }, inner, ""));
    }
    return true;
  }

  /** Takes `count` or `for` out of a mapping. */
  private takeRepeat(
    node: LabNode,
    scope: Scope,
    count: boolean,
  ): { readonly range: Range; readonly rest: MapNode } | null {
    if (node.kind !== "map") return null;
    const entry = node.entries.find((e) => e.key === "for" || (count && e.key === "count"));
    if (entry === undefined) return null;
    const value = this.expand(entry.value, scope, "");
    const rest: MapNode = { ...node, entries: node.entries.filter((e) => e !== entry) };
    const v = value.kind === "scalar" ? value.value : null;
    if (entry.key === "count") {
      if (typeof v === "number" && Number.isInteger(v) && v >= 1) {
        return { range: { variable: "i", from: 1, to: v, width: 0 }, rest };
      }
      this.report("LAB_VALUE", "count takes a whole number from 1 on", entry.value.start, entry.value.end);
    } else {
      const m = typeof v === "string" ? FOR.exec(v) : null;
      if (m !== null) return { range: { variable: m[1] ?? "i", from: Number(m[2]), to: Number(m[3]), width: 0 }, rest };
      this.report("LAB_VALUE", "for takes a range such as `1-8` or `b in 1-8`", entry.value.start, entry.value.end);
    }
    return { range: { variable: "i", from: 1, to: 1, width: 0 }, rest };
  }

  private numbers(range: Range, start: number, end: number): readonly number[] {
    const n = range.to - range.from + 1;
    if (n < 1 || n > MAX_REPEAT) {
      const why = n < 1 ? "runs backwards" : `has more than ${MAX_REPEAT} entries`;
      this.report("RANGE_BAD", `the range ${range.from}-${range.to} ${why}`, start, end);
      return [range.from];
    }
    return Array.from({ length: n }, (_, k) => range.from + k);
  }

  private key(e: MapEntry, scope: Scope): string {
    return e.key.includes("${") ? this.substitute(e.key, scope, e.keyStart, e.keyEnd) : e.key;
  }

  private scalar(node: ScalarNode, scope: Scope): ScalarNode {
    if (typeof node.value !== "string" || !node.value.includes("${")) return node;
    const text = this.substitute(node.value, scope, node.start, node.end);
    const number = node.plain || /^\$\{[^}]*\}$/.test(node.value);
    return { ...node, value: number ? resolvePlain(text) : text };
  }

  private substitute(text: string, scope: Scope, start: number, end: number): string {
    return text.replace(/\$\{([^}]*)\}/g, (whole, expression: string) => {
      const result = evaluate(expression, scope);
      if ("text" in result) return result.text;
      if (result.unknown === expression) {
        const here =
          scope.size === 0 ? "there is no repetition around it" : `variables here: ${[...scope.keys()].join(", ")}`;
        if (LOOP_VARIABLES.has(expression)) {
          this.report("VARIABLE_UNKNOWN", `${whole} is no variable of a repetition around it`, start, end, here);
        } else {
          const message = `${whole} is neither set in the environment nor a variable of a repetition around it`;
          const fix = `set it, or give a default: \${${expression}:=value}; ${here}`;
          this.report("VARIABLE_UNKNOWN", message, start, end, fix);
        }
      } else this.report("EXPRESSION", `${whole}: ${result.error}`, start, end);
      return "0";
    });
  }

  private report(code: string, message: string, start: number, end: number, fix?: string): void {
    this.findings.add({ code, message, place: this.source.place(start, end), ...(fix === undefined ? {} : { fix }) });
  }
}

function collectRanges(node: LabNode, into: Range[]): void {
  if (node.kind === "scalar") {
    const r = typeof node.value === "string" ? parseRangedName(node.value) : null;
    if (r !== null) into.push(r.range);
  } else if (node.kind === "seq") for (const item of node.items) collectRanges(item, into);
  else for (const e of node.entries) if (e.key === "node" || e.key === "interface") collectRanges(e.value, into);
}

/** The tree with every range replaced by its `offset`-th number. */
function pickRanges(node: LabNode, offset: number): LabNode {
  if (node.kind === "seq") return { ...node, items: node.items.map((item) => pickRanges(item, offset)) };
  if (node.kind === "map") {
    const entries = node.entries.map((e) =>
      e.key === "node" || e.key === "interface" ? { ...e, value: pickRanges(e.value, offset) } : e,
    );
    return { ...node, entries };
  }
  if (typeof node.value !== "string") return node;
  const r = parseRangedName(node.value);
  return r === null ? node : { ...node, value: rangedName(r, r.range.from + offset) };
}

/** What YAML makes of text without quotes, as far as numbers go. */
function resolvePlain(text: string): ScalarValue {
  if (/^[-+]?\d{1,15}$/.test(text)) return Number(text);
  if (/^[-+]?\d{1,15}\.\d{1,15}$/.test(text)) return Number(text);
  return text;
}
