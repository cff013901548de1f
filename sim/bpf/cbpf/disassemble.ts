/**
 * One classic instruction as text, in the two syntaxes people know: bpf_dbg's, which the assembler reads back, and tcpdump -d's.
 *
 * @source tools/bpf/bpf_dbg.c bpf_disasm; libpcap bpf_image.c bpf_image
 * @differs bpf_dbg prints ancillary loads as negative offsets, here they have the names of bpf_asm
 */
import { ancillaryOf } from "./ancillary.ts";
import type { ClassicFields } from "./insn.ts";
import { type ClassicRow, classicRowOf } from "./table.ts";

/** bpf_dbg's line without its label: `jeq #0x800, l3, l5`. An unknown code is `nosup 0x99`. */
export function disassembleClassic(f: ClassicFields, at: number): string {
  const row = classicRowOf(f.code);
  if (row === undefined) return `nosup 0x${f.code.toString(16)}`;
  if (row.operand === "none") return row.name;
  const labels = row.branch ? `, l${at + 1 + f.jt}, l${at + 1 + f.jf}` : "";
  return `${row.name} ${operandText(row, f, at)}${labels}`;
}

/** tcpdump -d's line: `(003) jeq      #0x800           jt 4\tjf 5`. */
export function imageOf(f: ClassicFields, at: number): string {
  const number = `(${String(at).padStart(3, "0")})`;
  const row = classicRowOf(f.code);
  // libpcap has neither of these two
  if (row === undefined || row.refused || (row.name === "ldx" && row.operand === "len")) {
    return `${number} ${"unimp".padEnd(8)} 0x${f.code.toString(16)}`;
  }
  const head = `${number} ${row.name.padEnd(8)} `;
  const operand = imageOperand(row, f, at);
  return row.branch ? `${head}${operand.padEnd(16)} jt ${at + 1 + f.jt}\tjf ${at + 1 + f.jf}` : `${head}${operand}`;
}

function operandText(row: ClassicRow, f: ClassicFields, at: number): string {
  const signed = f.k | 0;
  switch (row.operand) {
    case "none":
      return "";
    case "abs": {
      const name = ancillaryOf(f.k)?.name;
      return typeof name === "string" ? `#${name}` : `[${signed}]`;
    }
    case "ind":
      return `[x+${signed}]`;
    case "msh":
      return `4*([${signed}]&0xf)`;
    case "imm":
      return constant(f.k, row.hex === true);
    case "mem":
      return `M[${signed}]`;
    case "len":
      return "#len";
    case "label":
      return `l${at + 1 + f.k}`;
    case "a":
    case "x":
      return row.operand;
  }
}

function imageOperand(row: ClassicRow, f: ClassicFields, at: number): string {
  switch (row.operand) {
    case "abs": {
      const ancillary = ancillaryOf(f.k);
      return ancillary === undefined ? `[${f.k | 0}]` : `[${ancillary.pcapName ?? ancillary.name}]`;
    }
    case "ind":
      return `[x + ${f.k | 0}]`;
    case "imm":
      return constant(f.k, row.hex === true && row.name !== "ret");
    case "len":
      return "#pktlen";
    case "label":
      return String((at + 1 + f.k) | 0);
    case "a":
      return "";
    case "none":
    case "msh":
    case "mem":
    case "x":
      return operandText(row, f, at);
  }
}

function constant(k: number, hex: boolean): string {
  return hex ? `#0x${k.toString(16)}` : `#${k | 0}`;
}
