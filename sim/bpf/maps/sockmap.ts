/**
 * BPF_MAP_TYPE_SOCKMAP: sockets by index: bound UDP sockets, and TCP sockets that listen or are connected.
 * @source net/core/sock_map.c sock_map_*; errno asked of Linux 6.18
 */
import type { MapContext, MapSocket, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { indexAt, nextIndex } from "./array.ts";
import { u32Of } from "./base-map.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, EOPNOTSUPP } from "./errno.ts";
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, checkFlags, checkKeySize, checkMaxEntries } from "./flags.ts";
import { checkSocketValue, mayStand, SocketTable } from "./socket-map.ts";

/** An array of sockets. */
export class SockmapMap extends SocketTable {
  private readonly slots: Map<number, MapSocket> = new Map();
  private readonly maxEntries: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.maxEntries = spec.maxEntries;
  }

  /** The socket under an index, null when there is none. */
  socketAt(index: number): MapSocket | null {
    return this.slots.get(index) ?? null;
  }

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

  putAt(key: number, socket: MapSocket, flags: number): number {
    return this.put(indexAt(this.arena.u8, key), socket, flags);
  }

  override delete(key: number): number {
    return this.clear(indexAt(this.arena.u8, key));
  }

  dropSocket(socket: MapSocket): void {
    for (const [index, s] of this.slots) if (s === socket) this.slots.delete(index);
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return this.userMayRead ? nextIndex(key, this.maxEntries) : null;
  }

  /** Slots that hold a socket. */
  count(): number {
    return this.slots.size;
  }

  destroy(): void {
    for (const socket of this.slots.values()) socket.holders.delete(this);
    this.slots.clear();
  }

  protected socketUnder(key: Uint8Array): MapSocket | null {
    return this.socketAt(u32Of(key));
  }

  protected socketFor(key: number): MapSocket | null {
    return this.socketAt(indexAt(this.arena.u8, key));
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
