/**
 * The state machine of neighbours (RFC 4861 section 7.3, as Linux runs it for ARP as well).
 *
 *     NONE/FAILED --send--> INCOMPLETE --reply--> REACHABLE --reachable_time--> STALE --send--> DELAY --5 s--> PROBE --reply--> REACHABLE
 *                              | 3 probes, 1 s apart                                                       | 3 probes
 *                              v                                                                           v
 *                            FAILED (host unreachable for each waiting packet)                           FAILED
 *
 * @source net/core/neighbour.c neigh_timer_handler, __neigh_event_send, __neigh_update, neigh_resolve_output, neigh_invalidate
 */
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { ETH_P_IP, ETH_P_IPV6 } from "../../ether.ts";
import { IFF_LOOPBACK, IFF_NOARP, IFF_POINTOPOINT, type Netdev } from "../../netdev.ts";
import { ERRNO } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { AF_INET, type Family, isMulticast4 } from "../address.ts";
import type { IpDev } from "../ip-dev.ts";
import type { IpStack } from "../ip-stack.ts";
import type { NeighConf } from "../sysctl.ts";
import { truesizeOf } from "../truesize.ts";
import type { Neighbour } from "./neighbour.ts";
import {
  NEIGH_UPDATE_F_ADMIN,
  NEIGH_UPDATE_F_ISROUTER,
  NEIGH_UPDATE_F_OVERRIDE,
  NEIGH_UPDATE_F_OVERRIDE_ISROUTER,
  NEIGH_UPDATE_F_WEAK_OVERRIDE,
  NUD_CONNECTED,
  NUD_DELAY,
  NUD_FAILED,
  NUD_IN_TIMER,
  NUD_INCOMPLETE,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_PROBE,
  NUD_REACHABLE,
  NUD_STALE,
  NUD_VALID,
} from "./nud.ts";

const MS = 1e6;
const S = 1e9;
/** reachable_time is drawn anew every 300 s (neigh_periodic_work). */
const REDRAW_NS = 300 * S;

/** The neighbour of an address on a device, made when there is none (neigh_create). @returns null when the table is full */
export function neighGet(
  stack: IpStack,
  dev: Netdev,
  family: Family,
  a: number,
  b: number,
  c: number,
  d: number,
): Neighbour | null {
  const found = stack.neighbours.find(dev, family, a, b, c, d);
  return found !== null ? found : neighCreate(stack, dev, family, a, b, c, d);
}

/** arp_constructor and ndisc_constructor: what needs no resolution is NOARP from the beginning. */
function neighCreate(
  stack: IpStack,
  dev: Netdev,
  family: Family,
  a: number,
  b: number,
  c: number,
  d: number,
): Neighbour | null {
  const n = stack.neighbours.add(stack, dev, family, a, b, c, d, neighDestroy);
  if (n === null) return null;
  const mac = n.mac;
  if (dev.hardHeaderLen === 0) n.state = NUD_NOARP;
  else if (family === AF_INET && isMulticast4(a)) {
    n.state = NUD_NOARP;
    mac.set([0x01, 0x00, 0x5e, (a >>> 16) & 0x7f, (a >>> 8) & 255, a & 255]);
  } else if (family !== AF_INET && a >>> 24 === 0xff) {
    n.state = NUD_NOARP;
    mac.set([0x33, 0x33, d >>> 24, (d >>> 16) & 255, (d >>> 8) & 255, d & 255]);
  } else if ((dev.flags & (IFF_NOARP | IFF_LOOPBACK)) !== 0) {
    n.state = NUD_NOARP;
    mac.set(dev.mac);
  } else if (family === AF_INET && (stack.isBroadcast4(dev, a) || (dev.flags & IFF_POINTOPOINT) !== 0)) {
    n.state = NUD_NOARP;
    mac.fill(0xff);
  }
  n.updateHeader(family === AF_INET ? ETH_P_IP : ETH_P_IPV6);
  return n;
}

/**
 * neigh_output: puts the MAC header in front and sends, or queues the packet until the address is known. skb.data is at the
 * network header; takes the skb.
 * @returns NET_XMIT_* or -errno
 */
