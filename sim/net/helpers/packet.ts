/** What the packet helpers share: constants, and how a moved packet gets back into step with its context. */
import { LWT_KINDS, TC_KINDS } from "../../bpf/prog-kinds.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import type { NetEnv } from "../net-env.ts";
import type { Skb } from "../skb.ts";
import { packetToXdp } from "../xdp/xdp-context.ts";

/** Program types of helpers for XDP. */
export const XDP_KINDS: readonly ProgKind[] = ["xdp"];
/** Program types of helpers that change packets of the stack. */
export const TC_XMIT_KINDS: readonly ProgKind[] = [...TC_KINDS, "lwt_xmit"];
/** Program types of helpers that read a packet or what is computed from it. */
export const TC_LWT_KINDS: readonly ProgKind[] = [...TC_KINDS, ...LWT_KINDS];

/** BPF_SKB_MAX_LEN: SKB_MAX_ALLOC, four pages less struct skb_shared_info. */
export const SKB_MAX_LEN: number = 16384 - 320;

/** Whether the program in work is an XDP one; some helpers differ between XDP and tc. */
export function inXdp(env: NetEnv): boolean {
  return !env.skbContexts.owns(env.ctx);
}

/** bpf_compute_data_pointers: after the packet was moved, grown or retyped. */
export function refreshSkb(env: NetEnv): void {
  env.skbContexts.refreshPacket(env.ctx, env.skb);
}

/** Writes where the packet lies now into an XDP context. */
export function refreshXdp(env: NetEnv): void {
  packetToXdp(env.kernel.arena.u32, env.ctx, env.skb);
}

/** skb_mac_header_len. */
export function macHeaderLen(skb: Skb): number {
  return skb.networkHeader - skb.macHeader;
}
