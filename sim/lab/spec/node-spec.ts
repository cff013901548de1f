/**
 * Nodes with inheritance applied: node, then group, then kind, then defaults. Single values: the first that says something. Mappings
 * (sysctls, interfaces, maps): merged by key. exec: all of them, defaults first.
 *
 * @source containerlab types/topology.go GetNodeExec, GetSysCtl
 */
import { suggest } from "../../engine/nearest.ts";
import type {
  InterfaceDocument,
  MaglevDocument,
  MapsDocument,
  NodeDocument,
  ProgramUseDocument,
  TopologyDocument,
} from "../schema/document.ts";
import { isInterfaceName, isNodeName } from "../schema/fields.ts";
import { IGNORED_NODE_KEYS } from "../schema/node.ts";
import type {
  CommandSpec,
  GlobalSpec,
  InterfaceSpec,
  MapFillSpec,
  NodeSpec,
  ProgramUseSpec,
  RingSpec,
  SocketSpec,
} from "../spec.ts";
import type { TreePath } from "../text/lab-tree.ts";
import type { SpecContext } from "./context.ts";
import type { LinkedInterface } from "./link-spec.ts";

/** Kinds of containerlab, which are container images and virtual machines of vendors. */
const FOREIGN_KINDS: ReadonlySet<string> = new Set(
  `srl nokia_srlinux nokia_sros nokia_srsim ceos arista_ceos crpd juniper_crpd juniper_vmx juniper_vqfx juniper_vsrx juniper_vjunosrouter
  juniper_vjunosswitch juniper_vjunosevolved sonic-vs sonic-vm vr-sros vr-nokia_sros vr-vmx vr-juniper_vmx vr-vqfx vr-xrv vr-cisco_xrv
  vr-xrv9k cisco_xrv cisco_xrv9k cisco_xrd xrd cisco_csr1000v cisco_n9kv cisco_c8000 cisco_c8000v cisco_cat9kv cisco_iol vr-nxos
  vr-veos arista_veos vr-csr vr-n9kv vr-pan paloalto_panos vr-ros mikrotik_ros vr-ftosv dell_ftosv dell_sonic ovs-bridge mysocketio
  host ext-container k8s-kind keysight_ixia-c-one ipinfusion_ocnos checkpoint_cloudguard fortinet_fortigate aruba_aoscx border0 rare
  freebsd openbsd openwrt fdio_vpp cvx cumulus_cvx generic_vm`.split(/\s+/),
);

/** One level of inheritance, the strongest first. */
interface Layer {
  readonly document: NodeDocument;
  readonly path: TreePath;
}

/** Makes all nodes. */
export function nodeSpecs(
  topology: TopologyDocument,
  linked: readonly LinkedInterface[],
  driverOf: (l: LinkedInterface, own: "veth" | "nic" | undefined) => "veth" | "nic",
  context: SpecContext,
): readonly NodeSpec[] {
  noteIgnored(topology, context);
  const byNode = new Map<string, LinkedInterface[]>();
  for (const l of linked) byNode.set(l.node, [...(byNode.get(l.node) ?? []), l]);
  const out: NodeSpec[] = [];
  for (const [name, document] of Object.entries(topology.nodes ?? {})) {
    const path: TreePath = ["topology", "nodes", name];
    if (!isNodeName(name)) {
      context.report(
        "NODE_NAME",
        `"${name}" cannot be a node's name`,
        context.origin(path, true),
        "letters, digits, - . _",
      );
      continue;
    }
    const layers = layersOf(document, path, topology, context);
    const kind = nodeKind(layers, context);
    if (kind !== null) out.push(nodeSpec(name, kind, path, layers, byNode.get(name) ?? [], driverOf, context));
  }
  return out;
}

