/** Promiscuity that a user asked for, apart from the one that a bridge needs of its ports. @source net/core/dev.c dev->gflags, dev_get_flags */
import { IFF_PROMISC, type Netdev } from "../../net/netdev.ts";

const asked: WeakSet<Netdev> = new WeakSet();

/** `ip link set DEV promisc on|off`. A bridge's port stays promiscuous. */
export function setPromisc(dev: Netdev, on: boolean): void {
  if (on) {
    asked.add(dev);
    dev.flags |= IFF_PROMISC;
  } else {
    asked.delete(dev);
    if (dev.master === null) dev.flags &= ~IFF_PROMISC;
  }
}

/** Listings show the flag only when it was asked for. */
export function showsPromisc(dev: Netdev): boolean {
  return (dev.flags & IFF_PROMISC) !== 0 && (dev.master === null || asked.has(dev));
}

/** IFLA_PROMISCUITY: how many want it. */
export function promiscuity(dev: Netdev): number {
  return (asked.has(dev) ? 1 : 0) + (dev.master === null ? 0 : 1);
}
