/** Sequence numbers: 32 bits that wrap. All are kept unsigned. @source include/net/tcp.h before, after, between */

/** Whether a comes before b. */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether a comes after b. */
export function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** Whether low <= x <= high. */
export function between(x: number, low: number, high: number): boolean {
  return (high - low) >>> 0 >= (x - low) >>> 0;
}

/** a + n, wrapped. */
export function seqAdd(a: number, n: number): number {
  return (a + n) >>> 0;
}

/** Bytes from b to a, 0 to 2^32 - 1. */
export function seqDiff(a: number, b: number): number {
  return (a - b) >>> 0;
}
