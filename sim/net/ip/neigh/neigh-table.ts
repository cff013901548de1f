/**
 * The neighbour table of a host: ARP's and neighbour discovery's entries of all devices, hashed by address and device.
 *
 * @source net/core/neighbour.c
 * @differs entries are not aged out below gc_thresh3 (Linux looks only above gc_thresh1 = 128, every 30 s)
 */
import type { Netdev } from "../../netdev.ts";
import { AF_INET, type Family } from "../address.ts";
import type { IpStack } from "../ip-stack.ts";
import { Neighbour } from "./neighbour.ts";
import { NUD_FAILED, NUD_NOARP, NUD_PERMANENT } from "./nud.ts";

/** gc_thresh3: no table grows beyond it. */
const GC_THRESH3 = 1024;
const GC_MIN_AGE_NS = 5e9;

/** The neighbours of one host, of both families. */
export class NeighTable {
  private buckets: (Neighbour | null)[] = new Array<Neighbour | null>(16).fill(null);
  private count4: number = 0;
  private count6: number = 0;

  /** @returns the entry or null */
  find(dev: Netdev, family: Family, a: number, b: number, c: number, d: number): Neighbour | null {
    let n: Neighbour | null = this.buckets[hash(dev.ifindex, a, b, c, d) & (this.buckets.length - 1)]!;
    while (n !== null) {
      if (n.a === a && n.dev === dev && n.d === d && n.c === c && n.b === b && n.family === family) return n;
      n = n.next;
    }
    return null;
  }

  /** The IPv4 entry of an address (unsigned) on a device, or null. */
  find4(dev: Netdev, a: number): Neighbour | null {
    return this.find(dev, AF_INET, a, 0, 0, 0);
  }

  /** Adds an entry that is not there. @returns null when the table is full and nothing in it is old (neighbour table overflow) */
  add(
    stack: IpStack,
    dev: Netdev,
    family: Family,
    a: number,
    b: number,
    c: number,
    d: number,
    drop: (n: Neighbour) => void,
  ): Neighbour | null {
    const nowNs = stack.kernel.engine.nowNs;
    if ((family === AF_INET ? this.count4 : this.count6) >= GC_THRESH3 && !this.forcedGc(family, nowNs, drop)) {
      return null;
    }
    const n = new Neighbour(stack, dev, family, a, b, c, d);
    n.updatedNs = nowNs;
    n.usedNs = nowNs;
    n.confirmedNs = nowNs;
    if (this.count4 + this.count6 >= this.buckets.length * 2) this.grow();
    this.link(n);
    if (family === AF_INET) this.count4++;
    else this.count6++;
    return n;
  }

  /** Takes an entry out and marks it dead; its queue and timer are the caller's. */
  remove(n: Neighbour): void {
    const i = hash(n.dev.ifindex, n.a, n.b, n.c, n.d) & (this.buckets.length - 1);
    let p: Neighbour | null = this.buckets[i]!;
    if (p === n) this.buckets[i] = n.next;
    else {
      while (p !== null && p.next !== n) p = p.next;
      if (p === null) return;
      p.next = n.next;
    }
    n.next = null;
    n.dead = true;
    if (n.family === AF_INET) this.count4--;
    else this.count6--;
  }

  /** All entries of a family, by ifindex, then address. Control plane. */
  list(family: Family): Neighbour[] {
    const out: Neighbour[] = [];
    for (const head of this.buckets) {
      for (let n: Neighbour | null = head; n !== null; n = n.next) if (n.family === family) out.push(n);
    }
    return out.sort((x, y) => x.dev.ifindex - y.dev.ifindex || x.a - y.a || x.b - y.b || x.c - y.c || x.d - y.d);
  }

  private forcedGc(family: Family, nowNs: number, drop: (n: Neighbour) => void): boolean {
    let freed = false;
    for (const n of this.list(family)) {
      if ((n.state & NUD_PERMANENT) !== 0) continue;
      const old = n.updatedNs + GC_MIN_AGE_NS <= nowNs;
      if ((n.state & (NUD_FAILED | NUD_NOARP)) === 0 && !old) continue;
      drop(n);
      freed = true;
    }
    return freed;
  }

  private link(n: Neighbour): void {
    const i = hash(n.dev.ifindex, n.a, n.b, n.c, n.d) & (this.buckets.length - 1);
    n.next = this.buckets[i]!;
    this.buckets[i] = n;
  }

  private grow(): void {
    const old = this.buckets;
    this.buckets = new Array<Neighbour | null>(old.length * 2).fill(null);
    for (const head of old) {
      for (let n: Neighbour | null = head; n !== null; ) {
        const next: Neighbour | null = n.next;
        this.link(n);
        n = next;
      }
    }
  }
}

function hash(ifindex: number, a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a ^ ifindex, 0x9e3779b1) ^ Math.imul(b ^ d, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
  h ^= h >>> 15;
  return h ^ (h >>> 7);
}
