/**
 * The sentences in which the kernel refuses an instruction whose fields are not those of any form.
 *
 * @source kernel/bpf/verifier.c check_alu_op, check_cond_jmp_op, check_ld_imm, check_ld_abs, check_atomic, resolve_pseudo_ldimm64 and
 *         do_check_insn; asked of Linux 6.18 (test/bpf/isa/kernel-refusals.json)
 */
import type { InsnFields } from "./table.ts";

const CLASS_NAMES = ["BPF_LD", "BPF_LDX", "BPF_ST", "BPF_STX", "BPF_ALU", "BPF_JMP", "BPF_JMP", "BPF_ALU"] as const;
const ATOMIC_MODE = 0xc0;
const SIZES_OF_ATOMICS: readonly number[] = [0x00, 0x18];
/** What the verifier calls the operations that have a sentence of their own, by the opcode's operation bits. */
const ALU_NAMES: Readonly<Record<number, string>> = { 128: "BPF_NEG", 208: "BPF_END", 176: "BPF_MOV" };
const JUMP_NAMES: Readonly<Record<number, string>> = { 0: "BPF_JA", 128: "BPF_CALL", 144: "BPF_EXIT" };

/** Why the kernel refuses an instruction with a known opcode and fields that no form has. */
export function fieldsRefusal(opcode: number, f: InsnFields): string {
  const op = opcode & 0xf0;
  const name = CLASS_NAMES[opcode & 7]!;
  if (opcode === 0x18) return f.src > 6 ? "unrecognized bpf_ld_imm64 insn" : "BPF_LD_IMM64 uses reserved fields";
  switch (name) {
    case "BPF_LD":
      return "BPF_LD_[ABS|IND] uses reserved fields";
    case "BPF_STX":
      return (opcode & 0xe0) === ATOMIC_MODE ? atomicRefusal(opcode, f) : "BPF_STX uses reserved fields";
    case "BPF_ALU":
      if (opcode === 0xbf && f.off === 1) {
        return "addr_space_cast insn can only convert between address space 1 and 0";
      }
      return `${ALU_NAMES[op] ?? name} uses reserved fields`;
    case "BPF_JMP":
      if (opcode === 0xe5) return `invalid may_goto imm ${f.imm}`;
      return `${JUMP_NAMES[op] ?? "BPF_JMP/JMP32"} uses reserved fields`;
    default:
      return `${name} uses reserved fields`;
  }
}

function atomicRefusal(opcode: number, f: InsnFields): string {
  const known = [0x00, 0x40, 0x50, 0xa0].includes(f.imm & ~1) || f.imm === 0xe1 || f.imm === 0xf1;
  if (!known) return `BPF_ATOMIC uses invalid atomic opcode ${(f.imm >>> 0).toString(16).padStart(2, "0")}`;
  return SIZES_OF_ATOMICS.includes(opcode & 0x18) ? "BPF_ATOMIC uses reserved fields" : "invalid atomic operand size";
}
