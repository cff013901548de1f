/** Device kinds: one line each, and how devices are made and changed by the lab and by `ip link`. */
import { indexBy } from "../../engine/registry.ts";
import type { Host } from "../host.ts";
import { createIpip, ipip } from "../ip/tunnel/ipip.ts";
import type { Netdev, NetdevOps } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { addPort, bridge, createBridge, removePort } from "./bridge.ts";
import { type DeviceOptions, unregisterNetdev } from "./device.ts";
import { createDummy, dummy } from "./dummy.ts";
import { lo } from "./lo.ts";
import { createNic, nic } from "./nic.ts";
import { createVethPair, veth } from "./veth.ts";

/** How a kind that stands alone is made: `ip link add NAME type KIND`. */
export interface DeviceKind {
  readonly ops: NetdevOps;
  /** null: not made by itself (lo) or only in pairs (veth: createVethPair). */
  readonly create: ((host: Host, o: DeviceOptions) => Netdev) | null;
}

/** All kinds. */
export const deviceKinds: readonly DeviceKind[] = [
  { ops: bridge, create: createBridge },
  { ops: dummy, create: createDummy },
  { ops: ipip, create: createIpip },
  { ops: lo, create: null },
  { ops: nic, create: createNic },
  {
    ops: veth,
    create: (host, o) => createVethPair(host, o, host, { name: freeName(host, "veth") })[0],
  },
];

const byKind: ReadonlyMap<string, DeviceKind> = indexBy(deviceKinds, (k) => k.ops.kind, "device kinds");

/**
 * `ip link add NAME type KIND`.
 * @throws NetlinkError EOPNOTSUPP `Unknown device type`, and what registerNetdev throws
 */
export function createDevice(host: Host, kind: string, o: DeviceOptions): Netdev {
  const create = byKind.get(kind)?.create ?? null;
  if (create === null) throw new NetlinkError(ERRNO.EOPNOTSUPP, "Unknown device type");
  return create(host, o);
}

/** `ip link del NAME`: with a veth its peer goes, too. @throws NetlinkError EOPNOTSUPP for lo */
export function destroyDevice(dev: Netdev): void {
  if (dev.ops === lo) throw new NetlinkError(ERRNO.EOPNOTSUPP);
  if (dev.master !== null) removePort(dev);
  dev.ops.destroy?.(dev);
  unregisterNetdev(dev);
}

/** `ip link set NAME master BRIDGE` or `nomaster` (null). @throws NetlinkError as bridge.ts addPort */
export function setMaster(dev: Netdev, master: Netdev | null): void {
  if (master === null) removePort(dev);
  else addPort(master, dev);
}

/** `veth%d`: the first name that is free. */
export function freeName(host: Host, prefix: string): string {
  for (let i = 0; ; i++) if (!host.devByName.has(`${prefix}${i}`)) return `${prefix}${i}`;
}
