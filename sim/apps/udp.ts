/**
 * `udp`: datagrams in one direction, at even or exponential gaps. Packet n of a sender goes by source port n mod flows to address
 * n mod addresses. Senders that run at even gaps are spread over the gap, so that together they are even as well.
 *
 * A payload of 24 bytes and more carries when it was sent: the receiver knows the latency whatever happened to the headers (tag.ts).
 */
import { LatencyHistogram } from "../engine/histogram.ts";
import type { Host } from "../net/host.ts";
import type { IpAddr } from "../net/ip/address.ts";
import type { Kernel } from "../net/kernel.ts";
import { ERRNO } from "../net/netlink-error.ts";
import type { Skb } from "../net/skb.ts";
import type { UdpSocket } from "../net/sockets/udp.ts";
import { FlowSockets } from "./flow-sockets.ts";
import { NodeCounts } from "./node-counts.ts";
import { Pacer } from "./pacer.ts";
import { type PortUser, receiveOn } from "./receive-port.ts";
import { type PacketSource, SendLoop } from "./send-loop.ts";
import { SeqSet } from "./seq-set.ts";
import { countInFlight, TAG_BYTES, type Tag, TaggedPayload, takeTrafficNumber } from "./tag.ts";
import { familiesOf, lcm, parseTargets } from "./targets.ts";
import type { LiveTraffic, TrafficPlan, TrafficResult, UdpWorkload, Workload } from "./traffic.ts";

class UdpSender implements PacketSource {
  sent: number = 0;
  readonly host: Host;
  readonly sockets: FlowSockets;
  readonly loop: SendLoop;
  readonly pacer: Pacer;
  /** What arrived, whoever received it. */
  readonly arrived: SeqSet = new SeqSet();
  reordered: number = 0;
  private readonly spec: UdpWorkload;
  private readonly targets: readonly IpAddr[];
  private readonly payload: TaggedPayload;
  private readonly lanes: number;
  /** Largest sequence number that arrived, by flow and address; made at the first arrival. */
  private highest: Float64Array | null = null;

  constructor(host: Host, plan: TrafficPlan<UdpWorkload>, targets: readonly IpAddr[], traffic: number, index: number) {
    const spec = plan.spec;
    const kernel = host.kernel;
    this.host = host;
    this.spec = spec;
    this.targets = targets;
    this.payload = new TaggedPayload(spec.sizeBytes, traffic, index);
    this.sockets = new FlowSockets(host, spec.flows, spec.name, null);
    this.lanes = lcm(spec.flows, targets.length);
    const random = spec.poisson ? kernel.streams.stream(`traffic ${spec.name} ${host.name}`) : null;
    const spread = random === null ? index / plan.from.length : 0;
    const pacer = new Pacer(spec.rate, spec.startNs, random);
    this.pacer =
      random === null ? new Pacer(spec.rate, spec.startNs + pacer.gapNs(spec.sizeBytes) * spread, null) : pacer;
    this.loop = new SendLoop(host, this, spec.stopNs, spec.packets);
  }

  start(): void {
    this.loop.wakeAt(this.pacer.firstNs(this.spec.sizeBytes));
  }

  ready(): boolean {
    return this.sockets.usable;
  }

  sendNext(): number {
    const n = this.sent;
    const { flows, port, sizeBytes } = this.spec;
    this.payload.stamp(n, this.host.cpu().nowNs());
    const rc = this.sockets.send(n % flows, this.payload.bytes, this.targets[n % this.targets.length]!, port);
    if (rc !== -ERRNO.EAGAIN) this.sent++;
    return this.pacer.nextNs(sizeBytes);
  }

  skip(): number {
    return this.pacer.nextNs(this.spec.sizeBytes);
  }

  /** @returns false when it had arrived before */
  onArrival(seq: number): boolean {
    if (!this.arrived.add(seq)) return false;
    this.highest ??= new Float64Array(this.lanes).fill(-1);
    const lane = seq % this.lanes;
    if (seq < this.highest[lane]!) this.reordered++;
    else this.highest[lane] = seq;
    return true;
  }
}

class UdpTraffic implements LiveTraffic, PortUser {
  readonly traffic: number;
  private readonly kernel: Kernel;
  private readonly plan: TrafficPlan<UdpWorkload>;
  private readonly targets: readonly IpAddr[];
  private readonly senders: readonly UdpSender[];
  private readonly nodes: NodeCounts = new NodeCounts();
  private readonly latency: LatencyHistogram = new LatencyHistogram();
  private duplicates: number = 0;
  private receivedBytes: number = 0;
  /** Datagrams too short for a tag. */
  private untagged: number = 0;

  constructor(kernel: Kernel, plan: TrafficPlan<UdpWorkload>) {
    this.kernel = kernel;
    this.plan = plan;
    this.traffic = takeTrafficNumber(kernel);
    this.targets = parseTargets(plan.to);
    this.senders = plan.from.map((end, i) => new UdpSender(end.host, plan, this.targets, this.traffic, i));
    for (const { host } of plan.receivers) {
      this.nodes.add(host);
      this.listen(host);
    }
    for (const s of this.senders) s.start();
  }

  onDatagram(socket: UdpSocket, _addr: number, len: number, _skb: Skb, tag: Tag | null): void {
    const host = socket.stack.host;
    if (tag === null) this.untagged++;
    else {
      const sender = this.senders[tag.sender];
      if (sender === undefined || tag.seq >= sender.sent) return;
      if (!sender.onArrival(tag.seq)) {
        this.duplicates++;
        return;
      }
      if (tag.sentNs >= 0) this.latency.record(host.cpu().nowNs() - tag.sentNs);
    }
    this.receivedBytes += len;
    this.nodes.count(host);
  }

  result(): TrafficResult {
    const { sizeBytes } = this.plan.spec;
    const sent = sum(this.senders, (s) => s.sent);
    const received = this.untagged + sum(this.senders, (s) => s.arrived.count);
    const inFlight = countInFlight(this.kernel, this.traffic, sizeBytes, (sender, seq) => {
      const s = this.senders[sender];
      return s !== undefined && seq < s.sent && !s.arrived.has(seq);
    });
    return {
      sent,
      received,
      lost: Math.max(0, sent - received - inFlight),
      inFlight,
      duplicates: this.duplicates,
      reordered: sum(this.senders, (s) => s.reordered),
      sentBytes: sent * sizeBytes,
      receivedBytes: this.receivedBytes,
      latency: sizeBytes < TAG_BYTES ? null : this.latency.summary(),
      receivers: this.nodes.rows(),
    };
  }

  stop(): void {
    for (const s of this.senders) s.loop.stop();
  }

  restart(host: Host): void {
    for (const s of this.senders) if (s.host === host) s.sockets.reopen();
    for (const r of this.plan.receivers) if (r.host === host) this.listen(host);
  }

  private listen(host: Host): void {
    receiveOn(host, familiesOf(this.targets), this.plan.spec.port, this, this.plan.spec.name);
  }
}

function sum<T>(list: readonly T[], f: (item: T) => number): number {
  let total = 0;
  for (const item of list) total += f(item);
  return total;
}

/** The record of the workload. */
export const udp: Workload<UdpWorkload> = {
  type: "udp",
  summary: "UDP datagrams in one direction, at a constant or Poisson rate",
  start: (kernel, plan) => new UdpTraffic(kernel, plan),
};
