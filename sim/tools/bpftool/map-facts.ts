/** What the kernel says of a map that differs from what its object says. */
import type { Btf } from "../../bpf/btf/types.ts";
import type { BpfMap } from "../../bpf/map.ts";
import { BPF_F_RDONLY_PROG } from "../../bpf/maps/flags.ts";
import { mapTypes } from "../../bpf/maps/index.ts";
import { checkTypes } from "../../bpf/maps/type-rules.ts";

/**
 * Kinds that libbpf creates without types, besides those of which the kernel takes none, whatever the object says of their elements.
 * @source libbpf.c bpf_object__create_map
 */
const WITHOUT_TYPES: readonly string[] = ["queue", "stack"];

/**
 * The types of a map's contents as the kernel has them; null where it has none. What the kernel refuses with its types, libbpf makes
 * without them.
 */
export function mapBtf(map: BpfMap): Btf | null {
  const { spec } = map;
  if (spec.btf === null || spec.valueTypeId === 0 || WITHOUT_TYPES.includes(spec.kind)) return null;
  const def = mapTypes.find((t) => t.kind === spec.kind);
  return def === undefined || checkTypes(def, spec) !== 0 ? null : spec.btf;
}

/** A map's flags as the kernel shows them: programs may not write to a device map. @source kernel/bpf/devmap.c dev_map_alloc_check */
export function mapFlags(map: BpfMap): number {
  const { kind, flags } = map.spec;
  return kind === "devmap" || kind === "devmap_hash" ? flags | BPF_F_RDONLY_PROG : flags;
}
