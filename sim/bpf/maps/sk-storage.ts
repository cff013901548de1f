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
/** What a socket is charged for a value beside its bytes: up to sdata.data of struct bpf_local_storage_elem, in a cache line of its own. */
const ELEM_BYTES = 72;
/** What it is charged for its first value: sizeof(struct bpf_local_storage). */
const STORAGE_BYTES = 176;
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
   * @returns its address, or 0 when memory or the socket's option memory is used up
   */
  createFor(socket: MapSocket, value: number): number {
    const el = this.newElement(socket, value);
    if (el === 0) return 0;
    if (!hasValues(socket) && !socket.optionMemory.charge(STORAGE_BYTES)) {
      this.freeElement(socket, el);
      return 0;
    }
    this.elements.set(socket, el);
    socket.holders.add(this);
    return el;
  }

  /** Takes a socket's value away. @returns 0, or -ENOENT when it had none */
  deleteFor(socket: MapSocket): number {
    const el = this.elements.get(socket);
    if (el === undefined) return -ENOENT;
    this.elements.delete(socket);
    socket.holders.delete(this);
    this.freeElement(socket, el);
    if (!hasValues(socket)) socket.optionMemory.uncharge(STORAGE_BYTES);
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
    for (const socket of [...this.elements.keys()]) this.deleteFor(socket);
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
    let el = old;
    if (old === 0) el = this.createFor(socket, src);
    else if ((flags & BPF_F_LOCK) !== 0) this.storeValue(old, src);
    else el = this.replace(socket, old, src);
    this.dropUser(src, value);
    return el === 0 ? -ENOMEM : 0;
  }

  /** For a moment both values are charged. */
  private replace(socket: MapSocket, old: number, value: number): number {
    const el = this.newElement(socket, value);
    if (el === 0) return 0;
    this.elements.set(socket, el);
    this.freeElement(socket, old);
    return el;
  }

  /** bpf_selem_alloc. */
  private newElement(socket: MapSocket, value: number): number {
    const bytes = ELEM_BYTES + this.spec.valueSize;
    if (!socket.optionMemory.charge(bytes)) return 0;
    const el = this.slab.take();
    if (el === 0) {
      socket.optionMemory.uncharge(bytes);
      return 0;
    }
    zeroBytes(this.arena, el, this.spec.valueSize);
    if (value !== 0) this.storeValue(el, value);
    return el;
  }

  private freeElement(socket: MapSocket, el: number): void {
    this.dropFields(el);
    this.slab.give(el);
    socket.optionMemory.uncharge(ELEM_BYTES + this.spec.valueSize);
  }

  protected override removeChecked(key: Uint8Array): number {
    const socket = this.ctx.socketOfCookie?.(u32Of(key));
    return socket === undefined ? -EBADF : this.deleteFor(socket);
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
