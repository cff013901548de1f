/** Path MTUs learned from ICMP errors, by destination. @source net/ipv4/route.c update_or_create_fnhe; net/ipv6/route.c rt6_insert_exception */

/** How long one holds (net.ipv4.route.mtu_expires), ns. */
const PMTU_EXPIRES_NS = 600e9;

interface PmtuEntry {
  readonly mtu: number;
  readonly expiresNs: number;
}

/** What one host learned for one family. @unit MTUs: bytes */
export class PmtuCache<K> {
  private readonly entries: Map<K, PmtuEntry> = new Map();

  /** Nothing was ever learned: the hot path need not ask. */
  get isEmpty(): boolean {
    return this.entries.size === 0;
  }

  /** @returns the MTU to a destination, 0 when none is known; one that is too old is forgotten */
  get(daddr: K, nowNs: number): number {
    const e = this.entries.get(daddr);
    if (e === undefined) return 0;
    if (e.expiresNs > nowNs) return e.mtu;
    this.entries.delete(daddr);
    return 0;
  }

  /** Notes an MTU, unless a smaller one is known. */
  learn(daddr: K, mtu: number, nowNs: number): void {
    const old = this.get(daddr, nowNs);
    if (old === 0 || old >= mtu) this.entries.set(daddr, { mtu, expiresNs: nowNs + PMTU_EXPIRES_NS });
  }
}
