/**
 * bpf_lwt_push_encap: puts an IP header, and what shall follow it, in front of a packet on a lightweight tunnel's way.
 *
 * @source net/core/filter.c bpf_lwt_in_push_encap, bpf_lwt_xmit_push_encap; net/core/lwt_bpf.c bpf_lwt_push_ip_encap
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EINVAL, ENOMEM } from "../../bpf/maps/errno.ts";
import { bytesCome } from "../complete-csum.ts";
import { ETH_P_IP, ETH_P_IPV6 } from "../ether.ts";
import { ipSendCheck } from "../ip/skb-csum.ts";
import type { NetEnv } from "../net-env.ts";
import { BPF_LWT_ENCAP_SEG6, BPF_LWT_ENCAP_SEG6_INLINE, pushSeg6 } from "../seg6/encap.ts";
import { refreshSkb } from "./packet.ts";

const BPF_LWT_ENCAP_IP = 2;
/** LWT_BPF_MAX_HEADROOM. */
const MAX_HEADROOM = 256;
const IPV4_HLEN = 20;
const IPV6_HLEN = 40;

/** `bpf_lwt_push_encap`. */
export const lwtPushEncap: HelperDef<NetEnv> = {
  id: 73,
  name: "lwt_push_encap",
  since: "4.18",
  args: ["ctx", "u32", "mem", "size", "prog"],
  ret: "int",
  gplOnly: false,
  progKinds: ["lwt_in", "lwt_xmit"],
  mapKinds: null,
  changesPacket: true,
  costNs: 30,
  call: (env: NetEnv, _ctx: number, type: number, header: number, len: number, prog: number): number => {
    const isSeg6 = type === BPF_LWT_ENCAP_SEG6 || type === BPF_LWT_ENCAP_SEG6_INLINE;
    if (isSeg6 && env.machine.programOfIndex(prog)?.kind === "lwt_in") {
      const err = pushSeg6(env, type, header, len);
      refreshSkb(env);
      return err;
    }
    if (type !== BPF_LWT_ENCAP_IP || len < IPV4_HLEN || len > MAX_HEADROOM) return -EINVAL;
    const { arena, pool } = env.kernel;
    const version = arena.u8[header]! >>> 4;
    const v4 = version === 4;
    if (v4 ? len < (arena.u8[header]! & 15) * 4 : version !== 6 || len < IPV6_HLEN) return -EINVAL;
    const skb = env.skb;
    if (!pool.ensureRoom(skb, len + skb.macLen, 0)) return -ENOMEM;
    skb.innerNetworkHeader = skb.networkHeader;
    skb.push(len);
    skb.networkHeader = skb.data;
    arena.u8.copyWithin(skb.data, header, header + len);
    skb.hash = 0;
    skb.protocol = v4 ? ETH_P_IP : ETH_P_IPV6;
    if (v4 && arena.dv.getUint16(skb.data + 10) === 0) ipSendCheck(arena, skb.data, (arena.u8[skb.data]! & 15) * 4);
    bytesCome(arena, skb, skb.data, len);
    refreshSkb(env);
    return 0;
  },
};
