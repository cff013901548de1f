/** `ip route`. @source iproute2 ip/iproute.c do_iproute */
import { addRoute, delRoute, type RouteVerb } from "../../net/ip/fib/route-control.ts";
import { expand, notInNetsim, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import type { IpObject } from "./object.ts";
import { getRoute } from "./route-get.ts";
import { flushRoutes, showRoutes } from "./route-show.ts";
import { parseRouteWords } from "./route-words.ts";

const USAGE =
  "Usage: ip route { show | flush } SELECTOR\n" +
  "       ip route get ADDRESS [ from ADDRESS ] [ oif STRING ]\n" +
  "       ip route { add | del | change | append | prepend | replace } ROUTE\n" +
  "SELECTOR := [ root PREFIX ] [ match PREFIX ] [ exact PREFIX ] [ table TABLE_ID ] [ dev DEV ] [ via ADDRESS ]\n" +
  "            [ proto RTPROTO ] [ type TYPE ] [ scope SCOPE ] [ src ADDRESS ] [ metric METRIC ]\n" +
  "ROUTE := [ TYPE ] PREFIX [ via ADDRESS ] [ dev DEV ] [ src ADDRESS ] [ metric METRIC ] [ mtu NUMBER ] [ onlink ]\n" +
  "         [ table TABLE_ID ] [ proto RTPROTO ] [ scope SCOPE ] { nexthop [ via ADDRESS ] [ dev DEV ] [ weight NUMBER ] [ onlink ] }\n" +
  "TYPE := { unicast | local | broadcast | multicast | throw | unreachable | prohibit | blackhole }\n";

const VERBS: Readonly<Record<string, RouteVerb>> = {
  add: "add",
  change: "change",
  chg: "change",
  replace: "replace",
  prepend: "prepend",
  append: "append",
};

/** In the order in which abbreviations are looked up. */
const WORDS = [
  "list",
  "show",
  "lst",
  "get",
  "add",
  "change",
  "chg",
  "replace",
  "prepend",
  "append",
  "test",
  "delete",
  "flush",
  "save",
  "restore",
  "showdump",
  "help",
] as const;

function run(session: ToolSession, words: Words, flags: ToolFlags): string {
  const { host } = session;
  if (words.done) return showRoutes(host, words, flags);
  const word = words.next();
  const verb = expand(word, WORDS);
  switch (verb) {
    case undefined:
      throw new ToolError(255, `Command "${word}" is unknown, try "ip route help".\n`);
    case "list":
    case "show":
    case "lst":
      return showRoutes(host, words, flags);
    case "get":
      return getRoute(host, words, flags);
    case "flush":
      if (words.done) throw new ToolError(1, '"ip route flush" requires arguments.\n');
      return flushRoutes(host, words, flags);
    case "delete": {
      const spec = parseRouteWords(host, words, flags, true);
      if (spec === null) throw new ToolError(255, USAGE);
      talk(() => delRoute(host, spec));
      return "";
    }
    case "help":
      throw new ToolError(255, USAGE);
    case "test":
    case "save":
    case "restore":
    case "showdump":
      throw notInNetsim(`\`ip route ${verb}\``);
    default: {
      const spec = parseRouteWords(host, words, flags, false);
      if (spec === null) throw new ToolError(255, USAGE);
      talk(() => addRoute(host, spec, VERBS[verb]!));
      return "";
    }
  }
}

/** The object. */
export const route: IpObject = { names: ["route"], run };
