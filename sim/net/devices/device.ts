/**
 * Devices come and go: registration on a host, up and down, carrier, MTU, address. What differs between kinds stands in their records.
 *
 * Control plane: errors are NetlinkError with the kernel's words.
 *
 * @source net/core/dev.c register_netdevice, __dev_open, __dev_close, netif_set_mtu_ext, dev_valid_name; net/core/rtnetlink.c
 */
import { asDevmap } from "../../bpf/maps/devmap-entry.ts";
import { BugError } from "../../engine/errors.ts";
import { NETSIM_REASON } from "../drop-reason.ts";
import type { Host } from "../host.ts";
import {
  IFF_BROADCAST,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_RUNNING,
  IFF_UP,
  Netdev,
  type NetdevOps,
  TxQueue,
} from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { attachDefaultQdisc } from "../qdiscs/index.ts";
import { destroyRoot } from "../qdiscs/tree.ts";
import { flushTc } from "../tc/control.ts";

/** IFNAMSIZ less the closing zero. */
const NAME_MAX = 15;
/** ETH_MIN_MTU. */
const ETH_MIN_MTU = 68;
/** ETH_MAX_MTU. */
export const ETH_MAX_MTU = 65535;

/** What may be said about a new device. */
export interface DeviceOptions {
  readonly name: string;
  /** Absent: the next free one behind the last that the host chose itself. */
  readonly ifindex?: number;
  /** Six bytes; without it one is derived from host and ifindex. */
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  readonly txQueueLen?: number;
  readonly txQueues?: number;
  readonly rxQueues?: number;
}

/** A kind's own settings of a new device. */
export interface DeviceDefaults {
  readonly flags?: number;
  readonly mtu?: number;
  readonly minMtu?: number;
  /** 0: no limit */
  readonly maxMtu?: number;
  readonly hardwareType?: number;
  readonly hardHeaderLen?: number;
  readonly mac?: Uint8Array;
  /** false: the device itself says when its far end is there. */
  readonly carrier?: boolean;
}

/**
 * Makes a device and enters it on its host, down.
 * @throws NetlinkError EEXIST, EINVAL (name), EADDRNOTAVAIL (address), EINVAL (MTU), EBUSY (ifindex)
 */
export function registerNetdev(host: Host, ops: NetdevOps, d: DeviceDefaults, o: DeviceOptions): Netdev {
  checkName(host, o.name);
  if (o.mac !== undefined) checkMac(o.mac);
  if (o.ifindex !== undefined && host.devices[o.ifindex] !== undefined) throw new NetlinkError(ERRNO.EBUSY);
  const ifindex = o.ifindex ?? nextIfindex(host);
  const mac = o.mac ?? d.mac ?? deriveMac(host.index, ifindex);
  const dev = new Netdev(host, o.name, ifindex, ops, Uint8Array.from(mac), d.flags ?? IFF_BROADCAST | IFF_MULTICAST);
  dev.minMtu = d.minMtu ?? ETH_MIN_MTU;
  dev.maxMtu = d.maxMtu ?? ETH_MAX_MTU;
  dev.mtu = d.mtu ?? 1500;
  dev.hardwareType = d.hardwareType ?? 1;
  dev.hardHeaderLen = d.hardHeaderLen ?? 14;
  dev.carrier = d.carrier ?? true;
  if (!dev.carrier) dev.carrierChanges = 1;
  if (o.mtu !== undefined) {
    checkMtu(dev, o.mtu);
    dev.mtu = o.mtu;
  }
  if (o.txQueueLen !== undefined) dev.txQueueLen = o.txQueueLen;
  dev.rxQueueCount = o.rxQueues ?? 1;
  const txQueues = o.txQueues ?? 1;
  for (let i = 0; i < txQueues; i++) dev.txQueues.push(new TxQueue(dev, i));
  while (host.devices.length < ifindex) host.devices.push(undefined);
  host.devices[ifindex] = dev;
  host.devByName.set(o.name, dev);
  return dev;
}

/** dev_index_reserve. */
function nextIfindex(host: Host): number {
  do host.lastIfindex++;
  while (host.devices[host.lastIfindex] !== undefined);
  return host.lastIfindex;
}

/** Forgets a device: down, then the protocols are told, then it is gone. Its ifindex is not used again. */
export function unregisterNetdev(dev: Netdev): void {
  const host = dev.host;
  if (host.devices[dev.ifindex] !== dev) throw new BugError("DEVICE_GONE", `${dev.label} was removed twice`);
  setDown(dev);
  host.notifyNetdev(dev, "unregister");
  purgeTxQueues(dev);
  destroyRoot(dev);
  flushTc(dev);
  for (const map of host.bpf.maps.values()) asDevmap(map)?.removeDevice(dev.ifindex);
  host.devices[dev.ifindex] = undefined;
  host.devByName.delete(dev.name);
}

