/** `ip route get`: which way a packet of this host would take. @source iproute2 ip/iproute.c iproute_get; net/ipv4/route.c rt_fill_info */
import type { Host } from "../../net/host.ts";
import { AF_INET, formatIp4, type IpAddr } from "../../net/ip/address.ts";
import { DST_BROADCAST, DST_LOCAL, DST_MULTICAST } from "../../net/ip/dst.ts";
import { ipStack } from "../../net/ip/ip-stack.ts";
import { Flow4, routeOutput4 } from "../../net/ip/ipv4/route.ts";
import { NetlinkError } from "../../net/netlink-error.ts";
import { familyHint, parsePrefixWord } from "../addr-words.ts";
import { PrintRecord } from "../record.ts";
import { findDevice, matches, notInNetsim, printJson, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";
import { routeRecord6 } from "./route-get6.ts";
import type { RouteQuestion } from "./route-question.ts";

/** Runs it. */
export function getRoute(host: Host, words: Words, flags: ToolFlags): string {
  let dst: IpAddr | null = null;
  let from: IpAddr | null = null;
  let out: string | null = null;
  let family = familyHint(flags.family);
  while (!words.done) {
    const w = words.next();
    if (matches(w, "from")) from = parsePrefixWord(words.next(), family).addr;
    else if (matches(w, "oif") || w === "dev") out = words.next();
    else if (
      w === "iif" ||
      ["mark", "vrf", "uid", "fibmatch", "sport", "dport", "ipproto", "tos", "notify", "connected", "as"].includes(w)
    ) {
      throw notInNetsim(`\`ip route get ... ${w}\``);
    } else {
      const word = parsePrefixWord(w === "to" ? words.next() : w, family);
      dst = word.addr;
      family ||= dst?.family ?? 0;
    }
  }
  if (dst === null) throw new ToolError(1, "need at least a destination address\n");
  const oif = out === null ? 0 : findDevice(host, out).ifindex;
  const question = { dst, from, oif };
  const record = talk(() =>
    question.dst.family === AF_INET ? routeRecord4(host, question, flags) : routeRecord6(host, question),
  );
  return flags.json ? printJson([record.json], flags) : `${record.text}\n`;
}

/** @throws NetlinkError */
function routeRecord4(host: Host, q: RouteQuestion, flags: ToolFlags): PrintRecord {
  const flow = new Flow4().set(q.dst.a, q.from?.a ?? 0, q.oif, 0, 0);
  const dst = routeOutput4(ipStack(host), flow);
  if (dst === null) throw new NetlinkError(flow.err);
  const r = new PrintRecord();
  const type =
    dst.kind === DST_LOCAL
      ? "local"
      : dst.kind === DST_BROADCAST
        ? "broadcast"
        : dst.kind === DST_MULTICAST
          ? "multicast"
          : null;
  if (type !== null) r.any("type", type, `${type} `);
  r.any("dst", String(q.dst), `${q.dst} `);
  if (q.from !== null) r.any("from", String(q.from), `from ${q.from} `);
  if (dst.gw !== null) r.any("gateway", String(dst.gw), `via ${dst.gw} `);
  r.any("dev", dst.dev.name, `dev ${dst.dev.name} `);
  if (q.from === null) r.any("prefsrc", formatIp4(flow.saddr), `src ${formatIp4(flow.saddr)} `);
  r.field("flags", []).any("uid", 0, "uid 0 ");
  const cache =
    type === "local" ? ["local"] : type === "broadcast" ? ["local", "brd"] : type === "multicast" ? ["mc"] : [];
  r.any("cache", cache, `${flags.oneline ? "\\" : "\n"}    cache ${cache.length > 0 ? `<${cache.join(",")}> ` : ""}`);
  if (dst.mtuMetric !== 0)
    r.any("metrics", [{ mtu: dst.mtuMetric }], `mtu ${dst.mtuLocked ? "lock " : ""}${dst.mtuMetric} `);
  return r;
}
