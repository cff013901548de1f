/** Checksums of whole headers and packets, on top of the sums of net/checksum.ts (words in memory order). */
import type { Arena } from "../../engine/arena.ts";
import { csumFold, csumPartial } from "../checksum.ts";
import type { Kernel } from "../kernel.ts";
import { CHECKSUM_NONE, type Skb } from "../skb.ts";

/** Whether an IPv4 header's checksum is right. @unit bytes: header length */
export function ipHeaderCsumOk(arena: Arena, addr: number, bytes: number): boolean {
  // two sums of 16-bit words in one pass; a 20-byte header stays far below 2^31
  let s = 0;
  if ((addr & 1) === 0) {
    const u16 = arena.u16;
    const end = (addr + bytes) >>> 1;
    for (let i = addr >>> 1; i < end; i++) s += u16[i]!;
  } else {
    const u8 = arena.u8;
    for (let i = addr; i < addr + bytes; i += 2) s += u8[i]! | (u8[i + 1]! << 8);
  }
  s = (s & 0xffff) + (s >>> 16);
  s = (s & 0xffff) + (s >>> 16);
  return s === 0xffff;
}

/** ip_send_check: computes an IPv4 header's checksum. */
export function ipSendCheck(arena: Arena, addr: number, bytes: number): void {
  arena.u8[addr + 10] = 0;
  arena.u8[addr + 11] = 0;
  arena.dv.setUint16(addr + 10, csumFold(csumPartial(arena, addr, bytes, 0)), true);
}

/** skb_checksum_help: completes a CHECKSUM_PARTIAL packet in software; its sum field holds the pseudo header's sum. */
export function skbChecksumHelp(kernel: Kernel, skb: Skb): void {
  const start = skb.csumStart;
  const sum = csumFold(csumPartial(kernel.arena, start, skb.data + skb.len - start, 0));
  kernel.arena.dv.setUint16(start + skb.csumOffset, sum === 0 ? 0xffff : sum, true);
  skb.ipSummed = CHECKSUM_NONE;
  skb.csumStart = -1;
}

/** Whether bytes addr..addr+len with a pseudo header's sum add up; a transport checksum is right then. */
export function transportCsumOk(arena: Arena, addr: number, len: number, pseudo: number): boolean {
  return csumFold(csumPartial(arena, addr, len, pseudo)) === 0;
}
