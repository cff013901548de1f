/**
 * skb->truesize: what a packet costs a socket's buffer. Measured on Linux 6.18 over lo: 1 byte of UDP payload 832, 200 bytes 1,280,
 * 700 bytes 2,304, 2,000 bytes 4,352, 9,000 bytes 16,640; that is 256 for the sk_buff and the slab object of head, data and the
 * 320 bytes behind it.
 */

const SKB_OBJECT = 256;
const SHARED_INFO = 320;
const SMALL_HEAD = 576;
const HEAD_ROOM = 31;
const SLAB_MAX = 16384;

/** @unit len: bytes of the IP packet; answer: bytes */
export function truesizeOf(len: number): number {
  const need = ((len + HEAD_ROOM + 63) & ~63) + SHARED_INFO;
  if (need <= SMALL_HEAD) return SKB_OBJECT + SMALL_HEAD;
  if (need > SLAB_MAX) return SKB_OBJECT + SMALL_HEAD + len;
  let bucket = 1024;
  while (bucket < need) bucket *= 2;
  return SKB_OBJECT + bucket;
}
