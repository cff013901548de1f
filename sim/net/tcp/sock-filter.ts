/** The socket filter of a TCP socket. @source net/core/filter.c sk_filter_trim_cap; net/ipv4/tcp_ipv4.c tcp_filter */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Skb } from "../skb.ts";
import { runSocketFilter } from "../tc/run-prog.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** tcp_filter: skb.data at the TCP header; what is kept is at least that. Takes the skb when it answers false. */
export function tcpFilter(sk: TcpSock, skb: Skb): boolean {
  if (sk.filter === null) return true;
  const keep = runSocketFilter(sk.filter, skb, skb.dev!);
  if (keep === 0) {
    sk.drops++;
    sk.stack.kernel.kfreeSkb(skb, skb.dev!, SKB_DROP_REASON.SOCKET_FILTER);
    return false;
  }
  const hlen = (sk.stack.arena.u8[skb.transportHeader + 12]! >> 4) * 4;
  const len = Math.max(keep, hlen);
  if (len < skb.len) {
    skb.endSeq = (skb.endSeq - (skb.len - len)) >>> 0;
    skb.len = len;
  }
  return true;
}
