/** Places in a program: source lines, instructions, functions; and breakpoints at them. */
import type { FuncInfo, LineInfo, ProgramSpec } from "../../bpf/spec.ts";
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";

/** The source line that an instruction was compiled from. */
export function lineAt(spec: ProgramSpec, slot: number): LineInfo | undefined {
  let found: LineInfo | undefined;
  for (const l of spec.lines) {
    if (l.insn > slot) break;
    found = l;
  }
  return found;
}

/** The function that an instruction belongs to. */
export function functionAt(spec: ProgramSpec, slot: number): FuncInfo | undefined {
  let found: FuncInfo | undefined;
  for (const f of spec.funcs) if (f.insn <= slot) found = f;
  return found;
}

/** Without the folders. */
export function baseName(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

/** Where a run shall stop. */
export interface Breakpoint {
  readonly number: number;
  /** As the user wrote it, or what it was found to be. */
  readonly where: string;
  readonly program: string;
  readonly slots: readonly number[];
}

/**
 * Finds a place: `17` (line of the main file), `parse.h:59`, `insn 12` or `*12`, a function's name.
 * @throws LabError DEBUG_PLACE
 */
export function findPlace(spec: ProgramSpec, text: string): Omit<Breakpoint, "number"> {
  const insn = /^(?:insn\s+|\*)(\d+)$/.exec(text);
  if (insn !== null) return insnPlace(spec, Number(insn[1]));
  const line = /^(?:(\S+):)?(\d+)$/.exec(text);
  if (line !== null) return linePlace(spec, line[1], Number(line[2]));
  const func = spec.funcs.find((f) => f.name === text);
  if (func === undefined) {
    throw placeError(
      `no function "${text}"`,
      suggest(
        text,
        spec.funcs.map((f) => f.name),
      ),
    );
  }
  return { where: `${text}()`, program: spec.name, slots: [func.insn] };
}

function insnPlace(spec: ProgramSpec, slot: number): Omit<Breakpoint, "number"> {
  const total = spec.insns.length / 8;
  const second = slot > 0 && spec.insns[(slot - 1) * 8] === 0x18;
  if (slot < total && !second) return { where: `insn ${slot}`, program: spec.name, slots: [slot] };
  throw placeError(`no instruction begins at ${slot}`, `the program has ${total} slots; \`disas\` lists them`);
}

function linePlace(spec: ProgramSpec, file: string | undefined, number: number): Omit<Breakpoint, "number"> {
  const main = spec.lines[0]?.file;
  if (main === undefined)
    throw placeError("the object has no source lines", "compile it with -g, or break at `insn N`");
  const wanted = file ?? baseName(main);
  const its = spec.lines.filter((l) => baseName(l.file) === baseName(wanted));
  if (its.length === 0) {
    throw placeError(`no file "${wanted}"`, suggest(wanted, [...new Set(spec.lines.map((l) => baseName(l.file)))]));
  }
  // like other debuggers: the next line that has code
  const line = its
    .map((l) => l.line)
    .filter((n) => n >= number)
    .sort((a, b) => a - b)[0];
  if (line === undefined) throw placeError(`no code at or after line ${number} of ${wanted}`, "`list` shows the lines");
  const slots = its.filter((l) => l.line === line).map((l) => l.insn);
  return { where: `${baseName(its[0]!.file)}:${line}`, program: spec.name, slots };
}

function placeError(message: string, fix: string): LabError {
  return new LabError([{ code: "DEBUG_PLACE", message, fix }]);
}