export function neighOutput(stack: IpStack, n: Neighbour, skb: Skb): number {
  if ((n.state & NUD_CONNECTED) === 0 && !neighEventSend(stack, n, skb, true)) return 0;
  return xmitWithHeader(stack, n, skb);
}

function xmitWithHeader(stack: IpStack, n: Neighbour, skb: Skb): number {
  skb.dev = n.dev;
  if (n.hhLen !== 0) {
    if (skb.data - skb.head < 16 && !stack.kernel.pool.ensureRoom(skb, 32, 0)) {
      stack.kernel.kfreeSkb(skb, n.dev, SKB_DROP_REASON.NOMEM);
      return -ERRNO.ENOMEM;
    }
    const dv = stack.kernel.arena.dv;
    skb.push(14);
    const p = skb.data;
    dv.setInt32(p, n.hh0);
    dv.setInt32(p + 4, n.hh1);
    dv.setInt32(p + 8, n.hh2);
    dv.setInt16(p + 12, n.hh3);
  }
  return stack.kernel.paths.devQueueXmit(skb);
}

/**
 * neigh_event_send: the entry is about to be used.
 * @param skb queued when the address is unknown (then taken); null to start the resolution only
 * @returns true when the packet may be sent now
 */
function neighEventSend(stack: IpStack, n: Neighbour, skb: Skb | null, immediate: boolean): boolean {
  const nowNs = stack.kernel.engine.nowNs;
  n.usedNs = nowNs;
  if ((n.state & (NUD_CONNECTED | NUD_DELAY | NUD_PROBE)) !== 0) return true;
  const conf = neighConf(stack, n);
  let probe = false;
  if ((n.state & (NUD_STALE | NUD_INCOMPLETE)) === 0) {
    if (conf.mcastSolicit === 0 || n.dead) {
      n.state = NUD_FAILED;
      n.updatedNs = nowNs;
      if (skb !== null) stack.kernel.kfreeSkb(skb, n.dev, SKB_DROP_REASON.NEIGH_FAILED);
      return false;
    }
    n.probes = conf.ucastSolicit;
    n.state = NUD_INCOMPLETE;
    n.updatedNs = nowNs;
    if (immediate) {
      probe = true;
      setTimer(n, nowNs + retransNs(conf));
    } else setTimer(n, nowNs + 10 * MS);
  } else if (n.state === NUD_STALE) {
    n.state = NUD_DELAY;
    n.updatedNs = nowNs;
    setTimer(n, nowNs + conf.delayFirstProbeTimeS * S);
  }
  if (n.state !== NUD_INCOMPLETE) return true;
  if (skb !== null) queueUnresolved(stack, n, skb, conf);
  if (probe) neighProbe(stack, n);
  return false;
}

/** The waiting packets of a neighbour are bounded by their truesize; the oldest goes first. */
function queueUnresolved(stack: IpStack, n: Neighbour, skb: Skb, conf: NeighConf): void {
  const size = truesizeOf(skb.len);
  while (n.queueBytes + size > conf.unresQlenBytes) {
    const old = n.queue.shift();
    if (old === null) break;
    n.queueBytes -= truesizeOf(old.len);
    stack.kernel.kfreeSkb(old, n.dev, SKB_DROP_REASON.NEIGH_QUEUEFULL);
  }
  n.queue.push(skb);
  n.queueBytes += size;
}

function neighProbe(stack: IpStack, n: Neighbour): void {
  const skb = n.queue.tail;
  if (n.family === AF_INET) stack.calls.arpSolicit(n, skb);
  else stack.calls.ndiscSolicit(n, skb);
  n.probes++;
}

/** The event handler of all neighbours' timers. */
export function onNeighEvent(n: Neighbour): void {
  const nowNs = n.stack.kernel.engine.nowNs;
  if (n.eventAtNs !== nowNs) return;
  n.eventAtNs = -1;
  if (n.timerAtNs < 0 || n.dead) return;
  if (n.timerAtNs > nowNs) {
    armEvent(n);
    return;
  }
  n.timerAtNs = -1;
  neighTimer(n, nowNs);
}

