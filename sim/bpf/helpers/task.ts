/**
 * What programs ask about the current task and its user space. At the network's hooks it is the CPU's idle task (identity.ts): it lies
 * in the root of the cgroup tree, has no memory of user space, and takes no signals.
 * @source kernel/bpf/helpers.c, kernel/trace/bpf_trace.c. Costs: estimates
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { EFAULT, EINVAL, ENOENT, EPERM } from "../maps/errno.ts";
import { returnU64 } from "./time.ts";

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false } as const;
/** Inode of the root of cgroup2: its id. */
const ROOT_CGROUP = 1;
/** sizeof(struct perf_branch_entry). */
const BRANCH_ENTRY_BYTES = 24;

/** `bpf_get_current_cgroup_id`. */
export const getCurrentCgroupId: HelperDef = {
  ...plain,
  id: 80,
  name: "get_current_cgroup_id",
  since: "4.18",
  args: [],
  ret: "u64",
  costNs: 3,
  call: (env: BpfEnv): number => returnU64(env, ROOT_CGROUP),
};

/** `bpf_get_current_ancestor_cgroup_id`: 0 where there is no such level. */
export const getCurrentAncestorCgroupId: HelperDef = {
  ...plain,
  id: 123,
  name: "get_current_ancestor_cgroup_id",
  since: "5.7",
  args: ["u32"],
  ret: "u64",
  costNs: 4,
  call: (env: BpfEnv, level: number): number => returnU64(env, level === 0 ? ROOT_CGROUP : 0),
};

/** `bpf_get_ns_current_pid_tgid`: no namespace file of a simulated host has the device and inode that a program could name. */
export const getNsCurrentPidTgid: HelperDef = {
  ...plain,
  id: 120,
  name: "get_ns_current_pid_tgid",
  since: "5.7",
  args: ["u64", "u64", "mem_out", "size"],
  ret: "int",
  costNs: 5,
  call(env: BpfEnv, _dev: number, _devHi: number, _ino: number, _inoHi: number, data: number, size: number): number {
    env.machine.arena.u8.fill(0, data, data + (size >>> 0));
    return -EINVAL;
  },
};

/** `bpf_send_signal`. */
export const sendSignal: HelperDef = {
  ...plain,
  id: 109,
  name: "send_signal",
  since: "5.3",
  args: ["u32"],
  ret: "int",
  costNs: 3,
  call: (): number => -EPERM,
};

/** `bpf_send_signal_thread`. */
export const sendSignalThread: HelperDef = {
  ...plain,
  id: 117,
  name: "send_signal_thread",
  since: "5.5",
  args: ["u32"],
  ret: "int",
  costNs: 3,
  call: (): number => -EPERM,
};

function unreadable(env: BpfEnv, to: number, size: number): number {
  env.machine.arena.u8.fill(0, to, to + (size >>> 0));
  return -EFAULT;
}

/** `bpf_probe_read_user`. */
export const probeReadUser: HelperDef = {
  ...plain,
  id: 112,
  name: "probe_read_user",
  since: "5.5",
  args: ["mem_out", "size0", "u64"],
  ret: "int",
  gplOnly: true,
  costNs: 20,
  call: (env: BpfEnv, to: number, size: number): number => (size === 0 ? 0 : unreadable(env, to, size)),
};

/** `bpf_probe_read_user_str`. */
export const probeReadUserStr: HelperDef = {
  ...plain,
  id: 114,
  name: "probe_read_user_str",
  since: "5.5",
  args: ["mem_out", "size0", "u64"],
  ret: "int",
  gplOnly: true,
  costNs: 20,
  call: (env: BpfEnv, to: number, size: number): number => (size === 0 ? 0 : unreadable(env, to, size)),
};

/** `bpf_get_branch_snapshot`: a simulated CPU keeps no record of its branches. */
export const getBranchSnapshot: HelperDef = {
  ...plain,
  id: 176,
  name: "get_branch_snapshot",
  since: "5.16",
  args: ["mem_out", "size0", "u64"],
  ret: "int",
  gplOnly: true,
  costNs: 10,
  call(_env: BpfEnv, _buf: number, size: number, flags: number, flagsHi: number): number {
    if (flags !== 0 || flagsHi !== 0 || (size >>> 0) % BRANCH_ENTRY_BYTES !== 0) return -EINVAL;
    return -ENOENT;
  },
};
