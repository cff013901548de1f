/**
 * What all live maps share: identity, the rights of user space, the way of user space's bytes into the arena, and the
 * care for a `struct bpf_spin_lock` within a value.
 */
import { type Arena, roundUp } from "../../engine/arena.ts";
import { ObjectError } from "../../engine/errors.ts";
import { resolve } from "../btf/query.ts";
import type { Btf } from "../btf/types.ts";
import type { BpfMap, InlineArray, MapCode, MapContext } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { EINVAL, ENOENT, ENOMEM, EPERM } from "./errno.ts";
import { BPF_F_RDONLY, BPF_F_RDONLY_PROG, BPF_F_WRONLY } from "./flags.ts";
import { copyBytes } from "./memory.ts";

/** The class above all live maps. Programs' side: addresses and -errno; user space's side: copies. */
export abstract class BaseMap implements BpfMap {
  readonly spec: MapSpec;
  readonly id: number;
  readonly handle: number;
  readonly inlineArray: InlineArray | null = null;
  readonly code: MapCode | null = null;
  readonly numCpus: number = 1;
  protected readonly arena: Arena;
  protected readonly ctx: MapContext;
  /** Bytes of the value's bpf_spin_lock from the value's start, -1 when it has none. */
  readonly spinLockOffset: number;
  private frozen: boolean;

  constructor(spec: MapSpec, ctx: MapContext) {
    this.spec = spec;
    this.id = ctx.id;
    this.handle = ctx.handle;
    this.arena = ctx.arena;
    this.ctx = ctx;
    this.frozen = spec.readonly;
    this.spinLockOffset = findSpinLock(spec.btf, spec.valueTypeId);
  }

  /** Types whose values programs cannot address keep this answer. */
  lookup(_key: number, _cpu: number): number {
    return 0;
  }

  /** Types that programs cannot change keep this answer. */
  update(_key: number, _value: number, _flags: number, _cpu: number): number {
    return -EINVAL;
  }

  /** Types of which programs can delete nothing keep this answer. */
  delete(_key: number): number {
    return -EINVAL;
  }

  abstract nextKey(key: Uint8Array | null): Uint8Array | null;
  abstract read(key: Uint8Array): Uint8Array | null;
  abstract count(): number;
  abstract destroy(): void;
  /** User space's update after the checks of rights and sizes. @returns 0 or -errno */
  protected abstract writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number;
  /** User space's delete after the checks of rights and size; types without it keep this answer. @returns 0 or -errno */
  protected removeChecked(_key: Uint8Array): number {
    return -EINVAL;
  }

  readonly readErrno: number = -ENOENT;
  readonly nextErrno: number = -ENOENT;

  get userValueBytes(): number {
    return this.spec.valueSize;
  }

  write(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (!this.userMayWrite) return -EPERM;
    if (key.length !== this.spec.keySize || value.length !== this.userValueBytes) return -EINVAL;
    return this.writeChecked(key, value, flags);
  }

  remove(key: Uint8Array): number {
    if (!this.userMayWrite) return -EPERM;
    if (key.length !== this.spec.keySize) return -EINVAL;
    return this.removeChecked(key);
  }

  /** BPF_MAP_FREEZE: from now on user space's writes answer -EPERM. @returns 0, or -EPERM when user space may not write */
  freeze(): number {
    if (!this.userMayWrite) return -EPERM;
    this.frozen = true;
    return 0;
  }

  /** BPF_MAP_FREEZE was done. */
  get isFrozen(): boolean {
    return this.frozen;
  }

  /** Programs may store into values. */
  protected get programsMayWrite(): boolean {
    return (this.spec.flags & BPF_F_RDONLY_PROG) === 0 && !this.spec.readonly;
  }

  get userMayWrite(): boolean {
    return !this.frozen && (this.spec.flags & BPF_F_RDONLY) === 0;
  }

  get userMayRead(): boolean {
    return (this.spec.flags & BPF_F_WRONLY) === 0;
  }

  /** For error texts about memory that belongs to this map. */
  protected get label(): string {
    return `map "${this.spec.name}" value`;
  }

  /** Copies a value into an element, leaving the element's spin lock as it is. */
  protected storeValue(dst: number, src: number): void {
    const at = this.spinLockOffset;
    if (at < 0) {
      copyBytes(this.arena, dst, src, this.spec.valueSize);
      return;
    }
    copyBytes(this.arena, dst, src, at);
    copyBytes(this.arena, dst + at + 4, src + at + 4, this.spec.valueSize - at - 4);
  }

  /** A copy of a value for user space, its spin lock zeroed. */
  protected copyOut(src: number): Uint8Array {
    const out = this.arena.u8.slice(src, src + this.spec.valueSize);
    if (this.spinLockOffset >= 0) out.fill(0, this.spinLockOffset, this.spinLockOffset + 4);
    return out;
  }

  /** User space's update by way of the programs' one, on CPU 0. @param key address. @returns 0 or -errno */
  protected updateFromUser(key: number, value: Uint8Array, flags: number): number {
    const src = this.takeUser(value);
    if (src === 0) return -ENOMEM;
    const err = this.update(key, src, flags, 0);
    this.dropUser(src, value);
    return err;
  }

  /** Puts user space's bytes into the arena for the time of one call; `dropUser` gives them back. */
  protected takeUser(bytes: Uint8Array): number {
    const addr = this.arena.alloc(bytes.length);
    if (addr !== 0) this.arena.u8.set(bytes, addr);
    return addr;
  }

  protected dropUser(addr: number, bytes: Uint8Array): void {
    this.arena.free(addr, bytes.length);
  }
}

/** Little-endian u32 of user space's key or value. */
export function u32Of(bytes: Uint8Array): number {
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
}

/** A u32 as little-endian bytes. */
export function bytesOfU32(n: number): Uint8Array {
  return new Uint8Array([n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24]);
}

/** @returns the address, unless it is 0. @throws ObjectError when the simulation's memory is used up */
export function mustAlloc(addr: number, spec: MapSpec, wantedBytes: number): number {
  if (addr !== 0) return addr;
  throw new ObjectError({
    code: "MAP_NOMEM",
    message: `map "${spec.name}" needs ${wantedBytes} bytes; the 2 GiB of simulated kernel memory are used up (-ENOMEM)`,
    fix: "lower max_entries, or the number of hosts that load this object",
  });
}

/** Bytes from one value to the next: values are aligned to 8. */
export function valueStride(spec: MapSpec): number {
  return roundUp(spec.valueSize, 8);
}

function findSpinLock(btf: Btf | null, typeId: number): number {
  if (btf === null || typeId === 0) return -1;
  const { type } = resolve(btf, typeId);
  if (type.kind !== "struct") return -1;
  for (const m of type.members) {
    const { type: t } = resolve(btf, m.type);
    if (t.kind === "struct" && t.name === "bpf_spin_lock") return m.bitOffset >>> 3;
  }
  return -1;
}
