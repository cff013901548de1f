/**
 * A learning bridge. Its ports give it what they receive; what is for the bridge's own address, and what is for all, goes up through
 * the bridge device.
 *
 * @source net/bridge/br_input.c br_handle_frame, br_handle_frame_finish, br_pass_frame_up; br_forward.c should_deliver, br_flood,
 *         br_dev_queue_push_xmit; br_device.c br_dev_xmit; br_if.c br_add_if, br_del_if
 * @differs no spanning tree, VLAN filtering and multicast snooping: multicast is flooded
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import { ETH_HLEN, VLAN_HLEN } from "../ether.ts";
import type { Host, NetdevEvent } from "../host.ts";
import { IFF_LOOPBACK, IFF_PROMISC, NETDEV_TX_OK, type Netdev, type NetdevOps, type RxHandler } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { netifReceiveSkb } from "../receive.ts";
import type { Skb } from "../skb.ts";
import { type DeviceOptions, ETH_MAX_MTU, registerNetdev, setMac } from "./device.ts";
import { compareMac, Fdb, type FdbEntry } from "./fdb.ts";
import { softDevice } from "./soft-device.ts";

const ARPHRD_ETHER = 1;
const ELOOP = 40;

class Bridge {
  readonly dev: Netdev;
  readonly fdb: Fdb = new Fdb();
  ports: readonly Netdev[] = [];
  /** The user set address or MTU: they no longer follow the ports. */
  macFixed: boolean;
  mtuFixed: boolean;
  /** Ends what `watch` began. */
  unwatch: () => void = () => {};
  private following: boolean = false;

  constructor(dev: Netdev, macFixed: boolean, mtuFixed: boolean) {
    this.dev = dev;
    this.macFixed = macFixed;
    this.mtuFixed = mtuFixed;
    this.fdb.addLocal(dev.mac, dev);
  }

  /** A frame from a port, skb.data at the MAC header. Takes it unless it answers false: then the port's own stack gets it. */
  input(skb: Skb, port: Netdev): boolean {
    const kernel = this.dev.host.kernel;
    const u8 = kernel.arena.u8;
    const d = skb.data;
    if ((u8[d + 6]! & 1) !== 0 || isZero(u8, d + 6)) {
      kernel.kfreeSkb(skb, port, SKB_DROP_REASON.MAC_INVALID_SOURCE);
      return true;
    }
    if (isLinkLocal(u8, d)) {
      // 00: spanning tree, which is off, so it is forwarded; 01: pause frames; the others are the port's
      const kind = u8[d + 5]!;
      if (kind === 1) {
        kernel.kfreeSkb(skb, port, SKB_DROP_REASON.NOT_SPECIFIED);
        return true;
      }
      if (kind !== 0) return false;
    }
    if (!this.dev.up || !port.carrier) {
      kernel.kfreeSkb(skb, port, SKB_DROP_REASON.BRIDGE_INGRESS_STP_STATE);
      return true;
    }
    const now = kernel.engine.nowNs;
    this.fdb.learn((u8[d + 6]! << 8) | u8[d + 7]!, word(u8, d + 8), port, now);
    const hi = (u8[d]! << 8) | u8[d + 1]!;
    const lo = word(u8, d + 2);
    if ((u8[d]! & 1) !== 0) {
      const up = kernel.pool.clone(skb, kernel.engine.nowNs);
      this.flood(skb, port);
      if (up !== null) this.passUp(up);
      return true;
    }
    const dst = this.fdb.find(hi, lo, now);
    if (dst === null) {
      if ((this.dev.flags & IFF_PROMISC) !== 0) this.passUpCopy(skb);
      this.flood(skb, port);
    } else if (this.fdb.isLocal(hi, lo)) this.passUp(skb);
    else this.forward(skb, dst, port);
    return true;
  }

  /** A frame of the bridge's own stack. */
  output(skb: Skb): void {
    const u8 = this.dev.host.kernel.arena.u8;
    const d = skb.data;
    if ((u8[d]! & 1) !== 0) {
      this.flood(skb, null);
      return;
    }
    const dst = this.fdb.find((u8[d]! << 8) | u8[d + 1]!, word(u8, d + 2), this.dev.host.kernel.engine.nowNs);
    if (dst === null) this.flood(skb, null);
    else this.forward(skb, dst, null);
  }

  /** To one port, unless it is the one it came from or cannot take it. Takes the frame. */
  private forward(skb: Skb, to: Netdev, from: Netdev | null): void {
    if (to === from || to.master !== this.dev || !canSend(to, skb)) {
      this.dev.host.kernel.kfreeSkb(skb, to, SKB_DROP_REASON.NOT_SPECIFIED);
      return;
    }
    this.send(skb, to);
  }

  /** To all ports but the one it came from; the last gets the frame itself. Takes the frame. */
  private flood(skb: Skb, from: Netdev | null): void {
    const kernel = this.dev.host.kernel;
    let last: Netdev | null = null;
    for (let i = 0; i < this.ports.length; i++) {
      const port = this.ports[i]!;
      if (port === from || !canSend(port, skb)) continue;
      if (last !== null) {
        const copy = kernel.pool.clone(skb, kernel.engine.nowNs);
        if (copy !== null) this.send(copy, last);
      }
      last = port;
    }
    if (last !== null) this.send(skb, last);
    else kernel.kfreeSkb(skb, this.dev, SKB_DROP_REASON.NOT_SPECIFIED);
  }

  private send(skb: Skb, port: Netdev): void {
    skb.dev = port;
    skb.dst = null;
    this.dev.host.kernel.paths.devQueueXmit(skb);
  }

  private passUpCopy(skb: Skb): void {
    const kernel = this.dev.host.kernel;
    const copy = kernel.pool.clone(skb, kernel.engine.nowNs);
    if (copy !== null) this.passUp(copy);
  }

  /** br_pass_frame_up: into the stack as received by the bridge device. */
  private passUp(skb: Skb): void {
    const dev = this.dev;
    dev.stats.rxPackets++;
    dev.stats.rxBytes += skb.len - ETH_HLEN;
    ethTypeTrans(skb, dev);
    netifReceiveSkb(skb);
  }

  /** br_device_event: follows what happens to the ports and to the bridge device itself. */
  watch(): void {
    const onEvent = (dev: Netdev, event: NetdevEvent): void => {
      if (dev === this.dev) {
        if (event === "changemtu" && !this.following) this.mtuFixed = true;
        else if (event === "changeaddr") {
          if (!this.following) this.macFixed = true;
          this.fdb.addLocal(dev.mac, dev);
        }
        return;
      }
      if (dev.master !== this.dev) return;
      if (event === "unregister") removePort(dev);
      else if (event === "changeaddr") this.fdb.addLocal(dev.mac, dev);
      else if (event === "down" || event === "carrier") this.forgetLearned(dev);
      this.follow();
    };
    const notifiers = this.dev.host.netdevNotifiers;
    notifiers.push(onEvent);
    this.unwatch = () => {
      notifiers.splice(notifiers.indexOf(onEvent), 1);
    };
  }

  /** What was learned behind a port is forgotten when it loses its link. */
  private forgetLearned(port: Netdev): void {
    if (port.up && port.carrier) return;
    this.fdb.flushPort(port);
    this.fdb.addLocal(port.mac, port);
  }

  /** Address and MTU follow the ports: the lowest of each. */
  follow(): void {
    this.following = true;
    this.followMac();
    this.followMtu();
    this.following = false;
  }

  private followMac(): void {
    if (this.ports.length > 0 && !this.macFixed) {
      let lowest = this.ports[0]!.mac;
      for (const p of this.ports) if (compareMac(p.mac, lowest) < 0) lowest = p.mac;
      if (compareMac(lowest, this.dev.mac) !== 0) {
        setMac(this.dev, Uint8Array.from(lowest));
      }
    }
  }

  private followMtu(): void {
    if (this.mtuFixed) return;
    let mtu = this.ports.length === 0 ? 1500 : ETH_MAX_MTU;
    for (const p of this.ports) mtu = Math.min(mtu, p.mtu);
    if (mtu === this.dev.mtu) return;
    this.dev.mtu = mtu;
    this.dev.host.notifyNetdev(this.dev, "changemtu");
  }
}

