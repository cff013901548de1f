/**
 * What all live maps share: identity, the rights of user space, the way of user space's bytes into the arena, and the
 * care for fields of the kernel within a value.
 */
import { type Arena, roundUp } from "../../engine/arena.ts";
import { BugError, ObjectError } from "../../engine/errors.ts";
import { type SpecialField, specialFields } from "../btf/special-fields.ts";
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
  /** Fields of the value that belong to the kernel, by offset: copies leave them out. */
  readonly fields: readonly SpecialField[];
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
    this.fields = specialFields(spec.btf, spec.valueTypeId).filter((f) => !f.kind.endsWith("_node"));
    this.spinLockOffset = this.fields.find((f) => f.kind === "spin_lock")?.offset ?? -1;
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

  /** Copies a value into an element, leaving the element's fields of the kernel as they are. @source bpf_obj_memcpy */
  protected storeValue(dst: number, src: number): void {
    const { arena, fields } = this;
    let at = 0;
    for (let i = 0; i < fields.length; i++) {
      const f = fields[i]!;
      copyBytes(arena, dst + at, src + at, f.offset - at);
      at = f.offset + f.size;
    }
    copyBytes(arena, dst + at, src + at, this.spec.valueSize - at);
  }

  /** Copies a value of user space into an element, leaving the element's fields of the kernel as they are. */
  protected copyIn(dst: number, value: Uint8Array): void {
    let at = 0;
    for (const f of this.fields) {
      this.arena.u8.set(value.subarray(at, f.offset), dst + at);
      at = f.offset + f.size;
    }
    this.arena.u8.set(value.subarray(at), dst + at);
  }

  /** A copy of a value for user space, its fields of the kernel zeroed. */
  protected copyOut(src: number): Uint8Array {
    const out = this.arena.u8.slice(src, src + this.spec.valueSize);
    for (const f of this.fields) out.fill(0, f.offset, f.offset + f.size);
    return out;
  }

  /** Ends what a value's fields hold: timers are cancelled, objects freed. @source bpf_obj_free_fields */
  protected dropFields(value: number): void {
    if (this.fields.length > 0) this.ctx.dropFields?.(this, value);
  }

  /** Bytes from the start of the value in which an address lies; -1 when it lies in no value of this map. */
  offsetInValue(addr: number): number {
    const region = this.arena.regionAt(addr);
    if (region === undefined || region.label !== this.label || addr - region.addr >= region.sizeBytes) return -1;
    return (addr - region.addr) % region.strideBytes;
  }

  /** Writes the key of the element with a value's address; maps without timers have no need of it. */
  writeKey(_value: number, _to: number): void {
    throw new BugError("MAP_KEY_OF", `a ${this.spec.kind} map does not say which key a value has`);
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
