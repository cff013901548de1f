/**
 * Maps of the legacy `maps` section: one C struct of u32 words per map. Three layouts are in the wild, and nothing but their
 * size and contents tells them apart:
 *
 *     word  0    1        2          3           4         5             6          7        8
 *     bpf_map_def (libbpf, samples), 16 to 28 bytes
 *           type key_size value_size max_entries map_flags inner_map_idx numa_node
 *     bpf_elf_map (iproute2), 28 or 36 bytes
 *           type size_key size_value max_elem    flags     id            pinning    inner_id inner_idx
 *
 * The size is the symbol's, or the section's divided by the number of symbols. With 36 bytes and more it is bpf_elf_map, and words
 * behind the ninth must be zero. With 28 bytes it is bpf_map_def when the type is a map of maps or the flags say BPF_F_NUMA_NODE,
 * else bpf_elf_map; both mean the same when words 5 and 6 are zero, as they nearly always are.
 * @source libbpf 0.8 bpf_object__init_user_maps; iproute2 include/bpf_elf.h, lib/bpf_legacy.c
 */
import { findType, sizeOf, typeOf } from "../btf/query.ts";
import type { Btf } from "../btf/types.ts";
import { type ElfFile, type ElfSection, type ElfSymbol, STT_NOTYPE, STT_OBJECT } from "../elf/elf.ts";
import { type ObjectPlace, objectError } from "../elf/object-error.ts";
import { BPF_F_NUMA_NODE } from "../maps/flags.ts";
import type { MapSpec } from "../spec.ts";
import { type MapEntry, ringbufEntries, supportedMap } from "./map-entry.ts";
import { isMapInMap, mapKindOf, mapTypeName } from "./map-types.ts";

/** iproute2's pinning: PIN_OBJECT_NS, PIN_GLOBAL_NS. Larger numbers are paths of /etc/iproute2/bpf_pinning, which comes without any. */
const PINNING: Readonly<Record<number, "object" | "global">> = { 1: "object", 2: "global" };
const INNER_IDX_NONE = 0xffffffff;

/** A legacy map with what only iproute2's layout says. */
export interface LegacyMap {
  readonly entry: MapEntry;
  /** iproute2's id, 0 when there is none: sections named `ID/KEY` hold a program for that prog array. */
  readonly id: number;
}

interface Words {
  readonly symbol: ElfSymbol;
  readonly words: readonly number[];
  readonly iproute2: boolean;
}

/** @throws ObjectError MAP_LEGACY */
export function readLegacyMaps(elf: ElfFile, section: ElfSection, btf: Btf | null): LegacyMap[] {
  const place: ObjectPlace = { file: elf.path, section: section.name };
  const symbols = elf.symbols
    .filter((s) => s.shndx === section.index && (s.type === STT_OBJECT || s.type === STT_NOTYPE))
    .filter((s) => s.name !== "" && !s.name.startsWith(".L"))
    .sort((a, b) => a.value - b.value);
  if (symbols.length === 0) {
    throw objectError("MAP_LEGACY", place, "no symbol names a map in it", "strip only debug sections: llvm-strip -g");
  }
  const defs = symbols.map((symbol, i) => readWords(section, symbol, symbols[i + 1]?.value ?? section.size, place));
  const entries = defs.map((def) => toMap(def, section, btf));
  return defs.map((def, i) => {
    const id = def.iproute2 ? (def.words[5] ?? 0) : 0;
    const own = entries[i]!;
    const map = supportedMap(own);
    if (map === null || !isMapInMap(map.kind)) return { entry: own, id };
    const innerIndex = innerOf(def, defs);
    const inner = innerIndex < 0 ? null : supportedMap(entries[innerIndex] ?? own);
    if (inner === null || isMapInMap(inner.kind)) {
      const message = `map '${own.name}': its inner map is not defined in this section`;
      throw objectError(
        "MAP_LEGACY",
        { ...place, offset: own.offset },
        message,
        "define it in .maps with __array(values, ...)",
      );
    }
    return { entry: { ...own, map: { ...map, inner, slots: slotsOf(def, defs) } }, id };
  });
}