function layersOf(
  document: NodeDocument | null,
  path: TreePath,
  topology: TopologyDocument,
  context: SpecContext,
): readonly Layer[] {
  const own: Layer = { document: document ?? {}, path };
  const defaults: Layer = { document: topology.defaults ?? {}, path: ["topology", "defaults"] };
  const groups = topology.groups ?? {};
  const kinds = topology.kinds ?? {};
  const layers = [own];
  const groupFrom = own.document.group === undefined ? defaults : own;
  const group = groupFrom.document.group;
  if (group !== undefined && Object.hasOwn(groups, group)) {
    layers.push({ document: groups[group] ?? {}, path: ["topology", "groups", group] });
  } else if (group !== undefined && Object.keys(groups).length > 0) {
    // without any groups, a group is containerlab's free label for drawings
    const origin = context.origin([...groupFrom.path, "group"]);
    context.report("GROUP_UNKNOWN", `there is no group "${group}"`, origin, suggest(group, Object.keys(groups)));
  }
  const kind = [...layers, defaults].find((l) => l.document.kind !== undefined)?.document.kind ?? "linux";
  if (Object.hasOwn(kinds, kind)) layers.push({ document: kinds[kind] ?? {}, path: ["topology", "kinds", kind] });
  layers.push(defaults);
  return layers;
}

function nodeKind(layers: readonly Layer[], context: SpecContext): "linux" | "bridge" | null {
  const layer = layers.find((l) => l.document.kind !== undefined);
  const kind = layer?.document.kind;
  if (kind === undefined || kind === "linux") return "linux";
  if (kind === "bridge") return "bridge";
  const origin = context.origin([...layer!.path, "kind"]);
  if (FOREIGN_KINDS.has(kind)) {
    const fix = "netsim simulates Linux hosts (kind: linux) and learning switches (kind: bridge)";
    context.report("KIND_FOREIGN", `kind "${kind}" runs an image that netsim cannot simulate`, origin, fix);
  } else context.report("KIND_UNKNOWN", `unknown kind "${kind}"`, origin, suggest(kind, ["linux", "bridge"]));
  return null;
}

function noteIgnored(topology: TopologyDocument, context: SpecContext): void {
  const look = (document: NodeDocument | null | undefined, path: TreePath): void => {
    if (document === null || document === undefined) return;
    for (const key of Object.keys(document)) {
      if ((IGNORED_NODE_KEYS as readonly string[]).includes(key)) {
        context.note("KEY_IGNORED", `${key} has no effect in a simulation`, context.origin([...path, key], true));
      }
    }
  };
  look(topology.defaults, ["topology", "defaults"]);
  for (const [section, entries] of Object.entries({
    kinds: topology.kinds,
    groups: topology.groups,
    nodes: topology.nodes,
  })) {
    for (const [name, document] of Object.entries(entries ?? {})) look(document, ["topology", section, name]);
  }
}

function nodeSpec(
  name: string,
  kind: "linux" | "bridge",
  path: TreePath,
  layers: readonly Layer[],
  linked: readonly LinkedInterface[],
  driverOf: (l: LinkedInterface, own: "veth" | "nic" | undefined) => "veth" | "nic",
  context: SpecContext,
): NodeSpec {
  const weakestFirst = [...layers].reverse();
  return {
    name,
    kind,
    cpus: layers.find((l) => l.document.cpus !== undefined)?.document.cpus ?? 1,
    interfaces: interfaceSpecs(layers, linked, driverOf, context),
    sysctls: sysctlSpecs(weakestFirst, context),
    routes: weakestFirst.flatMap((l) => commands(l.document.routes, [...l.path, "routes"], context)),
    neighbors: weakestFirst.flatMap((l) => commands(l.document.neighbors, [...l.path, "neighbors"], context)),
    exec: weakestFirst.flatMap((l) => commands(l.document.exec, [...l.path, "exec"], context)),
    maps: weakestFirst.flatMap((l) => mapFills(l.document.maps, [...l.path, "maps"], context)),
    sockets: weakestFirst.flatMap((l) => socketSpecs(l, context)),
    origin: context.origin(path, true),
  };
}

/** Command lines or arguments with their places. */
export function commands(
  lines: readonly string[] | undefined,
  path: TreePath,
  context: SpecContext,
): readonly CommandSpec[] {
  return (lines ?? []).map((line, i) => ({ line, origin: context.origin([...path, i]) }));
}

/** A program at a hook with its place. */
function programUse(use: ProgramUseDocument, path: TreePath, context: SpecContext): ProgramUseSpec {
  return { ...use, globals: globalSpecs(use.globals, path, context), origin: context.origin(path) };
}

/** Values of global variables with their places. @param path of what has the key `globals` */
export function globalSpecs(
  globals: Readonly<Record<string, unknown>> | undefined,
  path: TreePath,
  context: SpecContext,
): readonly GlobalSpec[] {
  return Object.entries(globals ?? {}).map(([name, value]) => ({
    name,
    value,
    origin: context.origin([...path, "globals", name]),
  }));
}

