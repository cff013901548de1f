/**
 * Records of one size, handed out one at a time from chunks that are allocated when they are needed: a map that declares
 * eight million entries costs what it holds. A record's address stays the same until the record is given back.
 *
 *     record: | value, visible to programs (valueBytes) | the map's own words ... | next hash slot reuses one as free link |
 */
import { type Arena, roundUp } from "../../engine/arena.ts";

const PAGE = 4096;
const MAX_CHUNK_BYTES = 1024 * 1024;

/** Shape of the records. */
export interface SlabOptions {
  /** bytes from record to record, a multiple of 8 */
  readonly strideBytes: number;
  /** Region of the chunks: null keeps programs out. `strideBytes` there may divide the record into several values. */
  readonly region: {
    readonly strideBytes: number;
    readonly valueBytes: number;
    readonly writable: boolean;
    readonly label: string;
  } | null;
  /** Offset of a word outside the value that a free record may use as its link; -1: records are never given back. */
  readonly linkOffset: number;
  /** Records at most. */
  readonly maxRecords: number;
}

/** A growing set of records in the arena. */
export class Slab {
  private readonly arena: Arena;
  private readonly o: SlabOptions;
  private readonly chunks: { readonly addr: number; readonly bytes: number }[] = [];
  private free: number = 0;
  private bump: number = 0;
  private bumpLeft: number = 0;
  private made: number = 0;
  private nextChunkBytes: number = PAGE;

  constructor(arena: Arena, options: SlabOptions) {
    this.arena = arena;
    this.o = options;
  }

  /** @returns a record's address, its bytes as its last owner left them (zero when it is new), or 0 when memory is used up */
  take(): number {
    const reused = this.free;
    if (reused !== 0) {
      this.free = this.arena.i32[(reused + this.o.linkOffset) >>> 2]!;
      return reused;
    }
    if (this.bumpLeft === 0 && !this.addChunk()) return 0;
    const addr = this.bump;
    this.bump += this.o.strideBytes;
    this.bumpLeft--;
    return addr;
  }

  /** Gives a record back; the next `take` answers it. */
  give(addr: number): void {
    this.arena.i32[(addr + this.o.linkOffset) >>> 2] = this.free;
    this.free = addr;
  }

  /** Gives all memory back. */
  destroy(): void {
    for (const c of this.chunks) {
      if (this.o.region === null) this.arena.free(c.addr, c.bytes);
      else this.arena.freeRegion(c.addr);
    }
    this.chunks.length = 0;
    this.free = 0;
    this.bumpLeft = 0;
    this.made = 0;
    this.nextChunkBytes = PAGE;
  }

  private addChunk(): boolean {
    const left = this.o.maxRecords - this.made;
    if (left <= 0) return false;
    const { strideBytes, region } = this.o;
    const most = Math.max(1, Math.floor(roundUp(Math.max(this.nextChunkBytes, strideBytes), PAGE) / strideBytes));
    const records = Math.min(left, most);
    const bytes = records * strideBytes;
    const addr =
      region === null
        ? this.arena.alloc(bytes)
        : this.arena.allocRegion({
            sizeBytes: bytes,
            strideBytes: region.strideBytes,
            valueBytes: region.valueBytes,
            writable: region.writable,
            label: region.label,
          });
    if (addr === 0) return false;
    this.chunks.push({ addr, bytes });
    this.bump = addr;
    this.bumpLeft = records;
    this.made += records;
    if (this.nextChunkBytes < MAX_CHUNK_BYTES) this.nextChunkBytes *= 2;
    return true;
  }
}
