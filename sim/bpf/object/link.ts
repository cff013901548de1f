/**
 * Links one program: its own instructions, then each subprogram it reaches, in the order of first use and each once; calls and
 * addresses of subprograms are resolved, references to maps and data become relocations.
 * @source libbpf src/libbpf.c bpf_object__reloc_code, bpf_program__record_reloc
 * @differs subprograms may stand outside `.text` and be static in a program's section, as Cilium's loader (and Cilium's objects) have
 *          it; libbpf 1.7 refuses such objects, and the object's notes say so
 */
import type { Diagnostic } from "../../engine/errors.ts";
import type { Btf } from "../btf/types.ts";
import { essentialName } from "../core/names.ts";
import {
  type ElfFile,
  type ElfRelocation,
  R_BPF_64_32,
  R_BPF_64_64,
  R_BPF_NONE,
  SHN_LORESERVE,
  SHN_UNDEF,
  STB_WEAK,
  STT_SECTION,
} from "../elf/elf.ts";
import { objectDiagnostic } from "../elf/object-error.ts";
import type { CoreRelocation, FuncInfo, LineInfo, Relocation } from "../spec.ts";
import { externKind } from "./externs.ts";
import { type CodeSection, type Func, INSN_BYTES } from "./functions.ts";
import type { Kconfig } from "./kconfig.ts";
import type { MapEntry } from "./map-entry.ts";

const LD_IMM64 = 0x18;
const CALL = 0x85;
const PSEUDO_CALL = 1;
const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;
const PSEUDO_KFUNC_CALL = 2;
const PSEUDO_BTF_ID = 3;
const PSEUDO_FUNC = 4;
/** BPF_COMPLEXITY_LIMIT_INSNS. */
const MAX_INSNS = 1_000_000;
/** Where clang puts global variables of address space 1. */
const ARENA_SECTION = ".addr_space.1";
/** The tag on a program by which it names the function that answers for bpf_throw. */
const EXCEPTION_CALLBACK = "exception_callback:";
/** Relocation types that clang puts on instructions. */
const INSN_RELOCATIONS: readonly number[] = [R_BPF_NONE, R_BPF_64_64, R_BPF_64_32];

/** Everything that programs are linked from. */
export interface LinkInput {
  readonly elf: ElfFile;
  readonly btf: Btf | null;
  readonly code: ReadonlyMap<number, CodeSection>;
  /** By section number; data maps have one entry at offset 0. */
  readonly mapsAt: ReadonlyMap<number, readonly MapEntry[]>;
  /** Section numbers of global data. */
  readonly dataSections: ReadonlySet<number>;
  readonly kconfig: Kconfig | null;
}

/** A linked program. */
export interface Linked {
  readonly insns: Uint8Array;
  readonly relocations: readonly Relocation[];
  readonly funcs: readonly FuncInfo[];
  readonly lines: readonly LineInfo[];
  readonly core: readonly CoreRelocation[];
  /** Slot of the function that answers for bpf_throw, -1 when there is none. */
  readonly exceptionCallback: number;
  /** The first thing that keeps it from being loaded. */
  readonly refusal: Diagnostic | null;
}

interface Placed {
  readonly func: Func;
  /** Slot of its first instruction within the linked program. */
  readonly base: number;
}

/** Links the program that starts with a function. */
export function linkProgram(input: LinkInput, main: Func): Linked {
  const linker = new Linker(input);
  linker.place(main);
  linker.relocateFrom(0);
  linker.exceptionCallback();
  return linker.finish();
}

class Linker {
  private readonly input: LinkInput;
  private readonly placed: Placed[] = [];
  private readonly byFunc: Map<Func, Placed> = new Map();
  private readonly chunks: Uint8Array[] = [];
  private readonly relocations: Relocation[] = [];
  private slots: number = 0;
  private refusal: Diagnostic | null = null;
  private callbackSlot: number = -1;

  constructor(input: LinkInput) {
    this.input = input;
  }

  /** Appends a function's instructions. */
  place(func: Func): Placed {
    const known = this.byFunc.get(func);
    if (known !== undefined) return known;
    const placed: Placed = { func, base: this.slots };
    this.placed.push(placed);
    this.byFunc.set(func, placed);
    this.chunks.push(func.section.data.slice(func.start, func.start + func.size));
    this.slots += func.size / INSN_BYTES;
    if (this.slots > MAX_INSNS) {
      this.refuse(
        func,
        0,
        "PROGRAM_TOO_LARGE",
        `more than ${MAX_INSNS} instructions with its subprograms`,
        "make it smaller",
      );
    }
    return placed;
  }

