/**
 * bpf_fib_lookup: what the kernel's routes and neighbours would do with a packet.
 *
 *     struct bpf_fib_lookup, 64 bytes
 *       0 u8 family      1 u8 l4_protocol   2 be16 sport   4 be16 dport   6 u16 tot_len, out: mtu_result
 *       8 u32 ifindex   12 u8 tos | be32 flowinfo, out: u32 rt_metric
 *      16 be32 ipv4_src | u32 ipv6_src[4]  32 be32 ipv4_dst | u32 ipv6_dst[4]
 *      48 u32 tbid, out: be16 h_vlan_proto, be16 h_vlan_TCI
 *      52 u32 mark, out: u8 smac[6]        58 out: u8 dmac[6]
 *
 * @source net/core/filter.c bpf_ipv4_fib_lookup, bpf_ipv6_fib_lookup, bpf_xdp_fib_lookup, bpf_skb_fib_lookup
 * @differs there are no lightweight tunnels, so BPF_FIB_LKUP_RET_UNSUPP_LWT is never answered
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EAFNOSUPPORT, EINVAL, ENODEV } from "../../bpf/maps/errno.ts";
import { VLAN_HLEN } from "../ether.ts";
import { FIB_BLACKHOLE, FIB_PROHIBIT, FIB_UNICAST, FIB_UNREACHABLE, type FibApi } from "../fib-api.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import type { NetEnv } from "../net-env.ts";
import { inXdp } from "./packet.ts";

const PARAMS_BYTES = 64;
const RT_TABLE_MAIN = 254;
const LOOPBACK_IFINDEX = 1;

/** Flags of bpf_fib_lookup. @source include/uapi/linux/bpf.h */
const DIRECT = 1;
const OUTPUT = 2;
const SKIP_NEIGH = 4;
const TBID = 8;
const SRC = 16;
const MARK = 32;

/** BPF_FIB_LKUP_RET_*. */
export const FIB_LKUP = {
  SUCCESS: 0,
  BLACKHOLE: 1,
  UNREACHABLE: 2,
  PROHIBIT: 3,
  NOT_FWDED: 4,
  FWD_DISABLED: 5,
  UNSUPP_LWT: 6,
  NO_NEIGH: 7,
  FRAG_NEEDED: 8,
  NO_SRC_ADDR: 9,
} as const;

const mac: Uint8Array = new Uint8Array(6);
const nextHop: Uint8Array = new Uint8Array(16);

/** `bpf_fib_lookup`. */
export const fibLookup: HelperDef<NetEnv> = {
  id: 69,
  name: "fib_lookup",
  since: "4.18",
  args: ["ctx", "mem_out", "size", "u32"],
  ret: "int",
  gplOnly: true,
  progKinds: ["xdp", "sched_cls", "sched_act"],
  mapKinds: null,
  changesPacket: false,
  // an estimate: route and neighbour lookup, a part of ip forwarding's 249 ns
  costNs: 90,
  call: (env: NetEnv, _ctx: number, params: number, plen: number, flags: number): number => {
    if ((plen | 0) < PARAMS_BYTES || (flags & ~(DIRECT | OUTPUT | SKIP_NEIGH | TBID | SRC | MARK)) !== 0) {
      return -EINVAL;
    }
    const xdp = inXdp(env);
    const arena = env.kernel.arena;
    const family = arena.u8[params]!;
    const checkMtu = xdp || arena.dv.getUint16(params + 6, true) !== 0;
    if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
    const rc = lookup(env, params, flags, family, checkMtu);
    if (rc === FIB_LKUP.SUCCESS && !checkMtu) {
      // without a length of its own the packet itself is measured against the device it would leave by
      const dev = env.host.devices[arena.dv.getUint32(params + 8, true)]!;
      arena.dv.setUint16(params + 6, dev.mtu, true);
      if (!dev.up || env.skb.len > dev.mtu + dev.hardHeaderLen + VLAN_HLEN) return FIB_LKUP.FRAG_NEEDED;
    }
    return rc;
  },
};

