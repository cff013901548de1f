/**
 * The third of a lab's three stages: the run. exec lists run at time 0, each node's in order and the nodes side by side; then traffic
 * and timeline. The operation ends with the lab's duration, and everything that still runs is halted.
 */
import { action, type Operation, scoped, spawn } from "effection";
import type { TrafficEnd, TrafficPlan } from "../apps/traffic.ts";
import { LabError } from "../engine/errors.ts";
import { type RunOptions, runSimulation, sleepUntil } from "../engine/process.ts";
import { AF_INET, AF_INET6, formatIp4, formatIp6 } from "../net/ip/address.ts";
import { listAddresses } from "../net/ip/addresses.ts";
import type { Netdev } from "../net/netdev.ts";
import { crashHost, restartHost } from "../net/stack.ts";
import { configureAgain } from "./build-network.ts";
import { collectCounters, collectPrinted } from "./collect.ts";
import { fillMaps } from "./map-fill.ts";
import { collectMetrics, evaluateExpectations } from "./metrics.ts";
import type { Network } from "./network.ts";
import type { NodeRef, Origin, TargetSpec, TimelineSpec, TrafficSpec } from "./spec.ts";
import { type RunSummary, SUMMARY_VERSION } from "./summary.ts";
import { Findings } from "./text/findings.ts";

/**
 * Runs a network to the end of its duration.
 * @returns the summary
 * @throws LabError when a command fails, VerifierError when a program does what it must not
 */
export function* runNetwork(network: Network, options: RunOptions = {}): Operation<RunSummary> {
  const { engine } = network.kernel;
  return yield* scoped(function* () {
    const execDone = yield* startExec(network);
    startTraffic(network);
    // names of expectations are checked now, not after a long run, unless commands still to come may make what they name
    if (execDone && !network.spec.timeline.some((e) => e.kind === "exec")) summarize(network);
    for (const entry of network.spec.timeline) {
      yield* spawn(function* () {
        yield* sleepUntil(engine, entry.atNs);
        yield* perform(network, entry);
      });
    }
    yield* runSimulation(engine, network.spec.durationNs, options);
    return summarize(network);
  });
}

/**
 * Starts every node's exec list. Commands that take no simulated time are done when this ends.
 * @returns whether all are done: false when one waits for simulated time (`ping`)
 */
export function* startExec(network: Network): Operation<boolean> {
  let running = 0;
  for (const node of network.spec.nodes) {
    if (node.exec.length === 0) continue;
    running++;
    yield* spawn(function* () {
      const findings = new Findings();
      for (const command of node.exec) yield* network.run(network.host(node.name), command, findings, true);
      findings.throwIfAny();
      running--;
    });
  }
  yield* nextTurn();
  return running === 0;
}

/** Lets what was spawned go as far as it can. */
function nextTurn(): Operation<void> {
  return action<void>((resolve) => {
    const turn = setImmediate(resolve);
    return () => clearImmediate(turn);
  }, "nextTurn");
}

/** Resolves names and starts all traffic. @throws LabError */
export function startTraffic(network: Network): void {
  const findings = new Findings();
  for (const spec of network.spec.traffic) {
    try {
      const plan = planTraffic(network, spec, findings);
      if (plan !== null) network.traffic.push({ spec, live: network.parts.startTraffic(network.kernel, plan) });
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      findings.addAll(error.diagnostics.map((d) => ({ ...d, ...spec.origin })));
    }
  }
  findings.throwIfAny();
}

function* perform(network: Network, entry: TimelineSpec): Operation<void> {
  const findings = new Findings();
  switch (entry.kind) {
    case "exec":
      for (const name of entry.nodes) {
        for (const command of entry.commands) yield* network.run(network.host(name), command, findings, true);
      }
      break;
    case "maps":
      for (const name of entry.nodes) fillMaps(network.host(name), entry.maps, findings);
      break;
    case "link":
      network.changeLink(entry.link, entry.direction, entry.up, entry.set);
      break;
    case "crash":
      for (const name of entry.nodes) crashHost(network.host(name));
      break;
    case "restart":
      for (const name of entry.nodes) {
        const host = network.host(name);
        restartHost(host);
        yield* configureAgain(network, name);
        network.restarted(host);
      }
      break;
  }
  findings.throwIfAny();
}

