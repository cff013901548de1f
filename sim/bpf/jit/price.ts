/** What a block counts up: its instructions, and what they and the calls among them cost the simulated CPU. */
import { mapCallCostNs } from "../helpers/map-ops.ts";
import type { Insn } from "../isa/insn.ts";
import { INSN_COST_NS } from "./cells.ts";
import type { Block } from "./cfg.ts";
import type { FlowState } from "./flow-state.ts";
import { calleeOf, type KernelCall, type LinkedProgram } from "./link.ts";

/** Prices of a function's blocks, added up while its flow is analysed. */
export class BlockPrices {
  private readonly program: LinkedProgram;
  private readonly blocks: readonly Block[];
  /** What the calls in each block cost, ns. */
  private readonly callsNs: Float64Array;

  constructor(program: LinkedProgram, blocks: readonly Block[]) {
    this.program = program;
    this.blocks = blocks;
    this.callsNs = new Float64Array(blocks.length);
  }

  begin(block: number): void {
    this.callsNs[block] = 0;
  }

  call(block: number, insn: KernelCall, state: FlowState): void {
    this.callsNs[block]! += callCostNs(this.program, state, insn);
  }

  /** By block: its instructions in the low word, their cost in the high one. */
  words(): Float64Array {
    return Float64Array.from(this.blocks, ({ first, last }, b) => {
      const count = last - first + 1;
      return Math.round((count * INSN_COST_NS + this.callsNs[b]!) * 16) * 2 ** 32 + count;
    });
  }
}

/** Whether others may see the counters within a block. */
export function showsCounters(insns: readonly Insn[], { first, last }: Block): boolean {
  for (let i = first; i <= last; i++) {
    const { kind } = insns[i]!;
    if (
      kind === "call_helper" ||
      kind === "call_kfunc" ||
      kind === "call_sub" ||
      kind === "ld_packet" ||
      kind === "exit"
    ) {
      return true;
    }
  }
  return false;
}

/** What a helper costs, by the type of its map where that is known. */
function callCostNs(program: LinkedProgram, state: FlowState, insn: KernelCall): number {
  const helper = calleeOf(program, insn);
  if (helper === undefined) return 0;
  const id = insn.kind === "call_helper" ? insn.id : -1;
  const kind = state.regs[helper.args.indexOf("map") + 1]!;
  const map = helper.args.includes("map") && kind.t === "map" ? program.maps[kind.map]! : undefined;
  return (map === undefined ? null : mapCallCostNs(id, map.spec.kind)) ?? helper.costNs;
}
