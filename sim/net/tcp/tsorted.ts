/** The segments in flight by the time of their last transmission (tsorted_sent_queue): RACK walks them from the oldest. */
import type { TcpSock } from "./tcp-sock.ts";
import type { TxSkb } from "./tx-skb.ts";

/** list_move_tail: the segment was sent just now. */
export function tsortedMoveTail(sk: TcpSock, skb: TxSkb): void {
  if (skb.tsorted) tsortedDel(sk, skb);
  skb.tsorted = true;
  skb.tsortedPrev = sk.tsortedTail;
  skb.tsortedNext = null;
  if (sk.tsortedTail === null) sk.tsortedHead = skb;
  else sk.tsortedTail.tsortedNext = skb;
  sk.tsortedTail = skb;
}

/** list_add: right behind another, which it was split from. */
export function tsortedAddAfter(sk: TcpSock, at: TxSkb, skb: TxSkb): void {
  skb.tsorted = true;
  skb.tsortedPrev = at;
  skb.tsortedNext = at.tsortedNext;
  if (at.tsortedNext === null) sk.tsortedTail = skb;
  else at.tsortedNext.tsortedPrev = skb;
  at.tsortedNext = skb;
}

/** list_del. */
export function tsortedDel(sk: TcpSock, skb: TxSkb): void {
  if (!skb.tsorted) return;
  if (skb.tsortedPrev === null) sk.tsortedHead = skb.tsortedNext;
  else skb.tsortedPrev.tsortedNext = skb.tsortedNext;
  if (skb.tsortedNext === null) sk.tsortedTail = skb.tsortedPrev;
  else skb.tsortedNext.tsortedPrev = skb.tsortedPrev;
  skb.tsortedPrev = null;
  skb.tsortedNext = null;
  skb.tsorted = false;
}