/** Map contents with their places. */
export function mapFills(maps: MapsDocument | undefined, path: TreePath, context: SpecContext): readonly MapFillSpec[] {
  return Object.entries(maps ?? {}).map(([map, contents]): MapFillSpec => {
    const origin = context.origin([...path, map], true);
    if ("maglev" in contents) {
      const ring = ringSpec(contents.maglev, [...path, map, "maglev"], context);
      return { map, elements: [], ring, origin };
    }
    const elements = contents.map((e, i) => ({ ...e, origin: context.origin([...path, map, i]) }));
    return { map, elements, ring: null, origin };
  });
}

/** Every place of a ring of prime size is on every backend's way round it; other sizes might never be filled. */
function ringSpec(d: MaglevDocument, path: TreePath, context: SpecContext): RingSpec | null {
  const report = (message: string, key: string, fix: string): null => {
    context.report("MAGLEV", message, context.origin([...path, key]), fix);
    return null;
  };
  if (!isPrime(d.size))
    return report(`the size of a Maglev ring is a prime, ${d.size} is none`, "size", nextPrime(d.size));
  if (d.backends.length > d.size) {
    return report(`${d.backends.length} backends do not fit a ring of ${d.size}`, "backends", "enlarge the ring");
  }
  const backends = d.backends.map((b) => ({ name: b.name, slot: b.slot, weight: b.weight ?? 1 }));
  return { size: d.size, offset: d.offset ?? 0, backends };
}

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return n >= 2;
}

function nextPrime(n: number): string {
  let p = n;
  while (!isPrime(p)) p++;
  return `the next one is ${p}`;
}

function sysctlSpecs(weakestFirst: readonly Layer[], context: SpecContext): NodeSpec["sysctls"] {
  const byName = new Map<string, NodeSpec["sysctls"][number]>();
  for (const layer of weakestFirst) {
    for (const [name, value] of Object.entries(layer.document.sysctls ?? {})) {
      byName.set(name, { name, value, origin: context.origin([...layer.path, "sysctls", name]) });
    }
  }
  return [...byName.values()];
}

function socketSpecs(layer: Layer, context: SpecContext): readonly SocketSpec[] {
  const taken = new Map<string, number>();
  return (layer.document.sockets ?? []).map((s, i) => {
    const nth = (taken.get(s.type) ?? 0) + 1;
    taken.set(s.type, nth);
    const path = [...layer.path, "sockets", i];
    const origin = context.origin(path);
    if (s.type === "udp" && s.port === undefined) context.report("KEY_MISSING", "a udp socket needs a port", origin);
    if (s.type === "udp" && s.interface !== undefined)
      context.report("SOCKET_KEY", "interface is for packet sockets", origin);
    if (s.type === "packet" && s.port !== undefined) context.report("SOCKET_KEY", "port is for udp sockets", origin);
    return {
      name: s.name ?? `${s.type}${nth === 1 ? "" : nth}`,
      type: s.type,
      interface: s.interface ?? null,
      address: s.address ?? null,
      port: s.port ?? null,
      filter: s.filter === undefined ? null : programUse(s.filter, [...path, "filter"], context),
      origin,
    };
  });
}

function interfaceSpecs(
  layers: readonly Layer[],
  linked: readonly LinkedInterface[],
  driverOf: (l: LinkedInterface, own: "veth" | "nic" | undefined) => "veth" | "nic",
  context: SpecContext,
): readonly InterfaceSpec[] {
  const byLink = new Map(linked.map((l) => [l.name, l]));
  const names = new Set(byLink.keys());
  for (const layer of layers) for (const name of Object.keys(layer.document.interfaces ?? {})) names.add(name);
  const out: InterfaceSpec[] = [];
  for (const name of names) {
    const own = layers.filter((l) => Object.hasOwn(l.document.interfaces ?? {}, name));
    const link = byLink.get(name);
    const first = own[0];
    const inherited = first === undefined || first.path[1] !== "nodes";
    // what kinds, groups and defaults say of an interface is for those nodes that have it
    if (link === undefined && name !== "lo" && inherited) continue;
    if (!isInterfaceName(name)) {
      const origin = context.origin([...first!.path, "interfaces", name], true);
      context.report(
        "INTERFACE_NAME",
        `"${name}" cannot be an interface's name`,
        origin,
        "at most 15 characters, without / : and spaces",
      );
      continue;
    }
    if (link === undefined && name !== "lo") {
      const origin = context.origin([...first!.path, "interfaces", name], true);
      const known = [...byLink.keys(), "lo"];
      context.report("INTERFACE_UNKNOWN", `no link ends at interface "${name}"`, origin, suggest(name, known));
      continue;
    }
    out.push(new InterfaceMaker(name, own, context).make(link, driverOf));
  }
  return out;
}

