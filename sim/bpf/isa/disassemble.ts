/**
 * Instructions as text, in the syntax of the kernel's verifier and of bpftool.
 *
 * @source kernel/bpf/disasm.c
 */
import { insnError, readFields, rowOf } from "./decode.ts";
import type { InsnFields } from "./table.ts";

/** What a disassembly may be told about the program's surroundings. */
export interface DisassembleOptions {
  /** Name of a helper without `bpf_`, undefined when unknown. */
  readonly helperName?: (id: number) => string | undefined;
  /** Right-hand side of a ld_imm64 (`map[id:5]`), undefined to show the plain value. */
  readonly imm64?: (slot: number) => string | undefined;
  /** Program name for errors. */
  readonly name?: string;
}

/** One line of a disassembly. */
export interface DisassembledInsn {
  /** Index in 8-byte slots. */
  readonly insn: number;
  /** Without the slot number and the opcode: `r1 = *(u32 *)(r1 +0)`. */
  readonly text: string;
}

/**
 * Disassembles a whole program.
 * @throws ObjectError INSN_INVALID at an opcode that does not exist
 */
export function disassemble(insns: Uint8Array, options: DisassembleOptions = {}): DisassembledInsn[] {
  const out: DisassembledInsn[] = [];
  const slots = Math.floor(insns.length / 8);
  for (let slot = 0; slot < slots; slot += insns[slot * 8] === 0x18 ? 2 : 1) {
    out.push({ insn: slot, text: insnText(insns, slot, options) });
  }
  return out;
}

/** The text of one instruction. @throws ObjectError INSN_INVALID when the opcode does not exist */
export function insnText(insns: Uint8Array, slot: number, options: DisassembleOptions = {}): string {
  const opcode = insns[slot * 8]!;
  const f = readFields(insns, slot);
  const row = rowOf(opcode, f);
  if (row === undefined) {
    throw insnError(options.name ?? "", slot, `unknown opcode ${opcode.toString(16).padStart(2, "0")}`);
  }
  const shown = opcode === 0x18 ? options.imm64?.(slot) : undefined;
  if (shown !== undefined) return `r${f.dst} = ${shown}`;
  return row.text.replace(/\{(\w+)\}/g, (_, field: string) => fieldText(field, f, options));
}

function fieldText(field: string, f: InsnFields, options: DisassembleOptions): string {
  switch (field) {
    case "off":
      return signed(f.off);
    case "ximm":
      return `0x${(f.imm >>> 0).toString(16)}`;
    case "to":
      return `pc${signed(f.off)}`;
    case "tolong":
      return `pc${signed(f.imm)}`;
    case "imm64":
      return `0x${((BigInt(f.next >>> 0) << 32n) | BigInt(f.imm >>> 0)).toString(16)}`;
    case "next":
      return String(f.next >>> 0);
    case "helper": {
      const name = options.helperName?.(f.imm);
      return `${name === undefined ? "unknown" : `bpf_${name}`}#${f.imm}`;
    }
    default:
      return String(f[field as "dst" | "src" | "imm"]);
  }
}

function signed(n: number): string {
  return n < 0 ? String(n) : `+${n}`;
}