/** `ip link set DEV up`. @throws NetlinkError what the kind's open refuses */
export function setUp(dev: Netdev): void {
  if (dev.up) return;
  if (!dev.host.alive) throw new NetlinkError(ERRNO.ENETDOWN);
  dev.flags |= IFF_UP;
  dev.ops.open(dev);
  if (!dev.qdiscAttached) {
    dev.qdiscAttached = true;
    if (dev.rootQdisc === null) attachDefaultQdisc(dev);
  }
  showRunning(dev);
  dev.host.notifyNetdev(dev, "up");
}

/** `ip link set DEV down`. What waits in its queues is lost. */
export function setDown(dev: Netdev): void {
  if (!dev.up) return;
  dev.flags &= ~IFF_UP;
  showRunning(dev);
  dev.ops.stop(dev);
  purgeTxQueues(dev);
  dev.host.notifyNetdev(dev, "down");
}

/** netif_carrier_on, netif_carrier_off: the far end came or went. Without carrier the queues are emptied and take nothing. */
export function setCarrier(dev: Netdev, on: boolean): void {
  if (dev.carrier === on) return;
  dev.carrier = on;
  dev.carrierChanges++;
  showRunning(dev);
  if (!on) purgeTxQueues(dev);
  if (dev.up) dev.host.notifyNetdev(dev, "carrier");
}

/** `ip link set DEV mtu N`. @throws NetlinkError EINVAL */
export function setMtu(dev: Netdev, mtu: number): void {
  if (mtu === dev.mtu) return;
  checkMtu(dev, mtu);
  dev.mtu = mtu;
  dev.host.notifyNetdev(dev, "changemtu");
}

/** `ip link set DEV name NAME`. @throws NetlinkError as registerNetdev does for names */
export function setName(dev: Netdev, name: string): void {
  if (name === dev.name) return;
  checkName(dev.host, name);
  dev.host.devByName.delete(dev.name);
  dev.name = name;
  dev.host.devByName.set(name, dev);
}

/** `ip link set DEV address MAC`. @throws NetlinkError EADDRNOTAVAIL; EOPNOTSUPP for devices without addresses */
export function setMac(dev: Netdev, mac: Uint8Array): void {
  if (dev.hardHeaderLen === 0) throw new NetlinkError(ERRNO.EOPNOTSUPP);
  checkMac(mac);
  dev.mac.set(mac);
  dev.host.notifyNetdev(dev, "changeaddr");
}

/** Empties the transmit queues (dev_deactivate). */
export function purgeTxQueues(dev: Netdev): void {
  const kernel = dev.host.kernel;
  for (const txq of dev.txQueues) {
    const skb = txq.requeued;
    if (skb !== null) {
      txq.requeued = null;
      if (txq.qdisc !== null) {
        txq.qdisc.stats.qlen--;
        txq.qdisc.stats.backlog -= skb.len;
      }
      kernel.kfreeSkb(skb, dev, NETSIM_REASON.LINK_DOWN);
    }
    txq.qdisc?.reset();
    txq.stopped = false;
  }
}

/** A locally administered unicast address, the same in every run: 02, 24 bits of host, 16 bits of ifindex. */
function deriveMac(hostIndex: number, ifindex: number): Uint8Array {
  return Uint8Array.of(
    0x02,
    (hostIndex >>> 16) & 0xff,
    (hostIndex >>> 8) & 0xff,
    hostIndex & 0xff,
    (ifindex >>> 8) & 0xff,
    ifindex & 0xff,
  );
}

/** IFF_RUNNING and IFF_LOWER_UP follow from up and carrier. */
function showRunning(dev: Netdev): void {
  if (dev.up && dev.carrier) dev.flags |= IFF_RUNNING | IFF_LOWER_UP;
  else dev.flags &= ~(IFF_RUNNING | IFF_LOWER_UP);
}

function checkName(host: Host, name: string): void {
  if (name.length > NAME_MAX) throw new NetlinkError(ERRNO.ERANGE, "Attribute failed policy validation");
  if (name === "" || name === "." || name === ".." || /[/:\s]/.test(name)) throw new NetlinkError(ERRNO.EINVAL);
  if (host.devByName.has(name)) throw new NetlinkError(ERRNO.EEXIST);
}

function checkMac(mac: Uint8Array): void {
  const zero = mac.every((b) => b === 0);
  if (mac.length !== 6 || zero || (mac[0]! & 1) !== 0) throw new NetlinkError(ERRNO.EADDRNOTAVAIL);
}

function checkMtu(dev: Netdev, mtu: number): void {
  if (mtu < dev.minMtu) throw new NetlinkError(ERRNO.EINVAL, "mtu less than device minimum");
  if (dev.maxMtu > 0 && mtu > dev.maxMtu) throw new NetlinkError(ERRNO.EINVAL, "mtu greater than device maximum");
}
