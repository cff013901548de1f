/**
 * The lookup ring of a Maglev load balancer, as a control plane computes it.
 * @source Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4
 */

/** A backend of the ring. */
export interface MaglevBackend {
  /** What its places are derived from; its address, say. */
  readonly name: string;
  /** What its entries hold. */
  readonly slot: number;
  /** Turns it takes a round, at least 1. */
  readonly weight: number;
}

/**
 * Fills a ring: every backend in turn takes the next free place of its own permutation.
 * @param size number of entries, a prime larger than the number of backends
 * @returns slots by entry; all 0 when there is no backend
 */
export function maglevRing(backends: readonly MaglevBackend[], size: number): Uint32Array {
  const ring = new Uint32Array(size);
  if (backends.length === 0) return ring;
  const taken = new Uint8Array(size);
  const next = backends.map((b) => hash(b.name, 0x9e3779b9) % size);
  const skip = backends.map((b) => (hash(b.name, 0x85ebca6b) % (size - 1)) + 1);
  for (let filled = 0; filled < size; ) {
    for (let b = 0; b < backends.length && filled < size; b++) {
      for (let turn = 0; turn < backends[b]!.weight && filled < size; turn++) {
        let place = next[b]!;
        while (taken[place] === 1) place = (place + skip[b]!) % size;
        taken[place] = 1;
        ring[place] = backends[b]!.slot;
        next[b] = (place + skip[b]!) % size;
        filled++;
      }
    }
  }
  return ring;
}

/** FNV-1a over the name's UTF-16 units, finished as MurmurHash3 does. @returns u32 */
function hash(name: string, seed: number): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
