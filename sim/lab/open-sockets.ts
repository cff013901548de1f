/** The sockets a lab opens on its nodes: they take what reaches them, through their filter, and count it. */

import type { Program } from "../bpf/program.ts";
import { loadObjectOnHost } from "../net/bpf-objects.ts";
import { ETH_P_ALL } from "../net/ether.ts";
import type { Host } from "../net/host.ts";
import { AF_INET, AF_INET6, ANY4, parseIp } from "../net/ip/address.ts";
import { NetlinkError } from "../net/netlink-error.ts";
import type { Skb } from "../net/skb.ts";
import { openPacket, openUdp } from "../net/sockets/index.ts";
import type { Socket } from "../net/sockets/socket.ts";
import type { Network } from "./network.ts";
import { objectOfUse, pickProgram } from "./program-use.ts";
import { PIN_ROOT } from "./setup-commands.ts";
import type { NodeSpec, SocketSpec } from "./spec.ts";
import type { SocketSummary } from "./summary.ts";
import type { Findings } from "./text/findings.ts";

/** An open socket of a lab. The counts go on when its host boots again. */
export class LabSocket {
  readonly node: string;
  readonly spec: SocketSpec;
  packets: number = 0;
  bytes: number = 0;
  private pastDrops: number = 0;
  private socket: Socket | null = null;

  constructor(node: string, spec: SocketSpec) {
    this.node = node;
    this.spec = spec;
  }

  /** Takes the place of the socket that went down with its host. */
  replace(socket: Socket): void {
    this.pastDrops += this.socket?.drops ?? 0;
    this.socket = socket;
  }

  count(len: number): void {
    this.packets++;
    this.bytes += len;
  }

  summary(): SocketSummary {
    return {
      node: this.node,
      name: this.spec.name,
      type: this.spec.type,
      packets: this.packets,
      bytes: this.bytes,
      drops: this.pastDrops + (this.socket?.drops ?? 0),
    };
  }
}

/** Opens a node's sockets. Findings: addresses and interfaces that are not there, ports that are taken, filters that do not fit. */
export function openSockets(network: Network, node: NodeSpec, findings: Findings): void {
  const host = network.host(node.name);
  for (const spec of node.sockets) {
    const known = network.sockets.find((s) => s.node === node.name && s.spec === spec);
    const lab = known ?? new LabSocket(node.name, spec);
    const filter = filterOf(network, host, spec, findings);
    const socket = open(host, spec, lab, findings);
    if (socket === null) continue;
    socket.filter = filter;
    lab.replace(socket);
    if (known === undefined) network.sockets.push(lab);
  }
}

function open(host: Host, spec: SocketSpec, lab: LabSocket, findings: Findings): Socket | null {
  if (spec.type === "packet") {
    const dev = spec.interface === null ? null : (host.devByName.get(spec.interface) ?? null);
    if (spec.interface !== null && dev === null) {
      const message = `${host.name} has no interface "${spec.interface}"`;
      findings.add({ code: "INTERFACE_UNKNOWN", message, ...spec.origin });
      return null;
    }
    const socket = openPacket(host, { dev, protocol: ETH_P_ALL });
    socket.onFrame = (_socket: unknown, _addr: number, len: number, _skb: Skb) => lab.count(len);
    return socket;
  }
  const address = spec.address === null ? ANY4 : parseIp(spec.address)!;
  const socket = openUdp(host, address.family === AF_INET ? AF_INET : AF_INET6);
  try {
    socket.bind(address, spec.port!);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    findings.add({ code: "SOCKET_REFUSED", message: `bind: ${error.message}`, ...spec.origin });
    return null;
  }
  socket.onPacket = (_socket: unknown, _addr: number, len: number, _skb: Skb) => lab.count(len);
  return socket;
}

function filterOf(network: Network, host: Host, spec: SocketSpec, findings: Findings): Program | null {
  const use = spec.filter;
  if (use === null) return null;
  const named = network.spec.programs.find((p) => p.name === use.obj);
  const object = objectOfUse(network.objects, use, named, findings);
  if (object === null) return null;
  const program = pickProgram(object, use, "socket_filter", null, findings);
  if (program === null) return null;
  const pinned = named === undefined ? undefined : host.bpf.pinnedProgram(`${PIN_ROOT}/${named.name}/${program.name}`);
  const options = { programs: [program.name], kind: "socket_filter" } as const;
  return pinned ?? loadObjectOnHost(host, object, options).program(program.name);
}
