/**
 * Maps of the `.maps` section, defined by BTF: each variable is a struct whose member types carry the numbers (a pointer to an
 * array of N elements stands for N) and the key and value types.
 * @source libbpf src/libbpf.c parse_btf_map_def, bpf_object__collect_map_relos
 */
import { suggest } from "../../engine/nearest.ts";
import { findType, resolve, sizeOf, typeOf } from "../btf/query.ts";
import type { Btf, BtfType } from "../btf/types.ts";
import type { ElfFile, ElfSection } from "../elf/elf.ts";
import { type ObjectPlace, objectError } from "../elf/object-error.ts";
import type { MapSpec } from "../spec.ts";
import { type MapEntry, ringbufEntries, supportedMap } from "./map-entry.ts";
import { isMapInMap, mapKindOf, mapTypeName } from "./map-types.ts";

const FIELDS = [
  "type",
  "key",
  "value",
  "key_size",
  "value_size",
  "max_entries",
  "map_flags",
  "pinning",
  "values",
  "numa_node",
  "map_extra",
] as const;
const POINTER = 8;
/** BTF_VAR_GLOBAL_ALLOCATED */
const VAR_GLOBAL = 1;
/** LIBBPF_PIN_BY_NAME. */
const PIN_BY_NAME = 1;

/** A definition as it is collected from the members. */
interface Draft {
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  mapExtra: number;
  numaNode: number;
  keyTypeId: number;
  valueTypeId: number;
  pinning: number;
  inner: Draft | null;
  /** Byte offset of `values` within the struct, -1 when there is none. */
  valuesAt: number;
}

/**
 * Reads the `.maps` section.
 * @throws ObjectError MAP_BTF, MAP_FIELD, MAP_SIZE, MAP_VALUES
 */
export function readBtfMaps(elf: ElfFile, section: ElfSection, btf: Btf | null, notes: string[]): MapEntry[] {
  const place: ObjectPlace = { file: elf.path, section: section.name };
  if (btf === null) {
    throw objectError(
      "MAP_BTF",
      place,
      "maps are defined by BTF, but there is no .BTF section",
      "compile with clang -g",
    );
  }
  const datasec = typeOf(btf, findType(btf, section.name, "datasec"));
  if (datasec.kind !== "datasec") {
    const message = `the BTF has no data section type named ${JSON.stringify(section.name)}`;
    throw objectError("MAP_BTF", place, message, "compile with clang -g");
  }
  const drafts: { entry: MapEntry; draft: Draft }[] = [];
  for (const v of datasec.vars) {
    const at: ObjectPlace = { ...place, offset: v.offset };
    const variable = typeOf(btf, v.type);
    if (variable.kind !== "var" || variable.name === "") {
      throw objectError("MAP_BTF", at, "a map definition is no variable with a name", "compile it again with clang -g");
    }
    if (variable.linkage !== VAR_GLOBAL) {
      const linkage = variable.linkage === 0 ? "static" : "extern";
      const message = `map '${variable.name}': unsupported map linkage ${linkage}`;
      throw objectError("MAP_BTF", at, message, "define it as a global variable");
    }
    const def = resolve(btf, variable.type).type;
    if (def.kind !== "struct") {
      const message = `map '${variable.name}': unexpected def kind ${def.kind}, expected struct`;
      throw objectError("MAP_BTF", at, message, 'define it as struct { __uint(type, ...); ... } NAME SEC(".maps")');
    }
    if (v.offset + def.size > section.size) {
      const message = `map '${variable.name}' BTF data is corrupted: it ends at ${v.offset + def.size} of ${section.size} bytes`;
      throw objectError("MAP_BTF", at, message, "compile it again with clang -g");
    }
    const draft = readDef(btf, def, variable.name, at, false);
    if (draft.pinning > PIN_BY_NAME)
      notes.push(`map '${variable.name}': pinning ${draft.pinning} is taken as pinned by name`);
    drafts.push({ draft, entry: toEntry(variable.name, section.index, v.offset, draft, btf) });
  }
  return withSlots(elf, section, drafts, place);
}