  /** Depth first, as libbpf does: a subprogram's own calls are placed before the caller's later ones. */
  relocateFrom(first: number): void {
    const stack: { readonly at: number; slot: number }[] = [{ at: first, slot: 0 }];
    while (stack.length > 0 && this.slots <= MAX_INSNS) {
      const frame = stack[stack.length - 1]!;
      const { func } = this.placed[frame.at]!;
      if (frame.slot * INSN_BYTES >= func.size) {
        stack.pop();
        continue;
      }
      const before = this.placed.length;
      const slot = frame.slot;
      frame.slot += this.insn(frame.at, slot);
      if (this.placed.length > before) stack.push({ at: before, slot: 0 });
    }
  }

  /** Brings along the function that the program's tag names. @source libbpf src/libbpf.c bpf_object_fixup_btf, bpf_object__relocate */
  exceptionCallback(): void {
    const main = this.placed[0]!.func;
    const types = main.typeId === 0 ? [] : (this.input.btf?.types ?? []);
    for (const tag of types) {
      if (tag.kind !== "decl_tag" || tag.type !== main.typeId || tag.component !== -1) continue;
      if (!tag.name.startsWith(EXCEPTION_CALLBACK)) continue;
      const name = tag.name.slice(EXCEPTION_CALLBACK.length);
      const text = [...this.input.code.values()].find((c) => c.section.name === ".text");
      const func = [...(text?.funcs.values() ?? [])].find((f) => f.name === name);
      if (func?.global !== true) {
        const what = func === undefined ? "cannot find exception callback" : "must be global: exception callback";
        this.refuse(main, 0, "EXCEPTION_CALLBACK", `${what} '${name}'`, "define it as a global function");
        return;
      }
      const known = this.placed.length;
      this.callbackSlot = this.place(func).base;
      if (this.placed.length > known) this.relocateFrom(known);
    }
  }

  finish(): Linked {
    const insns = new Uint8Array(this.slots * INSN_BYTES);
    this.placed.forEach((p, i) => {
      insns.set(this.chunks[i]!, p.base * INSN_BYTES);
    });
    const funcs = this.placed.map(({ func, base }): FuncInfo => {
      return func.typeId === 0 ? { insn: base, name: func.name } : { insn: base, name: func.name, typeId: func.typeId };
    });
    const relocations = this.relocations.sort((a, b) => a.insn - b.insn);
    const rest = { exceptionCallback: this.callbackSlot, refusal: this.refusal };
    return { insns, relocations, funcs, lines: this.lines(), core: this.core(), ...rest };
  }

  private lines(): LineInfo[] {
    const out: LineInfo[] = [];
    for (const { func, base } of this.placed) {
      const code = this.input.code.get(func.section.index);
      for (const l of within(code?.lines ?? [], func)) {
        const insn = base + Math.floor((l.offset - func.start) / INSN_BYTES);
        out.push({ insn, file: l.file, line: l.line, column: l.column, text: l.text });
      }
    }
    return out;
  }

  private core(): CoreRelocation[] {
    const out: CoreRelocation[] = [];
    for (const { func, base } of this.placed) {
      for (const r of within(this.input.code.get(func.section.index)?.core ?? [], func)) {
        const insn = base + Math.floor((r.offset - func.start) / INSN_BYTES);
        const sectionInsn = Math.floor(r.offset / INSN_BYTES);
        out.push({ insn, index: r.index, sectionInsn, kind: r.kind, typeId: r.typeId, access: r.access });
      }
    }
    return out;
  }

  /** Handles one instruction. @returns the slots it takes */
  private insn(at: number, slot: number): number {
    const { func, base } = this.placed[at]!;
    const chunk = this.chunks[at]!;
    const pos = slot * INSN_BYTES;
    const code = this.input.code.get(func.section.index);
    const relocation = code?.relocations.get(func.start + pos);
    const opcode = chunk[pos]!;
    const source = chunk[pos + 1]! >>> 4;
    const wide = opcode === LD_IMM64 && pos + INSN_BYTES < chunk.length;
    if (relocation !== undefined && !INSN_RELOCATIONS.includes(relocation.type)) {
      const message = `relocation of type ${relocation.type} against '${relocation.symbol.name}', expected R_BPF_64_64 or R_BPF_64_32`;
      this.refuse(func, slot, "RELOC_TYPE", message, "compile it again with clang -target bpf");
    } else if (opcode === CALL && (source === PSEUDO_CALL || relocation !== undefined)) {
      this.call(func, base, slot, chunk, relocation);
    } else if (wide && (relocation !== undefined || source === PSEUDO_FUNC)) {
      this.load(func, base, slot, chunk, relocation);
    } else if (relocation !== undefined) {
      const message = `invalid relo against '${relocation.symbol.name}' for insns[${slot}].code 0x${opcode.toString(16)}`;
      this.refuse(func, slot, "RELOC_INSN", message, "compile it again with clang -target bpf");
    }
    return wide ? 2 : 1;
  }