class PortHandler implements RxHandler {
  private readonly bridge: Bridge;
  private readonly port: Netdev;
  constructor(bridge: Bridge, port: Netdev) {
    this.bridge = bridge;
    this.port = port;
  }
  handle(skb: Skb): boolean {
    return this.bridge.input(skb, this.port);
  }
}

function canSend(port: Netdev, skb: Skb): boolean {
  return port.up && port.carrier && skb.len <= port.mtu + port.hardHeaderLen + VLAN_HLEN;
}

function isZero(u8: Uint8Array, a: number): boolean {
  return (u8[a]! | u8[a + 1]! | u8[a + 2]! | u8[a + 3]! | u8[a + 4]! | u8[a + 5]!) === 0;
}

/** 01:80:c2:00:00:0x. */
function isLinkLocal(u8: Uint8Array, a: number): boolean {
  return (
    u8[a] === 0x01 &&
    u8[a + 1] === 0x80 &&
    u8[a + 2] === 0xc2 &&
    u8[a + 3] === 0 &&
    u8[a + 4] === 0 &&
    (u8[a + 5]! & 0xf0) === 0
  );
}

function word(u8: Uint8Array, a: number): number {
  return (u8[a]! << 24) | (u8[a + 1]! << 16) | (u8[a + 2]! << 8) | u8[a + 3]!;
}

