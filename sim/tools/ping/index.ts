/** `ping`. @source iputils 20221126 ping/ping.c ping4_run, ping/ping6_common.c ping6_run */
import { action, type Operation } from "effection";
import type { Host } from "../../net/host.ts";
import { AF_INET, formatIp4, IpAddr, isLinkLocal6, parseIp } from "../../net/ip/address.ts";
import { DST_BROADCAST } from "../../net/ip/dst.ts";
import { ipStack } from "../../net/ip/ip-stack.ts";
import { pathMtu4 } from "../../net/ip/ipv4/output.ts";
import { Flow4, routeOutput4 } from "../../net/ip/ipv4/route.ts";
import { Flow6, isLocal6, routeOutput6 } from "../../net/ip/ipv6/route.ts";
import { strerror } from "../rtnetlink.ts";
import { type Tool, ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { type PingOptions, parsePing } from "./options.ts";
import { type PingTarget, resolveTarget } from "./resolve.ts";
import { displayName, PingRun } from "./run.ts";

/** What -I says. */
interface From {
  readonly ifindex: number;
  readonly addr: IpAddr | null;
}

const EACCES = 13;

function fromOf(host: Host, o: PingOptions, target: PingTarget): From {
  const zone = target.zone === null ? 0 : deviceOf(host, target.zone);
  if (o.from === null) return { ifindex: zone, addr: null };
  const addr = parseIp(o.from);
  if (addr === null) return { ifindex: deviceOf(host, o.from), addr: null };
  const stack = ipStack(host);
  const ours = addr.family === AF_INET ? stack.isLocal4(addr.a) : isLocal6(stack, addr, zone);
  if (!ours) throw new ToolError(2, "ping: bind: Cannot assign requested address\n");
  return { ifindex: zone, addr };
}

function deviceOf(host: Host, name: string): number {
  const dev = host.devByName.get(name);
  if (dev === undefined) throw new ToolError(2, `ping: SO_BINDTODEVICE ${name}: No such device\n`);
  return dev.ifindex;
}

function connectError(errno: number): ToolError {
  if (errno === EACCES) {
    const text = "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules\n";
    return new ToolError(2, text);
  }
  return new ToolError(2, `ping: connect: ${strerror(errno)}\n`);
}

/** connect(2) of a probe: is there a way, from which address, and how much fits. */
function probe(
  host: Host,
  target: PingTarget,
  from: From,
  o: PingOptions,
): { readonly source: IpAddr; readonly mtu: number } {
  const stack = ipStack(host);
  if (target.addr.family === AF_INET) {
    const flow = new Flow4().set(target.addr.a, from.addr?.a ?? 0, from.ifindex, 0, 0);
    const dst = routeOutput4(stack, flow);
    if (dst === null) throw connectError(flow.err);
    if (dst.kind === DST_BROADCAST && !o.broadcast) throw connectError(EACCES);
    return { source: new IpAddr(AF_INET, flow.saddr), mtu: pathMtu4(stack, dst, target.addr.a) };
  }
  if (isLinkLocal6(target.addr.a) && from.ifindex === 0) throw connectError(22);
  const flow = new Flow6().set(target.addr, from.addr, from.ifindex, 0, 0);
  const dst = routeOutput6(stack, flow);
  if (dst === null) throw connectError(flow.err);
  return { source: flow.saddr!, mtu: dst.mtu };
}

/** The first line. */
function banner(host: Host, target: PingTarget, source: IpAddr, from: From, o: PingOptions): string {
  const device = from.addr === null && o.from !== null ? o.from : "";
  if (target.addr.family === AF_INET) {
    const origin = o.from === null ? "" : `from ${formatIp4(source.a)} ${device}: `;
    return `PING ${target.name} (${target.addr}) ${origin}${o.size}(${o.size + 28}) bytes of data.\n`;
  }
  const shown = displayName(host, target.addr, target.numeric || o.numeric, from.ifindex);
  const origin = o.from === null ? "" : `from ${displayName(host, source, true, from.ifindex)} ${device}: `;
  return `PING ${target.name}(${shown}) ${origin}${o.size} data bytes\n`;
}

function* run(session: ToolSession, argv: readonly string[]): Operation<ToolResult> {
  const { host } = session;
  const o = parsePing(argv);
  const target = resolveTarget(host, o.target, o.family);
  const from = fromOf(host, o, target);
  const { source, mtu } = probe(host, target, from, o);
  const ping = new PingRun(host, target, o, { ...from, mtu });
  if (o.broadcast) ping.stderr = "WARNING: pinging broadcast address\n";
  ping.stdout = banner(host, target, source, from, o);
  try {
    yield* action<void>((resolve) => {
      ping.start(resolve);
      return () => ping.close();
    }, "ping");
  } finally {
    ping.close();
  }
  const status = ping.finish();
  return { status, stdout: ping.stdout, stderr: ping.stderr };
}

/** `ping`. */
export const ping: Tool = { name: "ping", summary: "echo requests to another host", run };
