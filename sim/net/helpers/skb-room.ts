/**
 * bpf_skb_change_tail, bpf_skb_change_head, bpf_skb_change_proto, bpf_skb_adjust_room.
 *
 * @source net/core/filter.c __bpf_skb_change_tail, __bpf_skb_change_head, bpf_skb_proto_4_to_6, bpf_skb_proto_6_to_4,
 *         bpf_skb_adjust_room, bpf_skb_net_grow, bpf_skb_net_shrink, bpf_skb_net_hdr_push
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EALREADY, EFAULT, EINVAL, ENOMEM, ENOTSUPP } from "../../bpf/maps/errno.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import { bytesLeave, forgetComplete } from "../complete-csum.ts";
import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6 } from "../ether.ts";
import type { NetEnv } from "../net-env.ts";
import { CHECKSUM_PARTIAL, type Skb } from "../skb.ts";
import { macHeaderLen, refreshSkb, SKB_MAX_LEN, TC_XMIT_KINDS } from "./packet.ts";
import { resetUnnecessary } from "./skb-csum.ts";

const IPV4_BYTES = 20;
const IPV6_BYTES = 40;

const BPF_ADJ_ROOM_NET = 0;
const BPF_ADJ_ROOM_MAC = 1;
const FIXED_GSO = 1;
const ENCAP_L3_IPV4 = 2;
const ENCAP_L3_IPV6 = 4;
const ENCAP_L4_GRE = 8;
const ENCAP_L4_UDP = 16;
const NO_CSUM_RESET = 32;
const ENCAP_L2_ETH = 64;
const DECAP_L3_IPV4 = 128;
const DECAP_L3_IPV6 = 256;
const ENCAP_L3 = ENCAP_L3_IPV4 | ENCAP_L3_IPV6;
const DECAP_L3 = DECAP_L3_IPV4 | DECAP_L3_IPV6;
const LOW_FLAGS = FIXED_GSO | ENCAP_L3 | ENCAP_L4_GRE | ENCAP_L4_UDP | NO_CSUM_RESET | ENCAP_L2_ETH | DECAP_L3;
/** Bits 56 to 63 of the flags hold the length of the inner MAC header: bits 24 to 31 of the high word. */
const L2_SHIFT_HI = 24;

/** What all of them have. */
const plain = { gplOnly: false, progKinds: TC_KINDS, mapKinds: null, changesPacket: true, ret: "int" } as const;

/** `bpf_skb_change_tail`. */
export const skbChangeTail: HelperDef<NetEnv> = {
  ...plain,
  id: 38,
  name: "skb_change_tail",
  progKinds: TC_XMIT_KINDS,
  since: "4.9",
  args: ["ctx", "u32", "u64"],
  costNs: 25,
  call: (env: NetEnv, _ctx: number, newLen: number, flags: number, flagsHi: number): number => {
    const skb = env.skb;
    const len = newLen >>> 0;
    if (flags !== 0 || flagsHi !== 0 || len > SKB_MAX_LEN || len < minLen(skb)) return -EINVAL;
    if (skb.innerNetworkHeader >= 0) return -ENOTSUPP;
    const grow = len - skb.len;
    if (grow > 0) {
      if (!env.kernel.pool.ensureRoom(skb, 0, grow)) return -ENOMEM;
      const end = skb.data + skb.len;
      env.kernel.arena.u8.fill(0, end, end + grow);
    }
    skb.len = len;
    forgetComplete(skb);
    refreshSkb(env);
    return 0;
  },
};

/** __bpf_skb_min_len. */
function minLen(skb: Skb): number {
  let min = Math.max(0, skb.networkHeader - skb.data);
  if (skb.transportHeader > skb.data) min = skb.transportHeader - skb.data;
  if (skb.ipSummed === CHECKSUM_PARTIAL) {
    const end = skb.csumStart - skb.data + skb.csumOffset + 2;
    if (end > 0) min = end;
  }
  return min;
}

