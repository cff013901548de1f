/**
 * The simulated kernels' memory: one WebAssembly memory per simulation.
 *
 * Layout
 *
 *     0x00000000  64 KiB   never handed out, so null and small integers are never valid
 *     0x00010000   2 MiB   page table: one u32 per 4 KiB page, the address of the region descriptor or 0
 *     0x00210000   ...     allocations
 *
 * Addresses stay below 2 GiB so that an i32 from WebAssembly is the address as it is.
 * Untouched memory costs addresses, not RAM, on every system that maps lazily.
 *
 * A region is memory that eBPF programs may reach through pointers other than context, stack and packet: map values,
 * ring buffer records, data sections. Its descriptor is read by the compiled access checks:
 *
 *     +0  u32 base       first byte
 *     +4  u32 size       bytes
 *     +8  u32 stride     distance between elements, bytes
 *     +12 u32 valueSize  accessible bytes at the start of each element
 *     +16 u32 flags      bit 0: programs may write
 *     +20 u32 from       where they may not write: the part of each element in which they may all the same,
 *     +24 u32 to         from its first byte to behind its last
 */
import { BugError } from "./errors.ts";
import { Wasm, type WasmMemory } from "./wasm.ts";

const WASM_PAGE = 65536;
const LIMIT_BYTES = 2 ** 31;
/** First address that is ever handed out is above this. */
export const GUARD_BYTES = 65536;
/** log2 of the granule of the region table. */
export const REGION_PAGE_SHIFT = 12;
const REGION_PAGE = 1 << REGION_PAGE_SHIFT;
/** Address of the region table. */
export const REGION_TABLE: number = GUARD_BYTES;
const REGION_TABLE_BYTES = (LIMIT_BYTES / REGION_PAGE) * 4;
const DESCRIPTOR_BYTES = 32;
export const REGION_WRITABLE = 1;

/** What a program may reach at some addresses, and what to call it in an error. */
export interface Region {
  readonly addr: number;
  readonly sizeBytes: number;
  readonly strideBytes: number;
  readonly valueBytes: number;
  readonly writable: boolean;
  /** Of a region that is not writable: offsets of the part of each element that programs may write all the same. */
  readonly writablePart?: { readonly from: number; readonly to: number };
  /** For error texts: `map "vips" value`. */
  readonly label: string;
}

/** The memory of one simulation. Addresses are byte offsets below 2 GiB, 0 is none. */
export class Arena {
  readonly memory: WasmMemory;
  /** The views are replaced when the memory grows: read them from the arena at each use. */
  u8: Uint8Array;
  u16: Uint16Array;
  u32: Uint32Array;
  i32: Int32Array;
  u64: BigUint64Array;
  dv: DataView;
  private top: number = REGION_TABLE + REGION_TABLE_BYTES;
  private readonly freeBySize: Map<number, number[]> = new Map();
  private readonly regions: Map<number, Region> = new Map();

  /** @param initialBytes size to start with; the memory doubles when it is used up */
  constructor(initialBytes: number = 32 * 1024 * 1024) {
    this.memory = new Wasm.Memory({
      initial: Math.ceil(initialBytes / WASM_PAGE),
      maximum: LIMIT_BYTES / WASM_PAGE,
    });
    const b = this.memory.buffer;
    this.u8 = new Uint8Array(b);
    this.u16 = new Uint16Array(b);
    this.u32 = new Uint32Array(b);
    this.i32 = new Int32Array(b);
    this.u64 = new BigUint64Array(b);
    this.dv = new DataView(b);
  }

  /**
   * Zeroed memory.
   * @param align power of two
   * @returns the address, or 0 when 2 GiB are used up (callers answer ENOMEM)
   */
  alloc(sizeBytes: number, align: number = 8): number {
    const size = roundUp(Math.max(sizeBytes, 8), align);
    const reused = this.freeBySize.get(size);
    if (reused !== undefined) {
      for (let i = reused.length - 1; i >= 0; i--) {
        const addr = reused[i]!;
        if (addr % align !== 0) continue;
        reused[i] = reused[reused.length - 1]!;
        reused.pop();
        this.u8.fill(0, addr, addr + size);
        return addr;
      }
    }
    const addr = roundUp(this.top, align);
    const end = addr + size;
    if (end > LIMIT_BYTES) return 0;
    if (end > this.u8.length && !this.growTo(end)) return 0;
    this.top = end;
    return addr;
  }

