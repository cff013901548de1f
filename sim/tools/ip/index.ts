/** `ip` and its objects: one line each. @source iproute2 ip/ip.c */
import { matches, notInNetsim, takeFlags, Words } from "../rtnetlink.ts";
import { immediate, type Tool, ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { addr } from "./addr.ts";
import { link } from "./link.ts";
import { neigh } from "./neigh.ts";
import type { IpObject } from "./object.ts";
import { route } from "./route.ts";

/** Objects that netsim has. */
export const ipObjects: readonly IpObject[] = [addr, link, neigh, route];

/** iproute2's objects in the order in which abbreviations are looked up. */
const ORDER: readonly string[] =
  "address addrlabel maddress route rule neighbor neighbour ntable ntbl link l2tp fou ila macsec tunnel tunl tuntap tap token tcpmetrics tcp_metrics monitor xfrm mroute mrule netns netconf vrf sr nexthop mptcp ioam help stats".split(
    " ",
  );

const USAGE =
  "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n" +
  "where  OBJECT := { address | link | neighbor | route }\n" +
  "       OPTIONS := { -s[tatistics] | -d[etails] | -f[amily] { inet | inet6 } | -4 | -6 |\n" +
  "                    -o[neline] | -br[ief] | -j[son] | -p[retty] | -force }\n";

function run(session: ToolSession, argv: readonly string[]): string | ToolResult {
  const words = new Words(argv);
  const flags = takeFlags("ip", words);
  if (words.done) throw new ToolError(255, USAGE);
  const word = words.next();
  const name = ORDER.find((n) => matches(word, n));
  if (name === undefined) throw new ToolError(1, `Object "${word}" is unknown, try "ip help".\n`);
  if (name === "help") throw new ToolError(255, USAGE);
  const object = ipObjects.find((o) => o.names.includes(name));
  if (object === undefined) throw notInNetsim(`\`ip ${name}\``, "it has ip address, link, neighbor, route");
  return object.run(session, words, flags);
}

/** `ip`. */
export const ip: Tool = {
  name: "ip",
  summary: "devices, addresses, routes and neighbours",
  run: (session, argv) => immediate(() => run(session, argv)),
};
