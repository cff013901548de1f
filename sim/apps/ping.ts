/**
 * `ping`: ICMP echo requests at even gaps and the answers to them, over a raw socket as ping(8) has it.
 *
 *      0               8               16                              31
 *     | 8 (v6: 128)   | 0             | checksum                      |  0
 *     | identifier                    | sequence                      |  4
 *     | payload with tag                                              |  8
 */
import { LatencyHistogram } from "../engine/histogram.ts";
import type { Host } from "../net/host.ts";
import { AF_INET, type Family, type IpAddr } from "../net/ip/address.ts";
import { ipStack } from "../net/ip/ip-stack.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "../net/ip/ipv4/header.ts";
import type { Kernel } from "../net/kernel.ts";
import { ERRNO } from "../net/netlink-error.ts";
import { openRaw } from "../net/sockets/index.ts";
import type { RawSocket } from "../net/sockets/raw.ts";
import { Pacer } from "./pacer.ts";
import { type PacketSource, SendLoop } from "./send-loop.ts";
import { SeqSet } from "./seq-set.ts";
import { countInFlight, TaggedPayload, takeTrafficNumber } from "./tag.ts";
import { familiesOf, parseTargets } from "./targets.ts";
import type { LiveTraffic, PingWorkload, TrafficPlan, TrafficResult, Workload } from "./traffic.ts";

const ICMP_HLEN = 8;
const WINDOW = 65536;
const NEVER = -1;

/** Identifiers in use on a host; ping(8) takes its process number. */
const lastIdents: WeakMap<Host, number> = new WeakMap();

/** A fresh identifier for echo requests of a host; the command `ping` takes its own from here, too. */
export function takeIdent(host: Host): number {
  const n = ((lastIdents.get(host) ?? 0x7fff) + 1) & 0xffff;
  lastIdents.set(host, n);
  return n;
}

class Pinger implements PacketSource {
  sent: number = 0;
  duplicates: number = 0;
  reordered: number = 0;
  readonly host: Host;
  readonly loop: SendLoop;
  readonly answered: SeqSet = new SeqSet();
  private readonly traffic: PingTraffic;
  private readonly targets: readonly IpAddr[];
  private readonly pacer: Pacer;
  private readonly ident: number;
  private readonly payload: TaggedPayload;
  private readonly message: Uint8Array;
  /** Time of sending by the low 16 bits of the sequence number. */
  private readonly sentAt: Float64Array = new Float64Array(WINDOW).fill(NEVER);
  private highest: number = -1;
  private v4: RawSocket | null = null;
  private v6: RawSocket | null = null;

  constructor(host: Host, spec: PingWorkload, targets: readonly IpAddr[], traffic: PingTraffic, index: number) {
    this.host = host;
    this.traffic = traffic;
    this.targets = targets;
    this.ident = takeIdent(host);
    this.payload = new TaggedPayload(spec.sizeBytes, traffic.number, index);
    this.message = new Uint8Array(ICMP_HLEN + spec.sizeBytes);
    this.pacer = new Pacer({ pps: 1e9 / spec.intervalNs }, spec.startNs, null);
    this.loop = new SendLoop(host, this, spec.stopNs, spec.packets);
    this.open();
    this.loop.wakeAt(this.pacer.firstNs(0));
  }

