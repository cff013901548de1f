/** What the kernel says of a map that differs from what its object says. */
import type { Btf } from "../../bpf/btf/types.ts";
import type { BpfMap } from "../../bpf/map.ts";
import { BPF_F_RDONLY_PROG } from "../../bpf/maps/flags.ts";

/** Kinds that libbpf creates without BTF, whatever the object says of their elements. @source libbpf.c bpf_object__create_map */
const WITHOUT_BTF: readonly string[] = [
  "perf_event_array",
  "array_of_maps",
  "hash_of_maps",
  "devmap",
  "devmap_hash",
  "queue",
  "stack",
  "cgroup_array",
  "cpumap",
  "xskmap",
  "sockmap",
  "sockhash",
];

/** The types of a map's contents as the kernel has them; null where it has none. */
export function mapBtf(map: BpfMap): Btf | null {
  const { spec } = map;
  if (spec.btf === null || (spec.keyTypeId === 0 && spec.valueTypeId === 0)) return null;
  return WITHOUT_BTF.includes(spec.kind) ? null : spec.btf;
}

/** A map's flags as the kernel shows them: programs may not write to a device map. @source kernel/bpf/devmap.c dev_map_alloc_check */
export function mapFlags(map: BpfMap): number {
  const { kind, flags } = map.spec;
  return kind === "devmap" || kind === "devmap_hash" ? flags | BPF_F_RDONLY_PROG : flags;
}
