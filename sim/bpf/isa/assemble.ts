/**
 * Text to instructions: the inverse of the disassembler, for tests and for programs written by hand. It reads the same
 * rows, so every form that disassembles also assembles. Added to the kernel's syntax:
 *
 *     name:                   a label; jumps and calls may name one instead of `pc+5`
 *     # text  or  ; text      a comment
 *     r1 = 0x1234 ll          a ld_imm64, also in decimal and negative (plain hexadecimal is one, too)
 *     r1 = map[vips]          the map of that name, or `map[.data]+8` for a byte of its only value: relocations
 *     r1 = subprog[name]      the address of a function
 *     r1 = ksym[name]         the address of a kernel symbol; with a `?` before the name a weak one: relocations
 *     call kfunc[name]        a kernel function by name, likewise
 *     call map_lookup_elem    a helper by name (given `helperId`), or `call 1`, or `call bpf_map_lookup_elem#1`
 */
import { ObjectError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { Relocation } from "../spec.ts";
import { type InsnRow, insnRows } from "./table.ts";

/** What the assembler may be told. */
export interface AssembleOptions {
  /** Number of a helper by its name without `bpf_`. */
  readonly helperId?: (name: string) => number | undefined;
  /** Names that `helperId` knows, to suggest one. */
  readonly helperNames?: readonly string[];
  /** What messages call the text; "asm" when absent. */
  readonly path?: string;
}

/** An assembled program. */
export interface Assembled {
  readonly insns: Uint8Array;
  readonly relocations: readonly Relocation[];
  /** Slots of the labels. */
  readonly labels: ReadonlyMap<string, number>;
}

interface Pattern {
  readonly row: InsnRow;
  readonly regexp: RegExp;
  readonly fields: readonly string[];
}

/** A text and the row that it is written by. */
interface Match {
  readonly pattern: Pattern;
  /** Of each field. */
  readonly texts: readonly string[];
}

interface Line {
  readonly path: string;
  readonly number: number;
  /** As it stands in the source. */
  readonly raw: string;
  /** The instruction. */
  readonly text: string;
  readonly slot: number;
  /** Absent for what is not in the kernel's syntax, and for what no row has. */
  readonly match: Match | undefined;
}

const PATTERN_OF_FIELD: Readonly<Record<string, string>> = {
  dst: "(\\d+)",
  src: "(\\d+)",
  off: "([+-]\\s*\\d+)",
  imm: "(-?\\d+)",
  ximm: "(-?\\d+|0x[0-9a-fA-F]+)",
  next: "(\\d+)",
  to: "(pc[+-]\\d+|[A-Za-z_.][\\w.]*)",
  tolong: "(pc[+-]\\d+|[A-Za-z_.][\\w.]*)",
  imm64: "(0x[0-9a-fA-F]+|-?\\d+ ll|-?0x[0-9a-fA-F]+ ll)",
  helper: "((?:\\w+#)?\\d+|[A-Za-z_]\\w*)",
};

const EXTERN = /^(?:r(\d+) = ksym|call kfunc)\[(\?)?(\w+)\]$/;
const MAP_LOAD = /^r(\d+) = map\[([\w.$]+)\](?:\[0\])?(?:\s*\+\s*(\d+))?$/;
/** Instructions that the kernel's syntax has no words for; and those of them that take two slots. */
const EXTENSIONS = new RegExp(`${EXTERN.source}|${MAP_LOAD.source}`);
const WIDE_EXTENSIONS = new RegExp(`${MAP_LOAD.source}|^r\\d+ = ksym`);

/**
 * Assembles a program.
 * @throws ObjectError ASM_INVALID with line and column of the first thing that is wrong
 */
export function assemble(source: string, options: AssembleOptions = {}): Assembled {
  const labels = new Map<string, number>();
  const lines: Line[] = [];
  let slot = 0;
  source.split("\n").forEach((raw, i) => {
    let text = raw.replace(/(^|\s)[#;].*$/, "").trim();
    const label = /^([A-Za-z_.][\w.]*):\s*/.exec(text);
    if (label !== null) {
      labels.set(label[1]!, slot);
      text = text.slice(label[0].length);
    }
    if (text === "") return;
    const match = EXTENSIONS.test(text) ? undefined : matchRow(text);
    lines.push({ path: options.path ?? "asm", number: i + 1, raw, text, slot, match });
    slot += match?.pattern.row.opcode === 0x18 || WIDE_EXTENSIONS.test(text) ? 2 : 1;
  });
  const insns = new Uint8Array(slot * 8);
  const relocations: Relocation[] = [];
  for (const line of lines) assembleLine(line, insns, relocations, labels, options);
  return { insns, relocations, labels };
}

let patterns: Map<string, readonly Pattern[]> | null = null;

/** Patterns by what the texts that they fit begin with, in the rows' order. */
function allPatterns(): ReadonlyMap<string, readonly Pattern[]> {
  if (patterns === null) {
    patterns = new Map();
    for (const row of insnRows) {
      if (row.opcode === 0x18 && row.src !== 0 && row.src !== 4) continue;
      const beginning = beginningOf(row.text.replace(/\{\w+\}/g, "0"));
      patterns.set(beginning, [...(patterns.get(beginning) ?? []), patternOf(row)]);
    }
  }
  return patterns;
}

function patternOf(row: InsnRow): Pattern {
  const fields: string[] = [];
  const source = row.text
    .split(/(\{\w+\})/)
    .map((part) => {
      const field = /^\{(\w+)\}$/.exec(part)?.[1];
      if (field === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/ /g, "\\s*");
      const seen = fields.indexOf(field);
      if (seen >= 0) return `\\${seen + 1}`;
      fields.push(field);
      return PATTERN_OF_FIELD[field]!;
    })
    .join("");
  return { row, fields, regexp: new RegExp(`^${source}$`) };
}

/**
 * What an instruction's text must share with the row that it is written by, so that few rows are tried: `r+=` of `r1 += r2`, `r=*` of a
 * load, `if` of a jump. Whether a number, its sign or a negation begins an operand is left open.
 */
function beginningOf(text: string): string {
  const assigned = /^([rw])\d+\s*([^\s\w]*|s[^\s\w]*)=\s*(.)/.exec(text);
  if (assigned === null) return text.slice(0, 2);
  const [, register, operator = "", operand = ""] = assigned;
  return `${register}${operator}=${/[-\d]/.test(operand) ? "0" : operand}`;
}

/** @param src the row's source register, where it must be a certain one */
function matchRow(text: string, src?: number): Match | undefined {
  for (const pattern of allPatterns().get(beginningOf(text)) ?? []) {
    const found = src === undefined || pattern.row.src === src ? pattern.regexp.exec(text) : null;
    if (found !== null) return { pattern, texts: found.slice(1) };
  }
  return undefined;
}

function assembleLine(
  line: Line,
  insns: Uint8Array,
  relocations: Relocation[],
  labels: ReadonlyMap<string, number>,
  options: AssembleOptions,
): void {
  const map = MAP_LOAD.exec(line.text);
  const dv = new DataView(insns.buffer);
  const at = line.slot * 8;
  if (map !== null) {
    insns[at] = 0x18;
    insns[at + 1] = Number(map[1]) | ((map[3] === undefined ? 1 : 2) << 4);
    relocations.push(
      map[3] === undefined
        ? { kind: "map", insn: line.slot, map: map[2]! }
        : { kind: "map-value", insn: line.slot, map: map[2]!, offset: Number(map[3]) },
    );
    return;
  }
  const extern = EXTERN.exec(line.text);
  if (extern !== null) {
    const [, register, mark, name = ""] = extern;
    const weak = mark !== undefined;
    insns[at] = register === undefined ? 0x85 : 0x18;
    insns[at + 1] = register === undefined ? 2 << 4 : Number(register) | (3 << 4);
    relocations.push(
      register === undefined
        ? { kind: "kfunc", insn: line.slot, name, weak }
        : { kind: "ksym", insn: line.slot, name, weak, typed: true },
    );
    return;
  }
  const called = /^call (.*)$/.exec(line.text)?.[1];
  const local = called !== undefined && labels.has(called);
  const match = local ? matchRow(line.text, 1) : line.match;
  if (match === undefined) throw asmError(line, "no such instruction", line.text, SYNTAX);
  const { row, fields } = match.pattern;
  insns[at] = row.opcode;
  let src = row.src ?? 0;
  let dst = 0;
  dv.setInt16(at + 2, row.off ?? 0, true);
  dv.setInt32(at + 4, row.imm ?? 0, true);
  fields.forEach((field, i) => {
    const text = match.texts[i]!;
    if (field === "dst") dst = Number(text);
    else if (field === "src") src = Number(text);
    else if (field === "off") dv.setInt16(at + 2, Number(text.replace(/\s/g, "")), true);
    else if (field === "to") dv.setInt16(at + 2, near(line, text, labels), true);
    else if (field === "tolong") dv.setInt32(at + 4, relative(line, text, labels), true);
    else if (field === "helper") dv.setInt32(at + 4, helperNumber(line, text, options), true);
    else if (field === "imm64") {
      const digits = text.replace(" ll", "");
      const value = BigInt.asUintN(64, digits.startsWith("-") ? -BigInt(digits.slice(1)) : BigInt(digits));
      dv.setUint32(at + 4, Number(value & 0xffffffffn), true);
      dv.setUint32(at + 12, Number(value >> 32n), true);
    } else dv.setInt32(at + 4, Number(text) | 0, true);
  });
  if (dst > 15 || src > 15) throw asmError(line, "no such register: there are r0 to r10", line.text);
  insns[at + 1] = dst | (src << 4);
}

function relative(line: Line, text: string, labels: ReadonlyMap<string, number>): number {
  const rel = /^pc([+-]\d+)$/.exec(text);
  if (rel !== null) return Number(rel[1]);
  const slot = labels.get(text);
  if (slot === undefined) throw asmError(line, `no label "${text}"`, text, suggest(text, [...labels.keys()]));
  return slot - line.slot - 1;
}

/** @throws ObjectError when the jump's 16 bits do not reach so far */
function near(line: Line, text: string, labels: ReadonlyMap<string, number>): number {
  const off = relative(line, text, labels);
  if (off === (off << 16) >> 16) return off;
  const fix = "jump to a gotol, which reaches farther";
  throw asmError(
    line,
    `the jump to "${text}" is ${off} instructions long: 32767 forward, 32768 back are possible`,
    text,
    fix,
  );
}

function helperNumber(line: Line, text: string, options: AssembleOptions): number {
  const digits = /(?:^|#)(\d+)$/.exec(text);
  if (digits !== null) return Number(digits[1]);
  const id = options.helperId?.(text.replace(/^bpf_/, ""));
  if (id === undefined) {
    const names = options.helperNames ?? [];
    throw asmError(
      line,
      `no helper "${text}"`,
      text,
      names.length > 0 ? suggest(text.replace(/^bpf_/, ""), names) : undefined,
    );
  }
  return id;
}

/** The forms that people look for when one is wrong. */
const SYNTAX =
  "write it as the kernel does: r0 = 1; r2 += r3; w1 s>>= 4; r0 = *(u32 *)(r1 +4); if r1 > 0x7 goto out; call NAME; exit";

/** @param part of the line that is wrong */
function asmError(line: Line, what: string, part: string, fix?: string): ObjectError {
  const place = {
    file: line.path,
    line: line.number,
    column: line.raw.indexOf(line.text) + line.text.lastIndexOf(part) + 1,
    text: line.raw,
    width: part.length,
  };
  return new ObjectError({ code: "ASM_INVALID", message: what, place, ...(fix === undefined ? {} : { fix }) });
}
