/**
 * What array_of_maps and hash_of_maps share: which maps may stand inside. User space writes and reads map ids; programs get the
 * inner map's handle.
 * @source kernel/bpf/map_in_map.c; asked of Linux 6.18
 */
import type { BpfMap, MapContext } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { EBADF, EINVAL, ENOTSUPP } from "./errno.ts";
import { BPF_F_INNER_MAP, invalid, type Refusal } from "./flags.ts";

/** The inner map's template must be there, be no map of maps itself, and be of a kind that can stand for another. */
export function checkInner(spec: MapSpec): Refusal | null {
  const inner = spec.inner;
  if (inner === null) return invalid("the template of the inner maps is missing (inner_map_fd)");
  if (inner.kind === "array_of_maps" || inner.kind === "hash_of_maps") return invalid("maps of maps cannot be nested");
  if (inner.kind === "prog_array") return { errno: ENOTSUPP, reason: "a prog_array cannot be an inner map" };
  return null;
}

/**
 * The live map that user space names, when it may stand in the outer map.
 * @returns the map or -errno: -EBADF for an unknown id, -EINVAL for a map of another shape than the template
 */
export function innerOfId(spec: MapSpec, ctx: MapContext, id: number): BpfMap | number {
  const map = ctx.mapOfId?.(id);
  if (map === undefined) return -EBADF;
  return spec.inner !== null && sameShape(spec.inner, map.spec) ? map : -EINVAL;
}

/** bpf_map_meta_equal, and array_map_meta_equal's rule about max_entries. */
function sameShape(template: MapSpec, map: MapSpec): boolean {
  if (template.kind !== map.kind || template.flags !== map.flags) return false;
  if (template.keySize !== map.keySize || template.valueSize !== map.valueSize) return false;
  const sized = template.kind === "array" && (template.flags & BPF_F_INNER_MAP) === 0;
  return !sized || template.maxEntries === map.maxEntries;
}
