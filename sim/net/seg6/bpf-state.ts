/**
 * What End.BPF keeps of a packet's segment routing header while its program runs (struct seg6_bpf_srh_state). The helpers change the header
 * without looking whether it is still well-formed; that is checked when it is needed next, and when the program has ended.
 * @source include/net/seg6_local.h; net/ipv6/seg6_local.c input_action_end_bpf, seg6_bpf_has_valid_srh; net/core/filter.c
 *         bpf_update_srh_state
 */
import type { Arena } from "../../engine/arena.ts";
import { NEXTHDR_ROUTING } from "../ip/ipv6/header.ts";
import type { Skb } from "../skb.ts";
import { activeSrh, advanceNextSegment, findHeader, isValidSrh, SRH } from "./srh.ts";

/** The header of the packet in work. */
export class Seg6BpfState {
  /** Bytes from skb.data to the header; -1: there is none. */
  offset: number = -1;
  /** Bytes of the header behind its first 8, as the helpers left it. */
  hdrlenBytes: number = 0;
  /** The header is as it was found, or was checked since. */
  valid: boolean = false;

  /** A packet goes to End.BPF: its next segment becomes its destination. One without a valid header stays as it is. */
  begin(arena: Arena, skb: Skb): void {
    this.offset = -1;
    const at = activeSrh(arena, skb);
    if (at === 0) return;
    advanceNextSegment(arena, skb, at);
    this.take(arena, skb, at);
  }

  /** Looks for the header anew. */
  update(arena: Arena, skb: Skb): void {
    this.offset = -1;
    const at = findHeader(arena, skb, NEXTHDR_ROUTING);
    if (at !== 0) this.take(arena, skb, at);
  }

  /** The header moved. @returns false when it is gone */
  moved(arena: Arena, skb: Skb): boolean {
    const at = findHeader(arena, skb, NEXTHDR_ROUTING);
    if (at === 0) return false;
    this.offset = at - skb.data;
    return true;
  }

  /** Whether the header is well-formed; its length is written into it. */
  isValid(arena: Arena, skb: Skb): boolean {
    if (this.offset < 0) return false;
    if (this.valid) return true;
    const at = skb.data + this.offset;
    if ((this.hdrlenBytes & 7) !== 0) return false;
    arena.u8[at + SRH.hdrlen] = this.hdrlenBytes >> 3;
    this.valid = isValidSrh(arena, at, (arena.u8[at + SRH.hdrlen]! + 1) * 8, true);
    return this.valid;
  }

  private take(arena: Arena, skb: Skb, at: number): void {
    this.offset = at - skb.data;
    this.hdrlenBytes = arena.u8[at + SRH.hdrlen]! * 8;
    this.valid = true;
  }
}
