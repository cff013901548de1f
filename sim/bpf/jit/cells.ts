/**
 * The machine's own memory in the arena, shared by compiled code, dispatcher and interpreter.
 *
 *     cells (64 bytes)
 *     +0  u32 instructions executed, +4 u32 cost in 1/16 ns: one u64, so that compiled code counts both with one addition
 *     +8  u64 r0 of the last run
 *     +16 u32 high word of a helper's 64-bit result
 *     +20 u32 CPU
 *     +24 u32 tail calls of the current run
 *     +28 u32 frame pointer that the next run starts with
 *     +32 u32 context of the current run
 *     +36 u32 instruction counter when the current run began
 *     +40 u32 frame pointer of the frame that called a helper with a callback
 *
 *     stacks: one level per nested run, each 16 KiB and aligned to that; frames of 512 bytes grow downwards
 */

export const CELLS_BYTES = 64;
export const CELL_INSNS = 0;
export const CELL_COST16 = 4;
export const CELL_R0 = 8;
export const CELL_RETURN_HIGH = 16;
export const CELL_CPU = 20;
export const CELL_TAIL_CALLS = 24;
export const CELL_STACK_TOP = 28;
export const CELL_CTX = 32;
export const CELL_START = 36;
export const CELL_CALL_FP = 40;

/** Bytes of one stack frame. @source include/linux/filter.h MAX_BPF_STACK */
export const FRAME_BYTES = 512;
/** Frames of one call chain. @source include/linux/bpf_verifier.h MAX_CALL_FRAMES */
export const MAX_CALL_FRAMES = 8;
/** Bytes of stack per run: 32 frames, as tail calls out of subprograms may stack call chains up. */
export const LEVEL_BYTES = 16384;
/** Runs within runs. @source net/core/dev.h XMIT_RECURSION_LIMIT is 8; two hooks each */
export const STACK_LEVELS = 16;
/** @source include/linux/bpf.h MAX_TAIL_CALL_CNT */
export const MAX_TAIL_CALLS = 33;
/** A run that loops longer than this is stopped. */
export const MAX_RUN_INSNS: number = 2 ** 25;
/** The same for programs with `may_goto`, whose loops are endless by intention. */
export const MAX_RUN_INSNS_MAY_GOTO: number = 2 ** 31;
/** Turns of bpf_loop and of bpf_iter_num. @source include/linux/bpf.h BPF_MAX_LOOPS */
export const MAX_LOOPS: number = 8 * 1024 * 1024;
/**
 * How often the `may_goto`s of one call of a function fall through together.
 * @source kernel/bpf/verifier.c do_misc_fixups: BPF_MAX_LOOPS
 * @differs since 6.15 Linux counts only where an architecture's JIT has no clock; on x86-64 and arm64 a loop ends after 250 ms
 */
export const MAX_MAY_GOTO: number = MAX_LOOPS;

/** What an instruction costs, ns. @source FACTS 4.9: measured on Linux 6.18 with BPF_PROG_RUN */
export const INSN_COST_NS = 0.54;

/** Addresses of the machine's memory in its arena. */
export interface MachineMemory {
  readonly cells: number;
  /** Lowest stack address. */
  readonly stackBottom: number;
  /** Frame pointer of a run that is not nested. */
  readonly stackTop: number;
}
