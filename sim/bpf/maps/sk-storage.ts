/**
 * BPF_MAP_TYPE_SK_STORAGE: a value for a socket, charged to its option memory. User space's key is the socket: its cookie here, a
 * descriptor on Linux.
 * @source net/core/bpf_sk_storage.c; errno asked of Linux 6.18
 */
import type { MapSocket, MapTypeDef, SocketHolder } from "../map.ts";
import { u32Of } from "./base-map.ts";
import { checkLocalStorage, LocalStorageMap } from "./local-storage.ts";

/** What a socket is charged for a value beside its bytes: up to sdata.data of struct bpf_local_storage_elem, in a cache line of its own. */
const ELEM_BYTES = 72;
/** What it is charged for its first value: sizeof(struct bpf_local_storage). */
const STORAGE_BYTES = 176;

/** Values by socket. */
export class SkStorageMap extends LocalStorageMap<MapSocket> implements SocketHolder {
  dropSocket(socket: MapSocket): void {
    this.deleteFor(socket);
  }

  protected ownerOf(key: Uint8Array): MapSocket | undefined {
    return this.ctx.socketOfCookie?.(u32Of(key));
  }

  protected override charge(socket: MapSocket): boolean {
    return socket.optionMemory.charge(ELEM_BYTES + this.spec.valueSize);
  }

  protected override uncharge(socket: MapSocket): void {
    socket.optionMemory.uncharge(ELEM_BYTES + this.spec.valueSize);
  }

  protected override attach(socket: MapSocket): boolean {
    if (!hasValues(socket) && !socket.optionMemory.charge(STORAGE_BYTES)) return false;
    socket.holders.add(this);
    return true;
  }

  protected override detach(socket: MapSocket): void {
    socket.holders.delete(this);
    if (!hasValues(socket)) socket.optionMemory.uncharge(STORAGE_BYTES);
  }
}

/** A map keeps a value for the socket. */
function hasValues(socket: MapSocket): boolean {
  for (const holder of socket.holders) if (holder instanceof SkStorageMap) return true;
  return false;
}

/** `sk_storage`. */
export const skStorageType: MapTypeDef = {
  kind: "sk_storage",
  uapi: 24,
  since: "5.2",
  typed: "int key",
  user: { take: false, batch: "none" },
  check: checkLocalStorage,
  create: (spec, ctx) => new SkStorageMap(spec, ctx),
};
