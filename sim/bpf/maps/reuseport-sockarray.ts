/**
 * BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: sockets of SO_REUSEPORT groups by index, from which an sk_reuseport program selects. A socket stands
 * in one slot of one such map at most.
 * @source kernel/bpf/reuseport_array.c; errno asked of Linux 6.18
 */
import type { MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import { u32Of } from "./base-map.ts";
import { E2BIG, EBUSY, EEXIST, EINVAL, ENOENT, ENOTSUPP } from "./errno.ts";
import { ACCESS_FLAGS, BPF_F_NUMA_NODE, checkFlags, checkKeySize, checkMaxEntries } from "./flags.ts";
import { SocketArray } from "./socket-array.ts";
import { checkSocketValue } from "./socket-map.ts";

/** An array of sockets that share ports. */
export class ReuseportSockarrayMap extends SocketArray {
  /** @source bpf_fd_reuseport_array_update_elem, reuseport_array_update_check */
  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const index = u32Of(key);
    if (index >= this.maxEntries) return -E2BIG;
    const socket = this.named(value);
    if (typeof socket === "number") return socket;
    const old = this.slots.get(index);
    if (old !== undefined && flags === BPF_NOEXIST) return -EEXIST;
    if (old === undefined && flags === BPF_EXIST) return -ENOENT;
    if (!socket.inet) return -ENOTSUPP;
    if (!socket.hashed || !socket.reuseport) return -EINVAL;
    for (const holder of socket.holders) if (holder instanceof ReuseportSockarrayMap) return -EBUSY;
    old?.holders.delete(this);
    this.slots.set(index, socket);
    socket.holders.add(this);
    return 0;
  }

  protected override removeChecked(key: Uint8Array): number {
    const index = u32Of(key);
    if (index >= this.maxEntries) return -E2BIG;
    const old = this.slots.get(index);
    if (old === undefined) return -ENOENT;
    this.slots.delete(index);
    old.holders.delete(this);
    return 0;
  }
}

/** `reuseport_sockarray`. */
export const reuseportSockarrayType: MapTypeDef = {
  kind: "reuseport_sockarray",
  uapi: 20,
  since: "4.19",
  user: { take: false, batch: "none" },
  check: (spec) =>
    checkSocketValue(spec) ??
    checkMaxEntries(spec) ??
    checkKeySize(spec, 4) ??
    checkFlags(spec, BPF_F_NUMA_NODE | ACCESS_FLAGS),
  create: (spec, ctx) => new ReuseportSockarrayMap(spec, ctx),
};
