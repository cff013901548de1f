/**
 * The table of connections: established sockets, half-open ones and those in TIME_WAIT, by addresses and ports.
 *
 * @source net/ipv4/inet_hashtables.c __inet_lookup_established, inet_ehash_insert; net/ipv6/inet6_hashtables.c
 */
import type { Family, IpAddr } from "../ip/address.ts";
import { AF_INET } from "../ip/address.ts";

/** What stands in the table. */
export interface EhashEntry {
  readonly family: Family;
  /** TCP_*: TCP_NEW_SYN_RECV and TCP_TIME_WAIT are no full sockets. */
  readonly state: number;
  readonly localAddr: IpAddr;
  readonly localPort: number;
  readonly remoteAddr: IpAddr | null;
  readonly remotePort: number;
  readonly boundIfindex: number;
  /** Kept by the table. */
  ehash: number;
  ehashNext: EhashEntry | null;
  inEhash: boolean;
}

/** Connections by their four numbers. */
export class EhashTable {
  /** Entries. */
  size: number = 0;
  private slots: (EhashEntry | null)[] = new Array<EhashEntry | null>(256).fill(null);
  private readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
  }

  insert(e: EhashEntry): void {
    if (this.size >= this.slots.length) this.grow();
    e.ehash = this.hashOf(e.localAddr, e.localPort, e.remoteAddr!, e.remotePort);
    const i = e.ehash & (this.slots.length - 1);
    e.ehashNext = this.slots[i]!;
    e.inEhash = true;
    this.slots[i] = e;
    this.size++;
  }

  remove(e: EhashEntry): void {
    if (!e.inEhash) return;
    const i = e.ehash & (this.slots.length - 1);
    let at = this.slots[i]!;
    if (at === e) this.slots[i] = e.ehashNext;
    else {
      while (at!.ehashNext !== e) at = at!.ehashNext!;
      at!.ehashNext = e.ehashNext;
    }
    e.ehashNext = null;
    e.inEhash = false;
    this.size--;
  }

  /**
   * The connection of a packet. Addresses are words as in IpAddr, s the packet's source.
   * @param ifindex device of the packet, 0 for none
   */
  lookup(
    family: Family,
    sa: number,
    sb: number,
    sc: number,
    sd: number,
    sport: number,
    da: number,
    db: number,
    dc: number,
    dd: number,
    dport: number,
    ifindex: number,
  ): EhashEntry | null {
    const hash = this.hash(da, db, dc, dd, dport, sa, sb, sc, sd, sport);
    for (let e = this.slots[hash & (this.slots.length - 1)]!; e !== null; e = e.ehashNext!) {
      if (e.ehash !== hash || e.localPort !== dport || e.remotePort !== sport || e.family !== family) continue;
      const r = e.remoteAddr!;
      const l = e.localAddr;
      if (r.a !== sa || l.a !== da) continue;
      if (family !== AF_INET && (r.b !== sb || r.c !== sc || r.d !== sd || l.b !== db || l.c !== dc || l.d !== dd)) {
        continue;
      }
      if (e.boundIfindex === 0 || e.boundIfindex === ifindex) return e;
    }
    return null;
  }

  /** The entry of two ends, whatever device; `boundIfindex` of a socket that wants to come in. */
  find(l: IpAddr, lport: number, r: IpAddr, rport: number, boundIfindex: number): EhashEntry | null {
    return this.lookup(l.family, r.a, r.b, r.c, r.d, rport, l.a, l.b, l.c, l.d, lport, boundIfindex);
  }

  /** Every entry, in no order that means anything but the same in every run. */
  list(): readonly EhashEntry[] {
    const out: EhashEntry[] = [];
    for (const first of this.slots) for (let e = first; e !== null; e = e.ehashNext) out.push(e);
    return out;
  }

  private hashOf(l: IpAddr, lport: number, r: IpAddr, rport: number): number {
    return this.hash(l.a, l.b, l.c, l.d, lport, r.a, r.b, r.c, r.d, rport);
  }

  private hash(
    la: number,
    lb: number,
    lc: number,
    ld: number,
    lport: number,
    ra: number,
    rb: number,
    rc: number,
    rd: number,
    rport: number,
  ): number {
    let h = this.seed ^ ((lport << 16) | rport);
    h = mix(h, la ^ lb ^ (lc << 1) ^ (ld << 2));
    h = mix(h, ra ^ rb ^ (rc << 1) ^ (rd << 2));
    return h ^ (h >>> 16);
  }

  private grow(): void {
    const all = this.list();
    this.slots = new Array<EhashEntry | null>(this.slots.length * 4).fill(null);
    const mask = this.slots.length - 1;
    for (const e of all) {
      e.ehashNext = this.slots[e.ehash & mask]!;
      this.slots[e.ehash & mask] = e;
    }
  }
}

function mix(h: number, w: number): number {
  const x = Math.imul(h ^ w, 0x9e3779b1);
  return x ^ (x >>> 15);
}
