/**
 * `udp-rr`: requests over UDP, each answered by the server that gets it. Without a rate the loop is closed: each sender keeps
 * `outstanding` requests under way and sends the next when one was answered or given up; with a rate requests go at their times
 * whatever comes back.
 *
 * A server answers from the address that it was asked at, as one with IP_PKTINFO does, so that it works behind load balancers that
 * return directly.
 */
import { LatencyHistogram } from "../engine/histogram.ts";
import type { Host } from "../net/host.ts";
import { AF_INET, type IpAddr } from "../net/ip/address.ts";
import type { Kernel } from "../net/kernel.ts";
import { ERRNO } from "../net/netlink-error.ts";
import type { Skb } from "../net/skb.ts";
import type { UdpSocket } from "../net/sockets/udp.ts";
import { AddrCache } from "./addr-cache.ts";
import { DelayQueue, type DueTarget } from "./delay-queue.ts";
import { FlowSockets } from "./flow-sockets.ts";
import { NodeCounts } from "./node-counts.ts";
import { Pacer } from "./pacer.ts";
import { type PortUser, receiveOn } from "./receive-port.ts";
import { type PacketSource, SendLoop } from "./send-loop.ts";
import { SeqSet } from "./seq-set.ts";
import { readTag, TAG_BYTES, TAG_SHORT_BYTES, Tag, TaggedPayload, takeTrafficNumber } from "./tag.ts";
import { familiesOf, lcm, parseTargets } from "./targets.ts";
import type { LiveTraffic, TrafficPlan, TrafficResult, UdpRrWorkload, Workload } from "./traffic.ts";

/** Time from an answer to the next request where the CPU's time is free: without it a loop over links without delay never ends. */
const TURNAROUND_NS = 1000;
/** A closed loop that found its send buffer full tries again after it. */
const RETRY_NS = 10_000;

const tag: Tag = new Tag();

class Client implements PacketSource, DueTarget {
  sent: number = 0;
  duplicates: number = 0;
  reordered: number = 0;
  receivedBytes: number = 0;
  readonly host: Host;
  readonly sockets: FlowSockets;
  readonly loop: SendLoop;
  readonly answered: SeqSet = new SeqSet();
  /** Answered or given up. */
  readonly settled: SeqSet = new SeqSet();
  private readonly spec: UdpRrWorkload;
  private readonly rtt: LatencyHistogram;
  private readonly targets: readonly IpAddr[];
  private readonly payload: TaggedPayload;
  /** null: closed loop. */
  private readonly pacer: Pacer | null;
  private readonly timeouts: DelayQueue;
  private readonly lanes: number;
  private readonly highest: Float64Array;
  /** Closed loop: requests that may be sent now. */
  private free: number;
  /** Every request before it is settled. */
  private oldest: number = 0;
  /** Times of sending from `oldest` on, by sequence number modulo its length. */
  private sentAt: Float64Array = new Float64Array(64);

  constructor(
    host: Host,
    plan: TrafficPlan<UdpRrWorkload>,
    targets: readonly IpAddr[],
    traffic: number,
    index: number,
    rtt: LatencyHistogram,
  ) {
    const spec = plan.spec;
    const kernel = host.kernel;
    this.host = host;
    this.spec = spec;
    this.rtt = rtt;
    this.targets = targets;
    this.payload = new TaggedPayload(spec.sizeBytes, traffic, index);
    this.sockets = new FlowSockets(host, spec.flows, spec.name, (_s, addr, len) => this.onAnswer(addr, len));
    this.timeouts = new DelayQueue(kernel, this);
    this.lanes = lcm(spec.flows, targets.length);
    this.highest = new Float64Array(this.lanes).fill(-1);
    this.free = spec.outstanding;
    this.loop = new SendLoop(host, this, spec.stopNs, spec.packets);
    if (spec.rate === null) {
      this.pacer = null;
      this.loop.wakeAt(spec.startNs);
      return;
    }
    const random = spec.poisson ? kernel.streams.stream(`traffic ${spec.name} ${host.name}`) : null;
    const even = new Pacer(spec.rate, spec.startNs, random);
    const shift = (even.gapNs(spec.sizeBytes) * index) / plan.from.length;
    this.pacer = random === null ? new Pacer(spec.rate, spec.startNs + shift, null) : even;
    this.loop.wakeAt(this.pacer.firstNs(spec.sizeBytes));
  }

  ready(): boolean {
    return this.sockets.usable;
  }

  sendNext(): number {
    const seq = this.sent;
    const { flows, port, sizeBytes, timeoutNs } = this.spec;
    const nowNs = this.host.cpu().nowNs();
    this.payload.stamp(seq, nowNs);
    const rc = this.sockets.send(seq % flows, this.payload.bytes, this.targets[seq % this.targets.length]!, port);
    if (rc !== -ERRNO.EAGAIN) {
      this.sent++;
      this.remember(seq, nowNs);
      this.timeouts.push(nowNs + timeoutNs, seq);
      this.free--;
    } else if (this.pacer === null) return nowNs + RETRY_NS;
    if (this.pacer !== null) return this.pacer.nextNs(sizeBytes);
    return this.free > 0 ? nowNs : Number.POSITIVE_INFINITY;
  }

  skip(): number {
    return this.pacer === null ? Number.POSITIVE_INFINITY : this.pacer.nextNs(this.spec.sizeBytes);
  }

