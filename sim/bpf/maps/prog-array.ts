/**
 * BPF_MAP_TYPE_PROG_ARRAY: the targets of bpf_tail_call. A slot in the arena holds the program's index in the machine's function
 * table plus 1, or 0; the compiled tail call reads it there. User space writes and reads program ids, as bpftool shows them.
 * @source kernel/bpf/arraymap.c fd_array_map_*, prog_fd_array_*; errno asked of Linux 6.18
 */
import type { MapTypeDef } from "../map.ts";
import type { Program } from "../program.ts";
import { EBADF, EINVAL } from "./errno.ts";
import { FdArrayMap } from "./fd-array.ts";
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, checkFdArray } from "./flags.ts";

/** An array of programs; programs cannot look them up. */
export class ProgArrayMap extends FdArrayMap<Program> {
  private owner: Program | null = null;

  /**
   * The program that first uses or enters the map settles its type; others of another type are refused from then on.
   * @returns false when `prog` does not go with it
   * @source kernel/bpf/core.c bpf_prog_map_compatible
   */
  accept(prog: Program): boolean {
    if (this.owner === null) {
      this.owner = prog;
      return true;
    }
    return this.owner.kind === prog.kind && this.owner.spec.frags === prog.spec.frags;
  }

  protected ofId(id: number): Program | number {
    const prog = this.ctx.programOfId?.(id);
    if (prog === undefined) return -EBADF;
    // what stands in a map may be called from anywhere
    if (prog.device !== null) return -EINVAL;
    return this.accept(prog) ? prog : -EINVAL;
  }

  protected wordOf(prog: Program): number {
    return prog.tableIndex + 1;
  }
}

/** `prog_array`. */
export const progArrayType: MapTypeDef = {
  kind: "prog_array",
  uapi: 3,
  since: "4.2",
  user: { take: false, batch: "none" },
  check: (spec) => checkFdArray(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY),
  create: (spec, ctx) => new ProgArrayMap(spec, ctx),
};
