/**
 * tunnel_key: tells a tunnel device in collect_md mode what to put around the packet, or takes what one has told.
 *
 * @source net/sched/act_tunnel_key.c tunnel_key_act, tunnel_key_init; tc-tunnel_key(8)
 */
import type { Host } from "../../host.ts";
import { AF_INET, AF_INET6, type IpAddr } from "../../ip/address.ts";
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { TUNNEL_CSUM, TUNNEL_KEY, TunnelInfo } from "../../tunnel-info.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import type { TcfResult } from "../classify.ts";

/** `action tunnel_key ...`. */
export interface TunnelKeyOptions {
  readonly verdict: number;
  /** null: not said. */
  readonly mode: "set" | "unset" | null;
  readonly src: IpAddr | null;
  readonly dst: IpAddr | null;
  readonly id: number | null;
  readonly tos: number | null;
  readonly ttl: number | null;
  readonly csum: boolean;
}

/** A live tunnel_key. */
export class TunnelKey extends TcAction {
  /** What it sets; null: it takes away. Every packet shares it. */
  info: TunnelInfo | null = null;
  options: TunnelKeyOptions;

  constructor(host: Host, index: number, options: TunnelKeyOptions) {
    super(host, "tunnel_key", index);
    this.options = options;
  }

  override act(skb: Skb, _dev: Netdev, res: TcfResult): number {
    this.used(res);
    skb.dst = null;
    skb.tunnel = this.info;
    return this.verdict;
  }
}

function infoOf(o: TunnelKeyOptions, src: IpAddr, dst: IpAddr): TunnelInfo {
  const info = new TunnelInfo();
  info.family = src.family === AF_INET ? AF_INET : AF_INET6;
  writeAddress(src, info.src);
  writeAddress(dst, info.dst);
  info.id = o.id ?? 0;
  info.tos = o.tos ?? 0;
  info.ttl = o.ttl ?? 0;
  info.flags = (o.id === null ? 0 : TUNNEL_KEY) | (o.csum ? TUNNEL_CSUM : 0);
  return info;
}

function writeAddress(address: IpAddr, to: Uint8Array): void {
  const words = address.family === AF_INET ? [address.a] : [address.a, address.b, address.c, address.d];
  for (const [i, w] of words.entries()) new DataView(to.buffer).setUint32(4 * i, w);
}

/** The record of `tunnel_key`. */
export const tunnelKey: ActionDef = {
  kind: "tunnel_key",
  source: "net/sched/act_tunnel_key.c; tc-tunnel_key(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as TunnelKeyOptions;
    if (o.mode === null) throw new NetlinkError(ERRNO.EINVAL, "Unknown tunnel key action");
    let info: TunnelInfo | null = null;
    if (o.mode === "set") {
      if (o.src === null || o.dst === null || o.src.family !== o.dst.family) {
        throw new NetlinkError(ERRNO.EINVAL, "Missing either ipv4 or ipv6 src and dst");
      }
      info = infoOf(o, o.src, o.dst);
    }
    checkVerdict(o.verdict, proto);
    // actions of a kind are of its class
    const action = old === null ? new TunnelKey(host, index, o) : (old as TunnelKey);
    setVerdict(action, o.verdict, proto);
    action.options = o;
    action.info = info;
    return action;
  },
};
