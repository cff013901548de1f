/** `ip link add`. @source iproute2 ip/iplink.c iplink_modify, ip/link_veth.c, ip/link_iptnl.c; net/core/rtnetlink.c __rtnl_newlink */
import type { DeviceOptions } from "../../net/devices/device.ts";
import { setUp } from "../../net/devices/device.ts";
import { createDevice, deviceKinds, freeName, setMaster } from "../../net/devices/index.ts";
import { createVethPair } from "../../net/devices/veth.ts";
import type { Host } from "../../net/host.ts";
import type { Netdev } from "../../net/netdev.ts";
import { ERRNO, NetlinkError } from "../../net/netlink-error.ts";
import { matches, notInNetsim, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { addIpip, takeIpipWords } from "./link-ipip.ts";
import { type LinkRequest, parseLinkWords } from "./link-words.ts";

/** Kinds that Linux has and netsim has not, for a refusal that says so. */
const LINUX_KINDS: readonly string[] =
  "amt bareudp batadv bond can dsa geneve gre gretap erspan gtp hsr ifb ip6erspan ip6gre ip6gretap ip6tnl ipoib ipvlan ipvtap macsec macvlan macvtap netdevsim netkit nlmon rmnet sit team vcan veth vlan vrf vti vxcan vxlan xfrm virt_wifi".split(
    " ",
  );

/** Runs it. */
export function addLink(session: ToolSession, words: Words): string {
  const r = parseLinkWords(session, words, true);
  if (r.type === null) throw new ToolError(1, 'Not enough information: "type" argument is required\n');
  const { type } = r;
  if (r.xdp !== null) throw notInNetsim("`ip link add ... xdp`", "attach with ip link set");
  if (r.netns !== null && type !== "veth") throw notInNetsim(`\`ip link add ... netns\` for ${type}`);
  if (type === "veth") return addVeth(session, r, words);
  if (type === "ipip") {
    const params = takeIpipWords(session.host, words);
    talk(() => finish(addIpip(session.host, optionsOf(session.host, r, "tunl"), params), r));
    return "";
  }
  if (!words.done) {
    const w = words.next();
    const known = LINUX_KINDS.includes(type) || type === "bridge";
    if (known) throw notInNetsim(`\`ip link add type ${type} ... ${w}\``);
    throw new ToolError(1, `Garbage instead of arguments "${w} ...". Try "ip link help".\n`);
  }
  talk(() => {
    const dev = createDevice(session.host, kindOf(type), optionsOf(session.host, r, type));
    finish(dev, r);
  });
  return "";
}

/** @throws ToolError for kinds of Linux that netsim does not have */
function kindOf(type: string): string {
  const ours = deviceKinds.some((k) => k.create !== null && k.ops.kind === type && type !== "nic");
  if (!ours && LINUX_KINDS.includes(type)) throw notInNetsim(`devices of type ${type}`);
  return ours ? type : "";
}

function optionsOf(host: Host, r: LinkRequest, prefix: string): DeviceOptions {
  if (r.address !== null && r.address.length !== 6) throw new NetlinkError(ERRNO.EINVAL);
  return {
    name: r.dev ?? freeName(host, prefix),
    ...(r.index === null ? {} : { ifindex: r.index }),
    ...(r.address === null ? {} : { mac: r.address }),
    ...(r.mtu === null ? {} : { mtu: r.mtu }),
    ...(r.txQueueLen === null ? {} : { txQueueLen: r.txQueueLen }),
    ...(r.txQueues === null ? {} : { txQueues: r.txQueues }),
    ...(r.rxQueues === null ? {} : { rxQueues: r.rxQueues }),
  };
}

/** What `add` may say and registration does not take. */
function finish(dev: Netdev, r: LinkRequest): void {
  if (r.master !== undefined && r.master !== null) setMaster(dev, r.master);
  if (r.up === true) setUp(dev);
}

/** `type veth [peer [name] NAME ...]`. */
function addVeth(session: ToolSession, r: LinkRequest, words: Words): string {
  let peer: LinkRequest | null = null;
  if (!words.done) {
    const w = words.next();
    if (w !== "peer") {
      const help = "Usage: ip link <options> type veth [peer <options>]\nTo get <options> type 'ip link add help'\n";
      throw new ToolError(1, matches(w, "help") ? help : `${help}What is "${w}"?\n`);
    }
    peer = parseLinkWords(session, words, true);
  }
  const here = session.host;
  const hostPeer = peer?.netns ?? here;
  const hostDev = r.netns ?? here;
  talk(() => {
    if (r.dev !== null && hostDev.devByName.has(r.dev)) throw new NetlinkError(ERRNO.EEXIST);
    const b = peer === null ? { name: freeName(hostPeer, "veth") } : optionsOf(hostPeer, peer, "veth");
    const a =
      r.dev === null
        ? { ...optionsOf(hostDev, r, "veth"), name: secondFree(hostDev, b.name) }
        : optionsOf(hostDev, r, "veth");
    const [dev, other] = createVethPair(hostDev, a, hostPeer, b);
    if (peer !== null) finish(other, peer);
    finish(dev, r);
  });
  return "";
}

/** `veth%d` besides a name that is about to be taken. */
function secondFree(host: Host, taken: string): string {
  for (let i = 0; ; i++) {
    const name = `veth${i}`;
    if (name !== taken && !host.devByName.has(name)) return name;
  }
}
