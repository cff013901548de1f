/**
 * BPF_MAP_TYPE_SOCKHASH: sockets by key: bound UDP sockets, and TCP sockets that listen or are connected.
 * @source net/core/sock_map.c sock_hash_*; errno and order of keys asked of Linux 6.18
 */
import type { MapContext, MapSocket, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM, EOPNOTSUPP } from "./errno.ts";
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, checkFlags, checkMaxEntries, invalid, tooBig } from "./flags.ts";
import { MAX_BUCKETS } from "./hash.ts";
import { HashTable } from "./hash-table.ts";
import { checkSocketValue, mayStand, SocketMap } from "./socket-map.ts";

/** A key may be as long as a program's stack. @source MAX_BPF_STACK */
const MAX_KEY = 512;

/** A hash map of sockets. */
export class SockhashMap extends SocketMap {
  private readonly table: HashTable;
  private readonly sockets: Map<number, MapSocket> = new Map();
  private readonly maxEntries: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.maxEntries = spec.maxEntries;
    this.table = new HashTable(ctx.arena, spec, {
      capacity: spec.maxEntries,
      numCpus: 0,
      writable: false,
      label: this.label,
    });
  }

  protected socketFor(key: number): MapSocket | null {
    const el = this.table.find(key);
    return el === 0 ? null : this.sockets.get(el)!;
  }

  /** @param value address of the socket */
  override update(key: number, value: number, flags: number, _cpu: number): number {
    const socket = this.placeable(value);
    return typeof socket === "number" ? socket : this.putAt(key, socket, flags);
  }

  /** sock_hash_update_common. */
  private putAt(key: number, socket: MapSocket, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const old = this.table.find(key);
    if (old !== 0 && flags === BPF_NOEXIST) return -EEXIST;
    if (old === 0 && flags === BPF_EXIST) return -ENOENT;
    if (old === 0 && this.table.count >= this.maxEntries) return -E2BIG;
    const el = this.table.take();
    if (el === 0) return -ENOMEM;
    this.table.insert(el, key);
    if (old !== 0) this.drop(old, socket);
    this.sockets.set(el, socket);
    socket.holders.add(this);
    return 0;
  }

  override delete(key: number): number {
    const el = this.table.find(key);
    if (el === 0) return -ENOENT;
    this.drop(el, null);
    return 0;
  }

  dropSocket(socket: MapSocket): void {
    for (const [el, s] of this.sockets) if (s === socket) this.drop(el, socket);
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return this.userMayRead ? this.table.nextKey(key) : null;
  }

  count(): number {
    return this.table.count;
  }

  destroy(): void {
    for (const socket of this.sockets.values()) socket.holders.delete(this);
    this.sockets.clear();
    this.table.destroy();
  }

  protected socketUnder(key: Uint8Array): MapSocket | null {
    return this.socketFor(this.table.stageUser(key));
  }

  /** The socket is looked at before the flags are. @source sock_map_update_elem_sys */
  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    const socket = this.named(value);
    if (typeof socket === "number") return socket;
    if (!mayStand(socket)) return -EOPNOTSUPP;
    return this.putAt(this.table.stageUser(key), socket, flags);
  }

  protected override removeChecked(key: Uint8Array): number {
    return this.delete(this.table.stageUser(key));
  }

  /** @param staying a socket that goes on holding this map whatever leaves */
  private drop(el: number, staying: MapSocket | null): void {
    const socket = this.sockets.get(el)!;
    this.table.remove(el);
    this.table.give(el);
    this.sockets.delete(el);
    if (socket === staying) return;
    for (const s of this.sockets.values()) if (s === socket) return;
    socket.holders.delete(this);
  }
}

/** `sockhash`. */
export const sockhashType: MapTypeDef = {
  kind: "sockhash",
  uapi: 18,
  since: "4.18",
  typed: "none",
  user: { take: false, batch: "none" },
  check(spec) {
    if (spec.keySize === 0) return invalid("key_size is 0");
    const common =
      checkMaxEntries(spec) ??
      checkSocketValue(spec) ??
      checkFlags(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY);
    if (common !== null) return common;
    if (spec.maxEntries > MAX_BUCKETS) return invalid(`max_entries ${spec.maxEntries} is above ${MAX_BUCKETS}`);
    return spec.keySize > MAX_KEY ? tooBig(`key_size ${spec.keySize} is above ${MAX_KEY}`) : null;
  },
  create: (spec, ctx) => new SockhashMap(spec, ctx),
};
