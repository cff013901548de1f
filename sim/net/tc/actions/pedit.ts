/**
 * pedit: writes words of the packet under masks. Checksums are left as they are; csum behind it mends them.
 *
 * @source net/sched/act_pedit.c tcf_pedit_act, pedit_skb_hdr_offset, pedit_l4_skb_offset; tc-pedit(8)
 */
import { ETH_P_IP, ETH_P_IPV6 } from "../../ether.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../ip/ipv4/header.ts";
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import type { TcfResult } from "../classify.ts";

/** Headers that offsets count from. @source include/uapi/linux/tc_act/tc_pedit.h enum pedit_header_type */
export const PEDIT_NETWORK = 0;
export const PEDIT_ETH = 1;
export const PEDIT_IP4 = 2;
export const PEDIT_IP6 = 3;
export const PEDIT_TCP = 4;
export const PEDIT_UDP = 5;

const IPPROTO_HOPOPTS = 0;
const IPPROTO_ROUTING = 43;
const IPPROTO_DSTOPTS = 60;

/** One word that is written. */
export interface PeditKey {
  /** PEDIT_*. */
  readonly header: number;
  readonly add: boolean;
  readonly off: number;
  /** Where a byte is that moves the offset: (byte & offmask) >> shift; offmask 0: none. */
  readonly at: number;
  readonly offmask: number;
  readonly shift: number;
  /** Host order, signed. Bits of the mask keep the packet's. */
  readonly val: number;
  readonly mask: number;
}

/** `action pedit ...`. */
export interface PeditOptions {
  readonly verdict: number;
  /** `pedit ex`. */
  readonly extended: boolean;
  readonly keys: readonly PeditKey[];
}

/** A live pedit. */
export class Pedit extends TcAction {
  keys: readonly PeditKey[] = [];
  extended: boolean = false;

  override act(skb: Skb, _dev: Netdev, res: TcfResult): number {
    this.used(res);
    for (let i = 0; i < this.keys.length; i++) {
      if (this.edit(skb, this.keys[i]!)) continue;
      this.stats.overlimits++;
      break;
    }
    return this.verdict;
  }

  /** @returns false when the place is outside of the packet */
  private edit(skb: Skb, key: PeditKey): boolean {
    const { dv } = this.host.kernel.arena;
    const end = skb.data + skb.len;
    const base = headerOf(dv, skb, key.header);
    if (base < 0) return false;
    let { off } = key;
    if (key.offmask !== 0) {
      const at = base + key.at;
      if (at < skb.head || at + 1 > end) return false;
      off += (dv.getUint8(at) & key.offmask) >>> key.shift;
    }
    const to = base + off;
    if (off % 4 !== 0 || to < skb.head || to + 4 > end) return false;
    const word = dv.getInt32(to, false);
    let { val } = key;
    // the kernel adds the words as its little-endian processor reads them
    if (key.add) val = swap((swap(word) + swap(val)) | 0) & ~key.mask;
    dv.setInt32(to, (word & key.mask) ^ val, false);
    return true;
  }
}

function swap(w: number): number {
  return ((w & 0xff) << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24);
}

/** Address of a header, -1 when the packet has none. */
function headerOf(dv: DataView, skb: Skb, header: number): number {
  if (header === PEDIT_ETH) return skb.macHeader;
  if (header !== PEDIT_TCP && header !== PEDIT_UDP) return skb.networkHeader;
  const at = skb.networkHeader;
  const end = skb.data + skb.len;
  if (skb.protocol === ETH_P_IP) return at + 20 > end ? -1 : at + (dv.getUint8(at) & 15) * 4;
  if (skb.protocol !== ETH_P_IPV6 || at + 40 > end) return -1;
  const wanted = header === PEDIT_TCP ? IPPROTO_TCP : IPPROTO_UDP;
  let proto = dv.getUint8(at + 6);
  let offset = 40;
  while (proto === IPPROTO_HOPOPTS || proto === IPPROTO_ROUTING || proto === IPPROTO_DSTOPTS) {
    if (at + offset + 2 > end) return -1;
    proto = dv.getUint8(at + offset);
    offset += (dv.getUint8(at + offset + 1) + 1) * 8;
  }
  return proto === wanted ? at + offset : -1;
}

/** The record of `pedit`. */
export const pedit: ActionDef = {
  kind: "pedit",
  source: "net/sched/act_pedit.c; tc-pedit(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as PeditOptions;
    if (o.keys.length === 0) throw new NetlinkError(ERRNO.EINVAL, "Pedit requires keys to be passed");
    checkVerdict(o.verdict, proto);
    // actions of a kind are of its class
    const action = old === null ? new Pedit(host, "pedit", index) : (old as Pedit);
    setVerdict(action, o.verdict, proto);
    action.keys = o.keys;
    action.extended = o.extended;
    return action;
  },
};