function readDef(
  btf: Btf,
  def: BtfType & { kind: "struct" | "union" },
  map: string,
  place: ObjectPlace,
  isInner: boolean,
): Draft {
  const draft: Draft = {
    type: 0,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    mapExtra: 0,
    numaNode: 0,
    keyTypeId: 0,
    valueTypeId: 0,
    pinning: 0,
    inner: null,
    valuesAt: -1,
  };
  const size = (which: "key" | "value", bytes: number): void => {
    const old = which === "key" ? draft.keySize : draft.valueSize;
    if (old !== 0 && old !== bytes) {
      throw objectError(
        "MAP_SIZE",
        place,
        `map '${map}': conflicting ${which} size ${old} != ${bytes}`,
        `give only one ${which} size`,
      );
    }
    if (which === "key") draft.keySize = bytes;
    else draft.valueSize = bytes;
  };
  for (const [i, member] of def.members.entries()) {
    const number = (): number => fieldNumber(btf, member.type, map, member.name, place);
    switch (member.name) {
      case "type":
        draft.type = number();
        break;
      case "max_entries":
        draft.maxEntries = number();
        break;
      case "map_flags":
        draft.flags = number();
        break;
      case "pinning":
        if (isInner)
          throw objectError("MAP_FIELD", place, `map '${map}': inner def can't be pinned`, "pin the outer map");
        draft.pinning = number();
        break;
      case "numa_node":
        draft.numaNode = number();
        break;
      case "map_extra":
        draft.mapExtra = number();
        break;
      case "key_size":
        size("key", number());
        break;
      case "value_size":
        size("value", number());
        break;
      case "key":
      case "value": {
        const pointer = typeOf(btf, member.type);
        if (pointer.kind !== "ptr") {
          const message = `map '${map}': ${member.name} spec is not PTR: ${pointer.kind}`;
          throw objectError("MAP_FIELD", place, message, `write __type(${member.name}, TYPE)`);
        }
        const bytes = sizeOf(btf, pointer.type);
        if (bytes === null || bytes > 0xffffffff) {
          const message = `map '${map}': can't determine ${member.name} size for type [${pointer.type}]`;
          throw objectError("MAP_SIZE", place, message, "use a complete type");
        }
        size(member.name, bytes);
        if (member.name === "key") draft.keyTypeId = pointer.type;
        else draft.valueTypeId = pointer.type;
        break;
      }
      case "values":
        if (isInner) {
          throw objectError(
            "MAP_VALUES",
            place,
            `map '${map}': multi-level inner maps not supported`,
            "nest maps once only",
          );
        }
        if (i !== def.members.length - 1) {
          throw objectError("MAP_VALUES", place, `map '${map}': 'values' member should be last`, "move it to the end");
        }
        size("value", 4);
        draft.valuesAt = member.bitOffset >>> 3;
        draft.inner = readValues(btf, member.type, draft.type, map, place);
        break;
      default: {
        const fix = suggest(member.name, FIELDS);
        throw objectError("MAP_FIELD", place, `map '${map}': unknown field '${member.name}'`, fix);
      }
    }
  }
  if (draft.type === 0) {
    throw objectError(
      "MAP_FIELD",
      place,
      `map '${map}': map type isn't specified`,
      "write __uint(type, BPF_MAP_TYPE_...)",
    );
  }
  return draft;
}

/** `__uint(name, N)` is `int (*name)[N]`; `__ulong(name, N)` an enum with the value N. */
function fieldNumber(btf: Btf, typeId: number, map: string, field: string, place: ObjectPlace): number {
  const { type } = resolve(btf, typeId);
  if (type.kind === "enum") return Number(type.values[0]?.value ?? 0n);
  const to = type.kind === "ptr" ? typeOf(btf, type.type) : type;
  if (type.kind === "ptr" && to.kind === "array") return to.count;
  const message = `map '${map}': attr '${field}': expected PTR to ARRAY, got ${type.kind}`;
  throw objectError("MAP_FIELD", place, message, `write __uint(${field}, NUMBER)`);
}

