/**
 * A bridge's forwarding database: MAC address to port, open addressing on integer columns.
 *
 * @source net/bridge/br_fdb.c br_fdb_update, br_fdb_find_rcu, has_expired
 */
import type { Netdev } from "../netdev.ts";

/** BR_DEFAULT_AGEING_TIME. */
const AGEING_NS = 300_000_000_000;

/** One entry as `bridge fdb show` lists it. */
export interface FdbEntry {
  readonly mac: Uint8Array;
  readonly port: Netdev;
  /** The bridge's or a port's own address: never ages. */
  readonly local: boolean;
}

/** Addresses that a bridge learned, with their ports. */
export class Fdb {
  ageingNs: number = AGEING_NS;
  private mask: number = 63;
  /** First two bytes; -1: never used. */
  private hi: Int32Array = new Int32Array(64).fill(-1);
  /** Last four bytes. */
  private lo: Int32Array = new Int32Array(64);
  private ports: (Netdev | null)[] = new Array<Netdev | null>(64).fill(null);
  /** When it was seen last, ns; -1: local, never ages. */
  private seenNs: Float64Array = new Float64Array(64);
  private used: number = 0;

  /** Learns that an address stands behind a port; a local entry stays as it is. */
  learn(hi: number, lo: number, port: Netdev, nowNs: number): void {
    const i = this.slot(hi, lo);
    if (this.hi[i] === -1) {
      this.insert(hi, lo, port, nowNs);
      return;
    }
    if (this.ports[i] !== null && this.seenNs[i] === -1) return;
    this.ports[i] = port;
    this.seenNs[i] = nowNs;
  }

  /** Enters an address of the bridge's own. */
  addLocal(mac: Uint8Array, port: Netdev): void {
    const [hi, lo] = words(mac);
    const i = this.slot(hi, lo);
    if (this.hi[i] === -1) this.insert(hi, lo, port, -1);
    else {
      this.ports[i] = port;
      this.seenNs[i] = -1;
    }
  }

  /** @returns the port (the bridge itself or a port of its own address for local ones), or null when unknown or too old */
  find(hi: number, lo: number, nowNs: number): Netdev | null {
    const i = this.slot(hi, lo);
    if (this.hi[i] === -1) return null;
    const seen = this.seenNs[i]!;
    if (seen !== -1 && nowNs - seen > this.ageingNs) return null;
    return this.ports[i]!;
  }

  /** Whether the address is one of the bridge's own. */
  isLocal(hi: number, lo: number): boolean {
    const i = this.slot(hi, lo);
    return this.hi[i] !== -1 && this.ports[i] !== null && this.seenNs[i] === -1;
  }

  /** Forgets all entries of a port, local ones too. */
  flushPort(port: Netdev): void {
    for (let i = 0; i < this.ports.length; i++) if (this.ports[i] === port) this.ports[i] = null;
  }

  /** All entries that have not aged, in order of their addresses. */
  list(nowNs: number): FdbEntry[] {
    const out: FdbEntry[] = [];
    for (let i = 0; i < this.ports.length; i++) {
      const port = this.ports[i]!;
      if (port === null) continue;
      const seen = this.seenNs[i]!;
      if (seen !== -1 && nowNs - seen > this.ageingNs) continue;
      const hi = this.hi[i]!;
      const lo = this.lo[i]!;
      const mac = Uint8Array.of(hi >>> 8, hi & 255, lo >>> 24, (lo >>> 16) & 255, (lo >>> 8) & 255, lo & 255);
      out.push({ mac, port, local: seen === -1 });
    }
    return out.sort((a, b) => compareMac(a.mac, b.mac));
  }

  private slot(hi: number, lo: number): number {
    const mask = this.mask;
    let h = Math.imul(lo ^ Math.imul(hi, 0x9e3779b1), 0x85ebca6b);
    h ^= h >>> 15;
    let i = h & mask;
    while (this.hi[i] !== -1 && (this.hi[i] !== hi || this.lo[i] !== lo)) i = (i + 1) & mask;
    return i;
  }

  private insert(hi: number, lo: number, port: Netdev, seenNs: number): void {
    if (this.used * 2 > this.mask) this.grow();
    const i = this.slot(hi, lo);
    this.used++;
    this.hi[i] = hi;
    this.lo[i] = lo;
    this.ports[i] = port;
    this.seenNs[i] = seenNs;
  }

  private grow(): void {
    const { hi, lo, ports, seenNs } = this;
    const size = hi.length * 2;
    this.mask = size - 1;
    this.hi = new Int32Array(size).fill(-1);
    this.lo = new Int32Array(size);
    this.ports = new Array<Netdev | null>(size).fill(null);
    this.seenNs = new Float64Array(size);
    this.used = 0;
    for (let i = 0; i < hi.length; i++) {
      const port = ports[i]!;
      if (port !== null) this.insert(hi[i]!, lo[i]!, port, seenNs[i]!);
    }
  }
}

function words(mac: Uint8Array): [number, number] {
  return [(mac[0]! << 8) | mac[1]!, (mac[2]! << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!];
}

/** Order of addresses, byte by byte. */
export function compareMac(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < 6; i++) {
    const d = a[i]! - b[i]!;
    if (d !== 0) return d;
  }
  return 0;
}