  /** The host was booted again. */
  reopen(): void {
    this.sockets.reopen();
    this.goOn();
  }

  /** Closed loop: sends again if it may. */
  private goOn(): void {
    if (this.pacer !== null || this.free <= 0) return;
    const cpu = this.host.cpu();
    this.loop.wakeAt(cpu.nowNs() + (cpu.ideal ? TURNAROUND_NS : 0));
  }

  /** A request's time is over. */
  onDue(seq: number): void {
    if (!this.settled.add(seq)) return;
    this.settle();
  }

  private onAnswer(addr: number, len: number): void {
    const tagged = readTag(this.host.kernel.arena.dv, addr, len, tag);
    const seq = tagged ? tag.seq : this.oldest;
    if (seq >= this.sent) return;
    if (this.answered.has(seq)) {
      this.duplicates++;
      return;
    }
    // an answer after its time is over counts as lost
    if (!this.settled.add(seq)) return;
    this.answered.add(seq);
    this.receivedBytes += len;
    this.rtt.record(this.host.cpu().nowNs() - this.sentAt[seq & (this.sentAt.length - 1)]!);
    const lane = seq % this.lanes;
    if (seq < this.highest[lane]!) this.reordered++;
    else this.highest[lane] = seq;
    this.settle();
  }

  private settle(): void {
    while (this.oldest < this.sent && this.settled.has(this.oldest)) this.oldest++;
    this.free++;
    this.goOn();
  }

  private remember(seq: number, nowNs: number): void {
    if (seq - this.oldest >= this.sentAt.length) {
      const larger = new Float64Array(this.sentAt.length * 2);
      for (let s = this.oldest; s < seq; s++)
        larger[s & (larger.length - 1)] = this.sentAt[s & (this.sentAt.length - 1)]!;
      this.sentAt = larger;
    }
    this.sentAt[seq & (this.sentAt.length - 1)] = nowNs;
  }
}

class RrTraffic implements LiveTraffic, PortUser {
  readonly traffic: number;
  private readonly plan: TrafficPlan<UdpRrWorkload>;
  private readonly targets: readonly IpAddr[];
  private readonly clients: readonly Client[];
  private readonly nodes: NodeCounts = new NodeCounts();
  private readonly rtt: LatencyHistogram = new LatencyHistogram();
  private readonly addresses: AddrCache = new AddrCache();
  private readonly answer: Uint8Array;

  constructor(kernel: Kernel, plan: TrafficPlan<UdpRrWorkload>) {
    this.plan = plan;
    this.traffic = takeTrafficNumber(kernel);
    this.targets = parseTargets(plan.to);
    const { sizeBytes, responseBytes } = plan.spec;
    // requests without a tag get answers without one
    if (sizeBytes < TAG_SHORT_BYTES) this.answer = new Uint8Array(responseBytes);
    else this.answer = new TaggedPayload(responseBytes, this.traffic, 0).bytes;
    for (const { host } of plan.receivers) {
      this.nodes.add(host);
      this.listen(host);
    }
    this.clients = plan.from.map((end, i) => new Client(end.host, plan, this.targets, this.traffic, i, this.rtt));
  }

  /** The server: answers with the request's tag, as much of it as fits. */
  onDatagram(socket: UdpSocket, addr: number, len: number, skb: Skb): void {
    const arena = socket.stack.arena;
    const from = socket.from;
    const dv = arena.dv;
    const ip = skb.networkHeader;
    const copied = Math.min(len, TAG_BYTES, this.answer.length);
    for (let i = 0; i < copied; i++) this.answer[i] = arena.u8[addr + i]!;
    this.nodes.count(socket.stack.host);
    if (socket.family === AF_INET) {
      socket.source = this.addresses.ip4(dv.getUint32(ip + 16));
      socket.sendTo(this.answer, this.addresses.ip4(from.a), from.port);
    } else {
      const w = (o: number): number => dv.getUint32(ip + 24 + o);
      socket.source = this.addresses.ip6(w(0), w(4), w(8), w(12));
      socket.sendTo(this.answer, from.address(socket.family), from.port);
    }
  }

  result(): TrafficResult {
    let sent = 0;
    let received = 0;
    let settled = 0;
    let duplicates = 0;
    let reordered = 0;
    let receivedBytes = 0;
    for (const c of this.clients) {
      sent += c.sent;
      received += c.answered.count;
      settled += c.settled.count;
      duplicates += c.duplicates;
      reordered += c.reordered;
      receivedBytes += c.receivedBytes;
    }
    return {
      sent,
      received,
      lost: settled - received,
      inFlight: sent - settled,
      duplicates,
      reordered,
      sentBytes: sent * this.plan.spec.sizeBytes,
      receivedBytes,
      latency: this.rtt.summary(),
      receivers: this.nodes.rows(),
    };
  }

  stop(): void {
    for (const c of this.clients) c.loop.stop();
  }

  restart(host: Host): void {
    for (const r of this.plan.receivers) if (r.host === host) this.listen(host);
    for (const c of this.clients) if (c.host === host) c.reopen();
  }

  private listen(host: Host): void {
    receiveOn(host, familiesOf(this.targets), this.plan.spec.port, this, this.plan.spec.name);
  }
}

/** The record of the workload. */
export const udpRr: Workload<UdpRrWorkload> = {
  type: "udp-rr",
  summary: "requests over UDP, each answered by the server",
  start: (kernel, plan) => new RrTraffic(kernel, plan),
};
