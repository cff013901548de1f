/**
 * Object file to ObjectSpec, by libbpf's conventions and, for legacy objects, iproute2's.
 * @source libbpf src/libbpf.c bpf_object__open; iproute2 lib/bpf_legacy.c (sections named `ID/KEY`)
 */
import type { Diagnostic } from "../../engine/errors.ts";
import { nearest } from "../../engine/nearest.ts";
import { fixDatasecs } from "../btf/fix-datasecs.ts";
import { parseBtf } from "../btf/parse-btf.ts";
import { NO_BTF_EXT, parseBtfExt } from "../btf/parse-btf-ext.ts";
import type { Btf } from "../btf/types.ts";
import { type ElfFile, type ElfSection, parseElf, SHT_PROGBITS, sectionTypeName } from "../elf/elf.ts";
import { objectDiagnostic, objectError } from "../elf/object-error.ts";
import type { MapSpec, ObjectSpec, ProgramSpec, SectionSpec, UnsupportedMapSpec } from "../spec.ts";
import { type CodeSection, type Func, isCode, readCode } from "./functions.ts";
import { type Kconfig, readKconfig } from "./kconfig.ts";
import { type LinkInput, linkProgram } from "./link.ts";
import { readBtfMaps } from "./map-btf.ts";
import { dataKind, readDataMaps } from "./map-data.ts";
import { type MapEntry, supportedMap } from "./map-entry.ts";
import { readLegacyMaps } from "./map-legacy.ts";
import { RUNNABLE_SECTIONS, sectionType } from "./section-types.ts";

/**
 * Reads an object file's bytes.
 * @param path as the user wrote it, for messages; the names of data maps begin with its last part
 * @throws ObjectError for what makes the whole object unreadable; what concerns one program is its `refusal`
 */
export function parseObject(bytes: Uint8Array, path: string): ObjectSpec {
  const elf = parseElf(bytes, path);
  const notes: string[] = [];
  const { btf: written, ext } = readBtf(elf);
  const kconfig = readKconfig(elf, written);
  const btf = kconfig?.btf ?? written;
  const legacy = elf.sections
    .filter((s) => isProgbits(s) && s.name === "maps")
    .flatMap((s) => readLegacyMaps(elf, s, btf));
  const entries: MapEntry[] = [
    ...elf.sections.filter((s) => isProgbits(s) && s.name === ".maps").flatMap((s) => readBtfMaps(elf, s, btf, notes)),
    ...legacy.map((m) => m.entry),
    ...readDataMaps(elf, btf),
    ...(kconfig === null ? [] : [kconfig.entry]),
  ];
  checkNames(entries, elf);
  const code = readCode(elf, ext);
  const programs = readPrograms(elf, btf, code, entries, kconfig);
  const iproute2Slots = slotsBySection(legacy, programs);
  const maps = entries.flatMap((e): MapSpec[] => {
    const map = supportedMap(e);
    const more = iproute2Slots.get(e.name);
    return map === null ? [] : [more === undefined ? map : { ...map, slots: [...map.slots, ...more] }];
  });
  checkSlots(maps, entries, programs, elf);
  noteSkipped(elf, notes);
  noteStatic(code, notes);
  const version = readVersion(elf);
  const unsupportedMaps = entries.filter((e) => !e.supported).map((e): UnsupportedMapSpec => e.map);
  const spec: ObjectSpec = {
    path,
    license: readLicense(elf),
    programs,
    maps,
    btf,
    sections: elf.sections.map(sectionSpec),
    unsupportedMaps,
    notes,
  };
  return version === null ? spec : { ...spec, version };
}

function isProgbits(section: ElfSection): boolean {
  return section.type === SHT_PROGBITS && section.size > 0;
}

