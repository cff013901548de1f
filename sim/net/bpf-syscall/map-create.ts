/**
 * BPF_MAP_CREATE.
 * @source kernel/bpf/syscall.c map_create, map_check_btf; errno and their order asked of Linux 6.18
 * @differs maps for one signed program (excl_prog_hash) are refused with -EINVAL, as kernels before 6.18 refuse them; so are types that
 *          netsim does not have
 */
import type { Btf } from "../../bpf/btf/types.ts";
import type { MapTypeDef } from "../../bpf/map.ts";
import { EBADF, EINVAL, ENOMEM, EOPNOTSUPP } from "../../bpf/maps/errno.ts";
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY } from "../../bpf/maps/flags.ts";
import { mapTypes } from "../../bpf/maps/index.ts";
import { checkTypes } from "../../bpf/maps/type-rules.ts";
import type { MapSpec } from "../../bpf/spec.ts";
import { ObjectError } from "../../engine/errors.ts";
import { mapOwner } from "../bpf-objects.ts";
import type { Host } from "../host.ts";
import type { BpfAttr } from "./attr.ts";
import type { BpfCommand } from "./command.ts";

const AT = {
  mapType: 0,
  keySize: 4,
  valueSize: 8,
  maxEntries: 12,
  mapFlags: 16,
  innerMapFd: 20,
  numaNode: 24,
  mapName: 28,
  mapIfindex: 44,
  btfFd: 48,
  keyTypeId: 52,
  valueTypeId: 56,
  vmlinuxValueTypeId: 60,
  mapExtra: 64,
  exclProgHash: 80,
  exclProgHashSize: 88,
} as const;
/** The flag that says that a token is given; there are none. */
const BPF_F_TOKEN_FD = 1 << 16;

/** The record of BPF_MAP_CREATE. */
export const mapCreate: BpfCommand = { name: "MAP_CREATE", cmd: 0, endBytes: 92, run };

function run(host: Host, attr: BpfAttr): number {
  const keyTypeId = attr.u32(AT.keyTypeId);
  const valueTypeId = attr.u32(AT.valueTypeId);
  if (attr.u32(AT.vmlinuxValueTypeId) !== 0 || (keyTypeId !== 0 && valueTypeId === 0)) return -EINVAL;
  const def = mapTypes.find((t) => t.uapi === attr.u32(AT.mapType));
  const flags = attr.u32(AT.mapFlags);
  if (def === undefined || (def.kind !== "bloom_filter" && !attr.isZero(AT.mapExtra))) return -EINVAL;
  if ((flags & BPF_F_NUMA_NODE) !== 0 && attr.u32(AT.numaNode) !== 0) return -EINVAL;
  if (!attr.isZero(AT.exclProgHash) || attr.u32(AT.exclProgHashSize) !== 0) return -EINVAL;
  const inner = innerOf(host, def, attr);
  if (typeof inner === "number") return inner;
  const spec = plainSpec(def, attr, inner);
  // the types of key and value are looked at later: as if they were there
  const typed = keyTypeId !== 0 && valueTypeId !== 0 ? { btf: NO_TYPES, keyTypeId, valueTypeId } : {};
  const refusal = def.check({ ...spec, ...typed });
  if (refusal !== null) return -refusal.errno;
  if (attr.u32(AT.mapIfindex) !== 0) return offloadError(host, def, attr.u32(AT.mapIfindex));
  if ((flags & BPF_F_TOKEN_FD) !== 0) return -EBADF;
  const name = attr.name(AT.mapName);
  if (name === null) return -EINVAL;
  const btf = valueTypeId === 0 ? null : typesOf(host, def, spec, attr);
  if (typeof btf === "number") return btf;
  return make(host, btf === null ? { ...spec, name } : { ...spec, name, btf, keyTypeId, valueTypeId });
}

const NO_TYPES: Btf = { types: [{ kind: "void" }] };

/** The template of a map of maps. */
function innerOf(host: Host, def: MapTypeDef, attr: BpfAttr): MapSpec | null | number {
  if (def.kind !== "array_of_maps" && def.kind !== "hash_of_maps") return null;
  const file = host.bpf.fds.of(attr.u32(AT.innerMapFd), "map");
  return typeof file === "number" ? file : file.map.spec;
}

function plainSpec(def: MapTypeDef, attr: BpfAttr, inner: MapSpec | null): MapSpec {
  return {
    name: "",
    kind: def.kind,
    keySize: attr.u32(AT.keySize),
    valueSize: attr.u32(AT.valueSize),
    maxEntries: attr.u32(AT.maxEntries),
    flags: attr.u32(AT.mapFlags) & ~BPF_F_TOKEN_FD,
    mapExtra: attr.u32(AT.mapExtra),
    pinByName: false,
    keyTypeId: 0,
    valueTypeId: 0,
    btf: null,
    inner,
    data: null,
    readonly: false,
    slots: [],
  };
}

/** A map in a device's own memory. @source kernel/bpf/offload.c bpf_map_offload_map_alloc */
function offloadError(host: Host, def: MapTypeDef, ifindex: number): number {
  const dev = host.devices[ifindex];
  if ((def.kind !== "array" && def.kind !== "hash") || dev === undefined) return -EINVAL;
  return dev.ops.nativeXdp ? -EINVAL : -EOPNOTSUPP;
}

/** The types of key and value, when they fit. @returns them, or -errno */
function typesOf(host: Host, def: MapTypeDef, spec: MapSpec, attr: BpfAttr): Btf | number {
  const file = host.bpf.fds.of(attr.u32(AT.btfFd), "btf");
  if (typeof file === "number") return file;
  const { btf } = file;
  const types = { btf, keyTypeId: attr.u32(AT.keyTypeId), valueTypeId: attr.u32(AT.valueTypeId) };
  const err = checkTypes(def, { ...spec, ...types });
  return err === 0 ? btf : err;
}

function make(host: Host, spec: MapSpec): number {
  const { bpf, kernel } = host;
  try {
    const map = kernel.machine.createMap(spec, host.cpus.length, bpf.takeMapId(), mapOwner(host));
    bpf.maps.set(map.id, map);
    bpf.made.maps.add(map);
    const { flags } = spec;
    return bpf.fds.open({
      kind: "map",
      map,
      mayRead: (flags & BPF_F_WRONLY) === 0,
      mayWrite: (flags & BPF_F_RDONLY) === 0,
    });
  } catch (error) {
    if (error instanceof ObjectError) return -ENOMEM;
    throw error;
  }
}
