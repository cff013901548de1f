/** What a block counts up: its instructions, and what they and the calls among them cost the simulated CPU. */
import { mapCallCostNs } from "../helpers/map-ops.ts";
import type { Insn } from "../isa/insn.ts";
import { INSN_COST_NS } from "./cells.ts";
import type { Block } from "./cfg.ts";
import { type FlowState, transfer } from "./flow.ts";
import { calleeOf, type KernelCall, type LinkedProgram } from "./link.ts";

/** Instructions of a block in the low word, their cost in the high one. */
export function priceOf(program: LinkedProgram, { first, last }: Block, before: FlowState): number {
  const { insns } = program.decoded;
  const count = last - first + 1;
  let costNs = count * INSN_COST_NS;
  if (insns.slice(first, last + 1).some(isKernelCall)) {
    const state = [...before];
    for (let i = first; i <= last; i++) {
      const insn = insns[i]!;
      if (isKernelCall(insn)) costNs += callCostNs(program, state, insn);
      transfer(program, state, insn);
    }
  }
  return Math.round(costNs * 16) * 2 ** 32 + count;
}

/** Whether others may see the counters at an instruction. */
export function showsCounters(insn: Insn): boolean {
  return isKernelCall(insn) || insn.kind === "call_sub" || insn.kind === "ld_packet" || insn.kind === "exit";
}

function isKernelCall(insn: Insn): insn is KernelCall {
  return insn.kind === "call_helper" || insn.kind === "call_kfunc";
}

/** What a helper costs, by the type of its map where that is known. */
function callCostNs(program: LinkedProgram, state: FlowState, insn: KernelCall): number {
  const helper = calleeOf(program, insn);
  if (helper === undefined) return 0;
  const id = insn.kind === "call_helper" ? insn.id : -1;
  const kind = state[helper.args.indexOf("map") + 1]!;
  const map = helper.args.includes("map") && kind.t === "map" ? program.maps[kind.map]! : undefined;
  return (map === undefined ? null : mapCallCostNs(id, map.spec.kind)) ?? helper.costNs;
}
