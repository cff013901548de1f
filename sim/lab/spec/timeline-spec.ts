/** `timeline` and `expect` to specs. */
import { parseCondition } from "../expectation.ts";
import type { ExpectDocument, TimelineDocument } from "../schema/document.ts";
import type { ExpectSpec, LinkSpec, TimelineSpec } from "../spec.ts";
import type { TreePath } from "../text/lab-tree.ts";
import { linkOf, type SpecContext } from "./context.ts";
import { partialImpairment } from "./link-spec.ts";
import { commands, mapFills } from "./node-spec.ts";

const ACTIONS = ["exec", "maps", "link", "crash", "restart"] as const;

/** Makes the timeline, sorted by time; entries of the same time keep their order. */
export function timelineSpecs(
  list: readonly TimelineDocument[],
  links: readonly LinkSpec[],
  durationNs: number,
  context: SpecContext,
): readonly TimelineSpec[] {
  const out: TimelineSpec[] = [];
  for (const [i, d] of list.entries()) {
    const path: TreePath = ["timeline", i];
    const origin = context.origin(path);
    const actions = ACTIONS.filter((a) => d[a] !== undefined);
    if (actions.length !== 1) {
      const what = actions.length === 0 ? "says nothing to do" : `says ${actions.join(" and ")}`;
      context.report(
        "TIMELINE_ACTION",
        `an entry of the timeline does one thing, this one ${what}`,
        origin,
        `one of: ${ACTIONS.join(", ")}`,
      );
      continue;
    }
    if (d.at > durationNs) {
      context.report(
        "TIMELINE_LATE",
        "the run is over before this happens",
        context.origin([...path, "at"]),
        "lengthen `duration`",
      );
    }
    const entry = one(d, actions[0]!, path, links, context);
    if (entry !== null) out.push({ atNs: d.at, origin, ...entry });
  }
  return out
    .map((e, i) => ({ e, i }))
    .sort((x, y) => x.e.atNs - y.e.atNs || x.i - y.i)
    .map(({ e }) => e);
}

type Entry = TimelineSpec extends infer T ? (T extends unknown ? Omit<T, "atNs" | "origin"> : never) : never;

function one(
  d: TimelineDocument,
  action: (typeof ACTIONS)[number],
  path: TreePath,
  links: readonly LinkSpec[],
  context: SpecContext,
): Entry | null {
  const names = (texts: readonly string[], key: string): readonly string[] =>
    context.refs(texts, [...path, key]).map((r) => r.node);
  if (action === "crash") return { kind: "crash", nodes: names(d.crash!, "crash") };
  if (action === "restart") return { kind: "restart", nodes: names(d.restart!, "restart") };
  if (action === "link") return linkEntry(d, path, links, context);
  if (d.on === undefined) {
    context.report("KEY_MISSING", `${action} needs \`on\`: the nodes`, context.origin([...path, action], true));
    return null;
  }
  const nodes = names(d.on, "on");
  if (action === "exec") return { kind: "exec", nodes, commands: commands(d.exec, [...path, "exec"], context) };
  return { kind: "maps", nodes, maps: mapFills(d.maps, [...path, "maps"], context) };
}

function linkEntry(
  d: TimelineDocument,
  path: TreePath,
  links: readonly LinkSpec[],
  context: SpecContext,
): Entry | null {
  const origin = context.origin([...path, "link"]);
  if (d.state === undefined && d.set === undefined) {
    context.report("KEY_MISSING", "link needs `state: down`, `state: up` or `set`", origin);
    return null;
  }
  if (d.set?.mtu !== undefined) {
    const at = context.origin([...path, "set", "mtu"]);
    context.report("LINK_MTU", "a link's MTU is its devices'", at, "use exec: `ip link set dev X mtu N`");
  }
  const ref = context.ref(d.link!, origin, true);
  if (ref === null) return null;
  const link = linkOf(links, ref);
  if (link < 0) {
    context.report("LINK_UNKNOWN", `no link ends at ${ref.node}:${ref.interface}`, origin);
    return null;
  }
  return {
    kind: "link",
    link,
    direction: d.direction ?? "both",
    up: d.state === undefined ? null : d.state === "up",
    set: d.set === undefined ? {} : partialImpairment(d.set),
  };
}

/** Makes the expectations; a `min` and a `max` together are two. */
export function expectSpecs(list: readonly ExpectDocument[], context: SpecContext): readonly ExpectSpec[] {
  const out: ExpectSpec[] = [];
  for (const [i, d] of list.entries()) {
    const path: TreePath = ["expect", i];
    const origin = context.origin(path);
    const tolerance = d.tolerance ?? 0;
    if ((d.that === undefined) === (d.metric === undefined)) {
      context.report(
        "EXPECT_FORM",
        "an expectation has either `that` or `metric`",
        origin,
        "`- traffic.web.lost == 0`",
      );
      continue;
    }
    if (d.that !== undefined) {
      const condition = parseCondition(d.that);
      const fix = "METRIC == VALUE; also != < <= > >=; e.g. `traffic.web.lost == 0`, `traffic.web.p99 < 2ms`";
      if (condition === null) context.report("EXPECT_FORM", `cannot read the condition "${d.that}"`, origin, fix);
      else out.push({ text: d.name ?? d.that, ...condition, tolerance, origin });
      continue;
    }
    const metric = d.metric!;
    const add = (comparison: "==" | ">=" | "<=", value: number): void => {
      out.push({ text: d.name ?? `${metric} ${comparison} ${value}`, metric, comparison, value, tolerance, origin });
    };
    if (d.equals === undefined && d.min === undefined && d.max === undefined) {
      context.report("EXPECT_FORM", "metric needs equals, min or max", origin);
    }
    if (d.equals !== undefined) add("==", d.equals);
    if (d.min !== undefined) add(">=", d.min);
    if (d.max !== undefined) add("<=", d.max);
  }
  return out;
}
