/**
 * Random streams. Each is derived from the simulation's seed and the name of who draws from it, so that adding a host
 * changes no other host's numbers.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { portableLog } from "./portable-math.ts";

/** Where a stream stands: the low and high words of xoroshiro128+'s two. */
export interface RandomState {
  readonly s00: number;
  readonly s01: number;
  readonly s10: number;
  readonly s11: number;
}

/** One stream of random numbers. */
export class RandomStream {
  private readonly gen: ReturnType<typeof xoroshiro128plus>;
  constructor(seed: number) {
    this.gen = xoroshiro128plus(seed);
  }

  /** Where it stands, for who goes on in its place. */
  state(): RandomState {
    const [s01, s00, s11, s10] = this.gen.getState();
    return { s00: s00!, s01: s01!, s10: s10!, s11: s11! };
  }

  /** Uniform over the 32-bit unsigned integers. */
  u32(): number {
    return this.gen.next() >>> 0;
  }

  /** Uniform over [0, 1), 53 bits. */
  unit(): number {
    const hi = this.gen.next() >>> 5;
    const lo = this.gen.next() >>> 6;
    return (hi * 67108864 + lo) / 9007199254740992;
  }

  /** Uniform integer in [0, n); n at most 2^32. */
  below(n: number): number {
    return Math.floor(this.unit() * n);
  }

  /** Exponential with the given mean. */
  exponential(mean: number): number {
    return -portableLog(1 - this.unit()) * mean;
  }
}

/** Makes the streams of one simulation. */
export class Streams {
  readonly seed: number;
  constructor(seed: number) {
    this.seed = seed;
  }

  /** @param name who draws and for what: `link h1:eth0 loss` */
  stream(name: string): RandomStream {
    return new RandomStream(hash32(name, this.seed));
  }
}

/** FNV-1a over the UTF-16 units of the name, then murmur3's finaliser; the same on every platform. */
function hash32(name: string, seed: number): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
