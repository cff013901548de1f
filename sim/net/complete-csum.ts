/**
 * CHECKSUM_COMPLETE: the sum that a device made over the packet it received (skb->csum), kept in step while helpers change the packet. What
 * programs write by pointers is not seen; a test run finds it out at its end.
 * @source include/linux/skbuff.h skb_postpull_rcsum, skb_postpush_rcsum; include/net/checksum.h csum_block_add; net/core/utils.c
 *         inet_proto_csum_replace4, inet_proto_csum_replace_by_diff
 * @differs no simulated device makes such a sum; test runs do, with BPF_F_TEST_SKB_CHECKSUM_COMPLETE
 */
import type { Arena } from "../engine/arena.ts";
import { csumAdd, csumFold, csumSub } from "./checksum.ts";
import { CHECKSUM_COMPLETE, CHECKSUM_NONE, type Skb } from "./skb.ts";

/** Sum of 32-bit words from an address of any alignment on, as the kernel's csum_partial makes it. @returns 32 bits, not folded */
export function sumWords(arena: Arena, at: number, bytes: number): number {
  const { dv, u8 } = arena;
  let sum = 0;
  let i = 0;
  for (; i + 4 <= bytes; i += 4) sum += dv.getUint32(at + i, true);
  let last = 0;
  for (let shift = 0; i < bytes; i++, shift += 8) last += u8[at + i]! * 2 ** shift;
  return csumAdd(csumAdd(sum % 2 ** 32, Math.floor(sum / 2 ** 32)), last);
}

/** From now on the packet's checksum is complete: the sum of all from the network header on. */
export function beginComplete(arena: Arena, skb: Skb): void {
  skb.ipSummed = CHECKSUM_COMPLETE;
  skb.csum = sumWords(arena, skb.networkHeader, skb.data + skb.len - skb.networkHeader);
}

/** Whether the sum still is that of the packet. */
export function isComplete(arena: Arena, skb: Skb): boolean {
  const now = sumWords(arena, skb.networkHeader, skb.data + skb.len - skb.networkHeader);
  return csumFold(skb.csum) === csumFold(now);
}

/** skb_postpull_rcsum: bytes of the packet go, or are about to be overwritten. @param at their address */
export function bytesLeave(arena: Arena, skb: Skb, at: number, bytes: number, offset: number = 0): void {
  if (skb.ipSummed === CHECKSUM_COMPLETE) skb.csum = csumSub(skb.csum, shifted(sumWords(arena, at, bytes), offset));
}

/** skb_postpush_rcsum: bytes have come. @param offset of the first from where the sum counts: at odd ones bytes change places */
export function bytesCome(arena: Arena, skb: Skb, at: number, bytes: number, offset: number = 0): void {
  if (skb.ipSummed === CHECKSUM_COMPLETE) skb.csum = csumAdd(skb.csum, shifted(sumWords(arena, at, bytes), offset));
}

/** A field of the pseudo header was replaced in a checksum of the packet. */
export function pseudoReplaced(skb: Skb, from: number, to: number): void {
  skb.csum = ~csumAdd(csumSub(~skb.csum, from), to) >>> 0;
}

/** The same by the difference of the sums. */
export function pseudoChanged(skb: Skb, difference: number): void {
  skb.csum = ~csumSub(difference, skb.csum) >>> 0;
}

/** The packet changed its length, and nobody made the sum anew. */
export function forgetComplete(skb: Skb): void {
  if (skb.ipSummed === CHECKSUM_COMPLETE) skb.ipSummed = CHECKSUM_NONE;
}

/** csum_shift. */
function shifted(sum: number, offset: number): number {
  return (offset & 1) === 0 ? sum : ((sum >>> 8) | (sum << 24)) >>> 0;
}
