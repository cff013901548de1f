/** `traffic` to TrafficSpecs: names, defaults, times. */
import type { TrafficDocument } from "../schema/document.ts";
import type { NodeRef, TargetSpec, TrafficSpec } from "../spec.ts";
import type { TreePath } from "../text/lab-tree.ts";
import type { SpecContext } from "./context.ts";

/** Default port of generated traffic: discard's would be 9, which people filter; pktgen's is 9. */
const DEFAULT_PORT = 9;
/** UDP payload that carries a sequence number and a time stamp. */
const DEFAULT_PAYLOAD = 64;
const SECOND_NS = 1e9;

/** Makes all traffic. */
export function trafficSpecs(
  list: readonly TrafficDocument[],
  durationNs: number,
  context: SpecContext,
): readonly TrafficSpec[] {
  const names = new Set<string>();
  return list.map((d, i) => {
    const path: TreePath = ["traffic", i];
    const name = takeName(d, path, names, context);
    const startNs = d.start ?? 0;
    const stopNs = Math.min(d.stop ?? durationNs, durationNs);
    const origin = context.origin(path);
    if (startNs >= durationNs) {
      context.report("TRAFFIC_TIMES", "the traffic starts when the run is over", context.origin([...path, "start"]));
    } else if (stopNs <= startNs) {
      context.report("TRAFFIC_TIMES", "the traffic stops before it starts", context.origin([...path, "stop"]));
    }
    const needsInterface = d.type === "pcap" || d.type === "packets";
    const from = context.refs(d.from, [...path, "from"], needsInterface);
    return build(d, { name, from, startNs, stopNs, origin }, path, context);
  });
}

function build(
  d: TrafficDocument,
  common: Pick<TrafficSpec, "name" | "from" | "startNs" | "stopNs" | "origin">,
  path: TreePath,
  context: SpecContext,
): TrafficSpec {
  const packets = "packets" in d && d.packets !== undefined ? d.packets : Number.POSITIVE_INFINITY;
  switch (d.type) {
    case "ping":
      return {
        type: "ping",
        ...common,
        to: context.targets(d.to, [...path, "to"]),
        intervalNs: positive(d.interval ?? SECOND_NS, [...path, "interval"], context),
        packets,
        sizeBytes: d.size ?? 56,
      };
    case "udp": {
      const to = context.targets(d.to, [...path, "to"]);
      return {
        type: "udp",
        ...common,
        to,
        rate: d.rate,
        sizeBytes: d.size ?? DEFAULT_PAYLOAD,
        port: d.port ?? DEFAULT_PORT,
        flows: d.flows ?? 1,
        poisson: d.poisson ?? false,
        packets,
        sinks: receivers(to, d.sinks, [...path, "sinks"], context),
      };
    }
    case "udp-rr": {
      const to = context.targets(d.to, [...path, "to"]);
      return {
        type: "udp-rr",
        ...common,
        to,
        rate: d.rate ?? null,
        outstanding: d.outstanding ?? 1,
        sizeBytes: d.size ?? DEFAULT_PAYLOAD,
        responseBytes: d.response ?? DEFAULT_PAYLOAD,
        port: d.port ?? DEFAULT_PORT,
        flows: d.flows ?? 1,
        poisson: d.poisson ?? false,
        packets,
        timeoutNs: positive(d.timeout ?? SECOND_NS, [...path, "timeout"], context),
        servers: receivers(to, d.servers, [...path, "servers"], context),
      };
    }
    case "pcap":
      return { type: "pcap", ...common, file: d.file, rate: d.rate ?? null, speed: d.speed ?? 1, loop: d.loop ?? 1 };
    case "packets":
      return {
        type: "packets",
        ...common,
        template: d.template,
        rate: d.rate,
        sizeBytes: d.size ?? null,
        poisson: d.poisson ?? false,
        packets,
        order: d.order ?? "sequence",
      };
  }
}

/** Who receives: who is named, else the nodes among the targets. */
function receivers(
  to: readonly TargetSpec[],
  named: readonly string[] | undefined,
  path: TreePath,
  context: SpecContext,
): readonly NodeRef[] {
  if (named !== undefined) return context.refs(named, path);
  const out: NodeRef[] = [];
  for (const t of to) if ("node" in t) out.push({ node: t.node, interface: null });
  return out;
}

function positive(ns: number, path: TreePath, context: SpecContext): number {
  if (ns <= 0) context.report("LAB_VALUE", "expected a time above 0", context.origin(path));
  return ns;
}

function takeName(d: TrafficDocument, path: TreePath, names: Set<string>, context: SpecContext): string {
  let name = d.name ?? d.type;
  if (d.name !== undefined) {
    const origin = context.origin([...path, "name"]);
    if (names.has(name)) context.report("TRAFFIC_NAME", `traffic "${name}" is there already`, origin);
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
      context.report(
        "TRAFFIC_NAME",
        `"${name}" cannot name traffic`,
        origin,
        "letters, digits, - and _, a letter first",
      );
    }
  } else for (let n = 2; names.has(name); n++) name = `${d.type}-${n}`;
  names.add(name);
  return name;
}
