/** What the makers of the spec's parts share: places, findings, and the names of nodes. */
import { parseIpv4, parseIpv6 } from "../../bpf/btf/net-text.ts";
import type { Diagnostic } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { LinkSpec, NodeRef, NodeSpec, Origin, TargetSpec } from "../spec.ts";
import { expandName } from "../text/expand.ts";
import type { Findings } from "../text/findings.ts";
import { type LabNode, locate, pathText, type TreePath } from "../text/lab-tree.ts";
import type { SourceText } from "../text/source-text.ts";

export class SpecContext {
  readonly findings: Findings;
  readonly notes: Diagnostic[] = [];
  private readonly tree: LabNode;
  private readonly source: SourceText;
  /** null: the node is at fault itself, and what refers to it is not looked at. */
  private readonly nodeInterfaces: Map<string, readonly string[] | null> = new Map();

  constructor(tree: LabNode, source: SourceText, findings: Findings) {
    this.tree = tree;
    this.source = source;
    this.findings = findings;
  }

  /** @param key true: the key's place rather than its value's */
  origin(path: TreePath, key: boolean = false): Origin {
    const span = locate(this.tree, path, key);
    return { path: pathText(path), place: this.source.place(span.start, span.end) };
  }

  report(code: string, message: string, origin: Origin, fix?: string): void {
    this.findings.add({ code, message, ...origin, ...(fix === undefined ? {} : { fix }) });
  }

  note(code: string, message: string, origin: Origin): void {
    this.notes.push({ code, message, ...origin });
  }

  /** Makes the nodes and their interfaces known to the functions below. @param names all of them, also those at fault */
  setNodes(names: Iterable<string>, nodes: readonly NodeSpec[]): void {
    for (const name of names) this.nodeInterfaces.set(name, null);
    for (const n of nodes)
      this.nodeInterfaces.set(
        n.name,
        n.interfaces.map((i) => i.name),
      );
  }

  get nodeNames(): readonly string[] {
    return [...this.nodeInterfaces.keys()];
  }

  /** The node, or null after a finding. */
  node(name: string, origin: Origin): string | null {
    if (this.nodeInterfaces.has(name)) return name;
    this.report("NODE_UNKNOWN", `there is no node "${name}"`, origin, suggest(name, this.nodeNames));
    return null;
  }

  /** `node` or `node:interface`; interfaces that commands create are not known here and pass when `strict` is false. */
  ref(text: string, origin: Origin, needInterface: boolean): NodeRef | null {
    const colon = text.indexOf(":");
    const node = this.node(colon < 0 ? text : text.slice(0, colon), origin);
    if (node === null) return null;
    const known = this.nodeInterfaces.get(node)!;
    if (known === null) return null;
    if (colon >= 0) {
      const name = text.slice(colon + 1);
      if (known.includes(name)) return { node, interface: name };
      this.report("INTERFACE_UNKNOWN", `node ${node} has no interface "${name}"`, origin, suggest(name, known));
      return null;
    }
    if (!needInterface) return { node, interface: null };
    const linked = known.filter((n) => n !== "lo");
    if (linked.length === 1) return { node, interface: linked[0]! };
    this.report(
      "INTERFACE_MISSING",
      `node ${node} has ${linked.length} interfaces: say which one`,
      origin,
      `write ${node}:${linked[0] ?? "eth0"}${linked.length > 1 ? `; known: ${linked.join(", ")}` : ""}`,
    );
    return null;
  }

  /** Names, ranges (`h[1-4]`) and patterns (`h*`) of nodes, with or without interface. */
  refs(texts: readonly string[], path: TreePath, needInterface: boolean = false): readonly NodeRef[] {
    const out: NodeRef[] = [];
    for (const [i, text] of texts.entries()) this.addRefs(text, [...path, i], needInterface, out);
    return out;
  }

  private addRefs(text: string, path: TreePath, needInterface: boolean, out: NodeRef[]): void {
    const origin = this.origin(path);
    for (const one of expandName(text)) {
      if (one.includes("*")) this.pattern(one, origin, needInterface, out);
      else {
        const ref = this.ref(one, origin, needInterface);
        if (ref !== null) out.push(ref);
      }
    }
  }

  /** Targets of traffic: references to nodes, or addresses. */
  targets(texts: readonly string[], path: TreePath): readonly TargetSpec[] {
    const out: TargetSpec[] = [];
    for (const [i, text] of texts.entries()) {
      if (parseIpv4(text) !== null || parseIpv6(text) !== null) out.push({ address: text });
      else {
        const refs: NodeRef[] = [];
        this.addRefs(text, [...path, i], false, refs);
        out.push(...refs);
      }
    }
    return out;
  }

  private pattern(pattern: string, origin: Origin, needInterface: boolean, out: NodeRef[]): void {
    const colon = pattern.indexOf(":");
    const test = glob(colon < 0 ? pattern : pattern.slice(0, colon));
    const suffix = colon < 0 ? "" : pattern.slice(colon);
    const names = this.nodeNames.filter((n) => test.test(n));
    if (names.length === 0) {
      this.report("NODE_UNKNOWN", `no node matches "${pattern}"`, origin, suggest(pattern, this.nodeNames));
    }
    for (const name of names) {
      const ref = this.ref(name + suffix, origin, needInterface);
      if (ref !== null) out.push(ref);
    }
  }
}

/** A pattern with `*` and `?` as a regular expression over whole names. */
export function glob(pattern: string): RegExp {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${escaped}$`);
}

/** The link that has an end, by `node:interface`. */
export function linkOf(links: readonly LinkSpec[], ref: NodeRef): number {
  return links.findIndex(
    ({ a, b }) =>
      (a.node === ref.node && a.interface === ref.interface) || (b.node === ref.node && b.interface === ref.interface),
  );
}
