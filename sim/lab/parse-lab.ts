/**
 * The first of a lab's three stages: text to LabSpec. Nothing here looks at the machine: the environment's variables are an argument,
 * files that the lab names are not opened.
 */
import { BugError, type Diagnostic } from "../engine/errors.ts";
import type { LabDocument } from "./schema/document.ts";
import { addIssues } from "./schema/issues.ts";
import { IGNORED_TOP_KEYS, labSchema } from "./schema/lab.ts";
import { SpecContext } from "./spec/context.ts";
import {
  type DraftLink,
  draftLinks,
  finishLink,
  hasImpairment,
  type LinkedInterface,
  vethFinding,
} from "./spec/link-spec.ts";
import { globalSpecs, nodeSpecs } from "./spec/node-spec.ts";
import { expectSpecs, timelineSpecs } from "./spec/timeline-spec.ts";
import { trafficSpecs } from "./spec/traffic-spec.ts";
import type { LabSpec, LinkSpec, NamedObjectSpec, NodeSpec } from "./spec.ts";
import { expandTree } from "./text/expand.ts";
import { Findings } from "./text/findings.ts";
import { parseTree, toValue } from "./text/lab-tree.ts";
import { type Environment, SourceText } from "./text/source-text.ts";

const DEFAULT_SEED = 1;
const DEFAULT_DURATION_NS = 1e9;

export interface ParseOptions {
  /** Values for `${NAME}`; absent: none but the defaults in the text. */
  readonly env?: Environment;
  /** Overrides what the lab says, ns. */
  readonly durationNs?: number;
  readonly seed?: number;
}

/**
 * Reads a lab.
 * @param file as the user named it, for messages; the lab's default name is its last part without suffix
 * @throws LabError with everything that is wrong
 */
export function parseLab(text: string, file: string, options: ParseOptions = {}): LabSpec {
  const findings = new Findings();
  const source = new SourceText(text, file, options.env ?? {});
  const written = parseTree(source, findings);
  findings.throwIfAny();
  if (written === null) throw new BugError("LAB_TREE", "a lab without contents and without findings");
  const tree = expandTree(written, source, findings);
  if (tree === null) findings.throwIfAny();
  if (tree === null) throw new BugError("LAB_TREE", "a lab without contents and without findings");
  // what repetition could not write out is not reported a second time for what stands in its place
  findings.seal();
  const value = toValue(tree);
  const result = labSchema.safeParse(value, { reportInput: false });
  if (!result.success) {
    addIssues(result.error.issues, { tree, value, source, findings });
    findings.throwIfAny();
    throw new BugError("LAB_ISSUES", "the schema refused a lab without a finding");
  }
  findings.throwIfAny();
  const spec = toSpec(result.data, file, options, new SpecContext(tree, source, findings));
  findings.throwIfAny();
  return spec;
}

function toSpec(d: LabDocument, file: string, options: ParseOptions, context: SpecContext): LabSpec {
  for (const key of IGNORED_TOP_KEYS) {
    if (key in d) context.note("KEY_IGNORED", `${key} has no effect in a simulation`, context.origin([key], true));
  }
  const durationNs = options.durationNs ?? d.duration ?? DEFAULT_DURATION_NS;
  if (durationNs <= 0) context.report("LAB_VALUE", "expected a duration above 0", context.origin(["duration"]));
  const drafts = draftLinks(d.topology.links ?? [], context);
  const drivers = new DriverChoice(drafts);
  const linked = drafts.flatMap((l) => l.ends);
  const nodes = nodeSpecs(d.topology, linked, (l, own) => drivers.offer(l, own), context);
  const nodeNames = new Set(Object.keys(d.topology.nodes ?? {}));
  context.setNodes(nodeNames, nodes);
  if (nodeNames.size === 0) {
    context.report(
      "NODES_NONE",
      "the topology has no nodes",
      context.origin(["topology"], true),
      "`topology: {nodes: {h1: {}, h2: {}}}`",
    );
  }
  for (const draft of drafts) {
    for (const end of draft.ends) if (!nodeNames.has(end.node)) context.node(end.node, context.origin(end.path));
  }
  const changed = new Set((d.timeline ?? []).map((e) => e.link));
  const links = drafts.map((draft) => finishLink(draft, drivers.of(draft, changed, context), context));
  return {
    file,
    name: d.name ?? defaultName(file),
    seed: options.seed ?? d.seed ?? DEFAULT_SEED,
    durationNs,
    cpu: d.cpu ?? "modelled",
    programs: namedObjects(d, context),
    nodes: withDrivers(nodes, links),
    links,
    traffic: trafficSpecs(d.traffic ?? [], durationNs, context),
    timeline: timelineSpecs(d.timeline ?? [], links, durationNs, context),
    expect: expectSpecs(d.expect ?? [], context),
    notes: context.notes.sort(byPlace),
  };
}