function neighTimer(n: Neighbour, nowNs: number): void {
  const stack = n.stack;
  if ((n.state & NUD_IN_TIMER) === 0) return;
  const conf = neighConf(stack, n);
  const delayNs = conf.delayFirstProbeTimeS * S;
  let next = nowNs + S;
  if (n.state === NUD_REACHABLE) {
    const reachableNs = reachableTimeNs(stack, n);
    if (nowNs <= n.confirmedNs + reachableNs) next = n.confirmedNs + reachableNs;
    else {
      // used within the last 5 s: probe soon, else rest
      n.state = nowNs <= n.usedNs + delayNs ? NUD_DELAY : NUD_STALE;
      n.updatedNs = nowNs;
      next = nowNs + delayNs;
    }
  } else if (n.state === NUD_DELAY) {
    if (nowNs <= n.confirmedNs + delayNs) {
      n.state = NUD_REACHABLE;
      n.updatedNs = nowNs;
      next = n.confirmedNs + reachableTimeNs(stack, n);
    } else {
      n.state = NUD_PROBE;
      n.updatedNs = nowNs;
      n.probes = 0;
      next = nowNs + retransNs(conf);
    }
  } else next = nowNs + retransNs(conf);

  if ((n.state & (NUD_INCOMPLETE | NUD_PROBE)) !== 0) {
    const max = conf.ucastSolicit + (n.state === NUD_PROBE ? 0 : conf.mcastSolicit);
    if (n.probes >= max) {
      n.state = NUD_FAILED;
      neighInvalidate(stack, n);
      return;
    }
  }
  if ((n.state & NUD_IN_TIMER) !== 0) setTimer(n, Math.max(next, nowNs + 10 * MS));
  if ((n.state & (NUD_INCOMPLETE | NUD_PROBE)) !== 0) neighProbe(stack, n);
}

/** neigh_invalidate: resolution failed; each waiting packet is reported to its sender and dropped. */
function neighInvalidate(stack: IpStack, n: Neighbour): void {
  n.updatedNs = stack.kernel.engine.nowNs;
  while (n.state === NUD_FAILED) {
    const skb = n.queue.shift();
    if (skb === null) break;
    if (n.family === AF_INET) stack.calls.linkFailure4(skb);
    else stack.calls.linkFailure6(skb);
    stack.kernel.kfreeSkb(skb, n.dev, SKB_DROP_REASON.NEIGH_FAILED);
  }
  purgeQueue(stack, n, SKB_DROP_REASON.NEIGH_FAILED);
}

function purgeQueue(stack: IpStack, n: Neighbour, reason: number): void {
  for (let skb = n.queue.shift(); skb !== null; skb = n.queue.shift()) stack.kernel.kfreeSkb(skb, n.dev, reason);
  n.queueBytes = 0;
}

/**
 * neigh_update: news about a neighbour, from the protocol or the administrator.
 * @param mac six bytes, or null when the news brings none
 * @returns 0 or -errno
 */
