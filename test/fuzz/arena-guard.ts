/**
 * Watches a simulation's memory for changes where a program has no business: everything but the machine's cells and stacks, packets and
 * contexts, what was allocated for the program itself since `begin`, and values of maps that programs may write: no verifier says yet to
 * which map a pointer belongs that was calculated with, and a program whose calculation ends in another map of its simulation is not
 * stopped. What lies between and before the values, read-only values, the table of regions and its descriptors, the first 64 KiB are all
 * part of what is watched.
 */

import type { BpfMachine } from "../../sim/bpf/create-machine.ts";
import { LEVEL_BYTES, STACK_LEVELS } from "../../sim/bpf/jit/cells.ts";
import { type Arena, REGION_PAGE_SHIFT, REGION_TABLE, roundUp } from "../../sim/engine/arena.ts";
import type { Kernel } from "../../sim/net/kernel.ts";

/** Packets and contexts are allocated with this alignment, nothing else of that size is. */
const PACKET_ALIGN = 64;

/** Contexts of runs within runs that exist; more are not reached here. */
const CONTEXTS = 8;

type Range = readonly [from: number, to: number];

/** Watches one arena. */
export class ArenaGuard {
  private readonly arena: Arena;
  private readonly always: Range[] = [];
  private own: Range[] = [];
  private top: number = 0;
  private before: Uint8Array = new Uint8Array(0);

  /** @param kernel a fresh one, before its first host */
  constructor(kernel: Kernel) {
    this.arena = kernel.arena;
    const { memory } = kernel.machine as BpfMachine;
    this.always.push([memory.cells, memory.cells + PACKET_ALIGN]);
    this.always.push([memory.stackBottom, memory.stackBottom + LEVEL_BYTES * (STACK_LEVELS + 1)]);
    const { skbContexts } = kernel.env;
    this.always.push([skbContexts.at(0), skbContexts.at(CONTEXTS)]);
    this.top = memory.stackTop + LEVEL_BYTES;
    const alloc = this.arena.alloc.bind(this.arena);
    this.arena.alloc = (sizeBytes: number, align: number = 8): number => {
      const addr = alloc(sizeBytes, align);
      if (addr !== 0) this.allocated(addr, sizeBytes, align);
      return addr;
    };
    this.socketsMayChange();
  }

  /** Sockets' views are the network's, which fills them anew at each use; programs may only read them. */
  private socketsMayChange(): void {
    const allocRegion = this.arena.allocRegion.bind(this.arena);
    this.arena.allocRegion = (region) => {
      const addr = allocRegion(region);
      if (addr !== 0 && region.label === "socket" && !region.writable)
        this.always.push([addr, addr + region.sizeBytes]);
      return addr;
    };
  }

  /** From now on a program is loaded and run. */
  begin(): void {
    this.own = [];
    if (this.before.length === 0) this.before = this.arena.u8.slice(0, this.top);
  }

  /**
   * The program has run.
   * @returns addresses that changed and must not have, or null
   */
  end(): string | null {
    const live = this.arena.u8;
    // what lies above was allocated since the beginning
    if (this.before.length < this.top) {
      const wider = new Uint8Array(this.top * 2);
      wider.set(this.before);
      this.before = wider;
    }
    const allowed = [...this.always, ...this.own].sort((a, b) => a[0] - b[0]);
    let at = 0;
    let changed: string | null = null;
    for (const [from, to] of [...allowed, [this.top, this.top] as const]) {
      if (from > at && !same(live, this.before, at, from)) changed ??= this.firstForbidden(at, from);
      at = Math.max(at, to);
    }
    for (const [from, to] of allowed) this.before.set(live.subarray(from, to), from);
    return changed;
  }

  private allocated(addr: number, sizeBytes: number, align: number): void {
    const end = addr + roundUp(Math.max(sizeBytes, 8), align);
    this.top = Math.max(this.top, end);
    (align === PACKET_ALIGN ? this.always : this.own).push([addr, end]);
    const page = (at: number): number => REGION_TABLE + (at >>> REGION_PAGE_SHIFT) * 4;
    if (align === 1 << REGION_PAGE_SHIFT) this.own.push([page(addr), page(end - 1) + 4]);
  }

  /** Looks at what changed byte by byte; what may change counts as seen. */
  private firstForbidden(from: number, to: number): string | null {
    for (let at = from; at < to; at++) {
      if (this.arena.u8[at] === this.before[at]) continue;
      if (this.arena.allows(at, 1, true) !== true) {
        return `the byte at 0x${at.toString(16)} changed from ${this.before[at]} to ${this.arena.u8[at]}`;
      }
      this.before[at] = this.arena.u8[at]!;
    }
    return null;
  }
}

function same(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  return Buffer.compare(a.subarray(from, to), b.subarray(from, to)) === 0;
}
