/**
 * Text to classic instructions, in the syntax of the kernel's bpf_asm:
 *
 *     ldh [12]                        ; packet bytes; [x + 14] adds X
 *     jne #0x800, drop                ; labels for one outcome or, with jeq jgt jge jset, for both
 *     ldx 4*([14]&0xf)                /* also ldxb: the length of an IPv4 header *\/
 *     ld M[0]   st M[0]   ld #len   ld proto   ld #vlan_tci
 *     drop: ret #0
 *
 * Letter case and line ends mean nothing; a line that begins with # is a comment. Numbers are decimal, hexadecimal (0x), octal (0)
 * or binary (0b).
 *
 * @source tools/bpf/bpf_exp.y, bpf_exp.l; Documentation/networking/filter.rst "BPF engine and instruction set"
 * @differs `[x+4]` needs no blank behind the plus, labels may have one letter, and what bpf_asm cuts to size silently is refused
 */
import type { SourcePlace } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { ancillaryRows, SKF_AD_OFF } from "./ancillary.ts";
import { type ClassicFields, type ClassicProgram, MAX_CLASSIC_INSNS } from "./insn.ts";
import { AsmReader, type AsmToken } from "./lexer.ts";
import { type ClassicOperand, type ClassicRow, classicRows } from "./table.ts";

/** Other spellings: of the same form, or of the opposite condition with the label for its failing. */
const ALIASES: Readonly<Record<string, { readonly name: string; readonly opposite?: true }>> = {
  jmp: { name: "ja" },
  ldi: { name: "ld" },
  ldxi: { name: "ldx" },
  jne: { name: "jeq", opposite: true },
  jneq: { name: "jeq", opposite: true },
  jlt: { name: "jge", opposite: true },
  jle: { name: "jgt", opposite: true },
};
/** Forms whose constant needs no #. */
const BARE_CONSTANT: ReadonlySet<string> = new Set(["ldi", "ldxi"]);

const rowsByName = new Map<string, ClassicRow[]>();
for (const row of classicRows) {
  const names = row.operand === "msh" ? [row.name, "ldx"] : [row.name];
  for (const name of names) rowsByName.set(name, [...(rowsByName.get(name) ?? []), row]);
}
/** Every name that an instruction can have. */
const MNEMONICS: readonly string[] = [...rowsByName.keys(), ...Object.keys(ALIASES)];
const extensions = new Map<string, number>();
for (const row of ancillaryRows) {
  for (const name of [row.name, row.alias]) if (typeof name === "string") extensions.set(name, SKF_AD_OFF + row.ad);
}

interface Operand {
  readonly form: ClassicOperand;
  readonly k: number;
}

/** An instruction whose labels are not looked up yet. */
interface Draft {
  readonly code: number;
  readonly k: number;
  readonly at: SourcePlace;
  readonly yes: AsmToken | null;
  readonly no: AsmToken | null;
  /** Target of `ja`. */
  readonly to: AsmToken | null;
}

/**
 * Assembles a program. The kernel's rules about it are checkClassic's.
 * @param path for messages: `filter.asm`
 * @throws ObjectError CLASSIC_ASM with line and column of the first thing that is wrong
 */
export function assembleClassic(text: string, path: string): ClassicProgram {
  const reader = new AsmReader(text, path);
  const labels = new Map<string, number>();
  const drafts: Draft[] = [];
  while (!reader.done) {
    const word = reader.next("an instruction");
    if (word.kind !== "word") throw reader.error(word, `"${word.text}" where an instruction should begin`);
    if (reader.take(":")) {
      defineLabel(reader, labels, word, drafts.length);
      continue;
    }
    if (drafts.length === MAX_CLASSIC_INSNS) {
      throw reader.error(word, `more than ${MAX_CLASSIC_INSNS} instructions`);
    }
    drafts.push(readInsn(reader, word));
  }
  if (drafts.length === 0) throw reader.error(null, "the program has no instructions");
  const insns = drafts.map((d, at) => resolve(d, at, labels, reader));
  return { path, insns, places: drafts.map((d) => d.at) };
}

function defineLabel(reader: AsmReader, labels: Map<string, number>, label: AsmToken, at: number): void {
  if (isReserved(label.text))
    throw reader.error(label, `"${label.text}" is a word of the language and cannot be a label`);
  if (labels.has(label.text)) throw reader.error(label, `the label "${label.text}" is there twice`);
  labels.set(label.text, at);
}

function isReserved(word: string): boolean {
  const w = word.toLowerCase();
  return MNEMONICS.includes(w) || extensions.has(w) || w === "len" || w === "a" || w === "x" || w === "m";
}

function readInsn(reader: AsmReader, word: AsmToken): Draft {
  const written = word.text.toLowerCase();
  const alias = ALIASES[written];
  const rows = rowsByName.get(alias?.name ?? written);
  if (rows === undefined) {
    throw reader.error(word, `unknown instruction "${word.text}"`, suggest(written, MNEMONICS));
  }
  const at = reader.place(word);
  if (rows[0]!.operand === "none") return draft(rows[0]!, 0, at);
  if (rows[0]!.operand === "label") return { ...draft(rows[0]!, 0, at), to: readLabel(reader) };
  const start = reader.peek();
  const operand = readOperand(reader, BARE_CONSTANT.has(written));
  const row = rows.find((r) => r.operand === operand.form);
  if (row === undefined || (BARE_CONSTANT.has(written) && operand.form !== "imm")) {
    throw reader.error(start, `${written} does not take ${WHAT[operand.form]}`, `it takes ${forms(rows, written)}`);
  }
  const d = draft(row, operand.k, at);
  if (row.branch === undefined) return d;
  reader.expect(",");
  const first = readLabel(reader);
  if (alias?.opposite) return { ...d, no: first };
  return { ...d, yes: first, no: reader.take(",") ? readLabel(reader) : null };
}

