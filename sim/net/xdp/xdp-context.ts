/**
 * The context of a run of an XDP program: what the program sees, and behind it, out of its reach, what the helpers' code
 * (helpers/code/xdp-code.ts) must know of the packet.
 *
 *     struct xdp_md              beyond
 *     +0  u32 data               +24 u32 first byte of the buffer
 *     +4  u32 data_end           +28 u32 first byte behind the buffer
 *     +8  u32 data_meta          +32 u32 bytes in fragments
 *     +12 u32 ingress_ifindex    +36 u32 address of a word that is not 0 while the context knows better than the packet where that lies
 *     +16 u32 rx_queue_index
 *     +20 u32 egress_ifindex     +40 u32 end of the frame: where its skb_shared_info begins
 */
import type { Arena } from "../../engine/arena.ts";
import { SHARED_INFO_BYTES, type Skb } from "../skb.ts";

/** sizeof(struct xdp_md). */
export const XDP_MD_BYTES = 24;
/** With what lies beyond. */
const CONTEXT_BYTES = 44;

export const XDP_DATA = 0;
export const XDP_DATA_END = 4;
export const XDP_DATA_META = 8;
export const XDP_BUF_HEAD = 24;
export const XDP_BUF_END = 28;
export const XDP_FRAGS = 32;
export const XDP_MOVED = 36;
export const XDP_FRAME_END = 40;

/** Memory for a context. @param moved address of the word. @returns 0 when memory is used up */
export function allocXdpContext(arena: Arena, moved: number): number {
  const ctx = arena.alloc(CONTEXT_BYTES, 64);
  if (ctx !== 0) arena.u32[(ctx + XDP_MOVED) >>> 2] = moved;
  return ctx;
}

/** Writes where a packet lies into a context. */
export function packetToXdp(u32: Uint32Array, ctx: number, skb: Skb): void {
  const w = ctx >>> 2;
  const { data, head, fragsLen } = skb;
  u32[w] = data;
  u32[w + 1] = data + skb.len - fragsLen;
  u32[w + 2] = data - skb.metaLen;
  u32[w + 6] = head;
  u32[w + 7] = head + skb.bufBytes;
  u32[w + 8] = fragsLen;
  u32[w + 10] = head + skb.frameSz - SHARED_INFO_BYTES;
}

/** Takes over where the helpers' code has moved a packet's ends to. */
export function packetFromXdp(u32: Uint32Array, ctx: number, skb: Skb): void {
  const w = ctx >>> 2;
  const data = u32[w]!;
  skb.data = data;
  skb.len = u32[w + 1]! - data + u32[w + 8]!;
  skb.metaLen = data - u32[w + 2]!;
}