  private call(func: Func, base: number, slot: number, chunk: Uint8Array, relocation: ElfRelocation | undefined): void {
    const symbol = relocation?.symbol;
    const view = viewOf(chunk);
    if (symbol !== undefined && symbol.shndx === SHN_UNDEF) {
      if (externKind(this.input.btf, symbol.name) !== "kernel function") {
        this.refuseExtern(func, slot, relocation!);
        return;
      }
      const weak = symbol.bind === STB_WEAK;
      this.relocations.push({ kind: "kfunc", insn: base + slot, name: essentialName(symbol.name), weak });
      chunk[slot * INSN_BYTES + 1] = (chunk[slot * INSN_BYTES + 1]! & 15) | (PSEUDO_KFUNC_CALL << 4);
      view.setInt32(slot * INSN_BYTES + 4, 0, true);
      return;
    }
    const imm = view.getInt32(slot * INSN_BYTES + 4, true);
    const section = symbol?.shndx ?? func.section.index;
    const target =
      symbol === undefined ? func.start + (slot + imm + 1) * INSN_BYTES : symbol.value + (imm + 1) * INSN_BYTES;
    const callee = this.input.code.get(section)?.funcs.get(target);
    if (callee === undefined) {
      const what = symbol === undefined ? "" : ` against '${symbol.name}'`;
      const message = `bad call relo${what}: no function starts at byte ${target} of section ${this.sectionName(section)}`;
      this.refuse(func, slot, "RELOC_CALL", message, "compile it again with clang -target bpf");
      return;
    }
    const to = this.place(callee);
    chunk[slot * INSN_BYTES + 1] = (chunk[slot * INSN_BYTES + 1]! & 15) | (PSEUDO_CALL << 4);
    view.setInt32(slot * INSN_BYTES + 4, to.base - (base + slot) - 1, true);
  }

  private load(func: Func, base: number, slot: number, chunk: Uint8Array, relocation: ElfRelocation | undefined): void {
    const view = viewOf(chunk);
    const at = slot * INSN_BYTES;
    if (relocation === undefined) {
      const fix = "compile it again with clang -target bpf";
      this.refuse(func, slot, "RELOC_FUNC", "missing subprog addr relo", fix);
      return;
    }
    const { symbol } = relocation;
    const imm = view.getInt32(at + 4, true);
    if (symbol.shndx === SHN_UNDEF) {
      this.kernelSymbol(func, base, slot, chunk, relocation);
      return;
    }
    if (symbol.shndx >= SHN_LORESERVE) {
      const message = `invalid relo against '${symbol.name}' in special section 0x${symbol.shndx.toString(16)}`;
      this.refuse(func, slot, "RELOC_SECTION", message, "initialise the global variable, or compile with -fno-common");
      return;
    }
    const callee = this.input.code.get(symbol.shndx)?.funcs.get(symbol.value + imm);
    if (this.input.code.has(symbol.shndx)) {
      if (callee === undefined) {
        const message = `bad subprog addr relo against '${symbol.name}' at offset ${symbol.value}+${imm}`;
        this.refuse(func, slot, "RELOC_FUNC", message, "compile it again with clang -target bpf");
        return;
      }
      const to = this.place(callee);
      chunk[at + 1] = (chunk[at + 1]! & 15) | (PSEUDO_FUNC << 4);
      view.setInt32(at + 4, to.base - (base + slot) - 1, true);
      view.setInt32(at + 12, 0, true);
      return;
    }
    if (this.input.elf.sections[symbol.shndx]?.name === ARENA_SECTION) {
      const message = `'${symbol.name}' lies in an arena (section "${ARENA_SECTION}"), which netsim does not have`;
      this.refuse(func, slot, "ARENA_UNSUPPORTED", message, "keep it in a global variable or a map");
      return;
    }
    const isData = this.input.dataSections.has(symbol.shndx);
    const candidates = this.input.mapsAt.get(symbol.shndx) ?? [];
    const offset = symbol.value + imm;
    const mapOffset = symbol.type === STT_SECTION ? offset : symbol.value;
    const entry = isData ? candidates[0] : candidates.find((m) => m.offset === mapOffset);
    if (entry === undefined) {
      const message = `bad map relo against '${symbol.name}' in section ${this.sectionName(symbol.shndx)}`;
      this.refuse(func, slot, "RELOC_MAP", message, "put maps into .maps and variables into .data, .rodata or .bss");
      return;
    }
    if (!entry.supported) {
      const message = `map '${entry.name}' is of type ${entry.map.kind}, which netsim does not have`;
      this.refuse(func, slot, "MAP_TYPE_UNSUPPORTED", message);
      return;
    }
    if (isData && (offset < 0 || offset >= entry.map.valueSize)) {
      const message = `byte ${offset} of ${entry.name} is out of its ${entry.map.valueSize}`;
      this.refuse(func, slot, "RELOC_DATA", message, "compile it again with clang -target bpf");
      return;
    }
    if (isData) {
      this.mapValue(base + slot, slot, chunk, entry.name, offset);
      return;
    }
    this.relocations.push({ kind: "map", insn: base + slot, map: entry.name });
    chunk[at + 1] = (chunk[at + 1]! & 15) | (PSEUDO_MAP_FD << 4);
    view.setInt32(at + 4, 0, true);
    view.setInt32(at + 12, 0, true);
  }

