/** IPv6's half of `ip route get`. @source net/ipv6/route.c inet6_rtm_getroute, rt6_fill_node */
import type { Host } from "../../net/host.ts";
import { DST_LOCAL, DST_MULTICAST } from "../../net/ip/dst.ts";
import type { FibRoute } from "../../net/ip/fib/fib.ts";
import { RTPROT_BOOT } from "../../net/ip/fib/rtm.ts";
import { ipStack } from "../../net/ip/ip-stack.ts";
import { Flow6, routeOutput6 } from "../../net/ip/ipv6/route.ts";
import { NetlinkError } from "../../net/netlink-error.ts";
import { PrintRecord } from "../record.ts";
import { protocolName } from "./names.ts";
import type { RouteQuestion } from "./route-question.ts";

/** @throws NetlinkError when there is no way */
export function routeRecord6(host: Host, q: RouteQuestion): PrintRecord {
  const stack = ipStack(host);
  const flow = new Flow6().set(q.dst, q.from, q.oif, 0, 0);
  const dst = routeOutput6(stack, flow);
  if (dst === null) throw new NetlinkError(flow.err);
  const route = ownerOf(host, dst);
  const local = dst.kind === DST_LOCAL;
  const r = new PrintRecord();
  if (local || dst.kind === DST_MULTICAST) {
    const type = local ? "local" : "multicast";
    r.any("type", type, `${type} `);
  }
  r.any("dst", String(q.dst), `${q.dst} `);
  const from = q.from === null ? "::" : String(q.from);
  r.any("from", from, `from ${from} `);
  if (dst.gw !== null) r.any("gateway", String(dst.gw), `via ${dst.gw} `);
  r.any("dev", dst.dev.name, `dev ${dst.dev.name} `);
  if (local) r.any("table", "local", "table local ");
  const protocol = local
    ? "kernel"
    : route !== null && route.protocol !== RTPROT_BOOT
      ? protocolName(route.protocol)
      : null;
  if (protocol !== null) r.any("protocol", protocol, `proto ${protocol} `);
  if (flow.saddr !== null) r.any("prefsrc", String(flow.saddr), `src ${flow.saddr} `);
  const metric = local ? 0 : (route?.metric ?? 0);
  r.any("metric", metric, `metric ${metric} `).field("flags", []);
  if (dst.mtuMetric !== 0)
    r.any("metrics", [{ mtu: dst.mtuMetric }], `mtu ${dst.mtuLocked ? "lock " : ""}${dst.mtuMetric} `);
  return r.any("pref", "medium", "pref medium");
}

/** The route whose next hop a destination is. */
function ownerOf(host: Host, dst: object): FibRoute | null {
  const stack = ipStack(host);
  return stack.allRoutes(10).find((r) => r.nhs.some((n) => n.dst === dst)) ?? null;
}
