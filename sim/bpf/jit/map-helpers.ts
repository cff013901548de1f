/**
 * Which helpers may be called with which map types.
 *
 * @source kernel/bpf/verifier.c check_map_func_compatibility: from the map's side here, from the helper's in its record
 */
import type { CallDef } from "../helper.ts";
import type { MapKind } from "../map.ts";
import { BPF_F_RDONLY_PROG } from "../maps/flags.ts";
import type { ProgKind } from "../prog-type.ts";
import type { MapSpec } from "../spec.ts";
import type { KernelCall } from "./link.ts";

/** Helpers that a map of this type may be passed to; types that are not listed take every helper that takes them. */
const HELPERS_OF_MAP: Readonly<Partial<Record<MapKind, readonly number[]>>> = {
  prog_array: [12],
  perf_event_array: [22, 25, 55, 111, 121],
  devmap: [51, 1],
  devmap_hash: [51, 1],
  cgroup_array: [33, 37],
  cpumap: [51],
  xskmap: [51, 1],
  sockmap: [1, 2, 3, 52, 53, 60, 82],
  sockhash: [1, 2, 3, 70, 71, 72, 82],
  reuseport_sockarray: [82],
  sk_storage: [107, 108],
  task_storage: [156, 157],
  cgrp_storage: [210, 211],
  cgroup_storage: [81],
  percpu_cgroup_storage: [81],
  stack_trace: [27],
  ringbuf: [130, 131, 134, 198, 199, 200],
  user_ringbuf: [209],
  queue: [87, 88, 89],
  stack: [87, 88, 89],
  bloom_filter: [87, 89],
  array_of_maps: [1],
  hash_of_maps: [1],
};

/** Helpers that change a map: update, delete, push, pop. */
const WRITING_HELPERS: readonly number[] = [2, 3, 87, 88];

/** Whether the kernel lets a map of this type be passed to a helper or kfunc. */
export function mapAllowsCall(kind: MapKind, helper: CallDef<never>, insn: KernelCall): boolean {
  const ids = HELPERS_OF_MAP[kind];
  if (ids !== undefined && insn.kind === "call_helper" && !ids.includes(insn.id)) return false;
  return helper.mapKinds === null || helper.mapKinds.includes(kind);
}

/** The map is read-only for programs and the call would change it. @source kernel/bpf/verifier.c record_func_map */
export function mapForbidsWrite(spec: MapSpec, insn: KernelCall): boolean {
  if ((spec.flags & BPF_F_RDONLY_PROG) === 0) return false;
  return insn.kind === "call_helper" && WRITING_HELPERS.includes(insn.id);
}

/** Maps that programs may use which may sleep, those of type syscall. @source kernel/bpf/verifier.c check_map_prog_compatibility */
const SLEEPABLE: readonly MapKind[] = [
  "hash",
  "array",
  "percpu_hash",
  "percpu_array",
  "lru_hash",
  "lru_percpu_hash",
  "array_of_maps",
  "hash_of_maps",
  "queue",
  "stack",
  "sk_storage",
  "ringbuf",
  "task_storage",
  "user_ringbuf",
  "cgrp_storage",
];

/** The verifier's words about other maps in such programs. */
export const SLEEPABLE_MAPS_ONLY: string =
  "Sleepable programs can only use array, hash, ringbuf and local storage maps";

/** Whether programs of a type may use maps of a kind at all. */
export function mapFitsProgram(kind: MapKind, prog: ProgKind): boolean {
  return prog !== "syscall" || SLEEPABLE.includes(kind);
}

/** Programs in which no socket is locked: they may put sockets into maps, and take them out. */
const SOCKMAP_WRITERS: readonly ProgKind[] = [
  "socket_filter",
  "sched_cls",
  "sched_act",
  "xdp",
  "flow_dissector",
  "sk_lookup",
];
const MAP_UPDATE = 2;
const MAP_DELETE = 3;
const MAP_PUSH = 87;

/** The map holds sockets, and programs of the type may not change it by this call. @source kernel/bpf/verifier.c may_update_sockmap */
export function mapForbidsProgram(kind: MapKind, prog: ProgKind, insn: KernelCall): boolean {
  if (!holdsSockets(kind) || insn.kind !== "call_helper") return false;
  if (insn.id !== MAP_UPDATE && insn.id !== MAP_DELETE) return false;
  return !SOCKMAP_WRITERS.includes(prog) && !(prog === "sock_ops" && insn.id === MAP_DELETE);
}

/** What programs look up in such a map, and put there, is a socket. @source kernel/bpf/verifier.c resolve_map_arg_type */
export function holdsSockets(kind: MapKind): boolean {
  return kind === "sockmap" || kind === "sockhash";
}

/** Bytes behind an argument of kind "map_value": of a socket it is enough that there is something; whose it is says the map. */
export function valueBytes(spec: MapSpec): number {
  return holdsSockets(spec.kind) ? 1 : spec.valueSize;
}

/** The call reads the value behind its argument of kind "map_value"; others may fill it. */
export function readsMapValue(insn: KernelCall): boolean {
  return insn.kind === "call_helper" && (insn.id === MAP_UPDATE || insn.id === MAP_PUSH);
}