/** The element type of `values`: a pointer to an inner map's definition, or to a function for program arrays. */
function readValues(btf: Btf, typeId: number, outerType: number, map: string, place: ObjectPlace): Draft | null {
  const kind = mapKindOf(outerType);
  const isProgArray = kind === "prog_array";
  if (kind === null || (!isProgArray && !isMapInMap(kind))) {
    const message = `map '${map}': should be map-in-map or prog-array`;
    throw objectError("MAP_VALUES", place, message, "remove 'values' or change the type");
  }
  const array = resolve(btf, typeId).type;
  const pointer = array.kind === "array" ? resolve(btf, array.type).type : array;
  const to = pointer.kind === "ptr" ? resolve(btf, pointer.type).type : pointer;
  const what = isProgArray ? "prog-array value" : "map-in-map inner";
  if (array.kind !== "array" || array.count !== 0) {
    const message = `map '${map}': ${what} spec is not a zero-sized array`;
    throw objectError("MAP_VALUES", place, message, "write __array(values, TYPE)");
  }
  if (pointer.kind !== "ptr") {
    const message = `map '${map}': ${what} def is of unexpected kind ${pointer.kind}`;
    throw objectError("MAP_VALUES", place, message, "write __array(values, TYPE)");
  }
  if (isProgArray) {
    if (to.kind === "func_proto") return null;
    const message = `map '${map}': prog-array value def is of unexpected kind ${to.kind}`;
    throw objectError("MAP_VALUES", place, message, "write __array(values, int (void *))");
  }
  if (to.kind !== "struct") {
    const message = `map '${map}': map-in-map inner def is of unexpected kind ${to.kind}`;
    throw objectError("MAP_VALUES", place, message, "write __array(values, struct { __uint(type, ...); ... })");
  }
  return readDef(btf, to, `${map}.inner`, place, true);
}

function toEntry(name: string, section: number, offset: number, draft: Draft, btf: Btf): MapEntry {
  const sizes = { keySize: draft.keySize, valueSize: draft.valueSize, flags: draft.flags };
  const kind = mapKindOf(draft.type);
  const inner = draft.inner === null ? null : toEntry(`${name}.inner`, section, offset, draft.inner, btf);
  const innerMap = inner === null ? null : supportedMap(inner);
  if (kind === null || (inner !== null && innerMap === null)) {
    const typeName = kind === null ? mapTypeName(draft.type) : `${kind} of ${mapTypeName(draft.inner?.type ?? 0)}`;
    const map = { name, kind: typeName, maxEntries: draft.maxEntries, ...sizes };
    return { section, offset, name, map, supported: false };
  }
  const map: MapSpec = {
    name,
    kind,
    ...sizes,
    ...(draft.mapExtra === 0 ? {} : { mapExtra: draft.mapExtra }),
    ...(draft.numaNode === 0 ? {} : { numaNode: draft.numaNode }),
    maxEntries: kind === "ringbuf" || kind === "user_ringbuf" ? ringbufEntries(draft.maxEntries) : draft.maxEntries,
    pinByName: draft.pinning !== 0,
    keyTypeId: draft.keyTypeId,
    valueTypeId: draft.valueTypeId,
    btf,
    inner: innerMap,
    data: null,
    readonly: false,
    slots: [],
  };
  return { section, offset, name, map, supported: true };
}

/** The initialisers of `values`: one relocation per filled slot. */
function withSlots(
  elf: ElfFile,
  section: ElfSection,
  drafts: readonly { entry: MapEntry; draft: Draft }[],
  place: ObjectPlace,
): MapEntry[] {
  const slots = new Map<MapEntry, { index: number; target: string }[]>();
  for (const relocation of elf.relocationsOf(section)) {
    let owner: { entry: MapEntry; draft: Draft } | null = null;
    for (const d of drafts) {
      if (d.entry.offset <= relocation.offset && (owner === null || d.entry.offset > owner.entry.offset)) owner = d;
    }
    const start = owner === null ? -1 : owner.entry.offset + owner.draft.valuesAt;
    const index = (relocation.offset - start) / POINTER;
    if (owner === null || owner.draft.valuesAt < 0 || index < 0 || !Number.isInteger(index)) {
      const message = `a reference to '${relocation.symbol.name}' stands where no map has 'values'`;
      throw objectError("MAP_VALUES", { ...place, offset: relocation.offset }, message, "initialise only 'values'");
    }
    const list = slots.get(owner.entry) ?? [];
    list.push({ index, target: relocation.symbol.name });
    slots.set(owner.entry, list);
  }
  return drafts.map(({ entry }) => {
    const list = slots.get(entry);
    return list === undefined || !entry.supported ? entry : { ...entry, map: { ...entry.map, slots: list } as MapSpec };
  });
}
