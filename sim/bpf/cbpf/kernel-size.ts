/**
 * How long the eBPF program is that Linux makes of a classic one. netsim's own translation is shorter (its packet loads are single
 * instructions), but Linux refuses programs by the length of its own: jumps that do not fit into 16 bits, and filters that are too
 * large for a socket's option memory.
 *
 * @source net/core/filter.c bpf_convert_filter, convert_bpf_ld_abs; include/linux/filter.h bpf_prog_size. Lengths and the size of
 *         struct bpf_prog measured on Linux 6.18 with net.core.optmem_max
 */
import type { ClassicInsn } from "./insn.ts";

/** A = 0, X = 0, and the context into its register. */
const PROLOGUE = 3;
/** The packet's address and length into registers, where a packet load stands. */
const LOAD_PROLOGUE = 4;
const S16_MAX = 32767;
const S32_MAX = 0x7fffffff;
/** Bytes of struct bpf_prog before its instructions. */
const PROG_BYTES = 96;
const INSN_BYTES = 8;

/** Why Linux's translation of an otherwise valid program fails. @returns null when it does not */
export function farJump(insns: readonly ClassicInsn[]): { insn: number; reason: string } | null {
  const starts = new Int32Array(insns.length + 1);
  starts[0] = prologue(insns);
  insns.forEach((insn, at) => {
    starts[at + 1] = starts[at]! + kernelInsns(insn, at);
  });
  for (let at = 0; at < insns.length; at++) {
    const insn = insns[at]!;
    if (insn.kind !== "goto" && insn.kind !== "branch") continue;
    const end = starts[at + 1]!;
    const target = insn.kind === "goto" ? insn.target : Math.max(insn.yes, insn.no);
    // of two jumps the one to `yes` is the first
    const from = insn.kind === "branch" && insn.yes > insn.no && !isOneJump(insn, at) ? end - 1 : end;
    // the kernel's first pass takes every target to be 0
    if (end > S16_MAX + 1 || starts[target]! - from > S16_MAX) {
      return { insn: at, reason: "a jump that does not fit into the 16 bits of the kernel's translation" };
    }
  }
  return null;
}

/** bpf_prog_size: bytes that the translated program takes of a socket's option memory. */
export function kernelBytes(insns: readonly ClassicInsn[]): number {
  return PROG_BYTES + INSN_BYTES * insns.reduce((sum, insn, at) => sum + kernelInsns(insn, at), prologue(insns));
}

function prologue(insns: readonly ClassicInsn[]): number {
  const loads = insns.some((insn) => insn.kind === "packet" || insn.kind === "header_length");
  return PROLOGUE + (loads ? LOAD_PROLOGUE : 0);
}

function kernelInsns(insn: ClassicInsn, at: number): number {
  switch (insn.kind) {
    case "packet":
      return packetInsns(insn.size, insn.indirect, insn.offset);
    case "header_length":
      return 6 + packetInsns(1, false, insn.offset);
    case "ancillary":
      return insn.row.kernelInsns;
    case "alu":
      return insn.x && (insn.op === "div" || insn.op === "mod") ? 5 : 1;
    case "branch":
      return (!insn.x && insn.k > S32_MAX ? 1 : 0) + (isOneJump(insn, at) ? 1 : 2);
    case "ret":
      return insn.what === "k" ? 2 : 1;
    case "imm":
    case "len":
    case "load_mem":
    case "store_mem":
    case "neg":
    case "move":
    case "goto":
      return 1;
  }
}

/** One way is the next instruction, and eBPF has the condition that leads the other way (it has none for "no common bits"). */
export function isOneJump(insn: Extract<ClassicInsn, { kind: "branch" }>, at: number): boolean {
  return insn.no === at + 1 || (insn.yes === at + 1 && insn.op !== "set");
}

function packetInsns(size: number, indirect: boolean, offset: number): number {
  const call = 8 + (indirect && offset !== 0 ? 1 : 0);
  if (indirect || offset < 0) return call;
  return call + 4 + (offset !== 0 ? 1 : 0) + (offset > S16_MAX ? 2 : 0) + (size > 1 ? 1 : 0);
}