function readBtf(elf: ElfFile): { btf: Btf | null; ext: typeof NO_BTF_EXT } {
  const section = elf.sections.find((s) => s.name === ".BTF" && isProgbits(s));
  if (section === undefined) return { btf: null, ext: NO_BTF_EXT };
  const { btf, strings } = parseBtf(section.data, { file: elf.path });
  const ext = elf.sections.find((s) => s.name === ".BTF.ext" && isProgbits(s));
  return {
    btf: fixDatasecs(btf, elf),
    ext: ext === undefined ? NO_BTF_EXT : parseBtfExt(ext.data, strings, elf.path),
  };
}

function readLicense(elf: ElfFile): string {
  const data = elf.sections.find((s) => s.name === "license" && isProgbits(s))?.data;
  if (data === undefined) return "";
  const end = data.indexOf(0);
  return new TextDecoder().decode(end < 0 ? data : data.subarray(0, end));
}

function readVersion(elf: ElfFile): number | null {
  const section = elf.sections.find((s) => s.name === "version" && isProgbits(s));
  if (section === undefined) return null;
  const { data } = section;
  if (data.length !== 4) {
    const place = { file: elf.path, section: "version" };
    throw objectError(
      "VERSION_SIZE",
      place,
      `${data.length} bytes, expected 4`,
      'write __u32 _version SEC("version") = 1',
    );
  }
  return (data[0]! | (data[1]! << 8) | (data[2]! << 16) | (data[3]! << 24)) >>> 0;
}

function sectionSpec(section: ElfSection): SectionSpec {
  const flags = [
    [1, "W"],
    [2, "A"],
    [4, "X"],
    [16, "M"],
    [32, "S"],
    [64, "I"],
    [128, "L"],
    [0x80000000, "E"],
  ] as const;
  const letters = flags.filter(([bit]) => (section.flags & bit) !== 0).map(([, letter]) => letter);
  const { index, name, size } = section;
  return { index, name, type: sectionTypeName(section.type), sizeBytes: size, flags: letters.join("") };
}

function checkNames(entries: readonly MapEntry[], elf: ElfFile): void {
  const seen = new Set<string>();
  for (const e of entries) {
    if (seen.has(e.name)) {
      const place = { file: elf.path, section: elf.sections[e.section]?.name ?? "", offset: e.offset };
      throw objectError("MAP_DUPLICATE", place, `there are two maps named '${e.name}'`, "rename one of them");
    }
    seen.add(e.name);
  }
}

/**
 * Entry points: the global functions outside `.text`. When there is none at all, a single function in `.text` is one.
 * @source libbpf prog_is_subprog
 */
function readPrograms(
  elf: ElfFile,
  btf: Btf | null,
  code: ReadonlyMap<number, CodeSection>,
  entries: readonly MapEntry[],
  kconfig: Kconfig | null,
): ProgramSpec[] {
  const mapsAt = new Map<number, MapEntry[]>();
  for (const e of entries) mapsAt.set(e.section, [...(mapsAt.get(e.section) ?? []), e]);
  const dataSections = new Set(elf.sections.filter((s) => dataKind(s) !== null).map((s) => s.index));
  const input: LinkInput = { elf, btf, code, mapsAt, dataSections, kconfig };
  const all = [...code.values()].flatMap((c) => [...c.funcs.values()].sort((a, b) => a.start - b.start));
  const mains = all.filter((f) => f.section.name !== ".text" && f.global);
  const entryPoints = mains.length === 0 && all.length === 1 ? all : mains;
  return entryPoints.map((f) => programSpec(input, f));
}

function programSpec(input: LinkInput, main: Func): ProgramSpec {
  const autoload = !main.section.name.startsWith("?");
  const section = autoload ? main.section.name : main.section.name.slice(1);
  const said = sectionType(section);
  const linked = linkProgram(input, main);
  return {
    name: main.name,
    section,
    kind: said?.kind ?? null,
    attach: said?.attach ?? null,
    frags: said?.frags ?? false,
    insns: linked.insns,
    relocations: linked.relocations,
    funcs: linked.funcs,
    lines: linked.lines,
    ...(linked.exceptionCallback < 0 ? {} : { exceptionCallback: linked.exceptionCallback }),
    core: linked.core,
    btf: input.btf,
    typeName: said?.typeName ?? null,
    autoload,
    refusal: linked.refusal ?? typeRefusal(input.elf.path, main, section),
  };
}

