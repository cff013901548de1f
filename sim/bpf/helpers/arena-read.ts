/** Reading addresses that a program made up, as the kernel's nofault copies do: outside of memory it is -EFAULT, never a crash. */
import { type Arena, GUARD_BYTES } from "../../engine/arena.ts";

/** All bytes lie in simulated memory. @param addr low word; @param hi high word */
export function readable(arena: Arena, addr: number, hi: number, bytes: number): boolean {
  const from = addr >>> 0;
  return hi === 0 && from >= GUARD_BYTES && from + bytes <= arena.u8.length;
}

/**
 * Bytes of a NUL-terminated string without its NUL, at most `max` of them.
 * @returns null when the address is not readable
 */
export function readString(arena: Arena, addr: number, hi: number, max: number): Uint8Array | null {
  if (!readable(arena, addr, hi, 1)) return null;
  const from = addr >>> 0;
  const end = Math.min(from + max, arena.u8.length);
  const nul = arena.u8.subarray(from, end).indexOf(0);
  return arena.u8.slice(from, nul < 0 ? end : from + nul);
}