/** Puts one interface together from the layers that speak of it. */
class InterfaceMaker {
  private readonly name: string;
  private readonly layers: readonly Layer[];
  private readonly context: SpecContext;

  constructor(name: string, layers: readonly Layer[], context: SpecContext) {
    this.name = name;
    this.layers = layers;
    this.context = context;
  }

  make(
    link: LinkedInterface | undefined,
    driverOf: (l: LinkedInterface, own: "veth" | "nic" | undefined) => "veth" | "nic",
  ): InterfaceSpec {
    const driver = this.first("driver")?.value;
    const tc = this.first("tc");
    const tcx = this.first("tcx");
    const xdp = this.use("xdp");
    const xdpgeneric = this.use("xdpgeneric");
    if (xdp !== null && xdpgeneric !== null) {
      const fix = "keep one of xdp and xdpgeneric";
      this.context.report(
        "XDP_BOTH",
        "Native and generic XDP can't be active at the same time",
        xdpgeneric.origin,
        fix,
      );
    }
    const place = this.layers[0] === undefined ? link!.path : [...this.layers[0].path, "interfaces", this.name];
    return {
      name: this.name,
      linked: link !== undefined,
      driver: link === undefined ? "veth" : driverOf(link, driver),
      addresses: this.addresses(link),
      mac: this.first("mac")?.value ?? link?.mac ?? null,
      mtu: this.first("mtu")?.value ?? link?.mtu ?? null,
      queues: this.first("queues")?.value ?? null,
      ring: this.first("ring")?.value ?? null,
      gro: this.first("gro")?.value ?? null,
      up: this.first("up")?.value ?? true,
      txqueuelen: this.first("txqueuelen")?.value ?? null,
      xdp,
      xdpgeneric,
      tcIngress: this.uses(tc?.value.ingress, tc?.path, "ingress"),
      tcEgress: this.uses(tc?.value.egress, tc?.path, "egress"),
      tcxIngress: this.uses(tcx?.value.ingress, tcx?.path, "ingress"),
      tcxEgress: this.uses(tcx?.value.egress, tcx?.path, "egress"),
      qdisc: this.qdiscs(),
      origin: this.context.origin(place, this.layers.length > 0),
    };
  }

  private first<K extends keyof InterfaceDocument>(
    key: K,
  ): { readonly value: NonNullable<InterfaceDocument[K]>; readonly path: TreePath } | null {
    for (const layer of this.layers) {
      const value = layer.document.interfaces![this.name]?.[key];
      if (value !== undefined && value !== null) return { value, path: [...layer.path, "interfaces", this.name, key] };
    }
    return null;
  }

  private addresses(link: LinkedInterface | undefined): readonly CommandSpec[] {
    const out: CommandSpec[] = (link?.addresses ?? []).map((a) => ({
      line: a.cidr,
      origin: this.context.origin(a.path),
    }));
    for (const key of ["ip", "ipv4", "ipv6"] as const) {
      const found = this.first(key);
      if (found !== null) out.push(...commands(found.value, found.path, this.context));
    }
    return out;
  }

  private qdiscs(): readonly CommandSpec[] {
    const found = this.first("qdisc");
    return found === null ? [] : commands(found.value, found.path, this.context);
  }

  private use(key: "xdp" | "xdpgeneric"): ProgramUseSpec | null {
    const found = this.first(key);
    return found === null ? null : programUse(found.value, found.path, this.context);
  }

  private uses(
    list: readonly ProgramUseDocument[] | undefined,
    path: TreePath | undefined,
    key: string,
  ): readonly ProgramUseSpec[] {
    return (list ?? []).map((use, i) => programUse(use, [...path!, key, i], this.context));
  }
}
