/**
 * bpf_skb_get_tunnel_key, bpf_skb_set_tunnel_key, bpf_skb_get_tunnel_opt, bpf_skb_set_tunnel_opt: what tunnel devices in collect_md mode
 * take off a packet and put around it.
 *
 *     struct bpf_tunnel_key, 44 bytes; shorter ones of earlier kernels have 8, 22, 24 or 28
 *       0 u32 tunnel_id   4 u32 remote_ipv4 | be32 remote_ipv6[4]   20 u8 tunnel_tos   21 u8 tunnel_ttl
 *      22 u16 tunnel_ext | be16 tunnel_flags   24 u32 tunnel_label   28 u32 local_ipv4 | be32 local_ipv6[4]
 *
 * What was set is what a later get reads, with the ends exchanged: `remote` is the source of what was received.
 *
 * @source net/core/filter.c, the functions of these names; include/net/ip_tunnels.h
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EINVAL, ENOENT, ENOMEM, EPROTO } from "../../bpf/maps/errno.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import type { NetEnv } from "../net-env.ts";
import type { Cpu } from "../softirq.ts";
import {
  TUNNEL_CSUM,
  TUNNEL_DONT_FRAGMENT,
  TUNNEL_KEY,
  TUNNEL_NOCACHE,
  TUNNEL_OPTIONS,
  TUNNEL_OPTS_MAX,
  TUNNEL_SEQ,
  TunnelInfo,
} from "../tunnel-info.ts";
import { TC_XMIT_KINDS } from "./packet.ts";

const KEY_BYTES = 44;
const OFF_TOS = 20;
const OFF_TTL = 21;
const OFF_EXT = 22;
const OFF_LABEL = 24;
const OFF_LOCAL = 28;
/** A key with an IPv4 address and nothing behind it. */
const OLDEST_BYTES = 8;

/** Flags. @source include/uapi/linux/bpf.h */
const TUNINFO_IPV6 = 1;
const ZERO_CSUM_TX = 2;
const DONT_FRAGMENT = 4;
const SEQ_NUMBER = 8;
const TUNINFO_FLAGS = 16;
const NO_TUNNEL_KEY = 16;
const SET_FLAGS = TUNINFO_IPV6 | ZERO_CSUM_TX | DONT_FRAGMENT | SEQ_NUMBER | NO_TUNNEL_KEY;

const FLOW_LABEL_MASK = 0xfffff;

const plain = {
  ret: "int",
  gplOnly: false,
  progKinds: TC_XMIT_KINDS,
  mapKinds: null,
  changesPacket: false,
  costNs: 12,
} as const;

/** A whole key, before as much of it as was asked for is copied out, or what is given is too short. */
const whole: Uint8Array = new Uint8Array(KEY_BYTES);
const wholeView: DataView = new DataView(whole.buffer);

/** Whether a kernel has had a key of that size. */
function knownSize(size: number): boolean {
  return size === KEY_BYTES || size === OFF_LOCAL || size === OFF_LABEL || size === OFF_EXT || size === OLDEST_BYTES;
}

/** `bpf_skb_get_tunnel_key`. */
export const skbGetTunnelKey: HelperDef<NetEnv> = {
  ...plain,
  id: 20,
  name: "skb_get_tunnel_key",
  since: "4.3",
  args: ["ctx", "mem_out", "size", "u64"],
  call: (env: NetEnv, _ctx: number, to: number, size: number, flags: number, flagsHi: number): number => {
    const u8 = env.kernel.arena.u8;
    const info = env.skb.tunnel;
    const err = getError(info, size, flags, flagsHi);
    if (err !== 0) {
      u8.fill(0, to, to + size);
      return err;
    }
    writeKey(info!, flags);
    for (let i = 0; i < size; i++) u8[to + i] = whole[i]!;
    return 0;
  },
};

function getError(info: TunnelInfo | null, size: number, flags: number, flagsHi: number): number {
  if (info === null || (flags & ~(TUNINFO_IPV6 | TUNINFO_FLAGS)) !== 0 || flagsHi !== 0) return -EINVAL;
  if (info.family !== ((flags & TUNINFO_IPV6) !== 0 ? AF_INET6 : AF_INET)) return -EPROTO;
  if (!knownSize(size) || (size === OLDEST_BYTES && info.family !== AF_INET)) return -EINVAL;
  return 0;
}

