/** One ping from its first request to its last line, on events of simulated time. @source iputils ping/ping_common.c main_loop, pinger, __schedule_exit */
import { takeIdent } from "../../apps/ping.ts";
import type { Engine, EventKind } from "../../engine/engine.ts";
import type { Host } from "../../net/host.ts";
import { AF_INET, type IpAddr, isLinkLocal6 } from "../../net/ip/address.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "../../net/ip/ipv4/header.ts";
import { ERRNO } from "../../net/netlink-error.ts";
import { openRaw } from "../../net/sockets/index.ts";
import type { RawSocket } from "../../net/sockets/raw.ts";
import { strerror } from "../rtnetlink.ts";
import { icmp6Text, icmpText } from "./icmp-text.ts";
import type { PingOptions } from "./options.ts";
import { nodeOfAddress, type PingTarget } from "./resolve.ts";
import { PingStatistics, rttText } from "./statistics.ts";

const ICMP_HLEN = 8;
/** Data of this size carry the time of sending. */
const TIMEVAL_BYTES = 16;
const ECHO4 = 8;
const REPLY4 = 0;
const ECHO6 = 128;
const REPLY6 = 129;

/** What a timer is for. */
const SEND = 0;
const GIVE_UP = 1;
const DEADLINE = 2;
const WAKE = 3;

const timerKinds: WeakMap<Engine, EventKind<PingRun>> = new WeakMap();

function timerKind(engine: Engine): EventKind<PingRun> {
  let kind = timerKinds.get(engine);
  if (kind === undefined) {
    kind = engine.defineEvent<PingRun>("ping command", (run, what) => run.onTimer(what));
    timerKinds.set(engine, kind);
  }
  return kind;
}

/** Where requests come from. */
export interface PingOrigin {
  /** Device that they must use (-I or a zone), 0 for any. */
  readonly ifindex: number;
  /** Address that they must carry, or null. */
  readonly addr: IpAddr | null;
  /** What `dont fragment` allows, bytes with the IP header. */
  readonly mtu: number;
}

/** A run. */
export class PingRun {
  stdout: string = "";
  stderr: string = "";
  readonly statistics: PingStatistics = new PingStatistics();
  private readonly host: Host;
  private readonly target: PingTarget;
  private readonly o: PingOptions;
  private readonly origin: PingOrigin;
  private readonly ident: number;
  private readonly socket: RawSocket;
  private readonly v4: boolean;
  private readonly sentAt: Map<number, number> = new Map();
  private readonly answered: Set<number> = new Set();
  private readonly startNs: number;
  private lastSendNs: number;
  private done: (() => void) | null = null;
  /** `done` from the moment at which nothing counts any more until the process wakes. */
  private wake: (() => void) | null = null;