  /** Opens the sockets on the host as it runs now. */
  open(): void {
    if (!this.host.alive) return;
    for (const family of familiesOf(this.targets)) {
      const socket = openRaw(this.host, family, family === AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
      if (family === AF_INET) {
        socket.onPacket = (_s, addr, len, skb) =>
          this.onReply(skb.transportHeader, len - (skb.transportHeader - addr), 0);
        this.v4 = socket;
      } else {
        socket.onPacket = (_s, addr, len) => this.onReply(addr, len, 129);
        this.v6 = socket;
      }
    }
  }

  ready(): boolean {
    const socket = this.v4 ?? this.v6;
    return this.host.alive && socket !== null && socket.stack === ipStack(this.host);
  }

  sendNext(): number {
    const seq = this.sent;
    const to = this.targets[seq % this.targets.length]!;
    const m = this.message;
    const nowNs = this.host.cpu().nowNs();
    this.payload.stamp(seq, nowNs);
    m.set(this.payload.bytes, ICMP_HLEN);
    m[0] = to.family === AF_INET ? 8 : 128;
    m[2] = 0;
    m[3] = 0;
    put16(m, 4, this.ident);
    // ping(8) counts from 1
    put16(m, 6, (seq + 1) & 0xffff);
    if (to.family === AF_INET) put16(m, 2, checksum(m));
    const rc = this.socket(to.family).sendTo(m, to);
    if (rc === -ERRNO.EAGAIN) return this.pacer.nextNs(0);
    this.sentAt[seq % WINDOW] = nowNs;
    this.sent++;
    return this.pacer.nextNs(0);
  }

  skip(): number {
    return this.pacer.nextNs(0);
  }

  private socket(family: Family): RawSocket {
    return (family === AF_INET ? this.v4 : this.v6)!;
  }

  /** An ICMP message came: at `addr` its header. @param reply type of the answer wanted */
  private onReply(addr: number, len: number, reply: number): void {
    const dv = this.host.kernel.arena.dv;
    if (len < ICMP_HLEN || dv.getUint8(addr) !== reply || dv.getUint16(addr + 4) !== this.ident) return;
    // the last request that has these 16 bits
    const low = (dv.getUint16(addr + 6) - 1) & 0xffff;
    const seq = this.sent - 1 - ((this.sent - 1 - low) & 0xffff);
    if (seq < 0) return;
    if (!this.answered.add(seq)) {
      this.duplicates++;
      return;
    }
    if (seq < this.highest) this.reordered++;
    else this.highest = seq;
    this.traffic.rtt.record(this.host.cpu().nowNs() - this.sentAt[seq % WINDOW]!);
  }
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 255;
}

/** RFC 1071, in network order. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

class PingTraffic implements LiveTraffic {
  readonly number: number;
  readonly rtt: LatencyHistogram = new LatencyHistogram();
  private readonly kernel: Kernel;
  private readonly spec: PingWorkload;
  private readonly pingers: readonly Pinger[];

  constructor(kernel: Kernel, plan: TrafficPlan<PingWorkload>) {
    this.kernel = kernel;
    this.spec = plan.spec;
    this.number = takeTrafficNumber(kernel);
    const targets = parseTargets(plan.to);
    this.pingers = plan.from.map((end, i) => new Pinger(end.host, plan.spec, targets, this, i));
  }

  result(): TrafficResult {
    let sent = 0;
    let received = 0;
    let duplicates = 0;
    let reordered = 0;
    for (const p of this.pingers) {
      sent += p.sent;
      received += p.answered.count;
      duplicates += p.duplicates;
      reordered += p.reordered;
    }
    const { sizeBytes } = this.spec;
    const inFlight = countInFlight(this.kernel, this.number, sizeBytes, (sender, seq) => {
      const p = this.pingers[sender];
      return p !== undefined && seq < p.sent && !p.answered.has(seq);
    });
    return {
      sent,
      received,
      lost: Math.max(0, sent - received - inFlight),
      inFlight,
      duplicates,
      reordered,
      sentBytes: sent * sizeBytes,
      receivedBytes: received * sizeBytes,
      latency: this.rtt.summary(),
      receivers: [],
    };
  }

  stop(): void {
    for (const p of this.pingers) p.loop.stop();
  }

  restart(host: Host): void {
    for (const p of this.pingers) if (p.host === host) p.open();
  }
}

/** The record of the workload. */
export const ping: Workload<PingWorkload> = {
  type: "ping",
  summary: "ICMP echo requests",
  start: (kernel, plan) => new PingTraffic(kernel, plan),
};
