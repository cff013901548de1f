/**
 * BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM and BPF_MAP_FREEZE. Where Linux takes a descriptor as a value, maps here take ids.
 * @source kernel/bpf/syscall.c map_update_elem, map_delete_elem, map_freeze; errno and their order asked of Linux 6.18
 */
import type { BpfMap, MapKind } from "../../bpf/map.ts";
import { BaseMap } from "../../bpf/maps/base-map.ts";
import { EBADF, EBUSY, EFAULT, EINVAL, ENOTSUPP, EPERM } from "../../bpf/maps/errno.ts";
import { userDelete, userUpdate } from "../../bpf/maps/user.ts";
import type { Host } from "../host.ts";
import { ERRNO } from "../netlink-error.ts";
import type { BpfAttr } from "./attr.ts";
import type { BpfCommand } from "./command.ts";

const AT = { mapFd: 0, key: 8, value: 16, flags: 24 } as const;
/** Byte of the value at which the descriptor of a program lies, in maps whose values have more. */
const PROG_FD_AT = 4;

/** What the descriptor in a value stands for, by map type. */
const VALUE_FD: Readonly<Partial<Record<MapKind, "map" | "prog" | "socket" | "other">>> = {
  array_of_maps: "map",
  hash_of_maps: "map",
  prog_array: "prog",
  devmap: "prog",
  devmap_hash: "prog",
  cpumap: "prog",
  sockmap: "socket",
  sockhash: "socket",
  reuseport_sockarray: "socket",
  xskmap: "socket",
  perf_event_array: "other",
  cgroup_array: "other",
};

/** The record of BPF_MAP_UPDATE_ELEM. */
export const mapUpdate: BpfCommand = {
  name: "MAP_UPDATE_ELEM",
  cmd: 2,
  endBytes: 32,
  run(host: Host, attr: BpfAttr): number {
    const file = host.bpf.fds.of(attr.u32(AT.mapFd), "map");
    if (typeof file === "number") return file;
    const { map } = file;
    if (!file.mayWrite || !map.userMayWrite) return -EPERM;
    const key = keyOf(map, attr);
    if (typeof key === "number") return key;
    const value = attr.read(AT.value, map.userValueBytes);
    if (value === null) return -EFAULT;
    const flags = attr.u64(AT.flags);
    const wanted = VALUE_FD[map.spec.kind];
    if (wanted === undefined) return userUpdate(map, key, value, flags);
    return updateByFd(host, map, key, value, flags, wanted);
  },
};

/** The key's bytes, or -errno. @source kernel/bpf/syscall.c ___bpf_copy_key */
function keyOf(map: BpfMap, attr: BpfAttr): Uint8Array | number {
  const { keySize } = map.spec;
  if (keySize === 0) return attr.isZero(AT.key) ? new Uint8Array(0) : -EINVAL;
  return attr.read(AT.key, keySize) ?? -EFAULT;
}

/** Puts the id of what a descriptor stands for in the descriptor's place; 0 is nobody's id. */
function updateByFd(
  host: Host,
  map: BpfMap,
  key: Uint8Array,
  value: Uint8Array,
  flags: number,
  wanted: "map" | "prog" | "socket" | "other",
): number {
  const at = value.length > 4 && wanted === "prog" ? PROG_FD_AT : 0;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  // values of four bytes in device and CPU maps name no program
  if (at + 4 > value.length || (wanted === "prog" && map.spec.kind !== "prog_array" && value.length === 4)) {
    return userUpdate(map, key, value, flags);
  }
  const fd = view.getUint32(at, true);
  // and there a program's descriptor is one above 0
  if (at === PROG_FD_AT && (fd | 0) <= 0) return userUpdate(map, key, value, flags);
  const file = host.bpf.fds.at(fd);
  let id = 0;
  if (file?.kind === "map" && wanted === "map") id = file.map.id;
  else if (file?.kind === "prog" && wanted === "prog") id = file.prog.id;
  view.setUint32(at, id, true);
  const err = userUpdate(map, key, value, flags);
  if (err !== -EBADF || file === undefined || id !== 0) return err;
  if (wanted === "socket") return -ERRNO.ENOTSOCK;
  return map.spec.kind === "cgroup_array" ? err : -EINVAL;
}

/** The record of BPF_MAP_DELETE_ELEM. */
export const mapDelete: BpfCommand = {
  name: "MAP_DELETE_ELEM",
  cmd: 3,
  endBytes: 16,
  run(host: Host, attr: BpfAttr): number {
    const file = host.bpf.fds.of(attr.u32(AT.mapFd), "map");
    if (typeof file === "number") return file;
    if (!file.mayWrite || !file.map.userMayWrite) return -EPERM;
    const key = keyOf(file.map, attr);
    return typeof key === "number" ? key : userDelete(file.map, key);
  },
};

/** The record of BPF_MAP_FREEZE. */
export const mapFreeze: BpfCommand = {
  name: "MAP_FREEZE",
  cmd: 22,
  endBytes: 4,
  run(host: Host, attr: BpfAttr): number {
    const file = host.bpf.fds.of(attr.u32(AT.mapFd), "map");
    if (typeof file === "number") return file;
    const { map } = file;
    if (!(map instanceof BaseMap) || map.fields.length > 0) return -ENOTSUPP;
    if (!file.mayWrite || !map.userMayWrite) return -EPERM;
    return map.isFrozen ? -EBUSY : map.freeze();
  },
};
