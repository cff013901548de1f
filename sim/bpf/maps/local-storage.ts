/**
 * What sk_storage, task_storage and cgrp_storage share: one value for each owner that was given one; gone when the owner is.
 * @source kernel/bpf/bpf_local_storage.c; errno asked of Linux 6.18
 */
import { roundUp } from "../../engine/arena.ts";
import type { MapContext } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, valueStride } from "./base-map.ts";
import { EBADF, EEXIST, EINVAL, ENOENT, ENOMEM, ENOTSUPP } from "./errno.ts";
import {
  BPF_F_CLONE,
  BPF_F_LOCK,
  BPF_F_NO_PREALLOC,
  checkFlags,
  checkKeySize,
  invalid,
  type Refusal,
  tooBig,
} from "./flags.ts";
import { zeroBytes } from "./memory.ts";
import { Slab } from "./slab.ts";

/** Largest value, bytes: an element must fit kmalloc with its heads. @source BPF_LOCAL_STORAGE_MAX_VALUE_SIZE */
export const LOCAL_STORAGE_MAX_VALUE: number = 65535 - 128;
/** More owners with a value than any host has. */
const MAX_RECORDS = 2 ** 22;

/** Values by owner. User space's key is a descriptor of the owner. */
export abstract class LocalStorageMap<O> extends BaseMap {
  override readonly nextErrno: number = -ENOTSUPP;
  protected readonly elements: Map<O, number> = new Map();
  private readonly slab: Slab;

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

  /** The owner that user space's key names, undefined when it names none. */
  protected abstract ownerOf(key: Uint8Array): O | undefined;
  /** A value of this map is charged to its owner. @returns false, nothing taken, when there is not so much left */
  protected charge(_owner: O): boolean {
    return true;
  }
  /** Gives it back. */
  protected uncharge(_owner: O): void {}
  /** An owner got its value in this map. @returns false when it cannot */
  protected attach(_owner: O): boolean {
    return true;
  }
  /** It has none any more. */
  protected detach(_owner: O): void {}

  /** Address of an owner's value, 0 when it has none. */
  valueFor(owner: O): number {
    return this.elements.get(owner) ?? 0;
  }

  /**
   * Gives an owner that has none a value.
   * @param value address of its first bytes, 0 for zeroes
   * @returns its address, or 0 when memory is used up
   */
  createFor(owner: O, value: number): number {
    const el = this.newElement(owner, value);
    if (el === 0) return 0;
    if (!this.attach(owner)) {
      this.freeElement(owner, el);
      return 0;
    }
    this.elements.set(owner, el);
    return el;
  }

  /** Takes an owner's value away. @returns 0, or -ENOENT when it had none */
  deleteFor(owner: O): number {
    const el = this.elements.get(owner);
    if (el === undefined) return -ENOENT;
    this.elements.delete(owner);
    this.freeElement(owner, el);
    this.detach(owner);
    return 0;
  }

  nextKey(_key: Uint8Array | null): Uint8Array | null {
    return null;
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    const owner = this.ownerOf(key);
    const el = owner === undefined ? 0 : this.valueFor(owner);
    return el === 0 ? null : this.copyOut(el);
  }

  /** The owner that user space's key names exists: else its lookup answers -EBADF. */
  knows(key: Uint8Array): boolean {
    return key.length === 4 && this.ownerOf(key) !== undefined;
  }

  /** Owners that have a value. */
  count(): number {
    return this.elements.size;
  }

  destroy(): void {
    for (const owner of [...this.elements.keys()]) this.deleteFor(owner);
    this.slab.destroy();
  }

  /** A new element takes an old one's place, unless BPF_F_LOCK asks for its bytes to be replaced. @source bpf_local_storage_update */
  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    const owner = this.ownerOf(key);
    if (owner === undefined) return -EBADF;
    if ((flags & ~BPF_F_LOCK) >>> 0 > BPF_EXIST) return -EINVAL;
    if ((flags & BPF_F_LOCK) !== 0 && this.spinLockOffset < 0) return -EINVAL;
    const old = this.valueFor(owner);
    if (old !== 0 && (flags & BPF_NOEXIST) !== 0) return -EEXIST;
    if (old === 0 && (flags & BPF_EXIST) !== 0) return -ENOENT;
    const src = this.takeUser(value);
    if (src === 0) return -ENOMEM;
    let el = old;
    if (old === 0) el = this.createFor(owner, src);
    else if ((flags & BPF_F_LOCK) !== 0) this.storeValue(old, src);
    else el = this.replace(owner, old, src);
    this.dropUser(src, value);
    return el === 0 ? -ENOMEM : 0;
  }

  /** For a moment both values are charged. */
  private replace(owner: O, old: number, value: number): number {
    const el = this.newElement(owner, value);
    if (el === 0) return 0;
    this.elements.set(owner, el);
    this.freeElement(owner, old);
    return el;
  }

  /** bpf_selem_alloc. */
  private newElement(owner: O, value: number): number {
    if (!this.charge(owner)) return 0;
    const el = this.slab.take();
    if (el === 0) {
      this.uncharge(owner);
      return 0;
    }
    zeroBytes(this.arena, el, this.spec.valueSize);
    if (value !== 0) this.storeValue(el, value);
    return el;
  }

  private freeElement(owner: O, el: number): void {
    this.dropFields(el);
    this.slab.give(el);
    this.uncharge(owner);
  }

  protected override removeChecked(key: Uint8Array): number {
    const owner = this.ownerOf(key);
    return owner === undefined ? -EBADF : this.deleteFor(owner);
  }
}

/** What BPF_MAP_CREATE refuses. @source kernel/bpf/bpf_local_storage.c bpf_local_storage_map_alloc_check */
export function checkLocalStorage(spec: MapSpec): Refusal | null {
  const flags = checkFlags(spec, BPF_F_NO_PREALLOC | BPF_F_CLONE);
  if (flags !== null) return flags;
  if ((spec.flags & BPF_F_NO_PREALLOC) === 0) return invalid("BPF_F_NO_PREALLOC is missing");
  if (spec.maxEntries !== 0) return invalid(`max_entries is ${spec.maxEntries}, type ${spec.kind} takes 0`);
  const key = checkKeySize(spec, 4);
  if (key !== null) return key;
  if (spec.valueSize === 0) return invalid("value_size is 0");
  if (spec.btf === null || spec.keyTypeId === 0 || spec.valueTypeId === 0) {
    return invalid("the types of key and value are missing (BTF)");
  }
  return spec.valueSize > LOCAL_STORAGE_MAX_VALUE
    ? tooBig(`value_size ${spec.valueSize} is above ${LOCAL_STORAGE_MAX_VALUE}`)
    : null;
}
