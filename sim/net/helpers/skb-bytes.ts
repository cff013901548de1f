/**
 * bpf_skb_load_bytes, bpf_skb_load_bytes_relative, bpf_skb_store_bytes, bpf_skb_pull_data. What load, store and
 * pull do is in code/skb-code.ts.
 *
 * @source net/core/filter.c, the functions of these names
 * @differs packets are always in one piece, so BPF_F_RECOMPUTE_CSUM and pulling have nothing to do
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EFAULT } from "../../bpf/maps/errno.ts";
import { copyBytes } from "../../bpf/maps/memory.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import type { NetEnv } from "../net-env.ts";
import { refreshSkb, TC_LWT_KINDS, TC_XMIT_KINDS } from "./packet.ts";

const BPF_HDR_START_MAC = 0;
const BPF_HDR_START_NET = 1;

/** Program types that have a context of a socket buffer (tc/skb-context.ts). */
const SKB_CONTEXT_KINDS: readonly ProgKind[] = [...TC_LWT_KINDS, "socket_filter", "cgroup_skb"];

/** What all of them have. */
const plain = { gplOnly: false, mapKinds: null, ret: "int" } as const;

/** `bpf_skb_load_bytes`. */
export const skbLoadBytes: HelperDef<NetEnv> = {
  ...plain,
  id: 26,
  name: "skb_load_bytes",
  since: "4.5",
  args: ["ctx", "u32", "mem_out", "size"],
  progKinds: [...SKB_CONTEXT_KINDS, "sk_reuseport", "flow_dissector"],
  changesPacket: false,
  costNs: 8,
  call: (env: NetEnv, ctx: number, offset: number, to: number, len: number): number =>
    env.skbContexts.owns(ctx) ? env.skbCode.load(ctx, offset, to, len) : loadElsewhere(env, offset, to, len),
  code: { kinds: SKB_CONTEXT_KINDS, of: (env) => env.skbCode.load },
};

/** For programs on packets whose context is none of a socket buffer's. @param offset one above INT_MAX arrives negative */
function loadElsewhere(env: NetEnv, offset: number, to: number, len: number): number {
  const skb = env.skb;
  if (offset < 0 || offset + len > skb.len) {
    env.kernel.arena.u8.fill(0, to, to + len);
    return -EFAULT;
  }
  copyBytes(env.kernel.arena, to, skb.data + offset, len);
  return 0;
}

/** `bpf_skb_load_bytes_relative`. */
export const skbLoadBytesRelative: HelperDef<NetEnv> = {
  ...plain,
  id: 68,
  name: "skb_load_bytes_relative",
  since: "4.18",
  args: ["ctx", "u32", "mem_out", "size", "u32"],
  progKinds: [...TC_KINDS, "socket_filter", "cgroup_skb", "sk_reuseport"],
  changesPacket: false,
  costNs: 8,
  call: (env: NetEnv, _ctx: number, offset: number, to: number, len: number, start: number): number => {
    const skb = env.skb;
    const from = start === BPF_HDR_START_MAC ? skb.macHeader : start === BPF_HDR_START_NET ? skb.networkHeader : -1;
    if (from < 0 || offset < 0 || offset > 0xffff || from + offset + len > skb.data + skb.len) {
      env.kernel.arena.u8.fill(0, to, to + len);
      return -EFAULT;
    }
    copyBytes(env.kernel.arena, to, from + offset, len);
    return 0;
  },
};

/** `bpf_skb_store_bytes`. */
export const skbStoreBytes: HelperDef<NetEnv> = {
  ...plain,
  id: 9,
  name: "skb_store_bytes",
  since: "4.1",
  args: ["ctx", "u32", "mem", "size", "u64"],
  progKinds: TC_XMIT_KINDS,
  changesPacket: true,
  costNs: 12,
  call: (env: NetEnv, ctx: number, offset: number, from: number, len: number, flags: number, flagsHi: number): number =>
    env.skbCode.store(ctx, offset, from, len, flags, flagsHi),
  code: { of: (env) => env.skbCode.store },
};

/** BPF_F_INVALIDATE_HASH. */
export function forgetHash(env: NetEnv): number {
  env.skb.hash = 0;
  refreshSkb(env);
  return 0;
}

/** `bpf_skb_pull_data`. */
export const skbPullData: HelperDef<NetEnv> = {
  ...plain,
  id: 39,
  name: "skb_pull_data",
  since: "4.9",
  args: ["ctx", "u32"],
  progKinds: TC_LWT_KINDS,
  changesPacket: true,
  costNs: 6,
  call: (env: NetEnv, ctx: number, len: number): number => env.skbCode.pull(ctx, len),
  code: { of: (env) => env.skbCode.pull },
};
