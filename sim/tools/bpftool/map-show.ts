/** `bpftool map show`. @source bpftool map.c show_map_close_plain, show_map_close_json */
import type { BpfMap } from "../../bpf/map.ts";
import { BaseMap } from "../../bpf/maps/base-map.ts";
import type { Host } from "../../net/host.ts";
import { btfId } from "../bpf/prog-info.ts";
import type { Words } from "../rtnetlink.ts";
import { mapName, pinnedPaths, takeMaps } from "./handles.ts";
import { mapBtf, mapFlags } from "./map-facts.ts";
import { mapMemory } from "./map-memory.ts";
import { type BpftoolFlags, printBpftoolJson } from "./output.ts";

/** Runs it: one map as an object, several as a list. */
export function showMaps(host: Host, words: Words, flags: BpftoolFlags): string {
  const all = words.done;
  const maps = all ? [...host.bpf.maps.values()] : takeMaps(host, words, flags);
  if (!flags.json) return maps.map((m) => mapText(host, m, flags)).join("");
  const texts = maps.map((m) => JSON.stringify(mapJson(host, m, flags)));
  return printBpftoolJson(all || texts.length > 1 ? `[${texts.join(",")}]` : texts[0]!, flags);
}

function isFrozen(map: BpfMap): boolean {
  return map instanceof BaseMap && map.isFrozen;
}

/** The first program that was loaded with it decides which programs a program array takes. */
function ownerOf(host: Host, map: BpfMap): string | null {
  if (map.spec.kind !== "prog_array") return null;
  for (const p of host.bpf.programs.values()) if (p.maps.includes(map)) return p.kind;
  return null;
}

function mapText(host: Host, map: BpfMap, flags: BpftoolFlags): string {
  const pins = flags.bpffs === true ? pinnedPaths(host, "map", map.id) : [];
  const { spec } = map;
  const owner = ownerOf(host, map);
  const btf = mapBtf(map);
  const name = spec.name === "" ? "" : `name ${mapName(map)}  `;
  return (
    `${map.id}: ${spec.kind}  ${name}flags 0x${mapFlags(map).toString(16)}\n` +
    `\tkey ${spec.keySize}B  value ${spec.valueSize}B  max_entries ${spec.maxEntries}  memlock ${mapMemory(map, host.cpus.length)}B` +
    (owner === null ? "" : `\n\towner_prog_type ${owner}  owner jited`) +
    pins.map((path) => `\n\tpinned ${path}`).join("") +
    (btf === null ? "" : `\n\tbtf_id ${btfId(host, btf)}`) +
    (isFrozen(map) ? `${btf === null ? "\n\t" : "  "}frozen` : "") +
    "\n"
  );
}

function mapJson(host: Host, map: BpfMap, flags: BpftoolFlags): Record<string, unknown> {
  const { spec } = map;
  const owner = ownerOf(host, map);
  const btf = mapBtf(map);
  return {
    id: map.id,
    type: spec.kind,
    name: mapName(map),
    flags: mapFlags(map),
    bytes_key: spec.keySize,
    bytes_value: spec.valueSize,
    max_entries: spec.maxEntries,
    bytes_memlock: mapMemory(map, host.cpus.length),
    ...(owner === null ? {} : { owner_prog_type: owner, owner_jited: true }),
    frozen: isFrozen(map) ? 1 : 0,
    ...(btf === null ? {} : { btf_id: btfId(host, btf) }),
    ...(flags.bpffs === true ? { pinned: pinnedPaths(host, "map", map.id) } : {}),
  };
}
