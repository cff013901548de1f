/**
 * Helpers of tracing programs that Linux knows in programs of type syscall as well, where no call of them passes the verifier: they come with
 * the set of helpers that the type has in common with tracing. Programs that call them are refused in the verifier's words.
 * @source kernel/trace/bpf_trace.c tracing_prog_func_proto; asked of Linux 6.18
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { SLEEPABLE_MAPS_ONLY } from "../../bpf/jit/map-helpers.ts";
import { BugError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

const plain = { ret: "int", progKinds: ["syscall"], mapKinds: null, changesPacket: false, costNs: 0 } as const;

function call(): number {
  throw new BugError("HELPER_REFUSED", "a helper was called that no program can be loaded with");
}

/** `bpf_d_path`. */
export const dPath: HelperDef<NetEnv> = {
  ...plain,
  id: 147,
  name: "d_path",
  since: "5.10",
  args: ["obj", "mem_out", "size0"],
  gplOnly: false,
  refused: { syscall: "helper call is not allowed in probe" },
  call,
};

/** `bpf_get_func_ip`. */
export const getFuncIp: HelperDef<NetEnv> = {
  ...plain,
  id: 173,
  name: "get_func_ip",
  since: "5.15",
  args: ["ctx"],
  gplOnly: true,
  refused: { syscall: "func bpf_get_func_ip#173 not supported for program type 31" },
  call,
};

/** `bpf_skb_output`: the perf event array that it takes is no map of programs that may sleep. */
export const skbOutput: HelperDef<NetEnv> = {
  ...plain,
  id: 111,
  name: "skb_output",
  since: "5.5",
  args: ["obj", "map", "u64", "mem", "size0"],
  gplOnly: true,
  mapKinds: ["perf_event_array"],
  refused: { syscall: SLEEPABLE_MAPS_ONLY },
  call,
};

/** `bpf_xdp_output`: likewise. */
export const xdpOutput: HelperDef<NetEnv> = { ...skbOutput, id: 121, name: "xdp_output", since: "5.6" };

/** `bpf_sock_from_file`: a program gets no file that is a socket's, as a simulated process has none open. */
export const sockFromFile: HelperDef<NetEnv> = {
  ...plain,
  id: 162,
  name: "sock_from_file",
  since: "5.11",
  args: ["obj"],
  ret: "obj_or_null",
  gplOnly: false,
  costNs: 2,
  call: (): number => 0,
};
