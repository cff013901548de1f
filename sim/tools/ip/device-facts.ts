/** What rtnetlink says of a device besides its plain fields. @source net/core/rtnetlink.c rtnl_fill_ifinfo; iproute2 ip/ipaddress.c */
import { formatIp4, formatMac } from "../../net/ip/address.ts";
import { ipipTunnel } from "../../net/ip/tunnel/ipip.ts";
import {
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_POINTOPOINT,
  IFF_PROMISC,
  IFF_RUNNING,
  IFF_UP,
  type Netdev,
} from "../../net/netdev.ts";
import { showsPromisc } from "./promisc.ts";

/** In the order of print_link_flags. */
const FLAGS: readonly (readonly [number, string])[] = [
  [IFF_LOOPBACK, "LOOPBACK"],
  [IFF_BROADCAST, "BROADCAST"],
  [IFF_POINTOPOINT, "POINTOPOINT"],
  [IFF_MULTICAST, "MULTICAST"],
  [IFF_NOARP, "NOARP"],
  [0x200, "ALLMULTI"],
  [IFF_PROMISC, "PROMISC"],
  [IFF_UP, "UP"],
  [IFF_LOWER_UP, "LOWER_UP"],
];

/** ARPHRD_TUNNEL. */
const ARPHRD_TUNNEL = 768;

/** The device that this one says it lies on (IFLA_LINK): the far end of a pair, and where that is. */
export interface LinkedDevice {
  readonly peer: Netdev;
  /** It is on the same host. */
  readonly here: boolean;
}

/** The far end of a pair; null for other devices. */
export function linkedDevice(dev: Netdev): LinkedDevice | null {
  const peer = dev.ops.peer?.(dev) ?? null;
  return peer === null ? null : { peer, here: peer.host === dev.host };
}

/** The names between `<` and `>`. */
export function flagNames(dev: Netdev): readonly string[] {
  const names: string[] = [];
  if ((dev.flags & IFF_UP) !== 0 && (dev.flags & IFF_RUNNING) === 0) names.push("NO-CARRIER");
  for (const [bit, name] of FLAGS)
    if ((dev.flags & bit) !== 0 && (bit !== IFF_PROMISC || showsPromisc(dev))) names.push(name);
  const linked = linkedDevice(dev);
  if (linked?.here === true && !linked.peer.up) names.push("M-DOWN");
  return names;
}

/** IFLA_OPERSTATE. @source net/core/link_watch.c default_operstate */
export function operstate(dev: Netdev): string {
  if (!dev.up) return "DOWN";
  if (!dev.carrier) {
    const linked = linkedDevice(dev);
    return linked?.here === true && !linked.peer.carrier ? "LOWERLAYERDOWN" : "DOWN";
  }
  // linkwatch sets the state when the carrier changes for the first time
  return dev.carrierChanges === 0 ? "UNKNOWN" : "UP";
}

/** IFLA_QDISC: the root's kind; noop before the device was up for the first time. */
export function rootQdiscKind(dev: Netdev): string {
  if (dev.rootQdisc !== null) return dev.rootQdisc.kind;
  return dev.qdiscAttached ? "noqueue" : "noop";
}

/** `link/...`. */
export function linkType(dev: Netdev): string {
  if (dev.ops.kind === "loopback") return "loopback";
  return dev.hardwareType === ARPHRD_TUNNEL ? "ipip" : "ether";
}

/** Whether its hardware address is an IPv4 address. */
export function isTunnel(dev: Netdev): boolean {
  return dev.hardwareType === ARPHRD_TUNNEL;
}

/** IFLA_ADDRESS as it reads. */
export function hardwareAddress(dev: Netdev): string {
  const tunnel = ipipTunnel(dev);
  return tunnel === null ? formatMac(dev.mac) : formatIp4(tunnel.params.local);
}

/** IFLA_BROADCAST as it reads. */
export function hardwareBroadcast(dev: Netdev): string {
  const tunnel = ipipTunnel(dev);
  if (tunnel !== null) return formatIp4(tunnel.params.remote);
  return dev.ops.kind === "loopback" ? "00:00:00:00:00:00" : "ff:ff:ff:ff:ff:ff";
}

/** IFLA_INFO_KIND; null for devices that `ip link add` does not make. */
export function infoKind(dev: Netdev): string | null {
  const { kind } = dev.ops;
  return kind === "loopback" || kind === "nic" ? null : kind;
}
