/** What pcap and packets have in common: whole frames out of interfaces by the device's transmit path, and the count of their ends. */
import { LabError } from "../engine/errors.ts";
import type { Host } from "../net/host.ts";
import type { Kernel } from "../net/kernel.ts";
import type { Netdev } from "../net/netdev.ts";
import type { Skb } from "../net/skb.ts";
import { type FrameOwner, watchFrames } from "./frame-watch.ts";
import { NodeCounts } from "./node-counts.ts";
import type { PacketSource, SendLoop } from "./send-loop.ts";
import { takeTrafficNumber } from "./tag.ts";
import type { LiveTraffic, TrafficEnd, TrafficResult } from "./traffic.ts";

const ETH_HLEN = 14;
const FIRST_ETHERTYPE = 0x0600;
const ETH_P_802_2 = 0x0004;

/** One interface's sender. */
export abstract class FrameSender implements PacketSource {
  sent: number = 0;
  sentBytes: number = 0;
  /** Where the frames go out. */
  dev: Netdev;
  protected readonly kernel: Kernel;
  private readonly traffic: number;
  abstract readonly loop: SendLoop;

  constructor(dev: Netdev, traffic: number) {
    this.dev = dev;
    this.kernel = dev.host.kernel;
    this.traffic = traffic;
  }

  /** A generator in the kernel (pktgen) does not care whether the link is up, but the host must be. */
  ready(): boolean {
    return this.dev.host.alive && this.dev.host.devices[this.dev.ifindex] === this.dev;
  }

  abstract sendNext(): number;
  abstract skip(): number;

  /** A frame to fill at skb.data. @returns null when memory is used up */
  protected begin(len: number): Skb | null {
    return this.kernel.allocSkb(len);
  }

  /** Sends a frame from `begin`. */
  protected finish(skb: Skb): void {
    const dev = this.dev;
    const dv = this.kernel.arena.dv;
    this.sent++;
    this.sentBytes += skb.len;
    const type = dv.getUint16(skb.data + 12);
    skb.source = this.traffic;
    skb.dev = dev;
    skb.macHeader = skb.data;
    skb.networkHeader = skb.data + ETH_HLEN;
    skb.protocol = type >= FIRST_ETHERTYPE ? type : ETH_P_802_2;
    this.kernel.paths.devQueueXmit(skb);
  }
}

/** Running traffic of frames. */
export class FrameTraffic implements LiveTraffic, FrameOwner {
  readonly number: number;
  private readonly kernel: Kernel;
  private readonly nodes: NodeCounts = new NodeCounts();
  private senders: readonly FrameSender[] = [];
  private taken: number = 0;
  private takenBytes: number = 0;
  private lost: number = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.number = takeTrafficNumber(kernel);
    watchFrames(kernel, this.number, this);
  }

  /** Called once, before anything is sent. */
  setSenders(senders: readonly FrameSender[]): void {
    this.senders = senders;
  }

  onTaken(skb: Skb, host: Host | null): void {
    this.taken++;
    this.takenBytes += skb.len;
    if (host !== null) this.nodes.count(host);
  }

  onLost(): void {
    this.lost++;
  }

  result(): TrafficResult {
    let sent = 0;
    let sentBytes = 0;
    for (const s of this.senders) {
      sent += s.sent;
      sentBytes += s.sentBytes;
    }
    let inFlight = 0;
    this.kernel.pool.forEachLive((skb) => {
      if (skb.source === this.number) inFlight++;
    });
    return {
      sent,
      received: this.taken,
      lost: this.lost,
      inFlight,
      duplicates: 0,
      reordered: 0,
      sentBytes,
      receivedBytes: this.takenBytes,
      latency: null,
      receivers: this.nodes.rows(),
    };
  }

  stop(): void {
    for (const s of this.senders) s.loop.stop();
  }

  /** Devices that a reboot destroyed and that commands made again are other devices of the same name. */
  restart(host: Host): void {
    for (const s of this.senders) if (s.dev.host === host) s.dev = host.devByName.get(s.dev.name) ?? s.dev;
  }
}

/** The interfaces that frames go out of. @throws LabError TRAFFIC_INTERFACE for a sender without one, or one that is no Ethernet */
export function sendingDevices(name: string, from: readonly TrafficEnd[]): readonly Netdev[] {
  return from.map(({ host, dev }) => {
    if (dev === null) {
      const message = `traffic ${name}: ${host.name} sends frames and needs an interface`;
      throw new LabError([{ code: "TRAFFIC_INTERFACE", message, fix: `write it behind the node: ${host.name}:eth0` }]);
    }
    if (dev.hardHeaderLen === ETH_HLEN) return dev;
    const message = `traffic ${name}: ${dev.label} carries no Ethernet frames`;
    throw new LabError([{ code: "TRAFFIC_INTERFACE", message, fix: "send from an Ethernet interface" }]);
  });
}
