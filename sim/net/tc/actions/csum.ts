/**
 * csum: computes checksums anew, for packets that another action has changed.
 *
 * @source net/sched/act_csum.c tcf_csum_act, tcf_csum_ipv4, tcf_csum_ipv6; tc-csum(8)
 */
import { csumFold, csumPartial, csumPseudo } from "../../checksum.ts";
import { ETH_P_IP, ETH_P_IPV6 } from "../../ether.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "../../ip/ipv4/header.ts";
import type { Netdev } from "../../netdev.ts";
import { CHECKSUM_NONE, type Skb } from "../../skb.ts";
import { TC_ACT_SHOT } from "../act.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import type { TcfResult } from "../classify.ts";

/** What is computed. @source include/uapi/linux/tc_act/tc_csum.h TCA_CSUM_UPDATE_FLAG_* */
export const CSUM_IPV4HDR = 1;
export const CSUM_ICMP = 2;
export const CSUM_IGMP = 4;
export const CSUM_TCP = 8;
export const CSUM_UDP = 16;
export const CSUM_UDPLITE = 32;

const IPPROTO_IGMP = 2;
const IPPROTO_UDPLITE = 136;
const IPPROTO_HOPOPTS = 0;
const IPPROTO_ROUTING = 43;
const IPPROTO_DSTOPTS = 60;

/** `action csum ...`. */
export interface CsumOptions {
  readonly verdict: number;
  readonly flags: number;
}

/** A live csum. */
export class Csum extends TcAction {
  /** CSUM_*. */
  flags: number = 0;

  override act(skb: Skb, _dev: Netdev, res: TcfResult): number {
    this.used(res);
    if (this.verdict === TC_ACT_SHOT) {
      this.stats.drops++;
      return TC_ACT_SHOT;
    }
    const ok = skb.protocol === ETH_P_IP ? this.ipv4(skb) : skb.protocol === ETH_P_IPV6 ? this.ipv6(skb) : true;
    if (ok) return this.verdict;
    this.stats.drops++;
    return TC_ACT_SHOT;
  }

  /** @returns false when the packet is cut off: it is dropped */
  private ipv4(skb: Skb): boolean {
    const { arena } = this.host.kernel;
    const at = skb.networkHeader;
    const left = skb.data + skb.len - at;
    if (left < 20) return false;
    const { dv, u8 } = arena;
    const headerBytes = (u8[at]! & 15) * 4;
    if ((dv.getUint16(at + 6, false) & 0x1fff) === 0) {
      const total = dv.getUint16(at + 2, false);
      if (!this.layer4(skb, u8[at + 9]!, at + headerBytes, total - headerBytes, left - headerBytes, at + 12, 8)) {
        return false;
      }
    }
    if ((this.flags & CSUM_IPV4HDR) !== 0) {
      if (left < headerBytes) return false;
      dv.setUint16(at + 10, 0);
      dv.setUint16(at + 10, csumFold(csumPartial(arena, at, headerBytes, 0)), true);
    }
    return true;
  }

  private ipv6(skb: Skb): boolean {
    const { dv, u8 } = this.host.kernel.arena;
    const at = skb.networkHeader;
    const left = skb.data + skb.len - at;
    if (left < 40) return false;
    const total = 40 + dv.getUint16(at + 4, false);
    let proto = u8[at + 6]!;
    let offset = 40;
    while (proto === IPPROTO_HOPOPTS || proto === IPPROTO_ROUTING || proto === IPPROTO_DSTOPTS) {
      if (left < offset + 2) return false;
      const bytes = (u8[at + offset + 1]! + 1) * 8;
      if (left < offset + bytes) return false;
      proto = u8[at + offset]!;
      offset += bytes;
    }
    return this.layer4(skb, proto, at + offset, total - offset, left - offset, at + 8, 32);
  }

  /**
   * The checksum of what IP carries.
   * @param len bytes of it as IP says, @param left as there are
   * @param addresses where the pseudo header's addresses are, and their bytes
   */
  private layer4(
    skb: Skb,
    proto: number,
    at: number,
    len: number,
    left: number,
    addresses: number,
    addressBytes: number,
  ): boolean {
    const v6 = addressBytes === 32;
    const flag = v6 ? FLAGS6.get(proto) : FLAGS4.get(proto);
    if (flag === undefined || (this.flags & flag) === 0) return true;
    const { arena } = this.host.kernel;
    const { dv } = arena;
    const isTcp = proto === IPPROTO_TCP;
    const isUdp = proto === IPPROTO_UDP || proto === IPPROTO_UDPLITE;
    if (len > left || len < (isTcp ? 20 : 8)) return false;
    const field = at + (isTcp ? 16 : isUdp ? 6 : 2);
    let covered = len;
    if (isUdp) {
      const said = dv.getUint16(at + 4, false);
      if (proto === IPPROTO_UDP) {
        // no checksum stays none on IPv4; a length that is not IP's is left alone
        if (!v6 && dv.getUint16(field, false) === 0) {
          skb.ipSummed = CHECKSUM_NONE;
          return true;
        }
        if (said !== len) return true;
      } else if (said !== 0) {
        if (said < 8 || said > len) return true;
        covered = said;
      }
    }
    dv.setUint16(field, 0);
    const pseudo =
      isTcp || isUdp || v6
        ? csumPseudo(arena, addresses, addressBytes, isUdp ? dv.getUint16(at + 4, false) : len, proto)
        : 0;
    let sum = csumFold(csumPartial(arena, at, covered, pseudo));
    if (sum === 0 && isUdp) sum = 0xffff;
    dv.setUint16(field, sum, true);
    skb.ipSummed = CHECKSUM_NONE;
    return true;
  }
}

const FLAGS4: ReadonlyMap<number, number> = new Map([
  [IPPROTO_ICMP, CSUM_ICMP],
  [IPPROTO_IGMP, CSUM_IGMP],
  [IPPROTO_TCP, CSUM_TCP],
  [IPPROTO_UDP, CSUM_UDP],
  [IPPROTO_UDPLITE, CSUM_UDPLITE],
]);
const FLAGS6: ReadonlyMap<number, number> = new Map([
  [IPPROTO_ICMPV6, CSUM_ICMP],
  [IPPROTO_TCP, CSUM_TCP],
  [IPPROTO_UDP, CSUM_UDP],
  [IPPROTO_UDPLITE, CSUM_UDPLITE],
]);

/** The record of `csum`. */
export const csum: ActionDef = {
  kind: "csum",
  source: "net/sched/act_csum.c; tc-csum(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as CsumOptions;
    checkVerdict(o.verdict, proto);
    // actions of a kind are of its class
    const action = old === null ? new Csum(host, "csum", index) : (old as Csum);
    setVerdict(action, o.verdict, proto);
    action.flags = o.flags;
    return action;
  },
};