  constructor(host: Host, target: PingTarget, o: PingOptions, origin: PingOrigin) {
    this.host = host;
    this.target = target;
    this.o = o;
    this.origin = origin;
    this.ident = takeIdent(host);
    this.v4 = target.addr.family === AF_INET;
    this.socket = openRaw(host, target.addr.family, this.v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    this.socket.boundIfindex = origin.ifindex;
    if (origin.addr !== null) this.socket.localAddr = origin.addr;
    this.socket.ttl = o.ttl;
    this.socket.tos = o.tos;
    this.socket.pmtuDiscover = o.pmtu !== "dont";
    this.socket.broadcast = o.broadcast;
    this.socket.onPacket = (_s, addr, len, skb) => {
      if (this.v4) this.onPacket(skb.transportHeader, len - (skb.transportHeader - addr));
      else this.onPacket(addr, len);
    };
    this.startNs = host.kernel.engine.nowNs;
    this.lastSendNs = this.startNs;
  }

  /** Sends the first request. @param done called when there is nothing more to wait for */
  start(done: () => void): void {
    this.done = done;
    if (this.o.deadlineNs > 0) this.timer(this.o.deadlineNs, DEADLINE);
    this.send();
  }

  /** Ends it: no request and no answer counts any more. */
  close(): void {
    this.done = null;
    this.wake = null;
    this.socket.close();
  }

  /** The last lines and the exit status. */
  finish(): number {
    const spanMs = Math.floor((this.lastSendNs - this.startNs) / 1e6);
    this.stdout += this.statistics.summary(this.target.name, spanMs, this.timed);
    const { received } = this.statistics;
    return received === 0 || (this.o.deadlineNs > 0 && received < this.o.count) ? 1 : 0;
  }

  /** A timer of ours. */
  onTimer(what: number): void {
    if (what === WAKE) this.wake?.();
    if (this.done === null) return;
    if (what === SEND) this.send();
    else this.end();
  }

  private get timed(): boolean {
    return this.o.size >= TIMEVAL_BYTES;
  }

  private timer(afterNs: number, what: number): void {
    const { engine } = this.host.kernel;
    engine.schedule(engine.nowNs + afterNs, timerKind(engine), this, what);
  }

  /** The process goes on when the kernel is through with the packet that woke it: an error may teach a path's MTU yet. */
  private end(): void {
    if (this.done === null) return;
    this.wake = this.done;
    this.done = null;
    this.timer(0, WAKE);
  }

  private send(): void {
    const { o, statistics } = this;
    const nowNs = this.host.cpu().nowNs();
    this.lastSendNs = this.host.kernel.engine.nowNs;
    const seq = (statistics.transmitted + 1) & 0xffff;
    statistics.transmitted++;
    this.answered.delete(seq);
    this.sentAt.set(seq, nowNs);
    const rc = this.tooLong() ? -ERRNO.EMSGSIZE : this.socket.sendTo(this.request(seq, nowNs), this.target.addr);
    if (rc < 0) this.localError(-rc);
    const more = o.count === 0 || statistics.transmitted < o.count;
    if (this.done === null || this.isComplete()) {
      this.end();
      return;
    }
    if (more) this.timer(o.intervalNs, SEND);
    else if (o.deadlineNs === 0) this.timer(this.waitNs(), GIVE_UP);
  }

  /** After the last request: twice the longest round trip, at least an interval; without any reply as long as -W says. */
  private waitNs(): number {
    if (this.statistics.received === 0) return this.o.lingerNs;
    return Math.max(2 * this.statistics.longestUs * 1000, this.o.intervalNs);
  }

  private isComplete(): boolean {
    const { received, errors } = this.statistics;
    return (this.o.count > 0 && received + errors >= this.o.count) || (this.o.deadlineNs > 0 && errors > 0);
  }

  private tooLong(): boolean {
    return this.o.pmtu === "do" && this.o.size + ICMP_HLEN + (this.v4 ? 20 : 40) > this.origin.mtu;
  }

  private localError(errno: number): void {
    if (errno === ERRNO.EMSGSIZE) {
      this.stderr += `ping: local error: message too long, mtu=${this.origin.mtu}\n`;
      this.statistics.errors++;
    } else this.stderr += `ping: sendmsg: ${strerror(errno)}\n`;
  }

  /** Header, time of sending as a struct timeval, then bytes that count up. */
  private request(seq: number, nowNs: number): Uint8Array {
    const m = new Uint8Array(ICMP_HLEN + this.o.size);
    const view = new DataView(m.buffer);
    m[0] = this.v4 ? ECHO4 : ECHO6;
    view.setUint16(4, this.ident);
    view.setUint16(6, seq);
    for (let i = 0; i < this.o.size; i++) m[ICMP_HLEN + i] = i & 255;
    if (this.timed) {
      m.fill(0, ICMP_HLEN, ICMP_HLEN + TIMEVAL_BYTES);
      view.setUint32(ICMP_HLEN, Math.floor(nowNs / 1e9), true);
      view.setUint32(ICMP_HLEN + 8, Math.floor((nowNs % 1e9) / 1000), true);
    }
    if (this.v4) view.setUint16(2, internetChecksum(view));
    return m;
  }

  /** @param at address of the ICMP header in the arena */
  private onPacket(at: number, len: number): void {
    if (this.done === null || len < ICMP_HLEN) return;
    const { dv } = this.host.kernel.arena;
    const type = dv.getUint8(at);
    if (type === (this.v4 ? REPLY4 : REPLY6)) {
      if (dv.getUint16(at + 4) === this.ident) this.onReply(dv.getUint16(at + 6), len);
      return;
    }
    const text = (this.v4 ? icmpText : icmp6Text)(type, dv.getUint8(at + 1), dv.getUint32(at + 4));
    if (text !== null) this.onError(at + ICMP_HLEN, len - ICMP_HLEN, text);
  }

  private onReply(seq: number, len: number): void {
    const { socket, statistics } = this;
    const sentNs = this.sentAt.get(seq);
    const from = socket.from.address(this.target.addr.family);
    const duplicate = this.answered.has(seq);
    this.answered.add(seq);
    if (duplicate) statistics.duplicates++;
    else statistics.received++;
    statistics.acknowledge(seq);
    let line = `${len} bytes from ${this.nameOf(from)}: icmp_seq=${seq} ttl=${socket.from.ttl}`;
    if (this.timed && sentNs !== undefined) {
      const us = Math.max(0, Math.floor((this.host.cpu().nowNs() - sentNs) / 1000));
      statistics.addRtt(us);
      line += rttText(us);
    }
    this.print(`${line}${duplicate ? " (DUP!)" : ""}`);
    if (this.isComplete()) this.end();
  }

  /** An error that quotes a request of ours. @param at address of the quoted IP header */
  private onError(at: number, len: number, text: string): void {
    const { dv } = this.host.kernel.arena;
    const header = this.v4 ? (len < 20 ? len : (dv.getUint8(at) & 15) * 4) : 40;
    if (len < header + ICMP_HLEN) return;
    const proto = dv.getUint8(at + (this.v4 ? 9 : 6));
    const inner = at + header;
    if (proto !== (this.v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || dv.getUint8(inner) !== (this.v4 ? ECHO4 : ECHO6)) return;
    if (dv.getUint16(inner + 4) !== this.ident) return;
    const seq = dv.getUint16(inner + 6);
    this.statistics.errors++;
    this.statistics.acknowledge(seq);
    const from = this.socket.from.address(this.target.addr.family);
    this.print(`From ${this.nameOf(from)} icmp_seq=${seq} ${text}`);
    if (this.isComplete()) this.end();
  }

  private print(line: string): void {
    if (this.o.quiet) return;
    const us = Math.floor(this.host.cpu().nowNs() / 1000);
    const stamp = this.o.timestamps ? `[${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, "0")}] ` : "";
    this.stdout += `${stamp}${line}\n`;
  }

  /** An address, behind the node's name when the target was named. */
  private nameOf(addr: IpAddr): string {
    return displayName(this.host, addr, this.target.numeric || this.o.numeric, this.socket.from.ifindex);
  }
}

/** `10.0.0.2`, `b (10.0.0.2)`, `fe80::1%va`. */
export function displayName(host: Host, addr: IpAddr, numeric: boolean, ifindex: number): string {
  const zoned = addr.family !== AF_INET && isLinkLocal6(addr.a);
  const text = zoned ? `${addr}%${host.dev(ifindex)?.name ?? ifindex}` : String(addr);
  const name = numeric ? null : nodeOfAddress(host.kernel, addr);
  return name === null ? text : `${name} (${text})`;
}

/** RFC 1071. */
function internetChecksum(view: DataView): number {
  let sum = 0;
  const even = view.byteLength & ~1;
  for (let i = 0; i < even; i += 2) sum += view.getUint16(i);
  if (even < view.byteLength) sum += view.getUint8(even) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