  /** The address of a byte of a data map's only value. */
  private mapValue(insn: number, slot: number, chunk: Uint8Array, map: string, offset: number): void {
    const at = slot * INSN_BYTES;
    this.relocations.push({ kind: "map-value", insn, map, offset });
    chunk[at + 1] = (chunk[at + 1]! & 15) | (PSEUDO_MAP_VALUE << 4);
    viewOf(chunk).setInt32(at + 4, 0, true);
    viewOf(chunk).setInt32(at + 12, offset, true);
  }

  /** The address of a kernel variable or function, or of a part of the kernel's configuration. */
  private kernelSymbol(func: Func, base: number, slot: number, chunk: Uint8Array, relocation: ElfRelocation): void {
    const { symbol } = relocation;
    const option = this.input.kconfig?.variables.get(symbol.name);
    if (option !== undefined) {
      this.mapValue(base + slot, slot, chunk, this.input.kconfig!.entry.name, option.offset);
      return;
    }
    const what = externKind(this.input.btf, symbol.name);
    if (what !== "kernel variable" && what !== "typeless kernel variable" && what !== "kernel function") {
      this.refuseExtern(func, slot, relocation);
      return;
    }
    const at = slot * INSN_BYTES;
    const typed = what !== "typeless kernel variable";
    const weak = symbol.bind === STB_WEAK;
    this.relocations.push({ kind: "ksym", insn: base + slot, name: essentialName(symbol.name), weak, typed });
    chunk[at + 1] = (chunk[at + 1]! & 15) | (PSEUDO_BTF_ID << 4);
    viewOf(chunk).setInt32(at + 4, 0, true);
    viewOf(chunk).setInt32(at + 12, 0, true);
  }

  private refuseExtern(func: Func, slot: number, relocation: ElfRelocation): void {
    const { symbol } = relocation;
    const what = externKind(this.input.btf, symbol.name);
    const weak = symbol.bind === STB_WEAK ? "weak " : "";
    const fix =
      what === "undefined function"
        ? "define it, or let clang inline it (__builtin_memset with a constant size)"
        : undefined;
    this.refuse(func, slot, "EXTERN_UNSUPPORTED", `${weak}${what} '${symbol.name}' cannot be resolved`, fix);
  }

  private sectionName(index: number): string {
    return JSON.stringify(this.input.elf.sections[index]?.name ?? String(index));
  }

  private refuse(func: Func, slot: number, code: string, message: string, fix?: string): void {
    if (this.refusal !== null) return;
    const main = this.placed[0]!.func;
    const where = func === main ? "" : ` in ${func.name}()`;
    const place = { file: this.input.elf.path, section: func.section.name, offset: func.start + slot * INSN_BYTES };
    this.refusal = objectDiagnostic(code, place, `program '${main.name}'${where}: ${message}`, fix);
  }
}

function viewOf(chunk: Uint8Array): DataView {
  return new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** The part of a list ordered by offset that lies within a function. */
function within<T extends { readonly offset: number }>(list: readonly T[], func: Func): readonly T[] {
  const first = lowerBound(list, func.start);
  return list.slice(first, lowerBound(list, func.start + func.size));
}

function lowerBound(list: readonly { readonly offset: number }[], offset: number): number {
  let lo = 0;
  let hi = list.length;
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (list[mid]!.offset < offset) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}
