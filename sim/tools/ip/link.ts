/** `ip link`. @source iproute2 ip/iplink.c do_iplink */
import { destroyDevice } from "../../net/devices/index.ts";
import { programsOf, releaseProgram } from "../bpf/held-objects.ts";
import { expand, findDevice, notInNetsim, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { addLink } from "./link-add.ts";
import { setLink } from "./link-set.ts";
import { showLinks } from "./link-show.ts";
import { parseLinkWords } from "./link-words.ts";
import type { IpObject } from "./object.ts";

const USAGE =
  "Usage: ip link add [name] NAME [ address LLADDR ] [ mtu MTU ] [ txqueuelen PACKETS ]\n" +
  "                   [ numtxqueues N ] [ numrxqueues N ] [ index IDX ]\n" +
  "                   type { veth peer [name] NAME [ netns NODE ] | dummy | bridge | ipip local A remote B [ ttl N ] }\n" +
  "       ip link delete DEVICE\n" +
  "       ip link set DEVICE [ up | down ] [ mtu MTU ] [ address LLADDR ] [ name NEWNAME ]\n" +
  "                   [ txqueuelen PACKETS ] [ promisc { on | off } ] [ master DEVICE | nomaster ]\n" +
  "                   [ { xdp | xdpgeneric | xdpdrv | xdpoffload } { off | object FILE [ section NAME ] [ program NAME ] | pinned FILE } ]\n" +
  "       ip link show [ DEVICE ] [ up ] [ master DEV ] [ type TYPE ]\n";

const VERBS = ["add", "set", "change", "replace", "delete"] as const;
const SHOW = ["show", "lst", "list"] as const;
const REFUSED = ["xstats", "afstats", "property"] as const;

function run(session: ToolSession, words: Words, flags: ToolFlags): string {
  if (words.done) return showLinks(session.host, words, flags);
  const word = words.next();
  const verb = expand(word, VERBS);
  if (verb === "add") return addLink(session, words);
  if (verb === "set" || verb === "change") return setLink(session, words, flags);
  if (verb === "delete") return deleteLink(session, words);
  if (expand(word, SHOW) !== undefined) return showLinks(session.host, words, flags);
  if (word === "help") throw new ToolError(255, USAGE);
  const refused = verb ?? expand(word, REFUSED);
  if (refused !== undefined) throw notInNetsim(`\`ip link ${refused}\``);
  throw new ToolError(255, `Command "${word}" is unknown, try "ip link help".\n`);
}

function deleteLink(session: ToolSession, words: Words): string {
  const request = parseLinkWords(session, words, false);
  if (request.dev === null) throw new ToolError(255, 'Not enough information: "dev" argument is required.\n');
  const dev = findDevice(session.host, request.dev);
  const peer = dev.ops.peer?.(dev) ?? null;
  const programs = [...programsOf(dev), ...(peer === null ? [] : programsOf(peer))];
  talk(() => destroyDevice(dev));
  for (const p of programs) releaseProgram(p);
  return "";
}

/** The object. */
export const link: IpObject = { names: ["link"], run };