function draft(row: ClassicRow, k: number, at: SourcePlace): Draft {
  return { code: row.code, k, at, yes: null, no: null, to: null };
}

const WHAT: Readonly<Record<ClassicOperand, string>> = {
  none: "no operand",
  abs: "packet bytes",
  ind: "packet bytes at X",
  msh: "a header length",
  imm: "a constant",
  mem: "a word of M[]",
  len: "#len",
  label: "a label",
  a: "a",
  x: "x",
};

const EXAMPLE: Readonly<Record<ClassicOperand, string>> = {
  none: "nothing",
  abs: "[12]",
  ind: "[x + 12]",
  msh: "4*([14]&0xf)",
  imm: "#1",
  mem: "M[0]",
  len: "#len",
  label: "a label",
  a: "a",
  x: "x",
};

function forms(rows: readonly ClassicRow[], name: string): string {
  if (BARE_CONSTANT.has(name)) return EXAMPLE.imm;
  return rows.map((r) => EXAMPLE[r.operand]).join(", ");
}

function readOperand(reader: AsmReader, bare: boolean): Operand {
  const hash = reader.take("#");
  const token = reader.peek();
  if (token?.kind === "word" && !(token.text.toLowerCase() === "m" && !hash)) return readWord(reader, hash);
  if (hash || (bare && token !== null)) return { form: "imm", k: reader.number() };
  if (reader.take("%")) return readRegister(reader);
  if (reader.take("[")) return readPacket(reader);
  if (token?.kind === "word") {
    reader.next("M");
    reader.expect("[");
    const k = reader.number();
    reader.expect("]");
    return { form: "mem", k };
  }
  if (token?.kind === "number") return readHeaderLength(reader);
  throw reader.error(token, token === null ? "the operand is missing" : `"${token.text}" cannot begin an operand`);
}

function readWord(reader: AsmReader, hash: boolean): Operand {
  const token = reader.next("an operand");
  const word = token.text.toLowerCase();
  if (word === "len") return { form: "len", k: 0 };
  const extension = extensions.get(word);
  if (extension !== undefined) return { form: "abs", k: extension };
  if (!hash && (word === "a" || word === "x")) return { form: word, k: 0 };
  throw reader.error(token, `unknown operand "${token.text}"`, suggest(word, ["len", ...extensions.keys()]));
}

function readRegister(reader: AsmReader): Operand {
  const token = reader.next("a register");
  const word = token.text.toLowerCase();
  if (word === "a" || word === "x") return { form: word, k: 0 };
  throw reader.error(token, `unknown register "%${token.text}"`, "there are %a and %x");
}

/** Behind the bracket: `12]`, `x + 12]`, `%x + 12]`. */
function readPacket(reader: AsmReader): Operand {
  const percent = reader.take("%");
  const token = reader.peek();
  if (percent || token?.kind === "word") {
    const x = reader.next("x");
    if (x.text.toLowerCase() !== "x") throw reader.error(x, `"${x.text}" in brackets`, "[12] or [x + 12]");
    reader.expect("+");
    const k = reader.number();
    reader.expect("]");
    return { form: "ind", k };
  }
  const k = reader.number();
  reader.expect("]");
  return { form: "abs", k };
}

/** `4*([14]&0xf)`. */
function readHeaderLength(reader: AsmReader): Operand {
  const start = reader.peek();
  const factor = reader.number();
  if (!reader.take("*"))
    throw reader.error(start, `"${start!.text}" cannot begin an operand`, "a constant is written #1");
  reader.expect("(");
  reader.expect("[");
  const k = reader.number();
  reader.expect("]");
  reader.expect("&");
  const mask = reader.number();
  reader.expect(")");
  if (factor !== 4 || mask !== 0xf) throw reader.error(start, "only 4*([k]&0xf) can be computed");
  return { form: "msh", k };
}

function readLabel(reader: AsmReader): AsmToken {
  const token = reader.next("a label");
  if (token.kind !== "word" || isReserved(token.text)) throw reader.error(token, `"${token.text}" is not a label`);
  return token;
}

function resolve(d: Draft, at: number, labels: ReadonlyMap<string, number>, reader: AsmReader): ClassicFields {
  const skip = (label: AsmToken | null, limit: number): number => {
    if (label === null) return 0;
    const target = labels.get(label.text);
    if (target === undefined) {
      throw reader.error(label, `there is no label "${label.text}"`, suggest(label.text, [...labels.keys()]));
    }
    const distance = target - at - 1;
    if (distance < 0) throw reader.error(label, `a jump back to "${label.text}": classic BPF only jumps forward`);
    if (distance > limit) {
      const fix = `jump to a nearer \`ja ${label.text}\``;
      throw reader.error(label, `"${label.text}" is ${distance} instructions away, ${limit} is the farthest`, fix);
    }
    return distance;
  };
  const k = d.to === null ? d.k : skip(d.to, MAX_CLASSIC_INSNS);
  return { code: d.code, jt: skip(d.yes, 255), jf: skip(d.no, 255), k };
}