  /** Gives memory back. @param sizeBytes and align: as they were given to alloc. */
  free(addr: number, sizeBytes: number, align: number = 8): void {
    const size = roundUp(Math.max(sizeBytes, 8), align);
    const list = this.freeBySize.get(size);
    if (list === undefined) this.freeBySize.set(size, [addr]);
    else list.push(addr);
  }

  /**
   * Allocates whole region pages and makes them reachable by programs.
   * @returns the address of the first element, or 0 when memory is used up
   */
  allocRegion(r: Omit<Region, "addr">): number {
    const bytes = roundUp(Math.max(r.sizeBytes, 1), REGION_PAGE);
    const addr = this.alloc(bytes, REGION_PAGE);
    if (addr === 0) return 0;
    const desc = this.alloc(DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
    if (desc === 0) return 0;
    const d = desc >>> 2;
    this.u32[d] = addr;
    this.u32[d + 1] = r.sizeBytes;
    this.u32[d + 2] = r.strideBytes;
    this.u32[d + 3] = r.valueBytes;
    this.u32[d + 4] = r.writable ? REGION_WRITABLE : 0;
    this.u32[d + 5] = r.writablePart?.from ?? 0;
    this.u32[d + 6] = r.writablePart?.to ?? 0;
    const first = (REGION_TABLE >>> 2) + (addr >>> REGION_PAGE_SHIFT);
    this.u32.fill(desc, first, first + bytes / REGION_PAGE);
    this.regions.set(desc, { addr, ...r });
    return addr;
  }

  /** Forgets a region and gives its memory back. */
  freeRegion(addr: number): void {
    const first = (REGION_TABLE >>> 2) + (addr >>> REGION_PAGE_SHIFT);
    const desc = this.u32[first]!;
    const region = this.regions.get(desc);
    if (region === undefined) throw new BugError("REGION_UNKNOWN", `no region starts at 0x${addr.toString(16)}`);
    const bytes = roundUp(Math.max(region.sizeBytes, 1), REGION_PAGE);
    this.u32.fill(0, first, first + bytes / REGION_PAGE);
    this.regions.delete(desc);
    this.free(desc, DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
    this.free(addr, bytes, REGION_PAGE);
  }

  /** The region an address lies in, for error texts. */
  regionAt(addr: number): Region | undefined {
    return this.regions.get(this.u32[(REGION_TABLE >>> 2) + (addr >>> REGION_PAGE_SHIFT)] ?? 0);
  }

  /**
   * Whether programs may access bytes by a region.
   * @returns null when the address lies in no region
   */
  allows(addr: number, sizeBytes: number, write: boolean): boolean | null {
    const region = this.regionAt(addr);
    if (region === undefined) return null;
    const off = addr - region.addr;
    if (off >= region.sizeBytes) return false;
    const within = off % region.strideBytes;
    if (!write || region.writable) return within + sizeBytes <= region.valueBytes;
    const { from, to } = region.writablePart ?? { from: 0, to: 0 };
    return within >= from && within + sizeBytes <= to;
  }

  /** Bytes handed out so far, free lists included: the measure of memory per host. */
  get usedBytes(): number {
    return this.top - REGION_TABLE - REGION_TABLE_BYTES;
  }

  private growTo(end: number): boolean {
    const want = Math.min(LIMIT_BYTES, Math.max(end, this.u8.length * 2));
    const pages = Math.ceil((want - this.u8.length) / WASM_PAGE);
    try {
      this.memory.grow(pages);
    } catch {
      return false;
    }
    const b = this.memory.buffer;
    this.u8 = new Uint8Array(b);
    this.u16 = new Uint16Array(b);
    this.u32 = new Uint32Array(b);
    this.i32 = new Int32Array(b);
    this.u64 = new BigUint64Array(b);
    this.dv = new DataView(b);
    return true;
  }
}

/** Rounds up to a multiple of a power of two; exact beyond 2^31. */
export function roundUp(n: number, align: number): number {
  return Math.ceil(n / align) * align;
}
