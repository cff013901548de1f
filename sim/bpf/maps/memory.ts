/** Copying within the arena, for the short lengths of keys and values. */
import type { Arena } from "../../engine/arena.ts";

/** Above this many bytes the engine's memmove is faster than a loop (31 ns a call, LIMITS). */
const LOOP_BYTES = 96;

/** Copies n bytes within the arena; areas may overlap only if dst is below src. @unit addresses, bytes */
export function copyBytes(arena: Arena, dst: number, src: number, n: number): void {
  if (n > LOOP_BYTES) {
    arena.u8.copyWithin(dst, src, src + n);
    return;
  }
  let i = 0;
  if (((dst | src) & 3) === 0) {
    const i32 = arena.i32;
    const words = n >>> 2;
    const d = dst >>> 2;
    const s = src >>> 2;
    for (let w = 0; w < words; w++) i32[d + w] = i32[s + w]!;
    i = words << 2;
  }
  const u8 = arena.u8;
  for (; i < n; i++) u8[dst + i] = u8[src + i]!;
}

/** Zeroes n bytes. */
export function zeroBytes(arena: Arena, dst: number, n: number): void {
  arena.u8.fill(0, dst, dst + n);
}
