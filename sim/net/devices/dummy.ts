/**
 * dummy: a device that swallows what it transmits; a place for addresses.
 *
 * @source drivers/net/dummy.c dummy_xmit, dummy_setup
 */
import type { Host } from "../host.ts";
import { IFF_BROADCAST, IFF_NOARP, NETDEV_TX_OK, type Netdev, type NetdevOps } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import { type DeviceOptions, registerNetdev } from "./device.ts";
import { softDevice } from "./soft-device.ts";

/** The record of the kind. */
export const dummy: NetdevOps = {
  kind: "dummy",
  noQueue: true,
  ...softDevice,
  startXmit(skb: Skb, dev: Netdev): number {
    dev.stats.txPackets++;
    dev.stats.txBytes += skb.len;
    dev.host.kernel.consumeSkb(skb);
    return NETDEV_TX_OK;
  },
};

/** `ip link add NAME type dummy`. @throws NetlinkError as registerNetdev */
export function createDummy(host: Host, o: DeviceOptions): Netdev {
  return registerNetdev(host, dummy, { flags: IFF_BROADCAST | IFF_NOARP, minMtu: 0, maxMtu: 0 }, o);
}
