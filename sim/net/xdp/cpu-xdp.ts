/**
 * What XDP keeps per CPU: contexts for running programs, one for each level of nesting, and the bulk queues that were filled since
 * the last flush (bpf_net_context).
 */
import type { Arena } from "../../engine/arena.ts";
import { BugError } from "../../engine/errors.ts";
import type { Cpu } from "../softirq.ts";
import type { BulkQueue } from "./bulk-queue.ts";
import type { CpumapBulk } from "./cpumap.ts";
import { allocXdpContext } from "./xdp-context.ts";

/** Programs within helpers of programs; Linux's own bound is the depth of devices on devices. */
const MAX_NESTING = 16;

/** One CPU's part of it. */
export class CpuXdp {
  /** Programs running on this CPU now. */
  depth: number = 0;
  /** Head of the list of bulk queues with frames in them, in order of their first frame. */
  flushHead: BulkQueue | null = null;
  flushTail: BulkQueue | null = null;
  /** The same of what was gathered for cpumap entries. */
  cpumapHead: CpumapBulk | null = null;
  cpumapTail: CpumapBulk | null = null;
  private readonly arena: Arena;
  private readonly moved: number;
  private readonly contexts: number[] = [];

  /** @param moved address of the word by which helpers' code says that it has moved the packet */
  constructor(arena: Arena, moved: number) {
    this.arena = arena;
    this.moved = moved;
  }

  /**
   * Address of the context of the current level of nesting.
   * @throws BugError when memory is used up or programs nest without end
   */
  context(): number {
    const addr = this.contexts[this.depth];
    return addr !== undefined ? addr : this.allocContext();
  }

  private allocContext(): number {
    if (this.depth >= MAX_NESTING) throw new BugError("XDP_NESTING", `XDP programs nest ${MAX_NESTING} deep`);
    const addr = allocXdpContext(this.arena, this.moved);
    if (addr === 0) throw new BugError("ARENA_FULL", "no memory for an XDP context");
    this.contexts[this.depth] = addr;
    return addr;
  }
}

/** The XDP state of a CPU; made at first use. */
export function cpuXdp(cpu: Cpu): CpuXdp {
  let x = cpu.xdp;
  if (x === null) {
    const { arena, env } = cpu.host.kernel;
    x = new CpuXdp(arena, env.packetMoved);
    cpu.xdp = x;
  }
  return x;
}