export function neighUpdate(
  stack: IpStack,
  n: Neighbour,
  mac: Uint8Array | null,
  state: number,
  flags: number,
): number {
  const nowNs = stack.kernel.engine.nowNs;
  const old = n.state;
  if (n.dead) return -ERRNO.EINVAL;
  if ((flags & NEIGH_UPDATE_F_ADMIN) === 0 && (old & (NUD_NOARP | NUD_PERMANENT)) !== 0) return -ERRNO.EPERM;
  if ((state & NUD_VALID) === 0) {
    n.timerAtNs = -1;
    n.state = state;
    if ((old & (NUD_INCOMPLETE | NUD_PROBE)) !== 0 && (state & NUD_FAILED) !== 0) neighInvalidate(stack, n);
    return 0;
  }
  if (mac === null && (old & NUD_VALID) === 0 && n.dev.hardHeaderLen !== 0) return -ERRNO.EINVAL;
  const changed = mac !== null && n.dev.hardHeaderLen !== 0 && !((old & NUD_VALID) !== 0 && sameMac(mac, n.mac));
  let next = state;
  let newMac = changed;
  let routerNews = (flags & NEIGH_UPDATE_F_OVERRIDE_ISROUTER) !== 0;
  if ((next & NUD_CONNECTED) !== 0) n.confirmedNs = nowNs;
  if ((old & NUD_VALID) !== 0) {
    if (changed && (flags & NEIGH_UPDATE_F_OVERRIDE) === 0) {
      routerNews = false;
      if ((flags & NEIGH_UPDATE_F_WEAK_OVERRIDE) !== 0 && (old & NUD_CONNECTED) !== 0) {
        newMac = false;
        next = NUD_STALE;
      } else return 0;
    } else if (!changed && next === NUD_STALE && (flags & NEIGH_UPDATE_F_ADMIN) === 0) next = old;
  }
  if (next !== old || newMac) n.updatedNs = nowNs;
  if (next !== old) {
    n.timerAtNs = -1;
    if ((next & NUD_PROBE) !== 0) n.probes = 0;
    n.state = next;
    if ((next & NUD_IN_TIMER) !== 0) {
      setTimer(n, nowNs + ((next & NUD_REACHABLE) !== 0 ? reachableTimeNs(stack, n) : 0));
    }
  }
  if (newMac) {
    n.mac.set(mac!);
    n.updateHeader(n.family === AF_INET ? ETH_P_IP : ETH_P_IPV6);
    if ((next & NUD_CONNECTED) === 0) n.confirmedNs = nowNs - 2 * neighConf(stack, n).baseReachableTimeMs * MS;
  }
  if ((old & NUD_VALID) === 0) {
    while ((n.state & NUD_VALID) !== 0) {
      const skb = n.queue.shift();
      if (skb === null) break;
      neighOutput(stack, n, skb);
    }
    purgeQueue(stack, n, SKB_DROP_REASON.NEIGH_FAILED);
  }
  if (routerNews) n.isRouter = (flags & NEIGH_UPDATE_F_ISROUTER) !== 0;
  return 0;
}

/** Takes an entry out of the table, its waiting packets with it (neigh_release). */
export function neighDestroy(n: Neighbour): void {
  n.timerAtNs = -1;
  n.stack.neighbours.remove(n);
  purgeQueue(n.stack, n, SKB_DROP_REASON.NEIGH_DEAD);
}

/** neigh_ifdown and neigh_changeaddr: forgets a device's entries, permanent ones too when `all`. */
export function neighFlushDev(stack: IpStack, dev: Netdev, family: Family, all: boolean): void {
  for (const n of stack.neighbours.list(family)) {
    if (n.dev === dev && (all || (n.state & NUD_PERMANENT) === 0)) neighDestroy(n);
  }
}

function sameMac(x: Uint8Array, y: Uint8Array): boolean {
  return x[0] === y[0] && x[1] === y[1] && x[2] === y[2] && x[3] === y[3] && x[4] === y[4] && x[5] === y[5];
}

function setTimer(n: Neighbour, atNs: number): void {
  n.timerAtNs = Math.round(atNs);
  if (n.eventAtNs < 0 || n.timerAtNs < n.eventAtNs) armEvent(n);
}

function armEvent(n: Neighbour): void {
  n.eventAtNs = n.timerAtNs;
  n.stack.kernel.engine.schedule(n.eventAtNs, n.stack.events.neigh, n, 0);
}

function neighConf(stack: IpStack, n: Neighbour): NeighConf {
  const d = stack.ipDev(n.dev);
  return n.family === AF_INET ? d.neigh4 : d.neigh6;
}

function retransNs(conf: NeighConf): number {
  return Math.max(conf.retransTimeMs * MS, 10 * MS);
}

/** neigh_rand_reach_time: uniform over half to one and a half times the base, from the host's stream. */
function reachableTimeNs(stack: IpStack, n: Neighbour): number {
  const d: IpDev = stack.ipDev(n.dev);
  const v4 = n.family === AF_INET;
  const nowNs = stack.kernel.engine.nowNs;
  const drawnAt = v4 ? d.reachableDrawn4Ns : d.reachableDrawn6Ns;
  if (drawnAt < 0 || nowNs >= drawnAt + REDRAW_NS) {
    const base = (v4 ? d.neigh4 : d.neigh6).baseReachableTimeMs * MS;
    const drawn = Math.floor(stack.random.unit() * base) + Math.floor(base / 2);
    if (v4) {
      d.reachable4Ns = drawn;
      d.reachableDrawn4Ns = nowNs;
    } else {
      d.reachable6Ns = drawn;
      d.reachableDrawn6Ns = nowNs;
    }
  }
  return v4 ? d.reachable4Ns : d.reachable6Ns;
}
