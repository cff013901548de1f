/**
 * `union bpf_attr`, what bpf(2) takes: bytes that each command reads as fields of its own. Pointers in it are the caller's, and a program
 * of the kernel calls: they lead into simulated memory, and elsewhere they are -EFAULT.
 * @source include/uapi/linux/bpf.h; kernel/bpf/syscall.c __sys_bpf, bpf_check_uarg_tail_zero; linux/bpfptr.h
 */
import { readable } from "../../bpf/helpers/arena-read.ts";
import type { Arena } from "../../engine/arena.ts";

/** sizeof(union bpf_attr) of Linux 6.18. */
export const ATTR_BYTES = 168;
/** Longest name of a map or program with its NUL. */
const BPF_OBJ_NAME_LEN = 16;

/** One call's attributes; what the caller left out is zero. */
export class BpfAttr {
  private readonly arena: Arena;
  private readonly bytes: Uint8Array = new Uint8Array(ATTR_BYTES);
  private readonly view: DataView;

  /** @param address of readable bytes */
  constructor(arena: Arena, address: number, sizeBytes: number) {
    this.arena = arena;
    this.bytes.set(arena.u8.subarray(address, address + Math.min(sizeBytes, ATTR_BYTES)));
    this.view = new DataView(this.bytes.buffer);
  }

  u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  /** Whether a u64 is 0. */
  isZero(offset: number): boolean {
    return this.u32(offset) === 0 && this.u32(offset + 4) === 0;
  }

  /** All bytes from an offset on are zero (CHECK_ATTR). */
  isZeroFrom(offset: number): boolean {
    return this.bytes.subarray(offset).every((b) => b === 0);
  }

  /** A u64 as a number; above 2^53 it is rounded, which no check can see. */
  u64(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * 2 ** 32;
  }

  /** A copy of the bytes that the pointer at an offset leads to; null: -EFAULT. */
  read(offset: number, sizeBytes: number): Uint8Array | null {
    const address = this.u32(offset);
    if (!readable(this.arena, address, this.u32(offset + 4), sizeBytes)) return null;
    return this.arena.u8.slice(address, address + sizeBytes);
  }

  /** Bytes of the string that the pointer at an offset leads to, as text, at most `most`; null: -EFAULT. */
  readText(offset: number, most: number): string | null {
    const address = this.u32(offset);
    if (!readable(this.arena, address, this.u32(offset + 4), 1)) return null;
    const bytes = this.arena.u8.subarray(address, address + most);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
  }

  /** The name of a map or program; null: -EINVAL. @source kernel/bpf/syscall.c bpf_obj_name_cpy */
  name(offset: number): string | null {
    const bytes = this.bytes.subarray(offset, offset + BPF_OBJ_NAME_LEN);
    const text = String.fromCharCode(...bytes);
    const end = text.indexOf("\0");
    const name = text.slice(0, end);
    return end >= 0 && /^[A-Za-z0-9_.]*$/.test(name) ? name : null;
  }
}