function namedObjects(d: LabDocument, context: SpecContext): readonly NamedObjectSpec[] {
  return Object.entries(d.programs ?? {}).map(([name, p]) => {
    const origin = context.origin(["programs", name]);
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
      context.report(
        "PROGRAM_NAME",
        `"${name}" cannot name an object`,
        origin,
        "letters, digits, - and _, a letter first",
      );
    }
    return { name, obj: p.obj, globals: globalSpecs(p.globals, ["programs", name], context), origin };
  });
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  return (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0);
}

/** `l4lb.clab.yml` is l4lb. */
function defaultName(file: string): string {
  const base = file.slice(file.lastIndexOf("/") + 1);
  return base.replace(/(\.clab)?\.ya?ml$/i, "") || "lab";
}

/**
 * A link's driver is said by the link or by the interfaces at its ends, which must agree. Where nothing is said, it is veth, or nic when
 * the link has anything that only a cable has: rate, delay, jitter, loss, or a change on the timeline.
 */
class DriverChoice {
  private readonly said: Map<LinkedInterface, "veth" | "nic"> = new Map();
  constructor(drafts: readonly DraftLink[]) {
    for (const draft of drafts) for (const end of draft.ends) if (end.driver !== null) this.said.set(end, end.driver);
  }

  offer(end: LinkedInterface, own: "veth" | "nic" | undefined): "veth" | "nic" {
    if (own !== undefined) this.said.set(end, own);
    return own ?? end.driver ?? "veth";
  }

  of(draft: DraftLink, changed: ReadonlySet<string | undefined>, context: SpecContext): "veth" | "nic" {
    const [a, b] = draft.ends.map((end) => this.said.get(end));
    const said = draft.document.driver;
    for (const driver of [a, b]) {
      const other = said ?? a ?? b;
      if (driver !== undefined && driver !== other) {
        const message = `the ends of a link have one driver: ${driver} and ${other} do not go together`;
        context.report("LINK_DRIVER", message, context.origin(draft.path));
      }
    }
    const cable = hasImpairment(draft.document) || draft.ends.some((e) => changed.has(`${e.node}:${e.name}`));
    const driver = said ?? a ?? b ?? (cable ? "nic" : "veth");
    if (driver === "veth" && cable) context.findings.add(vethFinding(draft.ends, context.origin(draft.path)));
    return driver;
  }
}

/** The driver that the link settled on, at both its ends. */
function withDrivers(nodes: readonly NodeSpec[], links: readonly LinkSpec[]): readonly NodeSpec[] {
  const byEnd = new Map<string, "veth" | "nic">();
  for (const l of links) for (const end of [l.a, l.b]) byEnd.set(`${end.node}:${end.interface}`, l.driver);
  return nodes.map((n) => ({
    ...n,
    interfaces: n.interfaces.map((i) => ({ ...i, driver: byEnd.get(`${n.name}:${i.name}`) ?? i.driver })),
  }));
}
