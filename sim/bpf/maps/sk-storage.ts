/**
 * BPF_MAP_TYPE_SK_STORAGE: one value for each socket that was given one; gone when the socket is. User space's key is the socket: its
 * cookie here, a descriptor on Linux.
 * @source kernel/bpf/bpf_local_storage.c, net/core/bpf_sk_storage.c; errno asked of Linux 6.18
 */
import { roundUp } from "../../engine/arena.ts";
import type { MapContext, MapSocket, MapTypeDef, SocketHolder } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, u32Of, valueStride } from "./base-map.ts";
import { EBADF, EEXIST, EINVAL, ENOENT, ENOMEM, ENOTSUPP } from "./errno.ts";
import { BPF_F_CLONE, BPF_F_LOCK, BPF_F_NO_PREALLOC, checkFlags, checkKeySize, invalid, tooBig } from "./flags.ts";
import { zeroBytes } from "./memory.ts";
import { Slab } from "./slab.ts";

/** Largest value, bytes: an element must fit kmalloc with its heads. @source BPF_LOCAL_STORAGE_MAX_VALUE_SIZE */
const MAX_VALUE = 65535 - 128;
/** More sockets with a value than any host has. */
const MAX_RECORDS = 2 ** 22;

/** Values by socket. */
export class SkStorageMap extends BaseMap implements SocketHolder {
  override readonly nextErrno: number = -ENOTSUPP;
  private readonly slab: Slab;
  private readonly elements: Map<MapSocket, number> = new Map();

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    const stride = valueStride(spec);
    const strideBytes = roundUp(stride + 4, 8);
    this.slab = new Slab(ctx.arena, {
      strideBytes,
      region: { strideBytes, valueBytes: spec.valueSize, writable: true, label: this.label },
      linkOffset: stride,
      maxRecords: MAX_RECORDS,
    });
  }

  /** Address of a socket's value, 0 when it has none. */
  valueFor(socket: MapSocket): number {
    return this.elements.get(socket) ?? 0;
  }

  /**
   * Gives a socket that has none a value.
   * @param value address of its first bytes, 0 for zeroes
   * @returns its address, or 0 when memory is used up
   */
  createFor(socket: MapSocket, value: number): number {
    const el = this.slab.take();
    if (el === 0) return 0;
    zeroBytes(this.arena, el, this.spec.valueSize);
    if (value !== 0) this.storeValue(el, value);
    this.elements.set(socket, el);
    socket.holders.add(this);
    return el;
  }

  /** Takes a socket's value away. @returns 0, or -ENOENT when it had none */
  deleteFor(socket: MapSocket): number {
    const el = this.elements.get(socket);
    if (el === undefined) return -ENOENT;
    this.elements.delete(socket);
    this.dropFields(el);
    this.slab.give(el);
    socket.holders.delete(this);
    return 0;
  }

  dropSocket(socket: MapSocket): void {
    this.deleteFor(socket);
  }

  nextKey(_key: Uint8Array | null): Uint8Array | null {
    return null;
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    const socket = this.ctx.socketOfCookie?.(u32Of(key));
    const el = socket === undefined ? 0 : this.valueFor(socket);
    return el === 0 ? null : this.copyOut(el);
  }

  /** The socket of user space's key exists: else its lookup answers -EBADF. */
  knows(key: Uint8Array): boolean {
    return key.length === 4 && this.ctx.socketOfCookie?.(u32Of(key)) !== undefined;
  }

  /** Sockets that have a value. */
  count(): number {
    return this.elements.size;
  }

  destroy(): void {
    for (const socket of this.elements.keys()) socket.holders.delete(this);
    this.elements.clear();
    this.slab.destroy();
  }

  /** A new element takes an old one's place, unless BPF_F_LOCK asks for its bytes to be replaced. @source bpf_local_storage_update */
  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    const socket = this.ctx.socketOfCookie?.(u32Of(key));
    if (socket === undefined) return -EBADF;
    if ((flags & ~BPF_F_LOCK) >>> 0 > BPF_EXIST) return -EINVAL;
    if ((flags & BPF_F_LOCK) !== 0 && this.spinLockOffset < 0) return -EINVAL;
    const old = this.valueFor(socket);
    if (old !== 0 && (flags & BPF_NOEXIST) !== 0) return -EEXIST;
    if (old === 0 && (flags & BPF_EXIST) !== 0) return -ENOENT;
    const src = this.takeUser(value);
    if (src === 0) return -ENOMEM;
    let err = 0;
    if (old !== 0 && (flags & BPF_F_LOCK) !== 0) this.storeValue(old, src);
    else {
      if (old !== 0) this.deleteFor(socket);
      err = this.createFor(socket, src) === 0 ? -ENOMEM : 0;
    }
    this.dropUser(src, value);
    return err;
  }

  protected override removeChecked(key: Uint8Array): number {
    const socket = this.ctx.socketOfCookie?.(u32Of(key));
    return socket === undefined ? -EBADF : this.deleteFor(socket);
  }
}

/** `sk_storage`. */
export const skStorageType: MapTypeDef = {
  kind: "sk_storage",
  uapi: 24,
  since: "5.2",
  user: { take: false, batch: "none" },
  check(spec) {
    const flags = checkFlags(spec, BPF_F_NO_PREALLOC | BPF_F_CLONE);
    if (flags !== null) return flags;
    if ((spec.flags & BPF_F_NO_PREALLOC) === 0) return invalid("BPF_F_NO_PREALLOC is missing");
    if (spec.maxEntries !== 0) return invalid(`max_entries is ${spec.maxEntries}, type sk_storage takes 0`);
    const key = checkKeySize(spec, 4);
    if (key !== null) return key;
    if (spec.valueSize === 0) return invalid("value_size is 0");
    if (spec.btf === null || spec.keyTypeId === 0 || spec.valueTypeId === 0) {
      return invalid("the types of key and value are missing (BTF)");
    }
    return spec.valueSize > MAX_VALUE ? tooBig(`value_size ${spec.valueSize} is above ${MAX_VALUE}`) : null;
  },
  create: (spec, ctx) => new SkStorageMap(spec, ctx),
};
