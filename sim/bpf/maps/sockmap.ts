/**
 * BPF_MAP_TYPE_SOCKMAP: sockets by index: bound UDP sockets, and TCP sockets that listen or are connected.
 * @source net/core/sock_map.c sock_map_*; errno asked of Linux 6.18
 */
import type { MapSocket, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import { indexAt } from "./array.ts";
import { u32Of } from "./base-map.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, EOPNOTSUPP } from "./errno.ts";
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, checkFlags, checkKeySize, checkMaxEntries } from "./flags.ts";
import { SocketArray } from "./socket-array.ts";
import { checkSocketValue, mayStand } from "./socket-map.ts";

/** An array of sockets. */
export class SockmapMap extends SocketArray {
  /** sock_map_update_common. @returns 0 or -errno */
  private put(index: number, socket: MapSocket, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    if (index >= this.maxEntries) return -E2BIG;
    const old = this.slots.get(index);
    if (old !== undefined && flags === BPF_NOEXIST) return -EEXIST;
    if (old === undefined && flags === BPF_EXIST) return -ENOENT;
    this.slots.set(index, socket);
    socket.holders.add(this);
    if (old !== undefined && old !== socket) this.release(old);
    return 0;
  }

  /** @param value address of the socket */
  override update(key: number, value: number, flags: number, _cpu: number): number {
    const socket = this.placeable(value);
    return typeof socket === "number" ? socket : this.put(indexAt(this.arena.u8, key), socket, flags);
  }

  override delete(key: number): number {
    return this.clear(indexAt(this.arena.u8, key));
  }

  /** The socket is looked at before index and flags are. @source sock_map_update_elem_sys */
  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    const socket = this.named(value);
    if (typeof socket === "number") return socket;
    if (!mayStand(socket)) return -EOPNOTSUPP;
    return this.put(u32Of(key), socket, flags);
  }

  protected override removeChecked(key: Uint8Array): number {
    return this.clear(u32Of(key));
  }

  /** An empty slot and one beyond the end answer -EINVAL. @source __sock_map_delete */
  private clear(index: number): number {
    const old = this.slots.get(index);
    if (old === undefined) return -EINVAL;
    this.slots.delete(index);
    this.release(old);
    return 0;
  }

  private release(socket: MapSocket): void {
    for (const s of this.slots.values()) if (s === socket) return;
    socket.holders.delete(this);
  }
}

/** `sockmap`. */
export const sockmapType: MapTypeDef = {
  kind: "sockmap",
  uapi: 15,
  since: "4.14",
  typed: "none",
  user: { take: false, batch: "none" },
  check: (spec) =>
    checkMaxEntries(spec) ??
    checkKeySize(spec, 4) ??
    checkSocketValue(spec) ??
    checkFlags(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY),
  create: (spec, ctx) => new SockmapMap(spec, ctx),
};
