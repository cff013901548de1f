/**
 * What tells the payloads of traffic apart: it survives encapsulation, address translation and forwarding, so that the receiver knows
 * which packet it has and how long it took, and so that packets still in the network can be counted.
 *
 *      0       4       6       8       12      16              24
 *     | magic | traf- | sender| seq   | seq   | time of sending |      big-endian
 *     | "nsT#"| fic   |       | low   | high  | high     | low   |
 *
 * A payload of 12 to 23 bytes carries the front part: no latency, sequence modulo 2^32. A shorter one carries nothing and can be counted
 * only.
 */
import type { Kernel } from "../net/kernel.ts";
import type { Skb } from "../net/skb.ts";

/** A whole tag. */
export const TAG_BYTES = 24;
/** Tag without a time. */
export const TAG_SHORT_BYTES = 12;

const MAGIC = 0x6e735423;
const MAGIC_FIRST = 0x6e;
const TWO_32 = 4294967296;
const MAX_TRAFFIC = 0xffff;
/** More packets than one sender ever sends; senders times this stay exact. */
const SEQ_SPAN = 2 ** 37;

const lastTraffic: WeakMap<Kernel, number> = new WeakMap();

/** The number of a new traffic of a simulation, from 1. Frames carry it as skb.source, payloads in their tag. */
export function takeTrafficNumber(kernel: Kernel): number {
  const n = ((lastTraffic.get(kernel) ?? 0) % MAX_TRAFFIC) + 1;
  lastTraffic.set(kernel, n);
  return n;
}

/** A tag as read; one object is reused. */
export class Tag {
  traffic: number = 0;
  sender: number = 0;
  seq: number = 0;
  /** -1: the payload was too short to carry it. */
  sentNs: number = -1;
}

/** A payload that is sent again and again with a new tag. */
export class TaggedPayload {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(sizeBytes: number, traffic: number, sender: number) {
    this.bytes = new Uint8Array(sizeBytes);
    this.view = new DataView(this.bytes.buffer);
    for (let i = TAG_BYTES; i < sizeBytes; i++) this.bytes[i] = i;
    if (sizeBytes < TAG_SHORT_BYTES) return;
    this.view.setUint32(0, MAGIC);
    this.view.setUint16(4, traffic);
    this.view.setUint16(6, sender);
  }

  /** Puts sequence number and time into the payload, as far as they fit. */
  stamp(seq: number, nowNs: number): void {
    const n = this.bytes.length;
    if (n < TAG_SHORT_BYTES) return;
    this.view.setUint32(8, seq % TWO_32);
    if (n < TAG_BYTES) return;
    this.view.setUint32(12, Math.floor(seq / TWO_32));
    this.view.setUint32(16, Math.floor(nowNs / TWO_32));
    this.view.setUint32(20, nowNs % TWO_32);
  }
}

/** Reads the tag at the beginning of a payload. @returns false when there is none */
export function readTag(view: DataView, address: number, lengthBytes: number, tag: Tag): boolean {
  if (lengthBytes < TAG_SHORT_BYTES || view.getUint32(address) !== MAGIC) return false;
  tag.traffic = view.getUint16(address + 4);
  tag.sender = view.getUint16(address + 6);
  tag.seq = view.getUint32(address + 8);
  tag.sentNs = -1;
  if (lengthBytes < TAG_BYTES) return true;
  tag.seq += view.getUint32(address + 12) * TWO_32;
  tag.sentNs = view.getUint32(address + 16) * TWO_32 + view.getUint32(address + 20);
  return true;
}

/** Looks for a traffic's tag anywhere in a packet (behind however many headers). @returns false when there is none */
export function findTag(kernel: Kernel, skb: Skb, traffic: number, sizeBytes: number, tag: Tag): boolean {
  const { u8, dv } = kernel.arena;
  const end = skb.data + skb.len;
  for (let p = skb.data; p + TAG_SHORT_BYTES <= end; p++) {
    if (u8[p] !== MAGIC_FIRST) continue;
    if (readTag(dv, p, Math.min(sizeBytes, end - p), tag) && tag.traffic === traffic) return true;
  }
  return false;
}

/**
 * Counts a traffic's packets that are in the network now, each once however many copies of it there are.
 * @param sizeBytes of the payload
 * @param isOpen whether a packet is still missed: not received and not given up
 */
export function countInFlight(
  kernel: Kernel,
  traffic: number,
  sizeBytes: number,
  isOpen: (sender: number, seq: number) => boolean,
): number {
  if (sizeBytes < TAG_SHORT_BYTES) return 0;
  const tag = new Tag();
  const seen = new Set<number>();
  kernel.pool.forEachLive((skb) => {
    if (!findTag(kernel, skb, traffic, sizeBytes, tag)) return;
    if (isOpen(tag.sender, tag.seq)) seen.add(tag.sender * SEQ_SPAN + tag.seq);
  });
  return seen.size;
}
