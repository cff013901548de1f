/**
 * How far into its context a program reaches, as far as that is known when it is loaded: at constant offsets.
 *
 * @source kernel/bpf/verifier.c check_ctx_access (max_ctx_offset)
 */
import type { Cfg } from "./cfg.ts";
import { type FunctionFlow, transfer } from "./flow.ts";
import type { FlowState } from "./flow-state.ts";
import { calleeOf, type LinkedProgram } from "./link.ts";

/** Bytes from the context's beginning to the end of the last access. @param flows of each function */
export function ctxExtent(program: LinkedProgram, cfgs: readonly Cfg[], flows: readonly FunctionFlow[]): number {
  const { insns } = program.decoded;
  let extent = 0;
  cfgs.forEach((cfg, fn) => {
    cfg.blocks.forEach((block, b) => {
      const state = flows[fn]!.states[b]!.copy();
      for (let i = block.first; i <= block.last; i++) {
        const insn = insns[i]!;
        if (insn.kind === "ldx") touch(state, insn.src, insn.off + insn.size);
        else if (insn.kind === "st" || insn.kind === "stx" || insn.kind === "atomic") {
          touch(state, insn.dst, insn.off + insn.size);
        } else if (insn.kind === "call_helper" || insn.kind === "call_kfunc") {
          const args = calleeOf(program, insn)?.args ?? [];
          args.forEach((arg, at) => {
            const size = state.regs[at + 2];
            if (arg.startsWith("mem") && size?.t === "const") touch(state, at + 1, size.value);
          });
        }
        transfer(program, state, insn);
      }
    });
  });
  return extent;

  function touch(state: FlowState, reg: number, end: number): void {
    const kind = state.regs[reg]!;
    if (kind.t === "ctx") extent = Math.max(extent, kind.off + end);
  }
}