/** `bpf_skb_change_head`. */
export const skbChangeHead: HelperDef<NetEnv> = {
  ...plain,
  id: 43,
  name: "skb_change_head",
  progKinds: TC_XMIT_KINDS,
  since: "4.10",
  args: ["ctx", "u32", "u64"],
  costNs: 20,
  call: (env: NetEnv, _ctx: number, headRoom: number, flags: number, flagsHi: number): number => {
    const skb = env.skb;
    const room = headRoom | 0;
    if (flags !== 0 || flagsHi !== 0 || room < 0 || skb.len + room > SKB_MAX_LEN) return -EINVAL;
    if (!env.kernel.pool.ensureRoom(skb, room, 0)) return -ENOMEM;
    skb.push(room);
    env.kernel.arena.u8.fill(0, skb.data, skb.data + room);
    skb.macHeader = skb.data;
    skb.macLen = skb.networkHeader - skb.macHeader;
    refreshSkb(env);
    return 0;
  },
};

/** `bpf_skb_change_proto`. */
export const skbChangeProto: HelperDef<NetEnv> = {
  ...plain,
  id: 31,
  name: "skb_change_proto",
  since: "4.8",
  args: ["ctx", "u32", "u64"],
  costNs: 25,
  call: (env: NetEnv, _ctx: number, protoBe: number, flags: number, flagsHi: number): number => {
    if (flags !== 0 || flagsHi !== 0) return -EINVAL;
    const skb = env.skb;
    const proto = ((protoBe & 0xff) << 8) | ((protoBe >>> 8) & 0xff);
    const diff = IPV6_BYTES - IPV4_BYTES;
    let err: number;
    if (skb.protocol === ETH_P_IP && proto === ETH_P_IPV6) err = headerPush(env, macHeaderLen(skb), diff);
    else if (skb.protocol === ETH_P_IPV6 && proto === ETH_P_IP) err = headerPop(env, macHeaderLen(skb), diff);
    else return -ENOTSUPP;
    if (err === 0) {
      changeProtocol(skb, proto);
      skb.hash = 0;
    }
    refreshSkb(env);
    return err;
  },
};

/** `bpf_skb_adjust_room`. */
export const skbAdjustRoom: HelperDef<NetEnv> = {
  ...plain,
  id: 50,
  name: "skb_adjust_room",
  since: "4.13",
  args: ["ctx", "u32", "u32", "u64"],
  costNs: 25,
  call: (env: NetEnv, _ctx: number, lenDiff: number, mode: number, flags: number, flagsHi: number): number => {
    const skb = env.skb;
    const diff = Math.abs(lenDiff | 0);
    const shrink = (lenDiff | 0) < 0;
    if ((flags & ~LOW_FLAGS) !== 0 || (flagsHi & 0x00ffffff) !== 0) return -EINVAL;
    if (diff > 0xfff) return -EFAULT;
    const baseLen = skb.protocol === ETH_P_IP ? IPV4_BYTES : skb.protocol === ETH_P_IPV6 ? IPV6_BYTES : 0;
    if (baseLen === 0) return -ENOTSUPP;
    let off = macHeaderLen(skb);
    if (mode === BPF_ADJ_ROOM_NET) off += baseLen;
    else if (mode !== BPF_ADJ_ROOM_MAC) return -ENOTSUPP;
    let lenMin = baseLen;
    const decap = flags & DECAP_L3;
    if (decap !== 0) {
      if (!shrink || decap === DECAP_L3) return -EINVAL;
      lenMin = decap === DECAP_L3_IPV4 ? IPV4_BYTES : IPV6_BYTES;
    }
    const lenCur = skb.len - (skb.networkHeader - skb.data);
    if (shrink ? diff >= lenCur || lenCur - diff < lenMin : skb.len + diff > SKB_MAX_LEN) return -ENOTSUPP;
    const err = shrink ? shrinkRoom(env, off, diff, flags, flagsHi) : growRoom(env, off, diff, flags, flagsHi);
    if (err === 0 && (flags & NO_CSUM_RESET) === 0) resetUnnecessary(skb);
    refreshSkb(env);
    return err;
  },
};

