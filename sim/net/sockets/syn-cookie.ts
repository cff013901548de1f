/**
 * SYN cookies: a connection's state in its initial sequence number.
 *
 *     cookie = hash(addresses, ports, 0) + seq + (minutes << 24) + ((hash(addresses, ports, minutes) + mss index) & 0xffffff)
 *
 * @source net/ipv4/syncookies.c cookie_hash, secure_tcp_syn_cookie, check_tcp_syn_cookie, __cookie_v4_init_sequence, __cookie_v4_check;
 *         net/ipv6/syncookies.c
 * @differs the secrets come from the simulation's seed
 */
import type { Arena } from "../../engine/arena.ts";
import type { Host } from "../host.ts";
import { siphash32 } from "../siphash.ts";

const COOKIE_BITS = 24;
const COOKIE_MASK = (1 << COOKIE_BITS) - 1;
/** A cookie is good for two minutes. */
const MAX_AGE = 2;
const NS_PER_MINUTE = 60e9;
const MSS4: readonly number[] = [536, 1300, 1440, 1460];
const MSS6: readonly number[] = [1220, 1420, 1440, 8940];

const NAME = "syncookies";
/** saddr, daddr, count, ports: of IPv6 at most. */
const message: Uint32Array = new Uint32Array(10);

/** A host's secrets (syncookie_secret, syncookie6_secret). */
class SynCookies {
  private readonly keys4: readonly [Uint32Array, Uint32Array];
  private readonly keys6: readonly [Uint32Array, Uint32Array];

  constructor(host: Host) {
    const random = host.kernel.streams.stream(`host ${host.name} syncookies`);
    const key = (): Uint32Array => Uint32Array.from([random.u32(), random.u32(), random.u32(), random.u32()]);
    this.keys4 = [key(), key()];
    this.keys6 = [key(), key()];
  }

  /** @param ip,th addresses of the IP and TCP headers */
  hash(arena: Arena, v6: boolean, ip: number, th: number, count: number, which: 0 | 1): number {
    const { dv } = arena;
    if (!v6) {
      message[0] = dv.getUint32(ip + 12, true);
      message[1] = dv.getUint32(ip + 16, true);
      // the ports as they lie in memory, the source port in the upper half
      message[2] = (dv.getUint16(th, true) << 16) | dv.getUint16(th + 2, true);
      message[3] = count;
      return siphash32(message, 4, this.keys4[which]);
    }
    for (let i = 0; i < 8; i++) message[i] = dv.getUint32(ip + 8 + i * 4, true);
    message[8] = count;
    message[9] = dv.getUint32(th, true);
    return siphash32(message, 10, this.keys6[which]);
  }
}

function cookiesOf(host: Host): SynCookies {
  const there = host.proto.get(NAME);
  if (there instanceof SynCookies) return there;
  const fresh = new SynCookies(host);
  host.proto.set(NAME, fresh);
  return fresh;
}

/** The largest MSS of the table that is no larger than a segment size, as its index. */
function mssIndex(table: readonly number[], mss: number): number {
  let i = table.length - 1;
  while (i > 0 && mss < table[i]!) i--;
  return i;
}

/**
 * The MSS that a cookie will hold.
 * @param mss of the SYN's option, bytes
 */
export function cookieMss(v6: boolean, mss: number): number {
  const table = v6 ? MSS6 : MSS4;
  return table[mssIndex(table, mss)]!;
}

/**
 * The cookie that answers a SYN.
 * @param ip,th addresses of its IP header (20 or 40 bytes) and TCP header
 * @param mss of its option, bytes
 * @returns the initial sequence number, unsigned
 */
export function makeCookie(
  host: Host,
  arena: Arena,
  v6: boolean,
  ip: number,
  th: number,
  mss: number,
  nowNs: number,
): number {
  const cookies = cookiesOf(host);
  const count = Math.floor(nowNs / NS_PER_MINUTE);
  const index = mssIndex(v6 ? MSS6 : MSS4, mss);
  const seq = arena.dv.getUint32(th + 4);
  const fixed = cookies.hash(arena, v6, ip, th, 0, 0) + seq + ((count << COOKIE_BITS) >>> 0);
  return (fixed + ((cookies.hash(arena, v6, ip, th, count, 1) + index) & COOKIE_MASK)) >>> 0;
}

/**
 * Whether an ACK answers one of our cookies.
 * @param ip,th addresses of its IP and TCP headers
 * @returns the MSS, or 0 when it does not
 */
export function checkCookie(host: Host, arena: Arena, v6: boolean, ip: number, th: number, nowNs: number): number {
  const cookies = cookiesOf(host);
  const count = Math.floor(nowNs / NS_PER_MINUTE);
  const seq = (arena.dv.getUint32(th + 4) - 1) >>> 0;
  const acked = (arena.dv.getUint32(th + 8) - 1) >>> 0;
  const cookie = (acked - cookies.hash(arena, v6, ip, th, 0, 0) - seq) >>> 0;
  const age = (count - (cookie >>> COOKIE_BITS)) & 0xff;
  if (age >= MAX_AGE) return 0;
  const index = (cookie - cookies.hash(arena, v6, ip, th, count - age, 1)) & COOKIE_MASK;
  return (v6 ? MSS6 : MSS4)[index] ?? 0;
}