function lookup(env: NetEnv, params: number, flags: number, family: number, checkMtu: boolean): number {
  const { u8, dv } = env.kernel.arena;
  const bytes = family === AF_INET ? 4 : 16;
  if (family === AF_INET6 && (needsStrict(u8, params + 32) || needsStrict(u8, params + 16))) return FIB_LKUP.NOT_FWDED;
  const ifindex = dv.getUint32(params + 8, true);
  const dev = env.host.devices[ifindex];
  if (dev === undefined) return -ENODEV;
  const fib = env.fib;
  if (fib === null || !fib.forwarding(dev, family)) return FIB_LKUP.FWD_DISABLED;

  const rc = route(env, fib, params, flags, family, ifindex);
  if (rc !== FIB_LKUP.SUCCESS) return rc;

  const a = fib.answer;
  let mtu = 0;
  if (checkMtu) {
    mtu = a.mtu;
    if (dv.getUint16(params + 6, true) > mtu) {
      dv.setUint16(params + 6, mtu, true);
      return FIB_LKUP.FRAG_NEEDED;
    }
  }
  const out = a.dev!;
  dv.setUint32(params + 12, a.metric, true);
  dv.setUint32(params + 8, out.ifindex, true);
  let hopFamily = family;
  if (a.gwFamily === AF_INET) for (let i = 0; i < 4; i++) u8[params + 32 + i] = a.gw[i]!;
  else if (a.gwFamily === AF_INET6) {
    hopFamily = AF_INET6;
    u8[params] = AF_INET6;
    for (let i = 0; i < 16; i++) u8[params + 32 + i] = a.gw[i]!;
  }
  if ((flags & SRC) !== 0) {
    if (!a.srcKnown && family === AF_INET6) return FIB_LKUP.NO_SRC_ADDR;
    for (let i = 0; i < bytes; i++) u8[params + 16 + i] = a.srcKnown ? a.src[i]! : 0;
  }
  if ((flags & SKIP_NEIGH) === 0) {
    for (let i = 0; i < 16; i++) nextHop[i] = u8[params + 32 + i]!;
    if (!fib.neighMac(out, hopFamily, nextHop, mac)) return FIB_LKUP.NO_NEIGH;
    for (let i = 0; i < 6; i++) {
      u8[params + 52 + i] = out.mac[i]!;
      u8[params + 58 + i] = mac[i]!;
    }
  }
  dv.setUint32(params + 48, 0, true);
  if (mtu !== 0) dv.setUint16(params + 6, mtu, true);
  return FIB_LKUP.SUCCESS;
}

/** Fills the query from the parameters and asks. @returns BPF_FIB_LKUP_RET_* up to NOT_FWDED */
function route(env: NetEnv, fib: FibApi, params: number, flags: number, family: number, ifindex: number): number {
  const { u8, dv } = env.kernel.arena;
  const q = fib.query;
  q.family = family;
  if ((flags & OUTPUT) !== 0) {
    q.iif = LOOPBACK_IFINDEX;
    q.oif = ifindex;
  } else {
    q.iif = ifindex;
    q.oif = 0;
  }
  q.tos = family === AF_INET ? u8[params + 12]! & 0xfc : ((u8[params + 12]! << 4) | (u8[params + 13]! >> 4)) & 0xfc;
  q.proto = u8[params + 1]!;
  q.sport = dv.getUint16(params + 2, false);
  q.dport = dv.getUint16(params + 4, false);
  q.mark = (flags & (DIRECT | MARK)) === MARK ? dv.getUint32(params + 52, true) : 0;
  const bytes = family === AF_INET ? 4 : 16;
  for (let i = 0; i < bytes; i++) {
    q.src[i] = u8[params + 16 + i]!;
    q.dst[i] = u8[params + 32 + i]!;
  }
  q.table = 0;
  if ((flags & DIRECT) !== 0) {
    q.table = RT_TABLE_MAIN;
    if ((flags & TBID) !== 0) {
      q.table = dv.getUint32(params + 48, true);
      dv.setUint32(params + 48, 0, true);
    }
  }
  const found = fib.lookup(env.host);
  if (found === FIB_UNICAST) return FIB_LKUP.SUCCESS;
  if (found === FIB_BLACKHOLE) return FIB_LKUP.BLACKHOLE;
  if (found === FIB_UNREACHABLE) return FIB_LKUP.UNREACHABLE;
  if (found === FIB_PROHIBIT) return FIB_LKUP.PROHIBIT;
  return FIB_LKUP.NOT_FWDED;
}

/** rt6_need_strict: multicast, link-local and loopback addresses are never forwarded. */
function needsStrict(u8: Uint8Array, a: number): boolean {
  if (u8[a] === 0xff) return true;
  if (u8[a] === 0xfe && (u8[a + 1]! & 0xc0) === 0x80) return true;
  for (let i = 0; i < 15; i++) if (u8[a + i] !== 0) return false;
  return u8[a + 15] === 1;
}
