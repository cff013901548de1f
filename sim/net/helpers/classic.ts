/**
 * What the kernel calls from translated classic programs: the payload's offset, netlink attributes, the device's hardware type. No
 * object can name them (bpf/cbpf/ancillary.ts).
 *
 * @source net/core/filter.c bpf_skb_get_pay_offset, bpf_skb_get_nlattr, bpf_skb_get_nlattr_nest, convert_bpf_extensions;
 *         lib/nlattr.c nla_find; include/net/netlink.h nla_ok, nla_next
 */
import { CLASSIC_HELPER } from "../../bpf/cbpf/ancillary.ts";
import type { HelperDef } from "../../bpf/helper.ts";
import { skbGetPoff } from "../flow.ts";
import type { NetEnv } from "../net-env.ts";

/** Bytes of struct nlattr: u16 nla_len (header included), u16 nla_type, both in host order. */
const NLA_HDRLEN = 4;
const NLA_TYPE_MASK = 0x3fff;

/** Arguments are the context, A and X, whether they are used or not. Costs are estimates. */
const shape = {
  since: "3.15",
  args: ["ctx", "u32", "u32"],
  ret: "u32",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  classicOnly: true,
} as const;

const payOffset: HelperDef<NetEnv> = {
  ...shape,
  id: CLASSIC_HELPER.payOffset,
  name: "skb_get_pay_offset",
  costNs: 20,
  call: (env: NetEnv): number => skbGetPoff(env.kernel.arena, env.skb),
};

const nlattr: HelperDef<NetEnv> = {
  ...shape,
  id: CLASSIC_HELPER.nlattr,
  name: "skb_get_nlattr",
  costNs: 8,
  call: (env: NetEnv, _ctx: number, a: number, x: number): number => {
    const start = a >>> 0;
    return start > env.skb.len - NLA_HDRLEN ? 0 : findAttribute(env, start, env.skb.len, x);
  },
};

const nlattrNest: HelperDef<NetEnv> = {
  ...shape,
  id: CLASSIC_HELPER.nlattrNest,
  name: "skb_get_nlattr_nest",
  costNs: 8,
  call: (env: NetEnv, _ctx: number, a: number, x: number): number => {
    const start = a >>> 0;
    const { len } = env.skb;
    if (start > len - NLA_HDRLEN) return 0;
    const outer = env.kernel.arena.dv.getUint16(env.skb.data + start, true);
    return outer > len - start ? 0 : findAttribute(env, start + NLA_HDRLEN, start + outer, x);
  },
};

const hatype: HelperDef<NetEnv> = {
  ...shape,
  id: CLASSIC_HELPER.hatype,
  name: "skb_get_hatype",
  costNs: 1,
  call: (env: NetEnv): number => env.dev.hardwareType,
};

/** All of them, for the machine. */
export const classicHelpers: readonly HelperDef<NetEnv>[] = [payOffset, nlattr, nlattrNest, hatype];

/** nla_find between two offsets of the packet. @returns the attribute's offset, 0 when there is none */
function findAttribute(env: NetEnv, from: number, to: number, type: number): number {
  const { dv } = env.kernel.arena;
  const { data } = env.skb;
  for (let at = from; to - at >= NLA_HDRLEN; ) {
    const length = dv.getUint16(data + at, true);
    if (length < NLA_HDRLEN || length > to - at) return 0;
    if ((dv.getUint16(data + at + 2, true) & NLA_TYPE_MASK) === type) return at;
    at += (length + 3) & ~3;
  }
  return 0;
}