function planTraffic(network: Network, spec: TrafficSpec, findings: Findings): TrafficPlan | null {
  const from = spec.from.map((ref) => trafficEnd(network, ref));
  const receivers = spec.type === "udp" ? spec.sinks : spec.type === "udp-rr" ? spec.servers : [];
  const to: string[] = [];
  if ("to" in spec) {
    for (const target of spec.to) {
      const address = targetAddress(network, target);
      if (address === null) reportNoAddress(target, spec.origin, findings);
      else to.push(address);
    }
    if (to.length === 0) return null;
  }
  return {
    spec,
    from,
    to,
    receivers: receivers.map((ref) => trafficEnd(network, ref)),
    capture: spec.type === "pcap" ? network.files.read(spec.file) : null,
  };
}

function trafficEnd(network: Network, ref: NodeRef): TrafficEnd {
  const host = network.host(ref.node);
  return { host, dev: ref.interface === null ? null : (host.devByName.get(ref.interface) ?? null) };
}

function reportNoAddress(target: TargetSpec, origin: Origin, findings: Findings): void {
  const label =
    "address" in target
      ? target.address
      : target.interface === null
        ? target.node
        : `${target.node}:${target.interface}`;
  findings.add({
    code: "ADDRESS_NONE",
    message: `${label} has no address to send to`,
    ...origin,
    fix: "give its interface an `ip`",
  });
}

/** The address itself; or the first of the interface; or the first of the node, lo last, IPv4 first. */
function targetAddress(network: Network, target: TargetSpec): string | null {
  if ("address" in target) return target.address;
  const host = network.host(target.node);
  const devices =
    target.interface === null
      ? host.devices
          .filter((d): d is Netdev => d !== undefined)
          .sort((a, b) => Number(a.name === "lo") - Number(b.name === "lo"))
      : [host.devByName.get(target.interface)!];
  return firstAddress(devices, AF_INET) ?? firstAddress(devices, AF_INET6);
}

function firstAddress(devices: readonly Netdev[], family: typeof AF_INET | typeof AF_INET6): string | null {
  for (const dev of devices) {
    for (const { addr } of listAddresses(dev, family)) {
      const text = family === AF_INET ? formatIp4(addr.a) : formatIp6(addr.a, addr.b, addr.c, addr.d);
      if (!text.startsWith("fe80:") && !text.startsWith("127.") && text !== "::1") return text;
    }
  }
  return null;
}

/** The state of a run as a summary. @throws LabError for expectations about metrics that do not exist */
export function summarize(network: Network): RunSummary {
  const { spec, kernel } = network;
  const base = {
    version: SUMMARY_VERSION,
    lab: spec.name,
    seed: spec.seed,
    durationNs: kernel.engine.nowNs,
    events: kernel.engine.executed,
    ...collectCounters(kernel),
    traffic: network.traffic.map((t) => ({ name: t.spec.name, type: t.spec.type, ...t.live.result() })),
    sockets: network.sockets.map((s) => s.summary()),
    commands: network.outputs,
    printed: collectPrinted(kernel),
  } as const;
  const findings = new Findings();
  const expect = evaluateExpectations(spec.expect, collectMetrics(kernel, base), kernel, findings);
  findings.throwIfAny();
  return { ...base, hints: network.parts.findHints(kernel), expect };
}

/** Everything that is wrong with a lab that only its live network shows, without running it. @throws LabError */
export function* checkNetwork(network: Network): Operation<void> {
  yield* scoped(function* () {
    const execDone = yield* startExec(network);
    startTraffic(network);
    try {
      if (execDone && !network.spec.timeline.some((e) => e.kind === "exec")) summarize(network);
    } finally {
      for (const t of network.traffic) t.live.stop();
    }
  });
}

/** Whether every expectation held. */
export function allHeld(summary: RunSummary): boolean {
  return summary.expect.every((e) => e.ok);
}
