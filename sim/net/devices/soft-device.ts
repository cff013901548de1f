/** What the device kinds without hardware, queues and native XDP have in common. */
import type { NetdevOps } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";

/** The part of a record that says: nothing to open or stop, no native XDP, no target of a redirect, no statistics of its own. */
export const softDevice: Pick<NetdevOps, "nativeXdp" | "open" | "stop" | "xdpXmit" | "xdpSet" | "ethtoolStats"> = {
  nativeXdp: false,
  open(): void {},
  stop(): void {},
  /** Without ndo_xdp_xmit a redirect to the device fails. */
  xdpXmit(): number {
    return -ERRNO.EOPNOTSUPP;
  },
  xdpSet(): string | null {
    return null;
  },
  ethtoolStats(): readonly (readonly [string, number])[] {
    return [];
  },
};
