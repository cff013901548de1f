/**
 * `bpftool prog dump xlated`. @source bpftool prog.c prog_dump, xlated_dumper.c dump_xlated_plain, dump_xlated_json
 * @differs the program is shown as it was loaded: Linux's verifier inlines lookups and rewrites context accesses before it shows them
 */
import { declare, typeOf } from "../../bpf/btf/query.ts";
import type { Btf } from "../../bpf/btf/types.ts";
import { insnText } from "../../bpf/isa/disassemble.ts";
import { helperName } from "../../bpf/object/helper-names.ts";
import type { Program } from "../../bpf/program.ts";
import { type FuncInfo, isMapRelocation } from "../../bpf/spec.ts";
import type { Host } from "../../net/host.ts";
import { btfOf } from "../bpf/prog-info.ts";
import { matches, type Words } from "../rtnetlink.ts";
import { takeProg } from "./handles.ts";
import { type BpftoolFlags, bpftoolError, bpftoolHasNo, printBpftoolJson } from "./output.ts";

const INSN_BYTES = 8;
const LD_IMM64 = 0x18;
const CALL = 0x85;
const PSEUDO_CALL = 1;
const PSEUDO_FUNC = 4;

/** Runs it. */
export function dumpProg(host: Host, words: Words, flags: BpftoolFlags): string {
  const mode = words.next();
  if (matches(mode, "jited")) throw bpftoolHasNo("prog dump jited", "programs are compiled to WebAssembly here");
  if (!matches(mode, "xlated")) throw bpftoolError(flags, `expected 'xlated' or 'jited', got: ${mode}`);
  const prog = takeProg(host, words, flags);
  let opcodes = false;
  let linum = false;
  while (!words.done) {
    const w = words.next();
    if (matches(w, "opcodes")) opcodes = true;
    else if (matches(w, "linum")) linum = true;
    else if (matches(w, "visual") || matches(w, "file")) throw bpftoolHasNo(`prog dump xlated ... ${w}`);
    else throw bpftoolError(flags, `expected no more arguments, got: ${w}`);
  }
  const lines = listing(prog, btfOf(prog));
  if (!flags.json) return lines.map((l) => lineText(l, opcodes, linum)).join("");
  const entries = lines.map((l) =>
    JSON.stringify({
      ...(l.signature === null ? {} : { proto: l.signature }),
      ...(l.source === null ? {} : { src: l.source.text }),
      disasm: l.text,
      ...(opcodes ? { opcodes: Array.from(l.bytes, (b) => `0x${b.toString(16).padStart(2, "0")}`) } : {}),
    }),
  );
  return printBpftoolJson(`[${entries.join(",")}]`, flags);
}

/** One instruction with what stands above it. */
interface XlatedLine {
  readonly slot: number;
  readonly signature: string | null;
  readonly source: {
    readonly text: string;
    readonly file: string;
    readonly line: number;
    readonly column: number;
  } | null;
  /** `(b7) r0 = 2` */
  readonly text: string;
  readonly bytes: Uint8Array;
}

function listing(prog: Program, btf: Btf | null): readonly XlatedLine[] {
  const { insns, funcs, lines } = prog.spec;
  const out: XlatedLine[] = [];
  const slots = insns.length / INSN_BYTES;
  for (let slot = 0; slot < slots; ) {
    const width = insns[slot * INSN_BYTES] === LD_IMM64 ? 2 : 1;
    const func = funcs.find((f) => f.insn === slot);
    const line = lines.find((l) => l.insn === slot);
    const opcode = insns[slot * INSN_BYTES]!.toString(16).padStart(2, "0");
    out.push({
      slot,
      signature: func === undefined ? null : signatureOf(func, btf),
      source:
        line === undefined ? null : { text: line.text.trim(), file: line.file, line: line.line, column: line.column },
      text: `(${opcode}) ${instruction(prog, slot)}`,
      bytes: insns.subarray(slot * INSN_BYTES, (slot + width) * INSN_BYTES),
    });
    slot += width;
  }
  return out;
}

/** A pointer's star stands by itself, as bpftool writes it. */
function signatureOf(func: FuncInfo, btf: Btf | null): string {
  const id = func.typeId ?? 0;
  if (btf === null || id === 0 || typeOf(btf, id).kind !== "func") return func.name;
  return declare(btf, id, "").replace(/\*(?=\w)/g, "* ");
}

function instruction(prog: Program, slot: number): string {
  const { spec, maps } = prog;
  const at = slot * INSN_BYTES;
  const view = new DataView(spec.insns.buffer, spec.insns.byteOffset, spec.insns.byteLength);
  const source = spec.insns[at + 1]! >>> 4;
  const target = slot + 1 + view.getInt32(at + 4, true);
  const callee = spec.funcs.find((f) => f.insn === target);
  if (spec.insns[at] === CALL && source === PSEUDO_CALL) {
    return `call pc+${target - slot - 1}#${callee?.name ?? "bpf_prog"}`;
  }
  const imm64 = (): string | undefined => {
    const r = spec.relocations.filter(isMapRelocation).find((x) => x.insn === slot);
    const id = r === undefined ? undefined : maps.find((m) => m.spec.name === r.map)?.id;
    if (r?.kind === "map") return `map[id:${id ?? 0}]`;
    if (r?.kind === "map-value") return `map[id:${id ?? 0}][0]+${r.offset}`;
    return source === PSEUDO_FUNC ? `subprog[+${target - slot - 1}]` : undefined;
  };
  return insnText(spec.insns, slot, { helperName, imm64, name: spec.name });
}

function lineText(l: XlatedLine, opcodes: boolean, linum: boolean): string {
  let out = "";
  if (l.signature !== null) out += `${l.slot > 0 ? "\n" : ""}${l.signature}:\n`;
  if (l.source !== null && l.source.text !== "") {
    const { text, file, line, column } = l.source;
    out += `; ${text}${linum ? ` [file:${file} line_num:${line} line_col:${column}]` : ""}\n`;
  }
  out += `${String(l.slot).padStart(4)}: ${l.text}\n`;
  if (opcodes) out += `       ${Array.from(l.bytes, (b) => b.toString(16).padStart(2, "0")).join(" ")}\n`;
  return out;
}
