/**
 * The second of a lab's three stages: LabSpec to live Network. Hosts and links are made, then the nodes' shortcuts run as the commands
 * they stand for, phase by phase over all nodes: devices, addresses and routes, programs and qdiscs, map contents. Everything that does
 * not fit is reported together.
 */
import type { Operation } from "effection";
import { parseMac } from "../bpf/btf/net-text.ts";
import type { DeviceOptions } from "../net/devices/device.ts";
import { connectNics, createNic, type NicOptions } from "../net/devices/nic.ts";
import { createVethPair } from "../net/devices/veth.ts";
import type { Host } from "../net/host.ts";
import type { Kernel } from "../net/kernel.ts";
import { NetlinkError } from "../net/netlink-error.ts";
import { addHost, createKernel } from "../net/stack.ts";
import { type LabFiles, ObjectStore } from "./lab-files.ts";
import { fillMaps } from "./map-fill.ts";
import { type LiveLink, Network } from "./network.ts";
import { openSockets } from "./open-sockets.ts";
import type { LabParts } from "./parts.ts";
import { type SetupCommands, setupCommands } from "./setup-commands.ts";
import type { ImpairmentSpec, InterfaceSpec, LabSpec, LinkEndSpec, LinkSpec } from "./spec.ts";
import { Findings } from "./text/findings.ts";

const PHASES = ["devices", "addresses", "programs"] as const satisfies readonly (keyof SetupCommands)[];

/**
 * Builds a network.
 * @throws LabError with everything that does not fit; ObjectError, VerifierError for programs that cannot be loaded
 */
export function* buildNetwork(spec: LabSpec, files: LabFiles, parts: LabParts): Operation<Network> {
  const kernel = createKernel({ seed: spec.seed, idealCpu: spec.cpu === "ideal" });
  for (const node of spec.nodes) addHost(kernel, node.name, { cpus: node.cpus });
  const findings = new Findings();
  const links = spec.links.map((link) => connect(kernel, spec, link, findings));
  findings.throwIfAny();
  const network = new Network(spec, kernel, files, new ObjectStore(files), parts, links as readonly LiveLink[]);
  const setups = spec.nodes.map((node) => setupCommands(node, spec, network.objects, findings));
  findings.throwIfAny();
  for (const phase of PHASES) {
    for (const [i, node] of spec.nodes.entries()) {
      for (const command of setups[i]![phase]) yield* network.run(network.host(node.name), command, findings, false);
    }
  }
  findings.throwIfAny();
  for (const node of spec.nodes) {
    openSockets(network, node, findings);
    fillMaps(network.host(node.name), node.maps, findings);
  }
  findings.throwIfAny();
  return network;
}

/** A host that was booted again is configured as at the start: shortcuts, maps, then exec. */
export function* configureAgain(network: Network, name: string): Operation<void> {
  const findings = new Findings();
  const node = network.spec.nodes.find((n) => n.name === name)!;
  const host = network.host(name);
  const setup = setupCommands(node, network.spec, network.objects, findings);
  for (const phase of PHASES) for (const command of setup[phase]) yield* network.run(host, command, findings, false);
  openSockets(network, node, findings);
  fillMaps(host, node.maps, findings);
  for (const command of node.exec) yield* network.run(host, command, findings, true);
  findings.throwIfAny();
}

function connect(kernel: Kernel, spec: LabSpec, link: LinkSpec, findings: Findings): LiveLink | null {
  const [hostA, a] = endOf(kernel, spec, link.a);
  const [hostB, b] = endOf(kernel, spec, link.b);
  try {
    if (link.driver === "veth") {
      createVethPair(hostA, deviceOptions(a), hostB, deviceOptions(b));
      return { spec: link, cable: null };
    }
    const cable = connectNics(createNic(hostA, nicOptions(a)), createNic(hostB, nicOptions(b)));
    cable.wires[0].configure(wireParams(link.forward));
    cable.wires[1].configure(wireParams(link.backward));
    return { spec: link, cable };
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    findings.add({ code: "LINK_REFUSED", message: error.message, ...link.origin });
    return null;
  }
}

function endOf(kernel: Kernel, spec: LabSpec, end: LinkEndSpec): [Host, InterfaceSpec] {
  const node = spec.nodes.find((n) => n.name === end.node)!;
  return [kernel.hostByName.get(end.node)!, node.interfaces.find((i) => i.name === end.interface)!];
}

function deviceOptions(i: InterfaceSpec): DeviceOptions {
  const mac = i.mac === null ? null : parseMac(i.mac);
  return {
    name: i.name,
    ...(mac === null ? {} : { mac }),
    ...(i.queues === null ? {} : { txQueues: i.queues, rxQueues: i.queues }),
  };
}

function nicOptions(i: InterfaceSpec): NicOptions {
  return { ...deviceOptions(i), ...(i.ring === null ? {} : { rxRing: i.ring }) };
}

function wireParams(p: ImpairmentSpec): ImpairmentSpec {
  return { rateBps: p.rateBps, delayNs: p.delayNs, jitterNs: p.jitterNs, loss: p.loss };
}
