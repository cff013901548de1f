/**
 * The kernel's prandom generator (LFSR113 by L'Ecuyer), so that a seed given to netem draws what Linux draws.
 * @source include/linux/prandom.h prandom_seed_state; lib/random32.c prandom_u32_state
 */
export class Prandom {
  private s1: number = 0;
  private s2: number = 0;
  private s3: number = 0;
  private s4: number = 0;

  /** @param seed 0 to 2^53; the kernel takes 64 bits */
  constructor(seed: number) {
    const low = seed % 4294967296;
    const i = (Math.floor(seed / 4294967296) ^ (low << 10) ^ low) >>> 0;
    this.s1 = atLeast(i, 2);
    this.s2 = atLeast(i, 8);
    this.s3 = atLeast(i, 16);
    this.s4 = atLeast(i, 128);
  }

  /** Uniform over the 32-bit unsigned integers. */
  u32(): number {
    this.s1 = ((this.s1 & 0xfffffffe) << 18) ^ (((this.s1 << 6) ^ this.s1) >>> 13);
    this.s2 = ((this.s2 & 0xfffffff8) << 2) ^ (((this.s2 << 2) ^ this.s2) >>> 27);
    this.s3 = ((this.s3 & 0xfffffff0) << 7) ^ (((this.s3 << 13) ^ this.s3) >>> 21);
    this.s4 = ((this.s4 & 0xffffff80) << 13) ^ (((this.s4 << 3) ^ this.s4) >>> 12);
    return (this.s1 ^ this.s2 ^ this.s3 ^ this.s4) >>> 0;
  }
}

function atLeast(x: number, m: number): number {
  return x < m ? x + m : x;
}
