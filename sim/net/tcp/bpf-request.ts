/**
 * A connection whose SYN cookie a program has checked itself: what bpf_sk_assign_tcp_reqsk gives an ACK along, in the place of a socket.
 * The listener makes the connection of it without looking for a cookie of its own.
 * @source net/core/filter.c bpf_sk_assign_tcp_reqsk; net/ipv4/syncookies.c cookie_bpf_check
 */
import type { SkbOwner } from "../skb.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** What the program found in its cookie (struct bpf_tcp_req_attrs). */
export interface BpfRequestAttrs {
  readonly mss: number;
  readonly rcvTsval: number;
  /** Offset of our timestamps. */
  readonly tsOff: number;
  readonly rcvWscale: number;
  readonly sndWscale: number;
  readonly ecnOk: boolean;
  readonly wscaleOk: boolean;
  readonly sackOk: boolean;
  readonly tstampOk: boolean;
}

/** Owns the packet until the listener has it. */
export class BpfRequest implements SkbOwner {
  readonly listener: TcpSock;
  readonly attrs: BpfRequestAttrs;

  constructor(listener: TcpSock, attrs: BpfRequestAttrs) {
    this.listener = listener;
    this.attrs = attrs;
  }

  onSkbFree(): void {}
}
