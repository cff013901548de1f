/**
 * What the kernel asks of a classic program before it takes it. The kernel says EINVAL and nothing else; here is why.
 *
 * @source net/core/filter.c bpf_check_basics_ok, bpf_check_classic, check_load_and_stores
 */
import { ObjectError } from "../../engine/errors.ts";
import { SKF_AD_OFF } from "./ancillary.ts";
import { type ClassicFields, type ClassicInsn, type ClassicProgram, MAX_CLASSIC_INSNS, MEM_WORDS } from "./insn.ts";
import { farJump } from "./kernel-size.ts";
import { classicRowOf } from "./table.ts";

/** Why a program is refused: the first instruction that does not pass, -1 for the program as a whole. */
export interface ClassicFault {
  readonly insn: number;
  readonly reason: string;
}

/** Checks a program. @returns null when the kernel takes it */
export function checkClassic(insns: readonly ClassicFields[]): ClassicFault | null {
  if (insns.length === 0) return { insn: -1, reason: "the program has no instructions" };
  if (insns.length > MAX_CLASSIC_INSNS) {
    return { insn: -1, reason: `the program has ${insns.length} instructions, ${MAX_CLASSIC_INSNS} are allowed` };
  }
  for (let at = 0; at < insns.length; at++) {
    const reason = checkInsn(insns[at]!, at, insns.length);
    if (reason !== null) return { insn: at, reason };
  }
  const last = insns.length - 1;
  const end = decodeClassic(insns[last]!, last);
  if (end.kind !== "ret") return { insn: last, reason: "the last instruction is not a ret" };
  return checkMemory(insns) ?? farJump(insns.map(decodeClassic));
}

/**
 * As checkClassic.
 * @throws ObjectError CLASSIC_INVALID naming the instruction, and its line when the program was assembled
 */
export function requireClassic(program: ClassicProgram): void {
  const fault = checkClassic(program.insns);
  if (fault === null) return;
  const where = fault.insn < 0 ? "" : `insn ${fault.insn}: `;
  const place = program.places?.[fault.insn];
  const message = `${place === undefined ? `${program.path}: ` : ""}${where}${fault.reason}`;
  throw new ObjectError({ code: "CLASSIC_INVALID", message, ...(place === undefined ? {} : { place }) });
}

/** Decodes one instruction that checkClassic has passed. */
export function decodeClassic(f: ClassicFields, at: number): ClassicInsn {
  return classicRowOf(f.code)!.decode(f, at);
}

function checkInsn(f: ClassicFields, at: number, length: number): string | null {
  const row = classicRowOf(f.code);
  if (row === undefined) return `there is no instruction with code 0x${f.code.toString(16)}`;
  if (row.refused) return `Linux does not take \`${row.name} ${row.operand}\``;
  const insn = row.decode(f, at);
  switch (insn.kind) {
    case "alu":
      if (insn.x) return null;
      if ((insn.op === "div" || insn.op === "mod") && insn.k === 0) return "division by zero";
      if ((insn.op === "lsh" || insn.op === "rsh") && insn.k >= 32) return `a shift by ${insn.k}: 0 to 31 are allowed`;
      return null;
    case "load_mem":
    case "store_mem":
      return insn.cell < MEM_WORDS ? null : `there is no M[${insn.cell}]: it goes from M[0] to M[${MEM_WORDS - 1}]`;
    case "goto":
      return insn.target < length ? null : beyondEnd(insn.target, length);
    case "branch":
      return Math.max(insn.yes, insn.no) < length ? null : beyondEnd(Math.max(insn.yes, insn.no), length);
    case "packet":
      if (insn.indirect || f.k < SKF_AD_OFF) return null;
      return `there is no ancillary load SKF_AD_OFF + ${f.k - SKF_AD_OFF}`;
    case "header_length":
    case "ancillary":
    case "imm":
    case "len":
    case "neg":
    case "move":
    case "ret":
      return null;
  }
}

function beyondEnd(target: number, length: number): string {
  return `a jump to instruction ${target}, and the last one is ${length - 1}`;
}

/** Every M[] that is read was written on every path to it. */
function checkMemory(insns: readonly ClassicFields[]): ClassicFault | null {
  const masks = new Uint16Array(insns.length).fill(0xffff);
  let written = 0;
  for (let at = 0; at < insns.length; at++) {
    written &= masks[at]!;
    const insn = decodeClassic(insns[at]!, at);
    if (insn.kind === "store_mem") written |= 1 << insn.cell;
    else if (insn.kind === "load_mem" && (written & (1 << insn.cell)) === 0) {
      return { insn: at, reason: `M[${insn.cell}] is read and was not written on every way here` };
    } else if (insn.kind === "goto") {
      masks[insn.target]! &= written;
      written = 0xffff;
    } else if (insn.kind === "branch") {
      masks[insn.yes]! &= written;
      masks[insn.no]! &= written;
      written = 0xffff;
    }
  }
  return null;
}
