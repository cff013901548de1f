/**
 * ipip: IPv4 in IPv4. What the device transmits leaves with an outer header by the route to the far end; what arrives for it with
 * protocol 4 is received on it.
 *
 *     | outer IPv4 header, 20 bytes, protocol 4 | inner IPv4 packet |
 *
 * @source net/ipv4/ipip.c, ip_tunnel.c ip_tunnel_xmit, ip_tunnel_lookup, ip_tunnel_rcv, ip_tunnel_core.c iptunnel_xmit; RFC 2003
 * @differs `external` (collect metadata), keys, FOU/GUE encapsulation, `mode any`, multicast and NBMA tunnels are not there; no tunl0
 *          comes by itself: a device without local and remote, of any name, is what tunl0 is
 */
import { type DeviceOptions, registerNetdev } from "../../devices/device.ts";
import { softDevice } from "../../devices/soft-device.ts";
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { ETH_P_IP } from "../../ether.ts";
import type { Host } from "../../host.ts";
import { IFF_NOARP, IFF_POINTOPOINT, NETDEV_TX_OK, type Netdev, type NetdevOps } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import { PACKET_HOST, type Skb } from "../../skb.ts";
import { type IpStack, ipStack } from "../ip-stack.ts";
import {
  ICMP_DEST_UNREACH,
  ICMP_FRAG_NEEDED,
  ICMP_PORT_UNREACH,
  IP_DF,
  IP_HLEN,
  IPPROTO_IPIP,
} from "../ipv4/header.ts";
import { ipXmit, nextIdent, pathMtu4 } from "../ipv4/output.ts";
import { Flow4, routeOutput4 } from "../ipv4/route.ts";
import { ipSendCheck } from "../skb-csum.ts";

const ARPHRD_TUNNEL = 768;
const ECN_MASK = 3;
const ECN_CE = 3;
const ECN_ECT0 = 2;

/** `ip link add NAME type ipip ...`. Addresses as unsigned words, 0 for any. */
export interface IpipParams {
  readonly local: number;
  readonly remote: number;
  /** 0: inherit the inner packet's. */
  readonly ttl: number;
  /** DS field of the outer header; 1 inherits the inner packet's. */
  readonly tos: number;
  /** Outer packets carry DF (pmtudisc, on by default). */
  readonly pmtuDisc: boolean;
  /** ifindex of the device the outer packets must use, 0 for any (`dev`). */
  readonly link: number;
}

/** What the tunnel device keeps. */
class IpipTunnel {
  readonly dev: Netdev;
  readonly params: IpipParams;
  readonly flow: Flow4 = new Flow4();
  constructor(dev: Netdev, params: IpipParams) {
    this.dev = dev;
    this.params = params;
  }
}

const tunnels: WeakMap<IpStack, IpipTunnel[]> = new WeakMap();

/** The tunnel behind a device, or null when it is none. */
export function ipipTunnel(dev: Netdev): IpipTunnel | null {
  return dev.priv instanceof IpipTunnel ? dev.priv : null;
}

/** The record of the kind. */
export const ipip: NetdevOps = {
  kind: "ipip",
  noQueue: true,
  ...softDevice,
  startXmit: ipipXmit,
  destroy(dev: Netdev): void {
    const stack = ipStack(dev.host);
    const left = (tunnels.get(stack) ?? []).filter((t) => t.dev !== dev);
    tunnels.set(stack, left);
  },
};

/**
 * `ip link add NAME type ipip local A remote B ttl N`.
 * @throws NetlinkError EEXIST when there is a tunnel with these ends; EINVAL; and what registerNetdev throws
 */
export function createIpip(host: Host, o: DeviceOptions & { readonly ipip?: Partial<IpipParams> }): Netdev {
  const stack = ipStack(host);
  const p: IpipParams = { local: 0, remote: 0, ttl: 0, tos: 0, pmtuDisc: true, link: 0, ...o.ipip };
  const list = tunnels.get(stack) ?? [];
  if (list.some((t) => t.params.local === p.local && t.params.remote === p.remote && t.params.link === p.link)) {
    throw new NetlinkError(ERRNO.EEXIST);
  }
  // a fixed TTL needs path MTU discovery, or a routing loop lives for ever
  if (p.ttl !== 0 && !p.pmtuDisc) throw new NetlinkError(ERRNO.EINVAL);
  const flags = IFF_NOARP | (p.remote !== 0 ? IFF_POINTOPOINT : 0);
  const dev = registerNetdev(
    host,
    ipip,
    {
      flags,
      mtu: tunnelMtu(stack, p),
      minMtu: 68,
      maxMtu: 65535 - IP_HLEN,
      hardwareType: ARPHRD_TUNNEL,
      hardHeaderLen: 0,
    },
    o,
  );
  dev.txChecksumOffload = true;
  dev.priv = new IpipTunnel(dev, p);
  tunnels.set(stack, [...list, dev.priv as IpipTunnel]);
  stack.protocols4[IPPROTO_IPIP] = ipipRcv;
  return dev;
}

/** ip_tunnel_bind_dev: the MTU of the device that the far end is reached by, less the outer header. */
function tunnelMtu(stack: IpStack, p: IpipParams): number {
  if (p.remote === 0) return 1500 - IP_HLEN;
  const fl = new Flow4().set(p.remote, p.local, p.link, IPPROTO_IPIP, 0);
  fl.anySrc = true;
  const dst = routeOutput4(stack, fl);
  return Math.max((dst === null ? 1500 : dst.dev.mtu) - IP_HLEN, 68);
}

