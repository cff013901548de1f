/** A capture on an interface: sees what a packet socket there sees, as tcpdump does. */
import type { Netdev, PacketTap } from "../net/netdev.ts";
import type { Skb } from "../net/skb.ts";
import { LINKTYPE_ETHERNET, LINKTYPE_RAW, PcapngWriter } from "./pcapng.ts";
import type { Sink } from "./sink.ts";

const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;

class Capture implements PacketTap {
  private readonly dev: Netdev;
  private readonly writer: PcapngWriter;
  constructor(dev: Netdev, sink: Sink) {
    this.dev = dev;
    const ethernet = dev.hardwareType === ARPHRD_ETHER || dev.hardwareType === ARPHRD_LOOPBACK;
    this.writer = new PcapngWriter(sink, dev.label, ethernet ? LINKTYPE_ETHERNET : LINKTYPE_RAW);
  }

  /** libpcap puts a tag that the kernel took out back where it was. */
  onPacket(skb: Skb, outgoing: boolean): void {
    const { host } = this.dev;
    const { arena } = host.kernel;
    const vlan = skb.vlanPresent ? skb.vlanProto * 65536 + skb.vlanTci : 0;
    this.writer.packet(host.cpu().nowNs(), arena.u8, skb.data, skb.len, outgoing, vlan);
  }
}

/** Captures what passes a device into a pcapng file. @returns how to stop */
export function captureDevice(dev: Netdev, sink: Sink): () => void {
  const tap = new Capture(dev, sink);
  dev.taps = [...dev.taps, tap];
  return () => {
    dev.taps = dev.taps.filter((t) => t !== tap);
  };
}
