/**
 * Tasks and cgroups as objects. The tasks of a simulated host are its idle tasks, which have no pid to be found by; its one cgroup is the
 * root, in which all tasks are.
 * @source kernel/bpf/helpers.c bpf_task_acquire, bpf_cgroup_from_id and their kin; kernel/bpf/task_iter.c. Costs: estimates
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EINVAL, EPERM } from "../../bpf/maps/errno.ts";
import { GENERIC_KFUNC_KINDS } from "../../bpf/prog-kinds.ts";
import { ROOT_CGROUP_ID } from "../kernel-structs/cgroup.ts";
import type { NetEnv } from "../net-env.ts";

const plain = {
  gplOnly: false,
  progKinds: GENERIC_KFUNC_KINDS,
  mapKinds: null,
  changesPacket: false,
  costNs: 5,
} as const;
const found = { ...plain, ret: "obj_or_null", flags: ["ACQUIRE", "RCU", "RET_NULL"] } as const;
const given = { ...plain, ret: "void", args: ["obj"], flags: ["RELEASE"], call: (): number => 0 } as const;
const same = (_env: NetEnv, object: number): number => object;

/** `bpf_task_acquire`. */
export const taskAcquire: KfuncDef<NetEnv> = {
  ...found,
  name: "bpf_task_acquire",
  since: "6.2",
  args: ["obj"],
  call: same,
};

/** `bpf_task_release`. */
export const taskRelease: KfuncDef<NetEnv> = { ...given, name: "bpf_task_release", since: "6.2" };

/** `bpf_task_from_pid`: pid 0 is not found, on Linux neither. */
export const taskFromPid: KfuncDef<NetEnv> = {
  ...found,
  name: "bpf_task_from_pid",
  since: "6.2",
  args: ["u32"],
  call: (): number => 0,
};

/** `bpf_task_from_vpid`. */
export const taskFromVpid: KfuncDef<NetEnv> = { ...taskFromPid, name: "bpf_task_from_vpid", since: "6.14" };

/** `bpf_task_under_cgroup`. */
export const taskUnderCgroup: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_task_under_cgroup",
  since: "6.5",
  args: ["obj", "obj"],
  ret: "int",
  flags: ["RCU"],
  call: (env: NetEnv, _task: number, cgroup: number): number =>
    cgroup === env.structs.cgroups.rootOf(env.host) ? 1 : 0,
};

/** `bpf_task_get_cgroup1`: there are no hierarchies of cgroup1. */
export const taskGetCgroup1: KfuncDef<NetEnv> = {
  ...found,
  name: "bpf_task_get_cgroup1",
  since: "6.8",
  args: ["obj", "u32"],
  call: (): number => 0,
};

/** `bpf_send_signal_task`: kernel threads take none. */
export const sendSignalTask: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_send_signal_task",
  since: "6.13",
  args: ["obj", "u32", "u32", "u64"],
  ret: "int",
  flags: ["TRUSTED_ARGS"],
  call: (_env: NetEnv, _task: number, _sig: number, type: number): number => (type >>> 0 > 1 ? -EINVAL : -EPERM),
};

/** `bpf_cgroup_acquire`. */
export const cgroupAcquire: KfuncDef<NetEnv> = {
  ...found,
  name: "bpf_cgroup_acquire",
  since: "6.2",
  args: ["obj"],
  call: same,
};

/** `bpf_cgroup_release`. */
export const cgroupRelease: KfuncDef<NetEnv> = { ...given, name: "bpf_cgroup_release", since: "6.2" };

/** `bpf_cgroup_ancestor`: the root is its own ancestor of level 0. */
export const cgroupAncestor: KfuncDef<NetEnv> = {
  ...found,
  name: "bpf_cgroup_ancestor",
  since: "6.2",
  args: ["obj", "u32"],
  call: (_env: NetEnv, cgroup: number, level: number): number => (level === 0 ? cgroup : 0),
};

/** `bpf_cgroup_from_id`. */
export const cgroupFromId: KfuncDef<NetEnv> = {
  ...found,
  name: "bpf_cgroup_from_id",
  since: "6.4",
  args: ["u64"],
  call: (env: NetEnv, id: number, hi: number): number =>
    hi === 0 && id === ROOT_CGROUP_ID ? env.structs.cgroups.rootOf(env.host) : 0,
};
