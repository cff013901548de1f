/**
 * YAML text to a tree of values with their positions. Aliases share their anchor's subtree, so a bomb of aliases costs nothing here;
 * the expansion that copies subtrees has a limit.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
} from "yaml";
import type { Diagnostic } from "../../engine/errors.ts";
import type { Findings } from "./findings.ts";
import type { SourceText } from "./source-text.ts";

/** Offsets into the expanded text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

export type ScalarValue = string | number | bigint | boolean | null;

export interface ScalarNode extends Span {
  readonly kind: "scalar";
  readonly value: ScalarValue;
  /** Written without quotes: what repetition puts in may be read as a number. */
  readonly plain: boolean;
}

export interface MapEntry {
  readonly key: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly value: LabNode;
}

export interface MapNode extends Span {
  readonly kind: "map";
  readonly entries: readonly MapEntry[];
}

export interface SeqNode extends Span {
  readonly kind: "seq";
  readonly items: readonly LabNode[];
}

export type LabNode = ScalarNode | MapNode | SeqNode;

const MAX_TEXT_BYTES = 8 * 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_BRACKETS = 256;

/**
 * Reads YAML.
 * @returns null when nothing can be said about the contents; the findings then say why
 */
export function parseTree(source: SourceText, findings: Findings): LabNode | null {
  const text = source.expanded;
  if (text.length > MAX_TEXT_BYTES) {
    findings.add({
      code: "LAB_TOO_LARGE",
      message: `${source.file} has ${text.length} characters, more than ${MAX_TEXT_BYTES}`,
    });
    return null;
  }
  if (text.includes("\0")) {
    const at = text.indexOf("\0");
    findings.add({
      code: "YAML_SYNTAX",
      message: "the file holds a NUL character: is it text?",
      place: source.place(at, at + 1),
    });
    return null;
  }
  const deep = tooDeepAt(text);
  if (deep >= 0) {
    const message = `brackets nest more than ${MAX_BRACKETS} levels deep`;
    findings.add({ code: "LAB_TOO_DEEP", message, place: source.place(deep, deep + 1) });
    return null;
  }
  const doc = readDocument(text, source, findings);
  if (doc === null) return null;
  let lastLine = 0;
  for (const e of doc.errors) {
    const finding = yamlFinding(e.code, e.message, e.pos, source);
    // one slip makes the reader stumble several times on its line
    if (finding.place?.line !== lastLine) findings.add(finding);
    lastLine = finding.place?.line ?? 0;
  }
  if (doc.errors.length > 0) return null;
  if (doc.contents === null) {
    findings.add({
      code: "LAB_EMPTY",
      message: `${source.file} is empty`,
      fix: "a lab has at least `topology:` with `nodes:`",
    });
    return null;
  }
  return new TreeBuilder(source, findings).convert(doc.contents, 0);
}

/** Where open brackets pile up higher than any lab's; -1 when they do not. The YAML reader takes quadratic time over them. */
function tooDeepAt(text: string): number {
  let depth = 0;
  for (const m of text.matchAll(/#.*|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[[{\]}]/g)) {
    const c = m[0];
    if (c === "[" || c === "{") depth++;
    else if (c === "]" || c === "}") depth = Math.max(0, depth - 1);
    if (depth > MAX_BRACKETS) return m.index;
  }
  return -1;
}

function readDocument(text: string, source: SourceText, findings: Findings): Document.Parsed | null {
  try {
    return parseDocument(text, {
      uniqueKeys: false,
      intAsBigInt: true,
      prettyErrors: false,
      lineCounter: new LineCounter(),
      logLevel: "error",
    });
  } catch (error) {
    // The reader is recursive: thousands of nested brackets end its stack.
    if (!(error instanceof RangeError)) throw error;
    findings.add({ code: "LAB_TOO_DEEP", message: `${source.file} nests more than ${MAX_DEPTH} levels deep` });
    return null;
  }
}

const YAML_FIXES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  MULTIPLE_DOCS: "a lab is one document: remove the `---` and what follows",
};

