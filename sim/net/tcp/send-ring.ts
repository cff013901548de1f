/**
 * The bytes that a connection has been given and that the peer has not acknowledged, in a ring of arena memory. A byte's place
 * follows from its sequence number, so nothing of it moves when segments are split or joined.
 */
import type { Arena } from "../../engine/arena.ts";
import { seqDiff } from "./seq.ts";

const FIRST_BYTES = 4096;

/** Unacknowledged and unsent bytes. */
export class SendRing {
  private readonly arena: Arena;
  private addr: number = 0;
  private bytes: number = 0;
  /** Sequence number of the oldest byte, and how many there are. */
  private seq: number = 0;
  private used: number = 0;
  /** Place of the oldest byte. */
  private first: number = 0;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** Makes it empty; the next byte has this sequence number. */
  start(seq: number): void {
    this.seq = seq;
    this.used = 0;
    this.first = 0;
  }

  /**
   * Adds a copy of bytes of the arena.
   * @returns false, nothing added, when memory is used up
   */
  pushFrom(addr: number, len: number): boolean {
    if (!this.makeRoom(len)) return false;
    const at = this.end();
    const n = Math.min(len, this.bytes - at);
    const u8 = this.arena.u8;
    u8.copyWithin(this.addr + at, addr, addr + n);
    if (n < len) u8.copyWithin(this.addr, addr + n, addr + len);
    this.used += len;
    return true;
  }

  /** Adds a copy of bytes `from` to `from + len` of an array. @returns as pushFrom */
  pushBytes(bytes: Uint8Array, from: number, len: number): boolean {
    if (!this.makeRoom(len)) return false;
    const at = this.end();
    const n = Math.min(len, this.bytes - at);
    const u8 = this.arena.u8;
    u8.set(bytes.subarray(from, from + n), this.addr + at);
    if (n < len) u8.set(bytes.subarray(from + n, from + len), this.addr);
    this.used += len;
    return true;
  }

  /** Copies bytes by sequence number to an address. */
  copyTo(seq: number, len: number, to: number): void {
    let at = this.first + seqDiff(seq, this.seq);
    if (at >= this.bytes) at -= this.bytes;
    const n = Math.min(len, this.bytes - at);
    const u8 = this.arena.u8;
    u8.copyWithin(to, this.addr + at, this.addr + at + n);
    if (n < len) u8.copyWithin(to + n, this.addr, this.addr + len - n);
  }

  /** Forgets what lies before a sequence number. */
  ackTo(seq: number): void {
    const n = Math.min(seqDiff(seq, this.seq), this.used);
    this.seq = (this.seq + n) >>> 0;
    this.used -= n;
    this.first += n;
    if (this.first >= this.bytes) this.first -= this.bytes;
    if (this.used === 0) this.first = 0;
  }

  /** Gives the memory back. */
  free(): void {
    if (this.addr !== 0) this.arena.free(this.addr, this.bytes);
    this.addr = 0;
    this.bytes = 0;
    this.used = 0;
    this.first = 0;
  }

  private end(): number {
    const at = this.first + this.used;
    return at >= this.bytes ? at - this.bytes : at;
  }

  private makeRoom(len: number): boolean {
    const need = this.used + len;
    if (need <= this.bytes) return true;
    let size = Math.max(this.bytes, FIRST_BYTES);
    while (size < need) size *= 2;
    const fresh = this.arena.alloc(size);
    if (fresh === 0) return false;
    if (this.used > 0) this.copyTo(this.seq, this.used, fresh);
    if (this.addr !== 0) this.arena.free(this.addr, this.bytes);
    this.addr = fresh;
    this.bytes = size;
    this.first = 0;
    return true;
  }
}
