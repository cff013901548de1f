/**
 * The program that a BPF_PROG_LOAD describes: its instructions with the maps, functions and variables that they name by number, and what
 * its types say of it.
 * @source kernel/bpf/verifier.c resolve_pseudo_ldimm64, add_used_map, process_fd_array, add_kfunc_call, check_btf_func, check_btf_line,
 *         check_core_relo; errno asked of Linux 6.18
 */
import type { BtfStrings } from "../../bpf/btf/parse-btf.ts";
import type { Btf } from "../../bpf/btf/types.ts";
import type { BpfMap } from "../../bpf/map.ts";
import { E2BIG, EFAULT, EINVAL, ENOENT, ENOTSUPP, EPROTO } from "../../bpf/maps/errno.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import type { CoreRelocation, FuncInfo, LineInfo, ProgramSpec, Relocation } from "../../bpf/spec.ts";
import type { Host } from "../host.ts";
import type { BpfAttr } from "./attr.ts";

const AT = {
  insnCnt: 4,
  insns: 8,
  btfFd: 72,
  funcs: { size: 76, at: 80, count: 88 },
  lines: { size: 92, at: 96, count: 104 },
  core: { count: 116, at: 128, size: 136 },
  fdArray: 120,
  fdArrayCnt: 148,
} as const;
const LD_IMM64 = 0x18;
const CALL = 0x85;
const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;
const PSEUDO_BTF_ID = 3;
const PSEUDO_FUNC = 4;
const PSEUDO_MAP_IDX = 5;
const PSEUDO_MAP_IDX_VALUE = 6;
const PSEUDO_KFUNC_CALL = 2;
/** Least and largest sizes of records: MIN_BPF_FUNCINFO_SIZE, MIN_BPF_LINEINFO_SIZE and their kin. */
const LEAST = { funcs: 8, lines: 16, core: 16 } as const;
const LARGEST_RECORD = 252;

/** A program to be loaded, and the live maps that its relocations name. */
export interface ReadProgram {
  readonly spec: ProgramSpec;
  readonly maps: ReadonlyMap<string, BpfMap>;
}

/** @returns the program, or the -errno with which the kernel refuses it */
export function readProgram(
  host: Host,
  attr: BpfAttr,
  name: string,
  kind: ProgKind,
  frags: boolean,
): ReadProgram | number {
  const insns = attr.read(AT.insns, attr.u32(AT.insnCnt) * 8);
  if (insns === null) return -EFAULT;
  const array = fdArrayError(host, attr);
  if (array !== 0) return array;
  const types = readTypes(host, attr, name);
  if (typeof types === "number") return types;
  const relocations: Relocation[] = [];
  const maps = new Map<string, BpfMap>();
  const err = resolve(host, attr, insns, relocations, maps);
  if (err !== 0) return err;
  const spec: ProgramSpec = {
    name,
    section: "",
    kind,
    attach: null,
    frags,
    insns,
    relocations,
    ...types,
  };
  return { spec, maps };
}

/** Every descriptor of a counted array must be a map's or of types. */
function fdArrayError(host: Host, attr: BpfAttr): number {
  const count = attr.u32(AT.fdArrayCnt);
  if (count === 0) return 0;
  const bytes = attr.read(AT.fdArray, count * 4);
  if (bytes === null) return -EFAULT;
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const fd = view.getUint32(i * 4, true);
    const file = host.bpf.fds.of(fd, "map");
    if (typeof file === "number" && host.bpf.fds.at(fd)?.kind !== "btf") return file;
  }
  return 0;
}

/** Puts names in the place of numbers. @returns 0 or -errno */
function resolve(
  host: Host,
  attr: BpfAttr,
  insns: Uint8Array,
  relocations: Relocation[],
  maps: Map<string, BpfMap>,
): number {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.length);
  const slots = insns.length / 8;
  for (let slot = 0; slot < slots; slot++) {
    const at = slot * 8;
    const src = insns[at + 1]! >>> 4;
    const imm = view.getInt32(at + 4, true);
    if (insns[at] === CALL && src === PSEUDO_KFUNC_CALL) {
      const name = kernelName(host, imm, "func");
      if (name === null || view.getInt16(at + 2, true) !== 0) return -EINVAL;
      relocations.push({ kind: "kfunc", insn: slot, name, weak: false });
    }
    if (insns[at] !== LD_IMM64) continue;
    // the second half is looked at by the decoder
    if (slot + 1 === slots) return -EINVAL;
    const second = view.getInt32(at + 12, true);
    slot++;
    if (src === 0 || src === PSEUDO_FUNC) continue;
    if (src === PSEUDO_BTF_ID) {
      const name = kernelName(host, imm, "var") ?? kernelName(host, imm, "func");
      if (name === null) return imm > 0 && imm < host.kernel.env.structs.btf.types.length ? -EINVAL : -ENOENT;
      relocations.push({ kind: "ksym", insn: slot - 1, name, weak: false, typed: true });
    } else {
      const found = namedMap(host, attr, src, imm, second);
      if (typeof found === "number") return found;
      const name = `map of id ${found.id}`;
      maps.set(name, found);
      const isValue = src === PSEUDO_MAP_VALUE || src === PSEUDO_MAP_IDX_VALUE;
      relocations.push(
        isValue
          ? { kind: "map-value", insn: slot - 1, map: name, offset: second }
          : { kind: "map", insn: slot - 1, map: name },
      );
      // as in an object file, where the relocation alone says which map and which byte
      insns[at + 1] = (insns[at + 1]! & 15) | ((isValue ? PSEUDO_MAP_VALUE : PSEUDO_MAP_FD) << 4);
      view.setInt32(at + 4, 0, true);
      view.setInt32(at + 12, 0, true);
    }
  }
  return 0;
}