function readWords(section: ElfSection, symbol: ElfSymbol, end: number, place: ObjectPlace): Words {
  const size = symbol.size > 0 ? symbol.size : end - symbol.value;
  const at: ObjectPlace = { ...place, offset: symbol.value };
  if (size < 16 || size % 4 !== 0 || size > 256 || symbol.value + size > section.data.length) {
    const message = `map '${symbol.name}' is ${size} bytes of a section of ${section.size}, expected 16 to 36`;
    throw objectError("MAP_LEGACY", at, message, "define it as struct bpf_map_def, or better in .maps");
  }
  const view = new DataView(section.data.buffer, section.data.byteOffset + symbol.value, size);
  const words = Array.from({ length: size / 4 }, (_, i) => view.getUint32(i * 4, true));
  if (words.slice(9).some((w) => w !== 0)) {
    const message = `map '${symbol.name}' has unrecognized, non-zero options behind byte 36`;
    throw objectError("MAP_LEGACY", at, message, "define it in .maps");
  }
  const kind = mapKindOf(words[0] ?? 0);
  const numa = ((words[4] ?? 0) & BPF_F_NUMA_NODE) !== 0;
  const iproute2 = size >= 36 || (size === 28 && !numa && !(kind !== null && isMapInMap(kind)));
  return { symbol, words, iproute2 };
}

function toMap(def: Words, section: ElfSection, btf: Btf | null): MapEntry {
  const [type = 0, keySize = 0, valueSize = 0, maxEntries = 0, flags = 0] = def.words;
  const { name, value: offset } = def.symbol;
  const kind = mapKindOf(type);
  if (kind === null) {
    const map = { name, kind: mapTypeName(type), keySize, valueSize, maxEntries, flags };
    return { section: section.index, offset, name, map, supported: false };
  }
  const annotated = annotatedTypes(btf, name, keySize, valueSize);
  const elfPin = def.iproute2 ? PINNING[def.words[6] ?? 0] : undefined;
  const map: MapSpec = {
    name,
    kind,
    keySize,
    valueSize,
    maxEntries: kind === "ringbuf" ? ringbufEntries(maxEntries) : maxEntries,
    flags,
    pinByName: false,
    ...(elfPin === undefined ? {} : { elfPin }),
    ...(!def.iproute2 && (def.words[6] ?? 0) !== 0 ? { numaNode: def.words[6]! } : {}),
    ...annotated,
    btf,
    inner: null,
    data: null,
    readonly: false,
    slots: [],
  };
  return { section: section.index, offset, name, map, supported: true };
}

/** BPF_ANNOTATE_KV_PAIR: `struct ____btf_map_NAME { KEY key; VALUE value; }`. */
function annotatedTypes(
  btf: Btf | null,
  map: string,
  keySize: number,
  valueSize: number,
): { keyTypeId: number; valueTypeId: number } {
  const none = { keyTypeId: 0, valueTypeId: 0 };
  if (btf === null) return none;
  const type = typeOf(btf, findType(btf, `____btf_map_${map}`, "struct"));
  if (type.kind !== "struct") return none;
  const key = type.members.find((m) => m.name === "key");
  const value = type.members.find((m) => m.name === "value");
  if (key === undefined || value === undefined) return none;
  if (sizeOf(btf, key.type) !== keySize || sizeOf(btf, value.type) !== valueSize) return none;
  return { keyTypeId: key.type, valueTypeId: value.type };
}

/** Index of the inner map's definition: by number in the section (bpf_map_def) or by id (bpf_elf_map). */
function innerOf(outer: Words, defs: readonly Words[]): number {
  if (!outer.iproute2) return outer.words.length > 5 ? (outer.words[5] ?? -1) : -1;
  const wanted = outer.words[7] ?? 0;
  return wanted === 0 ? -1 : defs.findIndex((d) => d !== outer && d.iproute2 && d.words[5] === wanted);
}

/** iproute2 puts maps with an inner_idx into that slot of the outer maps that name their id. */
function slotsOf(outer: Words, defs: readonly Words[]): { index: number; target: string }[] {
  if (!outer.iproute2) return [];
  return defs
    .filter(
      (d) =>
        d.iproute2 && d !== outer && d.words.length >= 9 && d.words[5] === outer.words[7] && (d.words[7] ?? 0) === 0,
    )
    .filter((d) => d.words[8] !== INNER_IDX_NONE)
    .map((d) => ({ index: d.words[8] ?? 0, target: d.symbol.name }));
}
