/**
 * lo: what it transmits it receives, through the CPU's backlog.
 *
 * @source drivers/net/loopback.c loopback_xmit, gen_lo_setup
 */
import { ethTypeTrans } from "../eth-type-trans.ts";
import type { Host } from "../host.ts";
import { IFF_LOOPBACK, NETDEV_TX_OK, type Netdev, type NetdevOps } from "../netdev.ts";
import { netifRx } from "../receive.ts";
import type { Skb } from "../skb.ts";
import { registerNetdev } from "./device.ts";
import { softDevice } from "./soft-device.ts";

const ARPHRD_LOOPBACK = 772;

/** The record of the kind. */
export const lo: NetdevOps = {
  kind: "loopback",
  noQueue: true,
  ...softDevice,
  startXmit(skb: Skb, dev: Netdev): number {
    skb.orphan();
    skb.tstampNs = 0;
    ethTypeTrans(skb, dev);
    // counted behind the MAC header
    const len = skb.len - dev.hardHeaderLen;
    if (netifRx(skb) === 0) {
      dev.stats.rxPackets++;
      dev.stats.rxBytes += len;
      dev.stats.txPackets++;
      dev.stats.txBytes += len;
    }
    return NETDEV_TX_OK;
  },
};

/** Makes the host's `lo`, ifindex 1, down. */
export function createLoopback(host: Host): Netdev {
  const dev = registerNetdev(
    host,
    lo,
    {
      flags: IFF_LOOPBACK,
      mtu: 65536,
      minMtu: 0,
      maxMtu: 0,
      hardwareType: ARPHRD_LOOPBACK,
      mac: new Uint8Array(6),
    },
    { name: "lo" },
  );
  dev.txChecksumOffload = true;
  dev.tso = true;
  return dev;
}
