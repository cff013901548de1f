/**
 * bpf_xdp_load_bytes, bpf_xdp_store_bytes, bpf_xdp_get_buff_len; what they do is in code/xdp-code.ts.
 *
 * @source net/core/filter.c bpf_xdp_pointer, bpf_xdp_load_bytes, bpf_xdp_store_bytes, bpf_xdp_get_buff_len
 */
import type { HelperDef } from "../../bpf/helper.ts";
import type { NetEnv } from "../net-env.ts";
import { XDP_KINDS } from "./packet.ts";

/** What all of them have. */
const plain = { gplOnly: false, progKinds: XDP_KINDS, mapKinds: null, changesPacket: false, ret: "int" } as const;

/** `bpf_xdp_load_bytes`. */
export const xdpLoadBytes: HelperDef<NetEnv> = {
  ...plain,
  id: 189,
  name: "xdp_load_bytes",
  since: "5.18",
  args: ["ctx", "u32", "mem_out", "size"],
  costNs: 8,
  call: (env: NetEnv, _ctx: number, offset: number, to: number, len: number): number =>
    env.xdpCode.load(env.ctx, offset, to, len),
  code: { of: (env) => env.xdpCode.load },
};

/** `bpf_xdp_store_bytes`. */
export const xdpStoreBytes: HelperDef<NetEnv> = {
  ...plain,
  id: 190,
  name: "xdp_store_bytes",
  since: "5.18",
  args: ["ctx", "u32", "mem", "size"],
  costNs: 8,
  call: (env: NetEnv, _ctx: number, offset: number, from: number, len: number): number =>
    env.xdpCode.store(env.ctx, offset, from, len),
  code: { of: (env) => env.xdpCode.store },
};

/** `bpf_xdp_get_buff_len`. */
export const xdpGetBuffLen: HelperDef<NetEnv> = {
  ...plain,
  id: 188,
  name: "xdp_get_buff_len",
  since: "5.18",
  args: ["ctx"],
  progKinds: ["xdp", "syscall"],
  // there it takes the kernel's own xdp_buff, and no path leads to one
  refused: { syscall: "R1 type=ctx expected=ptr_, trusted_ptr_, rcu_ptr_" },
  costNs: 3,
  call: (env: NetEnv): number => env.xdpCode.length(env.ctx),
  code: { of: (env) => env.xdpCode.length },
};
