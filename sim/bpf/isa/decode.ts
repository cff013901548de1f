/**
 * Slots to decoded instructions, with the checks that the kernel makes before it looks at any program state: opcodes,
 * registers, reserved fields, jump targets, the program's end.
 *
 * @source kernel/bpf/verifier.c resolve_pseudo_ldimm64, check_subprogs, check_cfg (their messages are used here)
 */
import { ObjectError } from "../../engine/errors.ts";
import type { Insn } from "./insn.ts";
import { fieldsRefusal } from "./refusals.ts";
import { type InsnFields, type InsnRow, insnRows, rowsOfOpcode } from "./table.ts";

/** A decoded program. */
export interface DecodedProgram {
  readonly insns: readonly Insn[];
  /** Index into `insns` by slot; -1 for the second slot of a ld_imm64. */
  readonly indexOfSlot: Int32Array;
  /** First slots of the functions, ascending; the entry's 0 first. */
  readonly functionSlots: readonly number[];
}

/** Reads the fields of the slot at `slot`. The second slot of a ld_imm64 is read along; 0 when there is none. */
export function readFields(bytes: Uint8Array, slot: number): InsnFields {
  const at = slot * 8;
  const regs = bytes[at + 1]!;
  const off = ((bytes[at + 2]! | (bytes[at + 3]! << 8)) << 16) >> 16;
  const imm = i32At(bytes, at + 4);
  const next = at + 16 <= bytes.length ? i32At(bytes, at + 12) : 0;
  return {
    slot,
    dst: regs & 15,
    src: regs >> 4,
    off,
    imm,
    next,
    offTarget: slot + 1 + off,
    immTarget: slot + 1 + imm,
  };
}

function i32At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The row that an instruction is a form of. @returns undefined when no form has these fixed fields */
export function rowOf(opcode: number, f: InsnFields): InsnRow | undefined {
  for (const row of rowsOfOpcode[opcode]!) {
    if ((row.off ?? f.off) === f.off && (row.imm ?? f.imm) === f.imm && (row.src ?? f.src) === f.src) return row;
  }
  return undefined;
}

/**
 * Decodes a linked program.
 * @param name the program's, for messages
 * @throws ObjectError INSN_INVALID naming program and instruction, with the kernel's sentence where it has one
 */
export function decodeProgram(name: string, bytes: Uint8Array): DecodedProgram {
  if (bytes.length === 0) throw insnError(name, -1, "the program has no instructions");
  if (bytes.length % 8 !== 0) {
    throw insnError(name, -1, `the program's ${bytes.length} bytes are no whole number of 8-byte instructions`);
  }
  const slots = bytes.length / 8;
  const insns: Insn[] = [];
  const indexOfSlot = new Int32Array(slots).fill(-1);
  for (let slot = 0; slot < slots; ) {
    indexOfSlot[slot] = insns.length;
    const opcode = bytes[slot * 8]!;
    const f = readFields(bytes, slot);
    const row = rowOf(opcode, f);
    if (row === undefined) {
      const known = rowsOfOpcode[opcode]!.length > 0;
      throw insnError(name, slot, known ? fieldsRefusal(opcode, f) : `unknown opcode ${hex(opcode)}`);
    }
    if (row.refuse !== undefined) throw insnError(name, slot, row.refuse, "INSN_UNSUPPORTED");
    const insn = row.body(f);
    checkFields(name, row, f, insn);
    if (opcode === 0x18) checkSecondSlot(name, slot, bytes);
    insns.push(insn);
    slot += opcode === 0x18 ? 2 : 1;
  }
  const functionSlots = findFunctions(name, insns, indexOfSlot);
  checkTargets(name, insns, indexOfSlot, functionSlots);
  return { insns, indexOfSlot, functionSlots };
}

/** An ObjectError about one instruction of a program. @param slot -1: about the program as a whole */
export function insnError(name: string, slot: number, what: string, code: string = "INSN_INVALID"): ObjectError {
  const where = slot < 0 ? "" : `insn ${slot}: `;
  return new ObjectError({ code, message: `program "${name}": ${where}${what}` });
}

/** What a row says about the fields of an instruction. */
interface FieldRule {
  readonly usesDst: boolean;
  readonly usesSrc: boolean;
  /** Fields that the row neither fixes nor its text names. */
  readonly zero: readonly ("dst" | "src" | "off" | "imm")[];
}

