/**
 * Who runs, where, and a random number. Programs at the network's hooks run in softirq: the current task is taken to be the CPU's
 * idle task, `swapper/N`, pid 0, uid 0.
 * @source kernel/bpf/helpers.c, kernel/bpf/core.c bpf_user_rnd_u32
 * @differs Linux shows the task that the softirq interrupted or that sends the packet; netsim has no tasks
 *
 * Costs: smp_processor_id and prandom_u32 from FACTS 4.9, the others estimated.
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { returnU64 } from "./time.ts";

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false } as const;

/** `bpf_get_prandom_u32`. */
export const getPrandomU32: HelperDef = {
  ...plain,
  id: 7,
  name: "get_prandom_u32",
  since: "4.1",
  args: [],
  ret: "u32",
  costNs: 15,
  call: (env: BpfEnv): number => env.prandomU32() | 0,
  code: { of: (env) => env.prandomCode?.() ?? ((): number => env.prandomU32() | 0) },
};

/** `bpf_get_smp_processor_id`. */
export const getSmpProcessorId: HelperDef = {
  ...plain,
  id: 8,
  name: "get_smp_processor_id",
  since: "4.1",
  args: [],
  ret: "u32",
  costNs: 0.8,
  call: (env: BpfEnv): number => env.cpu(),
};

/** `bpf_get_numa_node_id`: simulated hosts have one node. */
export const getNumaNodeId: HelperDef = {
  ...plain,
  id: 42,
  name: "get_numa_node_id",
  since: "4.10",
  args: [],
  ret: "u32",
  costNs: 2,
  call: (): number => 0,
};

/** `bpf_get_current_pid_tgid`. */
export const getCurrentPidTgid: HelperDef = {
  ...plain,
  id: 14,
  name: "get_current_pid_tgid",
  since: "4.2",
  args: [],
  ret: "u64",
  costNs: 2,
  call: (env: BpfEnv): number => returnU64(env, 0),
};

/** `bpf_get_current_uid_gid`. */
export const getCurrentUidGid: HelperDef = {
  ...plain,
  id: 15,
  name: "get_current_uid_gid",
  since: "4.2",
  args: [],
  ret: "u64",
  costNs: 3,
  call: (env: BpfEnv): number => returnU64(env, 0),
};

/** `bpf_get_current_comm`: the name, cut to the room with its NUL, the rest zeroed. */
export const getCurrentComm: HelperDef = {
  ...plain,
  id: 16,
  name: "get_current_comm",
  since: "4.2",
  args: ["mem_out", "size"],
  ret: "int",
  costNs: 5,
  call(env: BpfEnv, buf: number, size: number): number {
    const u8 = env.machine.arena.u8;
    u8.fill(0, buf, buf + (size >>> 0));
    const comm = `swapper/${env.cpu()}`;
    const n = Math.min(comm.length, (size >>> 0) - 1);
    for (let i = 0; i < n; i++) u8[buf + i] = comm.charCodeAt(i);
    return 0;
  },
};