function yamlFinding(code: string, message: string, pos: readonly [number, number], source: SourceText): Diagnostic {
  const place = source.place(pos[0], Math.max(pos[0] + 1, pos[1]));
  const dollar = /[[{].*[^"'\w]\$\{/.test(place.text)
    ? "within [ ] and { }, text with a variable needs quotes"
    : undefined;
  const fix = YAML_FIXES[code] ?? dollar;
  const text = code === "MULTIPLE_DOCS" ? "a second document begins here" : message.split("\n")[0]!.replace(/:$/, "");
  return { code: `YAML_${code}`, message: text, place, ...(fix === undefined ? {} : { fix }) };
}

class TreeBuilder {
  private readonly source: SourceText;
  private readonly findings: Findings;
  /** undefined while the anchored node is being read. */
  private readonly anchors: Map<string, LabNode | undefined> = new Map();

  constructor(source: SourceText, findings: Findings) {
    this.source = source;
    this.findings = findings;
  }

  convert(node: unknown, depth: number): LabNode {
    const range = (node as { range?: [number, number, number] | null } | null)?.range ?? [0, 0, 0];
    const span: Span = { start: range[0], end: range[1] };
    const nothing: ScalarNode = { kind: "scalar", value: null, plain: true, ...span };
    if (depth > MAX_DEPTH) {
      this.report("LAB_TOO_DEEP", `nested more than ${MAX_DEPTH} levels deep`, span);
      return nothing;
    }
    if (isAlias(node)) {
      const target = this.anchors.get(node.source);
      if (target !== undefined) return target;
      const known = this.anchors.has(node.source);
      this.report(
        "YAML_ALIAS",
        known ? `alias *${node.source} contains itself` : `alias *${node.source} has no anchor`,
        span,
      );
      return nothing;
    }
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.anchors.set(anchor, undefined);
    let out: LabNode = nothing;
    if (isMap(node)) out = { kind: "map", entries: this.entries(node.items as Pair[], span, depth), ...span };
    else if (isSeq(node))
      out = { kind: "seq", items: node.items.map((item) => this.convert(item, depth + 1)), ...span };
    else if (isScalar(node)) out = this.scalar(node, span);
    if (anchor !== undefined) this.anchors.set(anchor, out);
    return out;
  }

  private scalar(node: Scalar, span: Span): ScalarNode {
    const plain = node.type === "PLAIN" || node.type === undefined;
    const v = node.value;
    if (typeof v === "bigint") {
      const n = Number(v);
      return { kind: "scalar", value: Number.isSafeInteger(n) ? n : v, plain, ...span };
    }
    // .nan and .inf are no numbers of a lab, nor is what overflows one
    if (typeof v === "number" && !Number.isFinite(v))
      return { kind: "scalar", value: node.source ?? String(v), plain, ...span };
    if (v === null || typeof v === "string" || typeof v === "number" || typeof v === "boolean") {
      return { kind: "scalar", value: v, plain, ...span };
    }
    this.report("YAML_VALUE", "a value of a kind that a lab has no use for", span);
    return { kind: "scalar", value: null, plain, ...span };
  }

  private entries(pairs: readonly Pair[], map: Span, depth: number): MapEntry[] {
    const out: MapEntry[] = [];
    const merged: MapEntry[] = [];
    const seen = new Set<string>();
    for (const pair of pairs) {
      const keyRange = (pair.key as { range?: [number, number, number] | null } | null)?.range ?? [
        map.start,
        map.start + 1,
        0,
      ];
      const keySpan: Span = { start: keyRange[0], end: keyRange[1] };
      const keyNode = isAlias(pair.key) ? null : pair.key;
      if (!isScalar(keyNode)) {
        this.report("YAML_KEY", "a key must be a plain name", keySpan);
        continue;
      }
      // as written, so that numbers as names keep their zeros
      const key = keyNode.source ?? String(keyNode.value);
      const value =
        pair.value === null
          ? ({ kind: "scalar", value: null, plain: true, start: keySpan.start, end: keySpan.end } as const)
          : this.convert(pair.value, depth + 1);
      if (key === "<<") {
        this.merge(value, merged, keySpan);
        continue;
      }
      if (key === "__proto__") {
        this.report("YAML_KEY", "__proto__ cannot be a key", keySpan);
        continue;
      }
      if (seen.has(key)) {
        this.report("YAML_DUPLICATE_KEY", `key "${key}" is given twice`, keySpan, "keep one of them");
        continue;
      }
      seen.add(key);
      out.push({ key, keyStart: keySpan.start, keyEnd: keySpan.end, value });
    }
    for (const entry of merged) {
      if (seen.has(entry.key)) continue;
      seen.add(entry.key);
      out.push(entry);
    }
    return out;
  }

  /** YAML 1.1's merge key, as containerlab's reader knows it: the mapping's own keys win. */
  private merge(value: LabNode, into: MapEntry[], keySpan: Span): void {
    const maps = value.kind === "seq" ? value.items : [value];
    for (const m of maps) {
      if (m.kind === "map") into.push(...m.entries);
      else this.report("YAML_MERGE", "<< takes a mapping or a list of mappings", keySpan);
    }
  }

  private report(code: string, message: string, span: Span, fix?: string): void {
    const place = this.source.place(span.start, span.end);
    this.findings.add({ code, message, place, ...(fix === undefined ? {} : { fix }) });
  }
}

/** The plain value of a tree. Objects have no prototype. */
export function toValue(node: LabNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "seq") return node.items.map(toValue);
  const out: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const e of node.entries) out[e.key] = toValue(e.value);
  return out;
}

/** A path through a tree: keys and indices. */
export type TreePath = readonly (string | number)[];

/**
 * Where a path leads, as far as it leads.
 * @param key true: the place of the last key rather than of its value
 */
export function locate(root: LabNode, path: TreePath, key: boolean = false): Span {
  let node = root;
  let span: Span = root.kind === "scalar" ? root : { start: root.start, end: root.start + 1 };
  for (const step of path) {
    if (node.kind === "map") {
      const entry: MapEntry | undefined = entryOf(node, String(step));
      if (entry === undefined) return span;
      node = entry.value;
      const empty = node.kind === "scalar" && node.start === node.end;
      span = node.kind !== "scalar" || empty ? { start: entry.keyStart, end: entry.keyEnd } : node;
      if (key && step === path[path.length - 1]) span = { start: entry.keyStart, end: entry.keyEnd };
    } else if (node.kind === "seq" && typeof step === "number" && step < node.items.length) {
      node = node.items[step]!;
      span =
        node.kind === "map" && node.entries.length > 0
          ? { start: node.entries[0]!.keyStart, end: node.entries[0]!.keyEnd }
          : node;
    } else return span;
  }
  return span;
}

const indices: WeakMap<MapNode, Map<string, MapEntry>> = new WeakMap();

function entryOf(map: MapNode, key: string): MapEntry | undefined {
  let index = indices.get(map);
  if (index === undefined) {
    index = new Map(map.entries.map((e) => [e.key, e]));
    indices.set(map, index);
  }
  return index.get(key);
}

/** `topology.nodes.h1.interfaces.eth0`, `links[3].rate`. */
export function pathText(path: TreePath): string {
  let out = "";
  for (const step of path) {
    if (typeof step === "number") out += `[${step}]`;
    else out += out === "" ? step : `.${step}`;
  }
  return out;
}