const FIELD_OF_NAME: Readonly<Record<string, string>> = {
  to: "off",
  tolong: "imm",
  ximm: "imm",
  imm64: "imm",
  helper: "imm",
};

const fieldRules: ReadonlyMap<InsnRow, FieldRule> = new Map(
  insnRows.map((row): [InsnRow, FieldRule] => {
    const used = new Set([...row.text.matchAll(/\{(\w+)\}/g)].map((m) => FIELD_OF_NAME[m[1]!] ?? m[1]!));
    const fixed = { dst: undefined, src: row.src, off: row.off, imm: row.imm };
    const zero = (["dst", "src", "off", "imm"] as const).filter((f) => fixed[f] === undefined && !used.has(f));
    return [row, { usesDst: used.has("dst"), usesSrc: used.has("src"), zero }];
  }),
);

function checkFields(name: string, row: InsnRow, f: InsnFields, insn: Insn): void {
  const rule = fieldRules.get(row)!;
  for (const field of rule.zero) {
    if (f[field] === 0) continue;
    throw insnError(name, f.slot, `${fieldsRefusal(row.opcode, f)} (${field} is ${f[field]})`);
  }
  if (rule.usesDst && f.dst > 10) throw insnError(name, f.slot, `R${f.dst} is invalid`);
  if (rule.usesSrc && f.src > 10) throw insnError(name, f.slot, `R${f.src} is invalid`);
  if (writtenRegister(insn) === 10) throw insnError(name, f.slot, "frame pointer is read only");
}

/** The register that an instruction of this form writes besides r0..r5 of calls, -1 when none. */
function writtenRegister(insn: Insn): number {
  switch (insn.kind) {
    case "alu":
    case "neg":
    case "movsx":
    case "swap":
    case "ldx":
    case "ld_imm64":
      return insn.dst;
    case "atomic":
      return insn.fetch && insn.op !== "cmpxchg" ? insn.src : -1;
    default:
      return -1;
  }
}

function checkSecondSlot(name: string, slot: number, bytes: Uint8Array): void {
  const at = (slot + 1) * 8;
  if (at + 8 > bytes.length) throw insnError(name, slot, "invalid bpf_ld_imm64 insn: its second slot is missing");
  if (bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== 0 || bytes[at + 3] !== 0) {
    throw insnError(name, slot, "invalid bpf_ld_imm64 insn: its second slot is not empty");
  }
}

function findFunctions(name: string, insns: readonly Insn[], indexOfSlot: Int32Array): number[] {
  const starts = new Set<number>([0]);
  for (const insn of insns) {
    if (insn.kind !== "call_sub" && !(insn.kind === "ld_imm64" && insn.what === "func")) continue;
    const t = insn.target;
    if (t < 0 || t >= indexOfSlot.length || indexOfSlot[t] === -1) {
      throw insnError(name, insn.slot, `call to invalid destination: no instruction starts at ${t}`);
    }
    starts.add(t);
  }
  return [...starts].sort((a, b) => a - b);
}

function checkTargets(
  name: string,
  insns: readonly Insn[],
  indexOfSlot: Int32Array,
  functionSlots: readonly number[],
): void {
  let fn = 0;
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!;
    while (fn + 1 < functionSlots.length && insn.slot >= functionSlots[fn + 1]!) fn++;
    const start = functionSlots[fn]!;
    const end = functionSlots[fn + 1] ?? indexOfSlot.length;
    if (insn.kind === "ja" || insn.kind === "jump" || insn.kind === "may_goto") {
      if (insn.target < start || insn.target >= end) {
        throw insnError(name, insn.slot, `jump out of range from insn ${insn.slot} to ${insn.target}`);
      }
      if (indexOfSlot[insn.target] === -1) {
        throw insnError(name, insn.slot, `jump into the middle of ldimm64 insn ${insn.target}`);
      }
    }
    const next = insns[i + 1];
    if ((next === undefined || next.slot >= end) && insn.kind !== "exit" && insn.kind !== "ja") {
      throw insnError(name, insn.slot, "last insn is not an exit or jmp");
    }
  }
}

function hex(opcode: number): string {
  return opcode.toString(16).padStart(2, "0");
}
