/**
 * Classic programs as text:
 *
 *     decimal   4,40 0 0 12,21 0 1 2048,6 0 0 65535,6 0 0 0,      bpf_asm, `tc filter ... bytecode`
 *     c         { 0x28,  0,  0, 0x0000000c },                     bpf_asm -c, a line each
 *     ddd       a line with the number of instructions, then `40 0 0 12` each: tcpdump -ddd
 *     disasm    l0:  ldh [12]                                     as bpf_dbg; assembles to the same program
 *     d         (000) ldh      [12]                               tcpdump -d
 *
 * @source tools/bpf/bpf_exp.y bpf_pretty_print, bpf_pretty_print_c; libpcap bpf_dump.c, bpf_image.c
 */
import { ObjectError } from "../../engine/errors.ts";
import { disassembleClassic, imageOf } from "./disassemble.ts";
import type { ClassicFields, ClassicProgram } from "./insn.ts";

/** A way of writing a program. */
export type ClassicFormat = "decimal" | "c" | "ddd" | "disasm" | "d";

/** Writes a program. @returns lines with their newlines */
export function formatClassic(program: ClassicProgram, format: ClassicFormat): string {
  const { insns } = program;
  switch (format) {
    case "decimal":
      return `${insns.length},${insns.map((f) => `${decimal(f)},`).join("")}\n`;
    case "c":
      return insns.map((f) => `{ ${hex(f.code, 4)}, ${pad(f.jt)}, ${pad(f.jf)}, ${hex(f.k, 10)} },\n`).join("");
    case "ddd":
      return `${insns.length}\n${insns.map((f) => `${decimal(f)}\n`).join("")}`;
    case "disasm":
      return insns.map((f, at) => `l${at}:\t${disassembleClassic(f, at)}\n`).join("");
    case "d":
      return insns.map((f, at) => `${imageOf(f, at)}\n`).join("");
  }
}

/**
 * Reads the forms "decimal" and "ddd": a number of instructions, then so many groups of four numbers, parted by commas or line ends.
 * @throws ObjectError CLASSIC_TEXT naming the instruction
 */
export function parseClassic(text: string, path: string = "bytecode"): ClassicProgram {
  const groups = text
    .split(/[,\n]/)
    .map((group) => group.trim())
    .filter((group) => group !== "");
  const length = /^\d+$/.test(groups[0] ?? "") ? Number(groups[0]) : -1;
  if (length < 0) {
    throw textError(
      path,
      "it does not begin with the number of instructions",
      "give `4,40 0 0 12,...` or tcpdump -ddd",
    );
  }
  const insns = groups.slice(1).map((group, at) => parseInsn(group, at, path));
  if (insns.length !== length) {
    throw textError(path, `it says ${length} instructions and has ${insns.length}`, "the first number is their number");
  }
  return { path, insns };
}

function parseInsn(group: string, at: number, path: string): ClassicFields {
  const m = /^(\d+)\s+(\d+)\s+(\d+)\s+(\d+)$/.exec(group);
  if (m === null) throw textError(path, `insn ${at}: "${group}" is not four decimal numbers`, "code, jt, jf, k");
  const [code, jt, jf, k] = m.slice(1).map(Number) as [number, number, number, number];
  if (code > 0xffff || jt > 255 || jf > 255 || k > 0xffffffff) {
    throw textError(path, `insn ${at}: "${group}" is out of range`, "code has 16 bits, jt and jf have 8, k has 32");
  }
  return { code, jt, jf, k };
}

function textError(path: string, what: string, fix: string): ObjectError {
  return new ObjectError({ code: "CLASSIC_TEXT", message: `${path}: ${what}`, fix });
}

function decimal(f: ClassicFields): string {
  return `${f.code} ${f.jt} ${f.jf} ${f.k}`;
}

/** C's %#0Nx: a zero has no 0x. */
function hex(n: number, width: number): string {
  return n === 0 ? "0".repeat(width) : `0x${n.toString(16).padStart(width - 2, "0")}`;
}

function pad(n: number): string {
  return String(n).padStart(2);
}
