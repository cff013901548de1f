/** `topology.links` to LinkSpecs: ends, drivers, impairments. */
import type { Diagnostic } from "../../engine/errors.ts";
import type { EndpointDocument, ImpairmentDocument, LinkDocument } from "../schema/document.ts";
import type { ImpairmentSpec, LinkSpec, Origin } from "../spec.ts";
import type { TreePath } from "../text/lab-tree.ts";
import type { SpecContext } from "./context.ts";

/** What links say about their ends' interfaces, by `node:interface`. */
export interface LinkedInterface {
  readonly node: string;
  readonly name: string;
  readonly driver: "veth" | "nic" | null;
  readonly mac: string | null;
  readonly mtu: number | null;
  readonly addresses: readonly { readonly cidr: string; readonly path: TreePath }[];
  readonly path: TreePath;
}

/** A link whose interfaces are known; its driver may still come from them. */
export interface DraftLink {
  readonly document: LinkDocument;
  readonly ends: readonly [LinkedInterface, LinkedInterface];
  readonly path: TreePath;
}

/** containerlab's link types that have no meaning in a network of simulated hosts. */
const OUTSIDE_TYPES = [
  "veth-stitch",
  "mgmt-net",
  "macvlan",
  "macvtap",
  "host",
  "vxlan",
  "vxlan-stitched",
  "vxlan-stitch",
];

/** Reads the ends of all links. */
export function draftLinks(links: readonly LinkDocument[], context: SpecContext): readonly DraftLink[] {
  const out: DraftLink[] = [];
  const taken = new Map<string, string>();
  for (const [i, link] of links.entries()) {
    const path: TreePath = ["topology", "links", i];
    const type = link.type ?? "veth";
    if (type !== "veth") {
      const what = OUTSIDE_TYPES.includes(type)
        ? `link type "${type}" leads out of the lab, which netsim does not do`
        : `unknown link type "${type}"`;
      const fix = type === "dummy" ? "make the device with exec: `ip link add NAME type dummy`" : "known: veth";
      context.report("LINK_TYPE", what, context.origin([...path, "type"]), fix);
      continue;
    }
    const endpoints = link.endpoints ?? [];
    if (endpoints.length !== 2) {
      context.report(
        "LINK_ENDPOINTS",
        `a link has two endpoints, this one has ${endpoints.length}`,
        context.origin(path),
      );
      continue;
    }
    const ends = endpoints.map((e, k) => linkedInterface(link, e, k, path)) as [LinkedInterface, LinkedInterface];
    let good = true;
    for (const [k, end] of ends.entries()) {
      const origin = context.origin([...path, "endpoints", k]);
      const label = `${end.node}:${end.name}`;
      const other = taken.get(label);
      if (other !== undefined) {
        context.report("INTERFACE_TWICE", `${label} is at the end of another link already (${other})`, origin);
        good = false;
      }
      if (end.name === "lo") {
        context.report("INTERFACE_LO", "lo cannot be at the end of a link", origin);
        good = false;
      }
      taken.set(label, `topology.links[${i}]`);
    }
    if (good) out.push({ document: link, ends, path });
  }
  return out;
}

function linkedInterface(link: LinkDocument, end: EndpointDocument, k: number, path: TreePath): LinkedInterface {
  const addresses: { readonly cidr: string; readonly path: TreePath }[] = [];
  for (const family of ["ipv4", "ipv6"] as const) {
    const brief = link[family]?.[k];
    if (brief !== undefined) addresses.push({ cidr: brief, path: [...path, family, k] });
    for (const cidr of end[family] ?? []) addresses.push({ cidr, path: [...path, "endpoints", k, family] });
  }
  return {
    node: end.node,
    name: end.interface,
    driver: link.driver ?? null,
    mac: end.mac ?? null,
    mtu: link.mtu ?? null,
    addresses,
    path: [...path, "endpoints", k],
  };
}

/** Finishes a link. @param driver of both ends */
export function finishLink(draft: DraftLink, driver: "veth" | "nic", context: SpecContext): LinkSpec {
  const d = draft.document;
  const forward = impairment(d, d.forward);
  const backward = impairment(d, d.backward);
  for (const [key, spec] of [
    ["forward", forward],
    ["backward", backward],
  ] as const) {
    if (spec.jitterNs > spec.delayNs) {
      const at = d[key]?.jitter === undefined ? ["jitter"] : [key, "jitter"];
      context.report("LINK_JITTER", "the jitter is larger than the delay", context.origin([...draft.path, ...at]));
    }
  }
  const [a, b] = draft.ends;
  return {
    driver,
    a: { node: a.node, interface: a.name },
    b: { node: b.node, interface: b.name },
    forward,
    backward,
    origin: context.origin(draft.path),
  };
}

function impairment(both: ImpairmentDocument, own: ImpairmentDocument | undefined): ImpairmentSpec {
  return {
    rateBps: own?.rate ?? both.rate ?? 0,
    delayNs: own?.delay ?? both.delay ?? 0,
    jitterNs: own?.jitter ?? both.jitter ?? 0,
    loss: own?.loss ?? both.loss ?? 0,
  };
}

/** The link has something that only a cable has. */
export function hasImpairment(d: LinkDocument): boolean {
  return [d, d.forward ?? {}, d.backward ?? {}].some(
    (p) => p.rate !== undefined || p.delay !== undefined || p.jitter !== undefined || p.loss !== undefined,
  );
}

/** Why a veth pair cannot do that. */
export function vethFinding(ends: readonly [LinkedInterface, LinkedInterface], origin: Origin): Diagnostic {
  const label = ends.map((e) => `${e.node}:${e.name}`).join(" -- ");
  return {
    code: "LINK_VETH",
    message: `${label} is a veth pair, which has no cable to slow down or cut`,
    ...origin,
    fix: "leave `driver` out or say nic; or use `ip link set ... down` and `tc qdisc ... netem` as on Linux",
  };
}

/** Impairments that are named; what is not stays as it is. */
export function partialImpairment(d: ImpairmentDocument): Partial<ImpairmentSpec> {
  return {
    ...(d.rate === undefined ? {} : { rateBps: d.rate }),
    ...(d.delay === undefined ? {} : { delayNs: d.delay }),
    ...(d.jitter === undefined ? {} : { jitterNs: d.jitter }),
    ...(d.loss === undefined ? {} : { loss: d.loss }),
  };
}