function typeRefusal(file: string, main: Func, section: string): Diagnostic | null {
  const said = sectionType(section);
  if (said === null || said.kind !== null) return null;
  const place = { file, section: main.section.name, offset: main.start };
  const message = `program '${main.name}' is of type ${said.typeName}, which netsim does not run`;
  const known = [...new Set(RUNNABLE_SECTIONS.map((s) => s.split(/[/.]/)[0]!))].join(", ");
  return objectDiagnostic("PROG_TYPE_UNSUPPORTED", place, message, `netsim runs programs of the sections ${known}`);
}

/** iproute2: the program in section `ID/KEY` goes into slot KEY of the prog array with that id. */
function slotsBySection(
  legacy: readonly { readonly entry: MapEntry; readonly id: number }[],
  programs: readonly ProgramSpec[],
): Map<string, { index: number; target: string }[]> {
  const out = new Map<string, { index: number; target: string }[]>();
  for (const program of programs) {
    const match = /^(0x[0-9a-fA-F]+|\d+)\/(0x[0-9a-fA-F]+|\d+)$/.exec(program.section);
    if (match === null) continue;
    const [id, index] = [Number(match[1]), Number(match[2])];
    const owner = legacy.find((m) => m.id === id && id !== 0 && supportedMap(m.entry)?.kind === "prog_array");
    if (owner === undefined) continue;
    const list = out.get(owner.entry.name) ?? [];
    if (!list.some((s) => s.index === index)) list.push({ index, target: program.name });
    out.set(owner.entry.name, list);
  }
  return out;
}

/** Initialisers name a program (prog arrays) or a map (maps of maps) of this object. */
function checkSlots(
  maps: readonly MapSpec[],
  entries: readonly MapEntry[],
  programs: readonly ProgramSpec[],
  elf: ElfFile,
): void {
  for (const map of maps) {
    const isProgArray = map.kind === "prog_array";
    const known = new Set(isProgArray ? programs.map((p) => p.name) : maps.map((m) => m.name));
    for (const slot of map.slots) {
      if (known.has(slot.target)) continue;
      const entry = entries.find((e) => e.name === map.name);
      const place = {
        file: elf.path,
        section: elf.sections[entry?.section ?? 0]?.name ?? "",
        offset: entry?.offset ?? 0,
      };
      const what = isProgArray ? "an entry-point program" : "a valid map reference";
      const near = nearest(slot.target, known);
      const fix =
        near === null ? `put a ${isProgArray ? "program" : "map"} of this object there` : `did you mean ${near}?`;
      throw objectError(
        "MAP_VALUES",
        place,
        `map '${map.name}' slot ${slot.index}: '${slot.target}' isn't ${what}`,
        fix,
      );
    }
  }
}

/** Relocations of data are passed over, as libbpf does: a pointer stored in a global variable stays as the compiler left it. */
function noteSkipped(elf: ElfFile, notes: string[]): void {
  for (const section of elf.sections) {
    if (dataKind(section) === null || isCode(section)) continue;
    const count = elf.relocationsOf(section).length;
    if (count === 0) continue;
    const name = JSON.stringify(section.name);
    notes.push(`${count} pointer(s) initialised in section ${name} are not relocated (libbpf does not either)`);
  }
}

/** libbpf refuses the whole object then ("program 'x' is static and not supported"); Cilium's loader links it as is done here. */
function noteStatic(code: ReadonlyMap<number, CodeSection>, notes: string[]): void {
  for (const { section, funcs } of code.values()) {
    if (section.name === ".text") continue;
    const names = [...funcs.values()].filter((f) => !f.global).map((f) => f.name);
    if (names.length === 0) continue;
    const name = JSON.stringify(section.name);
    notes.push(
      `static functions in section ${name}: ${names.join(", ")}; libbpf refuses such objects, Cilium's loader links them`,
    );
  }
}
