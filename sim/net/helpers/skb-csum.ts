/**
 * bpf_l3_csum_replace, bpf_l4_csum_replace, bpf_csum_update, bpf_csum_level.
 *
 * @source net/core/filter.c, the functions of these names; include/linux/skbuff.h __skb_incr_checksum_unnecessary and its kin
 * @differs no driver delivers CHECKSUM_COMPLETE, so bpf_csum_update always answers -ENOTSUPP
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EACCES, EFAULT, EINVAL, ENOTSUPP } from "../../bpf/maps/errno.ts";
import {
  csumReplace2,
  csumReplace4,
  csumReplaceByDiff,
  protoCsumReplace4,
  protoCsumReplaceByDiff,
} from "../checksum.ts";
import type { NetEnv } from "../net-env.ts";
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Skb } from "../skb.ts";
import { TC_XMIT_KINDS } from "./packet.ts";

const BPF_F_HDR_FIELD_MASK = 0xf;
const BPF_F_PSEUDO_HDR = 0x10;
const BPF_F_MARK_MANGLED_0 = 0x20;
const BPF_F_MARK_ENFORCE = 0x40;
const BPF_F_IPV6 = 0x80;
const CSUM_LEVEL_MAX = 3;
const BPF_CSUM_LEVEL_QUERY = 0;
const BPF_CSUM_LEVEL_INC = 1;
const BPF_CSUM_LEVEL_DEC = 2;
const BPF_CSUM_LEVEL_RESET = 3;

/** Whether a checksum field may lie there. */
function badOffset(skb: Skb, offset: number): boolean {
  return offset < 0 || offset > 0xffff || (offset & 1) !== 0 || offset + 2 > skb.len;
}

/** What all of them have. */
const plain = { gplOnly: false, progKinds: TC_XMIT_KINDS, mapKinds: null, ret: "int" } as const;

/** `bpf_l3_csum_replace`. */
export const l3CsumReplace: HelperDef<NetEnv> = {
  ...plain,
  id: 10,
  name: "l3_csum_replace",
  since: "4.1",
  args: ["ctx", "u32", "u64", "u64", "u64"],
  changesPacket: true,
  costNs: 8,
  call: (
    env: NetEnv,
    _ctx: number,
    offset: number,
    from: number,
    fromHi: number,
    to: number,
    _toHi: number,
    flags: number,
    flagsHi: number,
  ): number => {
    if ((flags & ~BPF_F_HDR_FIELD_MASK) !== 0 || flagsHi !== 0) return -EINVAL;
    const skb = env.skb;
    if (badOffset(skb, offset)) return -EFAULT;
    const arena = env.kernel.arena;
    const at = skb.data + offset;
    switch (flags & BPF_F_HDR_FIELD_MASK) {
      case 0:
        if (from !== 0 || fromHi !== 0) return -EINVAL;
        csumReplaceByDiff(arena, at, to);
        return 0;
      case 2:
        csumReplace2(arena, at, from, to);
        return 0;
      case 4:
        csumReplace4(arena, at, from, to);
        return 0;
      default:
        return -EINVAL;
    }
  },
};

/** `bpf_l4_csum_replace`. */
export const l4CsumReplace: HelperDef<NetEnv> = {
  ...plain,
  id: 11,
  name: "l4_csum_replace",
  since: "4.1",
  args: ["ctx", "u32", "u64", "u64", "u64"],
  changesPacket: true,
  costNs: 8,
  call: (
    env: NetEnv,
    _ctx: number,
    offset: number,
    from: number,
    fromHi: number,
    to: number,
    _toHi: number,
    flags: number,
    flagsHi: number,
  ): number => {
    const known = BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_PSEUDO_HDR | BPF_F_HDR_FIELD_MASK | BPF_F_IPV6;
    if ((flags & ~known) !== 0 || flagsHi !== 0) return -EINVAL;
    const skb = env.skb;
    if (badOffset(skb, offset)) return -EFAULT;
    const arena = env.kernel.arena;
    const at = skb.data + offset;
    const pseudo = (flags & BPF_F_PSEUDO_HDR) !== 0;
    const mangled0 = (flags & BPF_F_MARK_MANGLED_0) !== 0;
    // a zero UDP checksum stays: the sender has made none
    if (mangled0 && (flags & BPF_F_MARK_ENFORCE) === 0 && isZero(arena.u8, at)) return 0;
    switch (flags & BPF_F_HDR_FIELD_MASK) {
      case 0:
        if (from !== 0 || fromHi !== 0) return -EINVAL;
        protoCsumReplaceByDiff(arena, skb, at, to, pseudo);
        break;
      case 2:
        protoCsumReplace4(arena, skb, at, from & 0xffff, to & 0xffff, pseudo);
        break;
      case 4:
        protoCsumReplace4(arena, skb, at, from, to, pseudo);
        break;
      default:
        return -EINVAL;
    }
    if (mangled0 && isZero(arena.u8, at)) {
      // CSUM_MANGLED_0
      arena.u8[at] = 0xff;
      arena.u8[at + 1] = 0xff;
    }
    return 0;
  },
};

function isZero(u8: Uint8Array, at: number): boolean {
  return u8[at] === 0 && u8[at + 1] === 0;
}

/** `bpf_csum_update`. */
export const csumUpdate: HelperDef<NetEnv> = {
  ...plain,
  id: 40,
  name: "csum_update",
  since: "4.9",
  args: ["ctx", "u32"],
  changesPacket: false,
  costNs: 3,
  call: (): number => -ENOTSUPP,
};

/** `bpf_csum_level`. */
export const csumLevel: HelperDef<NetEnv> = {
  ...plain,
  id: 135,
  name: "csum_level",
  since: "5.8",
  args: ["ctx", "u64"],
  changesPacket: false,
  costNs: 3,
  call: (env: NetEnv, _ctx: number, level: number, levelHi: number): number => {
    const skb = env.skb;
    if (levelHi !== 0) return -EINVAL;
    switch (level) {
      case BPF_CSUM_LEVEL_QUERY:
        return skb.ipSummed === CHECKSUM_UNNECESSARY ? skb.csumLevel : -EACCES;
      case BPF_CSUM_LEVEL_INC:
        if (skb.ipSummed === CHECKSUM_UNNECESSARY) {
          if (skb.csumLevel < CSUM_LEVEL_MAX) skb.csumLevel++;
        } else if (skb.ipSummed === CHECKSUM_NONE) {
          skb.ipSummed = CHECKSUM_UNNECESSARY;
          skb.csumLevel = 0;
        }
        return 0;
      case BPF_CSUM_LEVEL_DEC:
        if (skb.ipSummed === CHECKSUM_UNNECESSARY) {
          if (skb.csumLevel === 0) skb.ipSummed = CHECKSUM_NONE;
          else skb.csumLevel--;
        }
        return 0;
      case BPF_CSUM_LEVEL_RESET:
        resetUnnecessary(skb);
        return 0;
      default:
        return -EINVAL;
    }
  },
};

/** __skb_reset_checksum_unnecessary. */
export function resetUnnecessary(skb: Skb): void {
  if (skb.ipSummed !== CHECKSUM_UNNECESSARY) return;
  skb.ipSummed = CHECKSUM_NONE;
  skb.csumLevel = 0;
}
