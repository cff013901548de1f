/**
 * bpf_sk_storage_get, bpf_sk_storage_delete: the value that a map of type sk_storage keeps for a socket.
 *
 * @source net/core/bpf_sk_storage.c, the functions of these names
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EINVAL } from "../../bpf/maps/errno.ts";
import { SkStorageMap } from "../../bpf/maps/sk-storage.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import { BugError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

/** A socket that has no value gets one. */
const BPF_SK_STORAGE_GET_F_CREATE = 1;

const plain = {
  since: "5.2",
  gplOnly: false,
  progKinds: [...TC_KINDS, "cgroup_skb", "sock_ops", "cgroup_sock_addr", "syscall"],
  mapKinds: ["sk_storage"],
  changesPacket: false,
} as const;

function storage(env: NetEnv, handle: number): SkStorageMap {
  const map = env.machine.mapOfHandle(handle);
  if (map instanceof SkStorageMap) return map;
  throw new BugError("SK_STORAGE_MAP", `map ${handle} is no sk_storage map`);
}

/** `bpf_sk_storage_get`. Cost: an estimate, that of a lookup by the socket's cache. */
export const skStorageGet: HelperDef<NetEnv> = {
  ...plain,
  id: 107,
  name: "sk_storage_get",
  args: ["map", "sock_or_null", "map_value_or_null", "u64"],
  ret: "map_value_or_null",
  costNs: 6,
  call: (env: NetEnv, map: number, sk: number, value: number, flags: number, flagsHi: number): number => {
    if (sk === 0 || flagsHi !== 0 || flags >>> 0 > BPF_SK_STORAGE_GET_F_CREATE) return 0;
    const sock = env.sockets.at(sk);
    const values = storage(env, map);
    const at = values.valueFor(sock);
    return at !== 0 || flags !== BPF_SK_STORAGE_GET_F_CREATE ? at : values.createFor(sock, value);
  },
};

/** `bpf_sk_storage_delete`. Cost: an estimate, that of a deletion from a hash map. */
export const skStorageDelete: HelperDef<NetEnv> = {
  ...plain,
  id: 108,
  name: "sk_storage_delete",
  args: ["map", "sock_or_null"],
  ret: "int",
  costNs: 50,
  call: (env: NetEnv, map: number, sk: number): number =>
    sk === 0 ? -EINVAL : storage(env, map).deleteFor(env.sockets.at(sk)),
};
