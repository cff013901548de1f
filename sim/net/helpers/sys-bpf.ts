/**
 * System calls that programs of type syscall make: bpf(2) and close(2).
 * @source kernel/bpf/syscall.c bpf_sys_bpf, bpf_sys_close. Costs: estimates
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { bpfSyscall } from "../bpf-syscall/index.ts";
import type { NetEnv } from "../net-env.ts";

const plain = {
  since: "5.14",
  ret: "int",
  gplOnly: false,
  progKinds: ["syscall"],
  mapKinds: null,
  changesPacket: false,
} as const;

/** `bpf_sys_bpf`. */
export const sysBpf: HelperDef<NetEnv> = {
  ...plain,
  id: 166,
  name: "sys_bpf",
  args: ["u32", "mem", "size"],
  costNs: 2000,
  call: (env: NetEnv, cmd: number, attr: number, size: number): number => bpfSyscall(env.host, cmd, attr, size >>> 0),
};

/** `bpf_sys_close`. */
export const sysClose: HelperDef<NetEnv> = {
  ...plain,
  id: 168,
  name: "sys_close",
  args: ["u32"],
  costNs: 100,
  call: (env: NetEnv, fd: number): number => env.host.bpf.fds.close(fd),
};
