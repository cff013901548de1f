/**
 * The shortcuts of a node as the commands they stand for: `xdp: lb.o` is `ip link set dev eth0 xdp obj lb.o program NAME`. A lab that
 * spells the commands out in `exec` gets the same network.
 *
 * Order: sysctls, devices (up last), addresses, neighbours, routes, programs, qdiscs. Addresses come when every link's both ends are
 * up, so `buildNetwork` runs each phase on all nodes before the next.
 */
import type { AttachKind } from "../bpf/attach-kinds.ts";
import type { ProgKind } from "../bpf/prog-type.ts";
import type { ProgramSpec } from "../bpf/spec.ts";
import { nearest, suggest } from "../engine/nearest.ts";
import type { ObjectStore } from "./lab-files.ts";
import { globalValues, objectOfUse, pickProgram } from "./program-use.ts";
import type { CommandSpec, GlobalSpec, InterfaceSpec, LabSpec, NodeSpec, Origin, ProgramUseSpec } from "./spec.ts";
import type { Findings } from "./text/findings.ts";

/** Commands of one node by phase. */
export interface SetupCommands {
  readonly devices: readonly CommandSpec[];
  readonly addresses: readonly CommandSpec[];
  readonly programs: readonly CommandSpec[];
}

/** Name of the bridge device on a node of kind bridge. */
const BRIDGE_DEVICE = "br0";
/** Where shared objects are pinned: `PIN_ROOT/NAME/PROGRAM`. */
export const PIN_ROOT = "/sys/fs/bpf";

/** Writes the shortcuts of a node out. Findings: unknown objects and programs. */
export function setupCommands(node: NodeSpec, lab: LabSpec, objects: ObjectStore, findings: Findings): SetupCommands {
  const programs = new ProgramCommands(lab, objects, findings);
  for (const i of node.interfaces) programs.attach(i);
  return { devices: deviceCommands(node), addresses: addressCommands(node), programs: programs.out };
}

function deviceCommands(node: NodeSpec): readonly CommandSpec[] {
  const out: CommandSpec[] = node.sysctls.map((s) => ({
    line: `sysctl -w ${s.name}=${quote(s.value)}`,
    origin: s.origin,
  }));
  if (node.kind === "bridge") out.push({ line: `ip link add ${BRIDGE_DEVICE} type bridge`, origin: node.origin });
  for (const i of node.interfaces) {
    const add = (line: string): void => {
      out.push({ line, origin: i.origin });
    };
    if (i.mac !== null) add(`ip link set dev ${i.name} address ${i.mac}`);
    if (i.mtu !== null) add(`ip link set dev ${i.name} mtu ${i.mtu}`);
    if (i.txqueuelen !== null) add(`ip link set dev ${i.name} txqueuelen ${i.txqueuelen}`);
    if (i.gro !== null) add(`ethtool -K ${i.name} gro ${i.gro ? "on" : "off"}`);
    if (node.kind === "bridge" && i.linked) add(`ip link set dev ${i.name} master ${BRIDGE_DEVICE}`);
    if (i.linked && i.up) add(`ip link set dev ${i.name} up`);
  }
  if (node.kind === "bridge") out.push({ line: `ip link set dev ${BRIDGE_DEVICE} up`, origin: node.origin });
  return out;
}

function addressCommands(node: NodeSpec): readonly CommandSpec[] {
  const out: CommandSpec[] = [];
  for (const i of node.interfaces) {
    for (const a of i.addresses) out.push({ line: `ip addr add ${a.line} dev ${i.name}`, origin: a.origin });
  }
  for (const n of node.neighbors) out.push({ line: withPrefix("ip neigh replace", n.line), origin: n.origin });
  for (const r of node.routes) out.push({ line: withPrefix("ip route add", r.line), origin: r.origin });
  return out;
}

/** `default via 10.0.0.1` and `ip route add default via 10.0.0.1` are the same to a reader, so to us; -6 where addresses have colons. */
function withPrefix(prefix: string, text: string): string {
  return text.trim().startsWith("ip ") ? text.trim() : `${prefix} ${text.trim()}`;
}

function quote(text: string): string {
  return /^[\w.,:/-]+$/.test(text) ? text : `"${text.replace(/(["\\])/g, "\\$1")}"`;
}

/** Loads and attaches the programs of one node. */
class ProgramCommands {
  readonly out: CommandSpec[] = [];
  private readonly lab: LabSpec;
  private readonly objects: ObjectStore;
  private readonly findings: Findings;
  /** Directories of objects that are loaded already. */
  private readonly loaded: Set<string> = new Set();

  constructor(lab: LabSpec, objects: ObjectStore, findings: Findings) {
    this.lab = lab;
    this.objects = objects;
    this.findings = findings;
  }

  attach(i: InterfaceSpec): void {
    for (const [mode, use] of [
      ["xdp", i.xdp],
      ["xdpgeneric", i.xdpgeneric],
    ] as const) {
      if (use !== null) this.xdp(i.name, mode, use);
    }
    const tc = [...i.tcIngress, ...i.tcEgress];
    if (tc.length > 0) this.add(`tc qdisc add dev ${i.name} clsact`, tc[0]!.origin);
    for (const use of inOrder(i.tcIngress)) this.tc(i.name, "ingress", use);
    for (const use of inOrder(i.tcEgress)) this.tc(i.name, "egress", use);
    for (const use of i.tcxIngress) this.tcx(i.name, "ingress", use);
    for (const use of i.tcxEgress) this.tcx(i.name, "egress", use);
    for (const q of i.qdisc) this.add(qdiscCommand(i.name, q.line), q.origin);
  }

