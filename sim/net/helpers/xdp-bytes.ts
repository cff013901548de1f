/**
 * bpf_xdp_load_bytes, bpf_xdp_store_bytes, bpf_xdp_get_buff_len.
 *
 * @source net/core/filter.c bpf_xdp_pointer, bpf_xdp_load_bytes, bpf_xdp_store_bytes, bpf_xdp_get_buff_len
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EFAULT, EINVAL } from "../../bpf/maps/errno.ts";
import { copyBytes } from "../../bpf/maps/memory.ts";
import type { NetEnv } from "../net-env.ts";
import { XDP_KINDS } from "./packet.ts";

/** @returns 0 when the bytes lie within the packet, else -errno */
function outside(packetLen: number, offset: number, len: number): number {
  if (offset > 0xffff || len > 0xffff) return -EFAULT;
  return offset + len > packetLen ? -EINVAL : 0;
}

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
    xdpLoad(env, offset >>> 0, to, len >>> 0),
};

/** __bpf_xdp_load_bytes. @returns 0 or -errno */
export function xdpLoad(env: NetEnv, offset: number, to: number, len: number): number {
  const skb = env.skb;
  const err = outside(skb.len, offset, len);
  if (err !== 0) return err;
  copyBytes(env.kernel.arena, to, skb.data + offset, len);
  return 0;
}

/** `bpf_xdp_store_bytes`. */
export const xdpStoreBytes: HelperDef<NetEnv> = {
  ...plain,
  id: 190,
  name: "xdp_store_bytes",
  since: "5.18",
  args: ["ctx", "u32", "mem", "size"],
  costNs: 8,
  call: (env: NetEnv, _ctx: number, offset: number, from: number, len: number): number =>
    xdpStore(env, offset >>> 0, from, len >>> 0),
};

/** __bpf_xdp_store_bytes. @returns 0 or -errno */
export function xdpStore(env: NetEnv, offset: number, from: number, len: number): number {
  const skb = env.skb;
  const err = outside(skb.len, offset, len);
  if (err !== 0) return err;
  copyBytes(env.kernel.arena, skb.data + offset, from, len);
  return 0;
}

/** `bpf_xdp_get_buff_len`. */
export const xdpGetBuffLen: HelperDef<NetEnv> = {
  ...plain,
  id: 188,
  name: "xdp_get_buff_len",
  since: "5.18",
  args: ["ctx"],
  costNs: 3,
  call: (env: NetEnv): number => env.skb.len,
};
