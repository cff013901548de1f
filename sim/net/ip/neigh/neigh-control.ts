/** `ip neigh`. @source net/core/neighbour.c neigh_add, neigh_delete, neigh_dump_info */
import type { Host } from "../../host.ts";
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Family, IpAddr } from "../address.ts";
import { ipStack } from "../ip-stack.ts";
import { neighDestroy, neighGet, neighUpdate } from "./neigh.ts";
import type { Neighbour } from "./neighbour.ts";
import { NEIGH_UPDATE_F_ADMIN, NEIGH_UPDATE_F_OVERRIDE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT } from "./nud.ts";

/** What `ip neigh add|change|replace` states. */
export interface NeighSpec {
  readonly addr: IpAddr;
  readonly mac?: Uint8Array;
  /** NUD_*; permanent by default. */
  readonly state?: number;
  readonly router?: boolean;
}

/**
 * Adds or changes an entry.
 * @throws NetlinkError EEXIST (add), ENOENT (change), EINVAL without a MAC where one is needed
 */
export function setNeigh(dev: Netdev, spec: NeighSpec, verb: "add" | "change" | "replace"): void {
  const stack = ipStack(dev.host);
  const { family, a, b, c, d } = spec.addr;
  const found = stack.neighbours.find(dev, family, a, b, c, d);
  if (found !== null && verb === "add") throw new NetlinkError(ERRNO.EEXIST);
  if (found === null && verb === "change") throw new NetlinkError(ERRNO.ENOENT);
  const n = found ?? neighGet(stack, dev, family, a, b, c, d);
  if (n === null) throw new NetlinkError(ERRNO.ENOBUFS);
  const flags = NEIGH_UPDATE_F_ADMIN | NEIGH_UPDATE_F_OVERRIDE;
  const err = neighUpdate(stack, n, spec.mac ?? null, spec.state ?? NUD_PERMANENT, flags);
  if (err !== 0) {
    if (found === null) neighDestroy(n);
    throw new NetlinkError(-err, err === -ERRNO.EINVAL ? "No link layer address given" : "");
  }
  if (spec.router !== undefined) n.isRouter = spec.router;
}

/** Deletes an entry. @throws NetlinkError ENOENT */
export function delNeigh(dev: Netdev, addr: IpAddr): void {
  const stack = ipStack(dev.host);
  const n = stack.neighbours.find(dev, addr.family, addr.a, addr.b, addr.c, addr.d);
  if (n === null) throw new NetlinkError(ERRNO.ENOENT);
  neighUpdate(stack, n, null, NUD_FAILED, NEIGH_UPDATE_F_OVERRIDE | NEIGH_UPDATE_F_ADMIN);
  neighDestroy(n);
}

/** Entries that `ip neigh` shows (all but NOARP), of one family, by device and address. */
export function listNeigh(host: Host, family: Family): readonly Neighbour[] {
  return ipStack(host)
    .neighbours.list(family)
    .filter((n) => (n.state & NUD_NOARP) === 0);
}

/** `ip neigh flush dev DEV`: all but permanent and NOARP ones. */
export function flushNeigh(dev: Netdev, family: Family): void {
  for (const n of ipStack(dev.host).neighbours.list(family)) {
    if (n.dev === dev && (n.state & (NUD_PERMANENT | NUD_NOARP)) === 0) neighDestroy(n);
  }
}