function writeKey(info: TunnelInfo, flags: number): void {
  whole.fill(0);
  wholeView.setUint32(0, info.id, true);
  whole[OFF_TOS] = info.tos;
  whole[OFF_TTL] = info.ttl;
  if ((flags & TUNINFO_FLAGS) !== 0) wholeView.setUint16(OFF_EXT, info.flags);
  const { src, dst } = info;
  if (info.family === AF_INET6) {
    for (let i = 0; i < 16; i++) {
      whole[4 + i] = src[i]!;
      whole[OFF_LOCAL + i] = dst[i]!;
    }
    wholeView.setUint32(OFF_LABEL, info.label, true);
    return;
  }
  // IPv4 addresses are numbers in host order
  for (let i = 0; i < 4; i++) {
    whole[4 + i] = src[3 - i]!;
    whole[OFF_LOCAL + i] = dst[3 - i]!;
  }
}

/** `bpf_skb_set_tunnel_key`. */
export const skbSetTunnelKey: HelperDef<NetEnv> = {
  ...plain,
  id: 21,
  name: "skb_set_tunnel_key",
  since: "4.3",
  args: ["ctx", "mem", "size", "u64"],
  call: (env: NetEnv, _ctx: number, from: number, size: number, flags: number, flagsHi: number): number => {
    if ((flags & ~SET_FLAGS) !== 0 || flagsHi !== 0 || !knownSize(size)) return -EINVAL;
    const u8 = env.kernel.arena.u8;
    whole.fill(0);
    for (let i = 0; i < size; i++) whole[i] = u8[from + i]!;
    const v6 = (flags & TUNINFO_IPV6) !== 0;
    const label = wholeView.getUint32(OFF_LABEL, true);
    if ((!v6 && label !== 0) || wholeView.getUint16(OFF_EXT) !== 0) return -EINVAL;
    const info = tunnelOf(env.currentCpu);
    env.skb.dst = null;
    env.skb.tunnel = info;
    info.reset();
    info.family = v6 ? AF_INET6 : AF_INET;
    info.id = wholeView.getUint32(0, true);
    info.tos = whole[OFF_TOS]!;
    info.ttl = whole[OFF_TTL]!;
    info.flags = TUNNEL_NOCACHE | keyFlags(flags);
    if (v6) info.label = label & FLOW_LABEL_MASK;
    const bytes = v6 ? 16 : 4;
    for (let i = 0; i < bytes; i++) {
      info.dst[i] = whole[4 + (v6 ? i : 3 - i)]!;
      info.src[i] = whole[OFF_LOCAL + (v6 ? i : 3 - i)]!;
    }
    return 0;
  },
};

function keyFlags(flags: number): number {
  return (
    ((flags & ZERO_CSUM_TX) !== 0 ? 0 : TUNNEL_CSUM) |
    ((flags & DONT_FRAGMENT) !== 0 ? TUNNEL_DONT_FRAGMENT : 0) |
    ((flags & SEQ_NUMBER) !== 0 ? TUNNEL_SEQ : 0) |
    ((flags & NO_TUNNEL_KEY) !== 0 ? 0 : TUNNEL_KEY)
  );
}

/** The CPU's metadata_dst, which every packet of it shares. */
function tunnelOf(cpu: Cpu): TunnelInfo {
  let info = cpu.tunnel;
  if (info === null) {
    info = new TunnelInfo();
    cpu.tunnel = info;
  }
  return info;
}

/** `bpf_skb_get_tunnel_opt`: how many bytes of options there are, and the options. */
export const skbGetTunnelOpt: HelperDef<NetEnv> = {
  ...plain,
  id: 29,
  name: "skb_get_tunnel_opt",
  since: "4.6",
  args: ["ctx", "mem_out", "size"],
  call: (env: NetEnv, _ctx: number, to: number, size: number): number => {
    const u8 = env.kernel.arena.u8;
    const info = env.skb.tunnel;
    const present = info !== null && (info.flags & TUNNEL_OPTIONS) !== 0;
    if (!present || size < info.optionsLen) {
      u8.fill(0, to, to + size);
      return present ? -ENOMEM : -ENOENT;
    }
    const len = info.optionsLen;
    for (let i = 0; i < len; i++) u8[to + i] = info.options[i]!;
    u8.fill(0, to + len, to + size);
    return len;
  },
};

/** `bpf_skb_set_tunnel_opt`: for a packet whose key a program has set. */
export const skbSetTunnelOpt: HelperDef<NetEnv> = {
  ...plain,
  id: 30,
  name: "skb_set_tunnel_opt",
  since: "4.6",
  args: ["ctx", "mem", "size"],
  call: (env: NetEnv, _ctx: number, from: number, size: number): number => {
    const info = env.skb.tunnel;
    if (info === null || info !== env.currentCpu.tunnel || (size & 3) !== 0) return -EINVAL;
    if (size > TUNNEL_OPTS_MAX) return -ENOMEM;
    const u8 = env.kernel.arena.u8;
    for (let i = 0; i < size; i++) info.options[i] = u8[from + i]!;
    info.optionsLen = size;
    info.flags |= TUNNEL_OPTIONS;
    return 0;
  },
};
