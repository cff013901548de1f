/**
 * The receive path of the stack, in Linux's order:
 *
 *     driver ring -> NAPI poll -> native XDP -> skb        (the drivers, devices/; xdp/)
 *     generic XDP -> VLAN untag -> taps -> tc ingress (tcx, then clsact) -> rx_handler (bridge) -> protocol
 *
 * @source net/core/dev.c __netif_receive_skb_core, netif_rx, process_backlog; net/ethernet/eth.c eth_type_trans
 */
import { COST_NS } from "./cost.ts";
import { SKB_DROP_REASON } from "./drop-reason.ts";
import { ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, VLAN_HLEN } from "./ether.ts";
import type { Kernel } from "./kernel.ts";
import { type PacketTap, TC_HOOK_OK } from "./netdev.ts";
import { PACKET_OTHERHOST, type Skb, SkbQueue } from "./skb.ts";
import { type Cpu, Napi, type NapiOps } from "./softirq.ts";
import { doXdpGeneric } from "./xdp/generic.ts";

export { ethTypeTrans } from "./eth-type-trans.ts";

/** What netif_rx answers when the backlog is full. */
const NET_RX_DROP = 1;
/** net.core.netdev_max_backlog's default. */
const NETDEV_MAX_BACKLOG = 1000;

/** A packet enters the stack: skb.data at the MAC header, skb.dev set, ethTypeTrans done. Takes the packet. */
export function netifReceiveSkb(skb: Skb): void {
  let dev = skb.dev!;
  const host = dev.host;
  const kernel = host.kernel;
  if (kernel.tp.netifReceiveSkb.on) kernel.tp.netifReceiveSkb.fire(skb, dev, 0, 0);
  host.cpu().charge(COST_NS.netifReceive);
  skb.skbIif = dev.ifindex;

  if (dev.xdp !== null && dev.xdp.mode === "xdpgeneric") {
    if (!doXdpGeneric(skb, dev)) return;
  }
  if ((skb.protocol === ETH_P_8021Q || skb.protocol === ETH_P_8021AD) && !vlanUntag(skb, kernel)) {
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }

  if (host.taps.length > 0) deliverToTaps(host.taps, skb, false);
  if (dev.taps.length > 0) deliverToTaps(dev.taps, skb, false);

  if (dev.tcIngress !== null) {
    skb.fromIngress = true;
    if (dev.tcIngress.run(skb) !== TC_HOOK_OK) return;
    dev = skb.dev!;
  }
  skb.redirected = false;

  if (dev.rxHandler?.handle(skb)) return;

  if (skb.vlanPresent) {
    // no VLAN device claims it: a tagged packet is nobody's (PACKET_OTHERHOST in vlan_do_receive's caller)
    if ((skb.vlanTci & 0x0fff) !== 0) skb.pktType = PACKET_OTHERHOST;
    skb.vlanPresent = false;
    skb.vlanTci = 0;
  }
  const handler = host.packetTypes.get(skb.protocol);
  if (handler === undefined) {
    if (host.taps.length > 0 || dev.taps.length > 0) {
      // a tap has taken it: to Linux it was delivered
      kernel.consumeSkb(skb);
      return;
    }
    dev.stats.rxDropped++;
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.UNHANDLED_PROTO);
    return;
  }
  // Linux's taps and tc see the MAC header, the protocols do not
  skb.metaLen = 0;
  const offset = skb.networkHeader - skb.data;
  if (offset > 0) skb.pull(offset);
  handler(skb, dev);
}

/** Lets every tap look. */
export function deliverToTaps(taps: readonly PacketTap[], skb: Skb, outgoing: boolean): void {
  for (let i = 0; i < taps.length; i++) taps[i]!.onPacket(skb, outgoing);
}

/** skb_vlan_untag: moves an in-band tag behind the MAC addresses into the skb's metadata. @returns false: it is cut off, before the type */
function vlanUntag(skb: Skb, kernel: Kernel): boolean {
  if (skb.vlanPresent) return true;
  // the two bytes behind the tag are looked at, too
  if (skb.len < ETH_HLEN + VLAN_HLEN + 2) return false;
  const u8 = kernel.arena.u8;
  const d = skb.data;
  skb.vlanPresent = true;
  skb.vlanProto = skb.protocol;
  skb.vlanTci = (u8[d + 14]! << 8) | u8[d + 15]!;
  const type = (u8[d + 16]! << 8) | u8[d + 17]!;
  u8.copyWithin(d + 4, d, d + 12);
  skb.pull(4);
  skb.metaLen = 0;
  skb.macHeader = skb.data;
  skb.networkHeader = skb.data + ETH_HLEN;
  skb.protocol = type >= 0x0600 ? type : 0x0004;
  return true;
}

/** A CPU's softnet backlog. */
class Backlog implements NapiOps {
  readonly queue: SkbQueue = new SkbQueue();
  poll(): number {
    const skb = this.queue.shift();
    if (skb === null) return -1;
    netifReceiveSkb(skb);
    return this.queue.qlen;
  }
  flush(): void {}
}

/** Loses what waits on a CPU's backlog: its host crashed. */
export function purgeBacklog(cpu: Cpu, reason: number): void {
  if (cpu.backlog === null) return;
  const queue = (cpu.backlog.ops as Backlog).queue;
  for (let skb = queue.shift(); skb !== null; skb = queue.shift()) cpu.host.kernel.kfreeSkb(skb, skb.dev!, reason);
}

/**
 * netif_rx: puts a packet (data at the MAC header, ethTypeTrans done) on the backlog of a CPU of the receiving host.
 * @returns 0, or NET_RX_DROP when the backlog was full and the packet freed
 */
export function netifRx(skb: Skb): number {
  const dev = skb.dev!;
  const kernel = dev.host.kernel;
  const cpu = dev.host.cpu();
  if (cpu.backlog === null) cpu.backlog = new Napi(cpu, new Backlog(), null);
  const queue = (cpu.backlog.ops as Backlog).queue;
  if (kernel.tp.netifRx.on) kernel.tp.netifRx.fire(skb, dev, 0, 0);
  if (queue.qlen > NETDEV_MAX_BACKLOG) {
    dev.stats.rxDropped++;
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.CPU_BACKLOG);
    return NET_RX_DROP;
  }
  queue.push(skb);
  cpu.backlog.schedule();
  return 0;
}