function growRoom(env: NetEnv, off: number, diff: number, flags: number, flagsHi: number): number {
  const skb = env.skb;
  const encap = (flags & ENCAP_L3) !== 0;
  const innerMacLen = flagsHi >>> L2_SHIFT_HI;
  if (encap) {
    if ((flags & ENCAP_L3) === ENCAP_L3) return -EINVAL;
    if ((flags & ENCAP_L4_GRE) !== 0 && (flags & ENCAP_L4_UDP) !== 0) return -EINVAL;
    if ((flags & ENCAP_L2_ETH) !== 0 && innerMacLen < ETH_HLEN) return -EINVAL;
    if (skb.innerNetworkHeader >= 0) return -EALREADY;
    if (innerMacLen > diff) return -EINVAL;
  }
  const macLen = macHeaderLen(skb);
  const err = headerPush(env, off, diff);
  if (err !== 0 || !encap) return err;
  // the network header stays in front: what was there is now inside
  skb.innerNetworkHeader = skb.networkHeader + diff;
  skb.networkHeader = skb.data + macLen;
  if ((flags & (ENCAP_L4_GRE | ENCAP_L4_UDP)) !== 0) {
    skb.transportHeader = skb.networkHeader + ((flags & ENCAP_L3_IPV6) !== 0 ? IPV6_BYTES : IPV4_BYTES);
  }
  if (skb.protocol === ETH_P_IP && (flags & ENCAP_L3_IPV6) !== 0) changeProtocol(skb, ETH_P_IPV6);
  else if (skb.protocol === ETH_P_IPV6 && (flags & ENCAP_L3_IPV4) !== 0) changeProtocol(skb, ETH_P_IP);
  return 0;
}

function shrinkRoom(env: NetEnv, off: number, diff: number, flags: number, flagsHi: number): number {
  const skb = env.skb;
  if ((flags & ~(FIXED_GSO | DECAP_L3 | NO_CSUM_RESET)) !== 0 || flagsHi !== 0) return -EINVAL;
  const err = headerPop(env, off, diff);
  if (err !== 0) return err;
  if (skb.protocol === ETH_P_IP && (flags & DECAP_L3_IPV6) !== 0) changeProtocol(skb, ETH_P_IPV6);
  else if (skb.protocol === ETH_P_IPV6 && (flags & DECAP_L3_IPV4) !== 0) changeProtocol(skb, ETH_P_IP);
  return 0;
}

/** bpf_skb_change_protocol: another protocol has another route. */
function changeProtocol(skb: Skb, proto: number): void {
  skb.protocol = proto;
  skb.dst = null;
}

/** bpf_skb_net_hdr_push: opens `len` zero bytes `off` bytes into the packet. @returns 0 or -ENOMEM */
export function headerPush(env: NetEnv, off: number, len: number): number {
  const skb = env.skb;
  if (!env.kernel.pool.ensureRoom(skb, len, 0)) return -ENOMEM;
  const u8 = env.kernel.arena.u8;
  const transSame = skb.transportHeader === skb.networkHeader;
  const old = skb.data;
  skb.push(len);
  u8.copyWithin(skb.data, old, old + off);
  u8.fill(0, skb.data + off, skb.data + off + len);
  skb.macHeader -= len;
  skb.networkHeader -= len;
  if (transSame) skb.transportHeader = skb.networkHeader;
  return 0;
}

/** bpf_skb_net_hdr_pop: removes `len` bytes that lie `off` bytes into the packet. @returns 0 or -ENOMEM */
export function headerPop(env: NetEnv, off: number, len: number): number {
  const skb = env.skb;
  if (off + len > skb.len) return -ENOMEM;
  const u8 = env.kernel.arena.u8;
  const transSame = skb.transportHeader === skb.networkHeader;
  const old = skb.data;
  bytesLeave(env.kernel.arena, skb, old + off, len);
  skb.pull(len);
  u8.copyWithin(skb.data, old, old + off);
  skb.macHeader += len;
  skb.networkHeader += len;
  if (transSame) skb.transportHeader = skb.networkHeader;
  return 0;
}