function bridgeOf(dev: Netdev): Bridge {
  return dev.priv as Bridge;
}

/** The record of the kind. */
export const bridge: NetdevOps = {
  kind: "bridge",
  noQueue: true,
  ...softDevice,
  stop(dev: Netdev): void {
    const b = bridgeOf(dev);
    for (const port of b.ports) b.fdb.flushPort(port);
    for (const port of b.ports) b.fdb.addLocal(port.mac, port);
  },
  startXmit(skb: Skb, dev: Netdev): number {
    dev.stats.txPackets++;
    dev.stats.txBytes += skb.len;
    bridgeOf(dev).output(skb);
    return NETDEV_TX_OK;
  },
  destroy(dev: Netdev): void {
    const b = bridgeOf(dev);
    for (const port of [...b.ports]) removePort(port);
    b.unwatch();
  },
};

/** `ip link add NAME type bridge`. @throws NetlinkError as registerNetdev */
export function createBridge(host: Host, o: DeviceOptions): Netdev {
  const dev = registerNetdev(host, bridge, {}, o);
  const b = new Bridge(dev, o.mac !== undefined, o.mtu !== undefined);
  dev.priv = b;
  b.watch();
  return dev;
}

/**
 * `ip link set PORT master BRIDGE`.
 * @throws NetlinkError EOPNOTSUPP (the master is no bridge), ELOOP (the port is one), EINVAL (no Ethernet device)
 */
export function addPort(master: Netdev, port: Netdev): void {
  if (port.master === master) return;
  if (master.ops !== bridge) throw new NetlinkError(ERRNO.EOPNOTSUPP);
  if (port.ops === bridge) throw new NetlinkError(ELOOP, "Can not enslave a bridge to a bridge");
  if ((port.flags & IFF_LOOPBACK) !== 0 || port.hardwareType !== ARPHRD_ETHER || port.host !== master.host) {
    throw new NetlinkError(ERRNO.EINVAL);
  }
  if (port.master !== null) removePort(port);
  if (port.rxHandler !== null) throw new NetlinkError(ERRNO.EBUSY);
  const b = bridgeOf(master);
  b.ports = [...b.ports, port];
  port.master = master;
  port.rxHandler = new PortHandler(b, port);
  port.flags |= IFF_PROMISC;
  b.fdb.addLocal(port.mac, port);
  b.follow();
}

/** `ip link set PORT nomaster`. */
export function removePort(port: Netdev): void {
  const master = port.master;
  if (master === null) return;
  const b = bridgeOf(master);
  b.ports = b.ports.filter((p) => p !== port);
  b.fdb.flushPort(port);
  b.fdb.addLocal(master.mac, master);
  port.master = null;
  port.rxHandler = null;
  port.flags &= ~IFF_PROMISC;
  b.follow();
}

/** What `bridge fdb show br BRIDGE` lists. */
export function listFdb(dev: Netdev): readonly FdbEntry[] {
  return dev.ops === bridge ? bridgeOf(dev).fdb.list(dev.host.kernel.engine.nowNs) : [];
}

/** The bridge's ports in the order in which they were added. */
export function bridgePorts(dev: Netdev): readonly Netdev[] {
  return dev.ops === bridge ? bridgeOf(dev).ports : [];
}
