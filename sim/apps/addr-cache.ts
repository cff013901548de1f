/** Address objects by their words, so that answering the same peers again and again makes no new ones. */
import { AF_INET, AF_INET6, IpAddr } from "../net/ip/address.ts";

/** Beyond so many addresses the cache starts anew. */
const LIMIT = 65536;

export class AddrCache {
  private readonly v4: Map<number, IpAddr> = new Map();
  private last6: IpAddr | null = null;

  /** An IPv4 address, unsigned. */
  ip4(a: number): IpAddr {
    let addr = this.v4.get(a);
    if (addr !== undefined) return addr;
    if (this.v4.size >= LIMIT) this.v4.clear();
    addr = new IpAddr(AF_INET, a);
    this.v4.set(a, addr);
    return addr;
  }

  /** An IPv6 address, four unsigned words. */
  ip6(a: number, b: number, c: number, d: number): IpAddr {
    const l = this.last6;
    if (l !== null && l.d === d && l.c === c && l.b === b && l.a === a) return l;
    this.last6 = new IpAddr(AF_INET6, a, b, c, d);
    return this.last6;
  }
}
