/**
 * Records of one size, handed out one at a time from chunks that are allocated when they are needed: a map that declares
 * eight million entries costs what it holds. A record's address stays the same until the record is given back.
 *
 *     record: | value, visible to programs (valueBytes) | the map's own words ... | next hash slot reuses one as free link |
 *     state:  | u32 first free record | u32 first record that was never taken | u32 number of those in their chunk |
 *
 * The state lies in the arena, too: compiled map code takes records off the free list and gives them back.
 */
import { type Arena, roundUp } from "../../engine/arena.ts";

const PAGE = 4096;
const MAX_CHUNK_BYTES = 1024 * 1024;
/** Words of the state. */
const FREE = 0;
const BUMP = 1;
const LEFT = 2;

/** Bytes of a slab's state; its first word is the free list's head. */
export const SLAB_STATE_BYTES = 12;

/** Shape of the records. */
export interface SlabOptions {
  /** bytes from record to record, a multiple of 8 */
  readonly strideBytes: number;
  /** Region of the chunks: null keeps programs out. `strideBytes` there may divide the record into several values. */
  readonly region: {
    readonly strideBytes: number;
    readonly valueBytes: number;
    readonly writable: boolean;
    readonly writablePart?: { readonly from: number; readonly to: number };
    readonly label: string;
  } | null;
  /** Offset of a word outside the value that a free record may use as its link; -1: records are never given back. */
  readonly linkOffset: number;
  /** Records at most. */
  readonly maxRecords: number;
  /** Address of the state, zeroed, for code that shares it; absent: the slab takes memory of its own. */
  readonly state?: number;
}

/** A growing set of records in the arena. */
export class Slab {
  private readonly arena: Arena;
  private readonly o: SlabOptions;
  private readonly chunks: { readonly addr: number; readonly bytes: number }[] = [];
  /** Index of the state's first word. */
  private readonly state: number;
  private made: number = 0;
  private nextChunkBytes: number = PAGE;

  constructor(arena: Arena, options: SlabOptions) {
    this.arena = arena;
    this.o = options;
    this.state = (options.state ?? arena.alloc(SLAB_STATE_BYTES)) >>> 2;
  }

  /** @returns a record's address, its bytes as its last owner left them (zero when it is new), or 0 when memory is used up */
  take(): number {
    const i32 = this.arena.i32;
    const reused = i32[this.state + FREE]!;
    if (reused !== 0) {
      i32[this.state + FREE] = i32[(reused + this.o.linkOffset) >>> 2]!;
      return reused;
    }
    return this.takeNew();
  }

  /** A record that was never taken, or 0 when memory is used up. */
  takeNew(): number {
    if (this.arena.i32[this.state + LEFT] === 0 && !this.addChunk()) return 0;
    const i32 = this.arena.i32;
    const addr = i32[this.state + BUMP]!;
    i32[this.state + BUMP] = addr + this.o.strideBytes;
    i32[this.state + LEFT]!--;
    return addr;
  }

  /** Gives a record back; the next `take` answers it. */
  give(addr: number): void {
    const i32 = this.arena.i32;
    i32[(addr + this.o.linkOffset) >>> 2] = i32[this.state + FREE]!;
    i32[this.state + FREE] = addr;
  }

  /** Gives all memory back. */
  destroy(): void {
    for (const c of this.chunks) {
      if (this.o.region === null) this.arena.free(c.addr, c.bytes);
      else this.arena.freeRegion(c.addr);
    }
    this.chunks.length = 0;
    this.arena.i32.fill(0, this.state, this.state + SLAB_STATE_BYTES / 4);
    if (this.o.state === undefined) this.arena.free(this.state << 2, SLAB_STATE_BYTES);
    this.made = 0;
    this.nextChunkBytes = PAGE;
  }

  private addChunk(): boolean {
    if (this.state === 0) return false;
    const left = this.o.maxRecords - this.made;
    if (left <= 0) return false;
    const { strideBytes, region } = this.o;
    const most = Math.max(1, Math.floor(roundUp(Math.max(this.nextChunkBytes, strideBytes), PAGE) / strideBytes));
    const records = Math.min(left, most);
    const bytes = records * strideBytes;
    const addr = region === null ? this.arena.alloc(bytes) : this.arena.allocRegion({ sizeBytes: bytes, ...region });
    if (addr === 0) return false;
    this.chunks.push({ addr, bytes });
    this.arena.i32[this.state + BUMP] = addr;
    this.arena.i32[this.state + LEFT] = records;
    this.made += records;
    if (this.nextChunkBytes < MAX_CHUNK_BYTES) this.nextChunkBytes *= 2;
    return true;
  }
}
