/** What the arrays of sockets share: sockmap and reuseport_sockarray. */
import type { MapContext, MapSocket } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { indexAt, nextIndex } from "./array.ts";
import { u32Of } from "./base-map.ts";
import { SocketMap } from "./socket-map.ts";

/** Sockets by index; every index is a key, whether a socket stands there or not. */
export abstract class SocketArray extends SocketMap {
  protected readonly slots: Map<number, MapSocket> = new Map();
  protected readonly maxEntries: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.maxEntries = spec.maxEntries;
  }

  /** The socket under an index, null when there is none. */
  socketAt(index: number): MapSocket | null {
    return this.slots.get(index) ?? null;
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
}