/** The map that an instruction loads. @param second the imm of its second half. @returns it, or -errno */
function namedMap(host: Host, attr: BpfAttr, src: number, imm: number, second: number): BpfMap | number {
  const isValue = src === PSEUDO_MAP_VALUE || src === PSEUDO_MAP_IDX_VALUE;
  if (src > PSEUDO_MAP_IDX_VALUE || (!isValue && second !== 0)) return -EINVAL;
  let fd = imm;
  if (src === PSEUDO_MAP_IDX || src === PSEUDO_MAP_IDX_VALUE) {
    if (attr.isZero(AT.fdArray)) return -EPROTO;
    const bytes = attr.read(AT.fdArray, (imm >>> 0) * 4 + 4);
    if (bytes === null) return -EFAULT;
    fd = new DataView(bytes.buffer).getInt32(bytes.length - 4, true);
  }
  const file = host.bpf.fds.of(fd, "map");
  if (typeof file === "number" || !isValue) return typeof file === "number" ? file : file.map;
  const { kind, maxEntries, valueSize } = file.map.spec;
  if (kind !== "array") return -EINVAL;
  if (maxEntries !== 1) return -ENOTSUPP;
  return second >>> 0 >= valueSize ? -EINVAL : file.map;
}

/** Name of one of the kernel's functions or variables by its type's id; null when it is none. */
function kernelName(host: Host, id: number, kind: "func" | "var"): string | null {
  const type = host.kernel.env.structs.btf.types[id];
  return type?.kind === kind ? type.name : null;
}

type TypeFacts = Pick<ProgramSpec, "funcs" | "lines" | "core" | "btf">;

/** Functions, lines and CO-RE relocations. @returns them, or -errno */
function readTypes(host: Host, attr: BpfAttr, name: string): TypeFacts | number {
  const plain = { funcs: [{ insn: 0, name }], lines: [] };
  if (attr.u32(AT.funcs.count) === 0 && attr.u32(AT.lines.count) === 0 && attr.u32(AT.core.count) === 0) return plain;
  const file = host.bpf.fds.of(attr.u32(AT.btfFd), "btf");
  if (typeof file === "number") return file;
  const funcs = readRecords(attr, AT.funcs, LEAST.funcs, (v, at) => funcOf(file.btf, v, at));
  if (typeof funcs === "number") return funcs;
  const lines = readRecords(attr, AT.lines, LEAST.lines, (v, at) => lineOf(file.strings, v, at));
  if (typeof lines === "number") return lines;
  const core = readRecords(attr, AT.core, LEAST.core, (v, at, i) => coreOf(file.strings, v, at, i));
  if (typeof core === "number") return core;
  return { funcs: funcs.length === 0 ? plain.funcs : funcs, lines, core, btf: file.btf };
}

/** An array of records whose size the caller says; what it has beyond the known fields must be zero. */
function readRecords<T>(
  attr: BpfAttr,
  at: { readonly size: number; readonly at: number; readonly count: number },
  leastBytes: number,
  read: (view: DataView, at: number, index: number) => T | null,
): T[] | number {
  const count = attr.u32(at.count);
  const size = attr.u32(at.size);
  if (count === 0) return [];
  if (count > attr.u32(AT.insnCnt) || size < leastBytes || size > LARGEST_RECORD || size % 4 !== 0) return -EINVAL;
  const bytes = attr.read(at.at, count * size);
  if (bytes === null) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const out: T[] = [];
  for (let i = 0; i < count; i++) {
    if (bytes.subarray(i * size + leastBytes, (i + 1) * size).some((b) => b !== 0)) return -E2BIG;
    const record = read(view, i * size, i);
    if (record === null) return -EINVAL;
    out.push(record);
  }
  return out;
}

function funcOf(btf: Btf, view: DataView, at: number): FuncInfo | null {
  const typeId = view.getUint32(at + 4, true);
  const type = btf.types[typeId];
  return type?.kind === "func" ? { insn: view.getUint32(at, true), name: type.name, typeId } : null;
}

function lineOf(strings: BtfStrings, view: DataView, at: number): LineInfo | null {
  const file = strings(view.getUint32(at + 4, true));
  const text = strings(view.getUint32(at + 8, true));
  const place = view.getUint32(at + 12, true);
  if (file === null || text === null) return null;
  return { insn: view.getUint32(at, true), file, text, line: place >>> 10, column: place & 1023 };
}

function coreOf(strings: BtfStrings, view: DataView, at: number, index: number): CoreRelocation | null {
  const insn = view.getUint32(at, true) / 8;
  const access = strings(view.getUint32(at + 8, true));
  if (access === null || !Number.isInteger(insn)) return null;
  const typeId = view.getUint32(at + 4, true);
  return { insn, index, sectionInsn: insn, kind: view.getUint32(at + 12, true), typeId, access };
}