  private xdp(dev: string, mode: string, use: ProgramUseSpec): void {
    const found = this.find(use, "xdp", "xdp");
    if (found === null) return;
    const what =
      found.pin === null ? `obj ${quote(found.obj)} ${selector(found)}` : `pinned ${found.pin}/${found.program.name}`;
    this.add(`ip link set dev ${dev} ${mode} ${what}`, use.origin, use.globals);
  }

  private tc(dev: string, direction: string, use: ProgramUseSpec): void {
    const found = this.find(use, "sched_cls", direction === "ingress" ? "tcx_ingress" : "tcx_egress");
    if (found === null) return;
    const pref = use.pref === undefined ? "" : ` pref ${use.pref}`;
    const classid = use.classid === undefined ? "" : ` classid ${use.classid}`;
    const mode = use.classic === true ? "" : " direct-action";
    const what =
      found.pin === null
        ? `object-file ${quote(found.obj)} ${selector(found)}`
        : `object-pinned ${found.pin}/${found.program.name}`;
    this.add(`tc filter add dev ${dev} ${direction}${pref} bpf${mode} ${what}${classid}`, use.origin, use.globals);
  }

  private tcx(dev: string, direction: string, use: ProgramUseSpec): void {
    const found = this.find(use, "sched_cls", direction === "ingress" ? "tcx_ingress" : "tcx_egress");
    if (found === null) return;
    // tcx is bpf(2) alone: the object has to be loaded first
    const pin = found.pin ?? this.load(`${dev}-tcx-${this.loaded.size}`, found.obj, use, "sched_cls");
    this.add(`bpftool net attach tcx_${direction} pinned ${pin}/${found.program.name} dev ${dev}`, use.origin);
  }

  private load(name: string, obj: string, use: LoadedUse, kind: ProgKind | null): string {
    const dir = `${PIN_ROOT}/${name}`;
    if (this.loaded.has(dir)) return dir;
    this.loaded.add(dir);
    const type = kind === "xdp" ? " type xdp" : kind === "sched_cls" ? " type classifier" : "";
    this.add(`bpftool prog loadall ${quote(obj)} ${dir}${type} pinmaps ${dir}/maps`, use.origin, use.globals);
    return dir;
  }

  private add(line: string, origin: Origin, globals: readonly GlobalSpec[] = []): void {
    this.out.push({ line, origin, ...(globals.length === 0 ? {} : { globals: globalValues(globals) }) });
  }

  /** The object and the program that are meant. `pin` is set for entries of `programs`. */
  private find(use: ProgramUseSpec, kind: ProgKind, attach: AttachKind): FoundProgram | null {
    const named = this.lab.programs.find((p) => p.name === use.obj);
    const obj = named?.obj ?? use.obj;
    if (named === undefined && !use.obj.includes(".") && !use.obj.includes("/")) {
      const names = this.lab.programs.map((p) => p.name);
      const near = nearest(use.obj, names);
      if (near !== null || names.length > 0) {
        const message = `"${use.obj}" is neither an object file nor an entry of \`programs\``;
        this.findings.add({ code: "PROGRAM_UNKNOWN", message, ...use.origin, fix: suggest(use.obj, names) });
        return null;
      }
    }
    const spec = objectOfUse(this.objects, use, named, this.findings);
    if (spec === null) return null;
    const program = pickProgram(spec, use, kind, attach, this.findings);
    if (program === null) return null;
    const anyTyped = spec.programs.some((p) => p.kind !== null);
    const load = { globals: named?.globals ?? [], origin: use.origin };
    const pin = named === undefined ? null : this.load(named.name, obj, load, anyTyped ? null : kind);
    return { obj, program, pin, bySection: spec.programs.filter((p) => p.section === program.section).length === 1 };
  }
}

/** Without `pref` each new filter goes before the others; a list of a lab runs in its own order. */
function inOrder(uses: readonly ProgramUseSpec[]): readonly ProgramUseSpec[] {
  if (uses.length < 2 || uses.some((use) => use.pref !== undefined)) return uses;
  return uses.map((use, i) => ({ ...use, pref: i + 1 }));
}

/** What loads an object once for all its programs. */
type LoadedUse = Pick<ProgramUseSpec, "globals" | "origin">;

interface FoundProgram {
  readonly obj: string;
  readonly program: ProgramSpec;
  readonly pin: string | null;
  readonly bySection: boolean;
}

function selector(found: FoundProgram): string {
  return found.bySection ? `section ${quote(found.program.section)}` : `program ${quote(found.program.name)}`;
}

/** `tbf rate ...` is the root qdisc; what says root, parent or handle itself is taken as it is. */
function qdiscCommand(dev: string, text: string): string {
  const t = text.trim();
  if (t.startsWith("tc ")) return t;
  const placed = /^(root|parent|handle|ingress|clsact)\b/.test(t);
  return `tc qdisc ${placed ? "add" : "replace"} dev ${dev} ${placed ? "" : "root "}${t}`;
}
