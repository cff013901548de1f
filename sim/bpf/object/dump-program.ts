/**
 * What `netsim prog dump OBJ.o PROGRAM` prints: the linked program as the kernel's verifier writes instructions, each function
 * under its C signature, each run of instructions under the source line it was compiled from (once, as long as it stays the same).
 *
 *     int xdp_count(struct xdp_md *ctx):
 *     ; __u32 key = 0; @ count.c:14
 *        0: (b7) r1 = 0
 *        1: (63) *(u32 *)(r10 -4) = r1
 *        2: (18) r1 = map[name:hits]
 * @source kernel/bpf/log.c verbose_linfo for the source lines; bpftool xlated_dumper.c for the rest
 */
import { ObjectError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { declare, typeOf } from "../btf/query.ts";
import type { Btf } from "../btf/types.ts";
import type { KernelTypes } from "../core/kernel-types.ts";
import { relocateCore } from "../core/relocate.ts";
import { objectError } from "../elf/object-error.ts";
import { insnText } from "../isa/disassemble.ts";
import type { FuncInfo, LineInfo, ObjectSpec, ProgramSpec } from "../spec.ts";
import { INSN_BYTES } from "./functions.ts";
import { helperName } from "./helper-names.ts";

const LD_IMM64 = 0x18;
const CALL = 0x85;
const PSEUDO_CALL = 1;
const PSEUDO_FUNC = 4;

/**
 * The listing of an object's programs, with a newline at the end; several stand under a heading each.
 * @param name of a program, or of a section; absent: all programs
 * @param kernel programs are shown as this kernel would load them; absent: as they were compiled
 * @throws ObjectError PROGRAM_UNKNOWN
 */
export function dumpProgram(spec: ObjectSpec, name?: string, kernel?: KernelTypes): string {
  const programs = matchingPrograms(spec, name);
  if (programs.length === 1) return dumpFor(programs[0]!, spec.btf, kernel);
  return programs
    .map((p) => `program ${p.name}, section ${JSON.stringify(p.section)}\n\n${dumpFor(p, spec.btf, kernel)}`)
    .join("\n");
}

/** A program that the kernel's types do not fit is listed as compiled, under the reason. */
function dumpFor(program: ProgramSpec, btf: Btf | null, kernel: KernelTypes | undefined): string {
  if (kernel === undefined) return dumpLinked(program, btf);
  try {
    return dumpLinked(relocateCore(program, kernel), btf);
  } catch (error) {
    if (!(error instanceof ObjectError)) throw error;
    return `; as compiled: ${error.diagnostic.message}\n${dumpLinked(program, btf)}`;
  }
}

/** The programs of a name or, if there is none, of a section; at least one. @throws ObjectError PROGRAM_UNKNOWN */
function matchingPrograms(spec: ObjectSpec, name: string | undefined): readonly ProgramSpec[] {
  const place = { file: spec.path };
  const names = spec.programs.map((p) => p.name);
  const matching =
    name === undefined
      ? spec.programs
      : spec.programs.some((p) => p.name === name)
        ? spec.programs.filter((p) => p.name === name)
        : spec.programs.filter((p) => p.section === name);
  if (matching.length === 0) {
    if (name === undefined) throw objectError("PROGRAM_UNKNOWN", place, "the object has no programs");
    const known = [...new Set([...names, ...spec.programs.map((p) => p.section)])];
    const message = `no program and no section is named ${JSON.stringify(name)}`;
    throw objectError("PROGRAM_UNKNOWN", place, message, suggest(name, known));
  }
  return matching;
}

/** The listing of a linked program. */
export function dumpLinked(program: ProgramSpec, btf: Btf | null): string {
  const funcs = new Map(program.funcs.map((f) => [f.insn, f]));
  const lines = new Map(program.lines.map((l) => [l.insn, l]));
  const out: string[] = [];
  const total = program.insns.length / INSN_BYTES;
  let shown = "";
  for (let slot = 0; slot < total; slot += program.insns[slot * INSN_BYTES] === LD_IMM64 ? 2 : 1) {
    const func = funcs.get(slot);
    if (func !== undefined) {
      if (slot > 0) out.push("");
      out.push(`${signature(func, btf)}:`);
      shown = "";
    }
    const line = lines.get(slot);
    if (line !== undefined && line.text !== "" && sourceLine(line) !== shown) {
      shown = sourceLine(line);
      out.push(shown);
    }
    const opcode = program.insns[slot * INSN_BYTES]!.toString(16).padStart(2, "0");
    out.push(`${String(slot).padStart(4)}: (${opcode}) ${text(program, slot, funcs)}`);
  }
  return `${out.join("\n")}\n`;
}

/** `; __u32 key = 0; @ count.c:14` */
export function sourceLine(line: LineInfo): string {
  const file = line.file.slice(line.file.lastIndexOf("/") + 1);
  return `; ${line.text.trim()} @ ${file}:${line.line}`;
}

function signature(func: FuncInfo, btf: Btf | null): string {
  const id = func.typeId ?? 0;
  if (btf === null || id === 0 || typeOf(btf, id).kind !== "func") return func.name;
  return declare(btf, id, "");
}

function text(program: ProgramSpec, slot: number, funcs: ReadonlyMap<number, FuncInfo>): string {
  const at = slot * INSN_BYTES;
  const opcode = program.insns[at]!;
  const source = program.insns[at + 1]! >>> 4;
  const view = new DataView(program.insns.buffer, program.insns.byteOffset, program.insns.byteLength);
  const callee = funcs.get(slot + 1 + view.getInt32(at + 4, true));
  const imm64 = (): string | undefined => {
    const r = program.relocations.find((x) => x.insn === slot);
    if (r?.kind === "map") return `map[name:${r.map}]`;
    if (r?.kind === "map-value") return `map[name:${r.map}][0]+${r.offset}`;
    return source === PSEUDO_FUNC && callee !== undefined ? `subprog[${callee.name}]` : undefined;
  };
  try {
    const shown = insnText(program.insns, slot, { helperName, imm64, name: program.name });
    return opcode === CALL && source === PSEUDO_CALL && callee !== undefined ? `${shown} # ${callee.name}` : shown;
  } catch (error) {
    if (error instanceof ObjectError) return "unknown instruction";
    throw error;
  }
}
