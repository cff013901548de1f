/**
 * The task that runs, as a struct in memory: at the network's hooks the CPU's idle task (bpf/helpers/identity.ts).
 * @source kernel/trace/bpf_trace.c bpf_get_current_task, bpf_get_current_task_btf. Costs: estimates
 */
import type { HelperDef } from "../../bpf/helper.ts";
import type { NetEnv } from "../net-env.ts";

const plain = { gplOnly: true, progKinds: null, mapKinds: null, changesPacket: false, args: [], costNs: 1 } as const;

/** `bpf_get_current_task`: the address as a number, for bpf_probe_read_kernel. */
export const getCurrentTask: HelperDef<NetEnv> = {
  ...plain,
  id: 35,
  name: "get_current_task",
  since: "4.8",
  ret: "obj_or_null",
  call: (env: NetEnv): number => env.structs.tasks.idleTask(env.currentCpu),
};

/** `bpf_get_current_task_btf`: a pointer that the program may follow. */
export const getCurrentTaskBtf: HelperDef<NetEnv> = {
  ...getCurrentTask,
  id: 158,
  name: "get_current_task_btf",
  since: "5.11",
};

/** `bpf_task_pt_regs`: where a task entered the kernel; the idle task never did, and all registers are zero. */
export const taskPtRegs: HelperDef<NetEnv> = {
  ...plain,
  id: 175,
  name: "task_pt_regs",
  since: "5.15",
  args: ["obj"],
  ret: "obj_or_null",
  call: (env: NetEnv): number => env.structs.tasks.registers(),
};
