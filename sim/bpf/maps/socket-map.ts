/**
 * What the maps of sockets share: user space names a socket by its cookie (a descriptor on Linux) in a value of 4 or 8 bytes, and reads
 * cookies back from values of 8. Programs pass sockets and get them.
 * @source net/core/sock_map.c sock_map_lookup_sys, sock_map_lookup, sock_map_update_elem; kernel/bpf/reuseport_array.c
 */
import type { MapContext, MapSocket, SocketHolder } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, bytesOfU32, u32Of } from "./base-map.ts";
import { EBADF, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from "./errno.ts";
import { invalid, type Refusal } from "./flags.ts";

/** A map of sockets. */
export abstract class SocketMap extends BaseMap implements SocketHolder {
  override readonly readErrno: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.readErrno = spec.valueSize === 8 ? -ENOENT : -ENOSPC;
  }

  /** The socket under user space's key, null when there is none. */
  protected abstract socketUnder(key: Uint8Array): MapSocket | null;
  /** The socket under a program's key, null when there is none. @param key address */
  protected abstract socketFor(key: number): MapSocket | null;
  abstract dropSocket(socket: MapSocket): void;

  /** Address of the socket under a key, 0 when there is none. */
  override lookup(key: number, _cpu: number): number {
    return this.socketFor(key)?.bpfSock() ?? 0;
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || this.spec.valueSize !== 8 || key.length !== this.spec.keySize) return null;
    const socket = this.socketUnder(key);
    if (socket === null) return null;
    const out = new Uint8Array(8);
    out.set(bytesOfU32(socket.cookie));
    return out;
  }

  /** @returns the socket that user space's value names, -EINVAL for numbers no descriptor has, -EBADF when there is none */
  protected named(value: Uint8Array): MapSocket | number {
    const cookie = u32Of(value);
    const high = value.length === 8 ? u32Of(value.subarray(4)) : 0;
    if (high !== 0 || cookie > 0x7fffffff) return -EINVAL;
    return this.ctx.socketOfCookie?.(cookie) ?? -EBADF;
  }

  /** @param value address of a socket that a program puts. @returns the socket, -EINVAL when there is none, -EOPNOTSUPP when it may not */
  protected placeable(value: number): MapSocket | number {
    const socket = this.ctx.socketAt?.(value);
    if (socket === undefined) return -EINVAL;
    return mayStand(socket) ? socket : -EOPNOTSUPP;
  }
}

/** Maps take a socket of its protocol and state. @source net/core/sock_map.c sock_map_sk_is_suitable, sock_map_sk_state_allowed */
export function mayStand(socket: MapSocket): boolean {
  return socket.inet && socket.hashed;
}

/** Values name sockets by 4 or 8 bytes. */
export function checkSocketValue(spec: MapSpec): Refusal | null {
  if (spec.valueSize === 4 || spec.valueSize === 8) return null;
  return invalid(`value_size is ${spec.valueSize}, type ${spec.kind} takes 4 or 8`);
}
