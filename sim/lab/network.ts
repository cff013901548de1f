/** A lab come to life: hosts, links, shells, traffic. Made by `buildNetwork`, run by `runNetwork`. */
import type { Operation } from "effection";
import type { LiveTraffic } from "../apps/traffic.ts";
import { BugError, LabError, ObjectError, VerifierError } from "../engine/errors.ts";
import { type NicLink, setLinkUp } from "../net/devices/nic.ts";
import type { Host } from "../net/host.ts";
import type { Kernel } from "../net/kernel.ts";
import type { ToolResult, ToolSession } from "../tools/tool.ts";
import type { LabFiles, ObjectStore } from "./lab-files.ts";
import { atOrigin } from "./object-at.ts";
import type { LabSocket } from "./open-sockets.ts";
import type { LabParts } from "./parts.ts";
import type { CommandSpec, ImpairmentSpec, LabSpec, LinkSpec, TrafficSpec } from "./spec.ts";
import type { CommandSummary } from "./summary.ts";
import type { Findings } from "./text/findings.ts";

/** A link of the lab. */
export interface LiveLink {
  readonly spec: LinkSpec;
  /** null for a veth pair, which has no cable. */
  readonly cable: NicLink | null;
}

/** Traffic of the lab. */
export interface RunningTraffic {
  readonly spec: TrafficSpec;
  readonly live: LiveTraffic;
}

/** Where a run stands: what helps to repeat a fault. */
export interface NetworkPosition {
  readonly seed: number;
  readonly event: number;
  readonly nowNs: number;
}

export class Network {
  readonly spec: LabSpec;
  readonly kernel: Kernel;
  readonly files: LabFiles;
  readonly objects: ObjectStore;
  readonly parts: LabParts;
  readonly links: readonly LiveLink[];
  /** Set when the traffic starts. */
  readonly traffic: RunningTraffic[] = [];
  readonly sockets: LabSocket[] = [];
  /** What commands of exec lists and the timeline printed. */
  readonly outputs: CommandSummary[] = [];

  private readonly restartListeners: Map<Host, (() => void)[]> = new Map();

  constructor(
    spec: LabSpec,
    kernel: Kernel,
    files: LabFiles,
    objects: ObjectStore,
    parts: LabParts,
    links: readonly LiveLink[],
  ) {
    this.spec = spec;
    this.kernel = kernel;
    this.files = files;
    this.objects = objects;
    this.parts = parts;
    this.links = links;
  }

  /** Where the run stands. */
  readonly position = (): NetworkPosition => ({
    seed: this.spec.seed,
    event: this.kernel.engine.executed,
    nowNs: this.kernel.engine.nowNs,
  });

  /** A node's host; the spec's names are checked, so it is there. */
  host(name: string): Host {
    return this.kernel.hostByName.get(name)!;
  }

  /** Calls back when a crashed host was booted again and configured. */
  onRestart(host: Host, listener: () => void): void {
    const list = this.restartListeners.get(host);
    if (list === undefined) this.restartListeners.set(host, [listener]);
    else list.push(listener);
  }

  /** Tells everybody that a host is back. */
  restarted(host: Host): void {
    for (const t of this.traffic) t.live.restart(host);
    for (const listener of this.restartListeners.get(host) ?? []) listener();
  }

  /** What commands on a host see of the world. @param globals for the object that the command loads */
  session(host: Host, globals?: ReadonlyMap<string, unknown>): ToolSession {
    return { host, readFile: (path) => this.files.read(path), ...(globals === undefined ? {} : { globals }) };
  }

  /** Runs one command of the lab; its failure is a finding at its place. @param record keep what it printed */
  *run(host: Host, command: CommandSpec, findings: Findings, record: boolean): Operation<void> {
    const atNs = this.kernel.engine.nowNs;
    const result = yield* this.parts.runCommand(this.session(host, command.globals), command.line);
    if (record && (result.stdout !== "" || result.stderr !== "")) {
      const { status, stdout, stderr } = result;
      this.outputs.push({ atNs, node: host.name, command: command.line, status, stdout, stderr });
    }
    if (result.status === 0 || isMeasurement(command.line, result)) return;
    const { cause } = result;
    // an object that cannot be loaded is reported as itself
    if (cause instanceof ObjectError || cause instanceof VerifierError)
      throw atOrigin(cause, command.origin, host.name);
    const prefix = record ? host.name : `${host.name}: ${command.line}`;
    if (cause instanceof LabError) {
      for (const d of cause.diagnostics) findings.add({ ...d, message: `${prefix}: ${d.message}`, ...command.origin });
      return;
    }
    const said = result.stderr.trim().split("\n")[0] || `exit status ${result.status}`;
    findings.add({ code: "COMMAND_FAILED", message: `${prefix}: ${said}`, ...command.origin });
  }

  /** Changes a link. Links that change have a cable: the parser has seen to it. */
  changeLink(
    index: number,
    direction: "both" | "forward" | "backward",
    up: boolean | null,
    set: Partial<ImpairmentSpec>,
  ): void {
    const link = this.links[index]!;
    if (link.cable === null) throw new BugError("LINK_VETH", `link ${index} is a veth pair and cannot be changed`);
    if (up !== null && direction === "both") setLinkUp(link.cable, up);
    const [forward, backward] = link.cable.wires;
    const wires = direction === "both" ? [forward, backward] : direction === "forward" ? [forward] : [backward];
    for (const wire of wires) {
      if (up !== null && direction !== "both") wire.setUp(up);
      wire.configure(set);
    }
  }
}

/** The status of a ping that went out, or had no route, says what it measured; that is no fault of the lab. One that ping refuses is. */
function isMeasurement(line: string, { stdout, stderr }: ToolResult): boolean {
  return /^\s*ping6?\s/.test(line) && (stdout.startsWith("PING ") || stderr.startsWith("ping: connect: "));
}