/** ipip_tunnel_xmit: skb.data at the inner IP header. Takes the skb. */
function ipipXmit(skb: Skb, dev: Netdev): number {
  const t = dev.priv as IpipTunnel;
  const stack = ipStack(dev.host);
  const k = stack.kernel;
  const dv = stack.arena.dv;
  const p = t.params;
  const inner = skb.data;
  if (skb.protocol !== ETH_P_IP || skb.len < IP_HLEN || p.remote === 0) {
    dev.stats.txErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return NETDEV_TX_OK;
  }
  const innerTos = dv.getUint8(inner + 1);
  const tos = (p.tos & 1) !== 0 ? innerTos : p.tos;
  const fl = t.flow.set(p.remote, p.local, p.link, IPPROTO_IPIP, 0);
  const dst = routeOutput4(stack, fl);
  if (dst === null || dst.dev === dev) {
    if (dst === null) dev.stats.txCarrier++;
    else dev.stats.txCollisions++;
    dev.stats.txErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_OUTNOROUTES);
    return NETDEV_TX_OK;
  }
  const innerDf = dv.getUint16(inner + 6) & IP_DF;
  const df = (p.pmtuDisc ? IP_DF : 0) | innerDf;
  const mtu = df !== 0 ? pathMtu4(stack, dst, fl.daddr) - IP_HLEN : dev.mtu;
  if (innerDf !== 0 && skb.len > mtu) {
    skb.networkHeader = inner;
    stack.calls.icmpSend(stack, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
    dev.stats.txErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_BIG);
    return NETDEV_TX_OK;
  }
  // INET_ECN_encapsulate: the inner mark shows outside, but for CE
  const ecn = innerTos & ECN_MASK;
  const outerTos = (tos & ~ECN_MASK) | (ecn === ECN_CE ? ECN_ECT0 : ecn);
  const ttl = p.ttl !== 0 ? p.ttl : dv.getUint8(inner + 8);
  if (skb.headroom() < 64 && !k.pool.ensureRoom(skb, 64, 0)) {
    dev.stats.txDropped++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOMEM);
    return NETDEV_TX_OK;
  }
  const len = skb.len;
  skb.innerNetworkHeader = skb.data;
  skb.hash = 0;
  const rc = ipXmit(stack, skb, dst, fl.saddr, fl.daddr, IPPROTO_IPIP, outerTos, ttl, df, nextIdent(stack));
  if (rc === 0 || rc === 2) {
    dev.stats.txPackets++;
    dev.stats.txBytes += len;
  } else if (rc < 0) {
    dev.stats.txErrors++;
  } else dev.stats.txDropped++;
  return NETDEV_TX_OK;
}

/** ip_tunnel_lookup: both ends, the far end, the near end, neither. */
function lookup(stack: IpStack, from: number, to: number, ifindex: number): IpipTunnel | null {
  const list = tunnels.get(stack) ?? [];
  let best: IpipTunnel | null = null;
  let score = -1;
  for (let i = 0; i < list.length; i++) {
    const t = list[i]!;
    const p = t.params;
    if (!t.dev.up) continue;
    if (p.remote !== 0 && p.remote !== from) continue;
    if (p.local !== 0 && p.local !== to) continue;
    const s = (p.remote !== 0 ? 4 : 0) + (p.local !== 0 ? 2 : 0) + (p.link !== 0 && p.link === ifindex ? 1 : 0);
    if (s <= score) continue;
    best = t;
    score = s;
  }
  return best;
}

/** ipip_rcv: skb.data at the inner IP header, skb.networkHeader at the outer. Takes the skb. */
function ipipRcv(stack: IpStack, skb: Skb, dev: Netdev): void {
  const k = stack.kernel;
  const dv = stack.arena.dv;
  const outer = skb.networkHeader;
  const t = lookup(stack, dv.getUint32(outer + 12), dv.getUint32(outer + 16), dev.ifindex);
  if (t === null) {
    stack.calls.icmpSend(stack, skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  const tun = t.dev;
  if (skb.len >= IP_HLEN && !ecnDecapsulate(stack, outer, skb.data)) {
    tun.stats.rxErrors++;
    k.kfreeSkb(skb, tun, SKB_DROP_REASON.IP_TUNNEL_ECN);
    return;
  }
  tun.stats.rxPackets++;
  tun.stats.rxBytes += skb.len;
  skb.dev = tun;
  skb.dst = null;
  skb.protocol = ETH_P_IP;
  skb.pktType = PACKET_HOST;
  skb.macHeader = skb.data;
  skb.macLen = 0;
  skb.networkHeader = skb.data;
  skb.transportHeader = -1;
  skb.hash = 0;
  skb.metaLen = 0;
  k.paths.netifRx(skb);
}

/** INET_ECN_decapsulate. @returns false when the packet must be dropped: marked outside, not capable inside */
function ecnDecapsulate(stack: IpStack, outer: number, inner: number): boolean {
  const u8 = stack.arena.u8;
  const tos = u8[inner + 1]!;
  if ((u8[outer + 1]! & ECN_MASK) !== ECN_CE) return true;
  if ((tos & ECN_MASK) === 0) return false;
  if ((tos & ECN_MASK) !== ECN_CE) {
    u8[inner + 1] = tos | ECN_CE;
    ipSendCheck(stack.arena, inner, (u8[inner]! & 15) * 4);
  }
  return true;
}
