/**
 * vlan: pushes, pops and changes VLAN tags and Ethernet headers.
 *
 * @source net/sched/act_vlan.c tcf_vlan_act, tcf_vlan_init; net/core/skbuff.c skb_eth_pop, skb_eth_push; tc-vlan(8)
 */
import { ETH_HLEN, ETH_P_8021Q } from "../../ether.ts";
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { isVlanProto, popVlan, pushVlan, takeVlan } from "../../vlan-tag.ts";
import { TC_ACT_SHOT } from "../act.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import type { TcfResult } from "../classify.ts";

/** Room in front of a pushed Ethernet header. */
const HEAD_BYTES = 16;
const PRIO_SHIFT = 13;
const VID_MASK = 0x0fff;
const PRIO_MASK = 0xe000;

/** What is done. */
export type VlanActionName = "pop" | "push" | "modify" | "pop_eth" | "push_eth";

/** `action vlan ...`. */
export interface VlanOptions {
  readonly verdict: number;
  /** null: not said (`vlan index N`). */
  readonly what: VlanActionName | null;
  readonly id: number;
  /** Ethertype in host order. */
  readonly protocol: number;
  /** null: as it is, 0 for a new tag. */
  readonly priority: number | null;
  /** Six bytes each. */
  readonly dstMac: Uint8Array;
  readonly srcMac: Uint8Array;
}

/** A live vlan. */
export class Vlan extends TcAction {
  options: VlanOptions = {
    verdict: 0,
    what: "pop",
    id: 0,
    protocol: ETH_P_8021Q,
    priority: null,
    dstMac: new Uint8Array(6),
    srcMac: new Uint8Array(6),
  };

  override act(skb: Skb, _dev: Netdev, res: TcfResult): number {
    this.used(res);
    if (this.change(skb) === 0) return this.verdict;
    this.stats.drops++;
    return TC_ACT_SHOT;
  }

  /** @returns 0 or -errno */
  private change(skb: Skb): number {
    const { kernel } = this.host;
    const o = this.options;
    switch (o.what) {
      case "pop":
        return popVlan(kernel, skb);
      case "push": {
        const err = pushVlan(kernel, skb, o.protocol, o.id | ((o.priority ?? 0) << PRIO_SHIFT));
        skb.macLen = skb.networkHeader - skb.macHeader;
        return err;
      }
      case "modify":
        return this.modify(skb);
      case "pop_eth":
        return popEth(skb);
      default:
        return this.pushEth(skb);
    }
  }

  private modify(skb: Skb): number {
    if (!skb.vlanPresent && !isVlanProto(skb.protocol)) return 0;
    const o = this.options;
    let tci = takeVlan(this.host.kernel, skb);
    if (tci < 0) return tci;
    tci = (tci & ~VID_MASK) | o.id;
    if (o.priority !== null) tci = (tci & ~PRIO_MASK) | (o.priority << PRIO_SHIFT);
    skb.vlanPresent = true;
    skb.vlanProto = o.protocol;
    skb.vlanTci = tci;
    return 0;
  }

  /** skb_eth_push: in front of a packet that begins with its network header. */
  private pushEth(skb: Skb): number {
    if (skb.networkHeader !== skb.data || skb.vlanPresent) return -ERRNO.EPROTONOSUPPORT;
    const { kernel } = this.host;
    if (!kernel.pool.ensureRoom(skb, HEAD_BYTES, 0)) return -ERRNO.ENOMEM;
    skb.push(ETH_HLEN);
    skb.macHeader = skb.data;
    skb.macLen = ETH_HLEN;
    const { u8 } = kernel.arena;
    u8.set(this.options.dstMac, skb.data);
    u8.set(this.options.srcMac, skb.data + 6);
    u8[skb.data + 12] = skb.protocol >>> 8;
    u8[skb.data + 13] = skb.protocol;
    return 0;
  }
}

/** skb_eth_pop: an untagged packet loses its Ethernet header. */
function popEth(skb: Skb): number {
  if (skb.vlanPresent || isVlanProto(skb.protocol) || skb.len < ETH_HLEN || skb.networkHeader === skb.data) {
    return -ERRNO.EPROTONOSUPPORT;
  }
  skb.pull(ETH_HLEN);
  skb.macHeader = skb.data;
  skb.macLen = 0;
  skb.metaLen = 0;
  return 0;
}

/** The record of `vlan`. */
export const vlan: ActionDef = {
  kind: "vlan",
  source: "net/sched/act_vlan.c; tc-vlan(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as VlanOptions;
    if (o.what === null) throw new NetlinkError(ERRNO.EINVAL);
    if ((o.what === "push" || o.what === "modify") && o.id >= VID_MASK + 1) throw new NetlinkError(ERRNO.ERANGE);
    checkVerdict(o.verdict, proto);
    // actions of a kind are of its class
    const action = old === null ? new Vlan(host, "vlan", index) : (old as Vlan);
    setVerdict(action, o.verdict, proto);
    action.options = o;
    return action;
  },
};
