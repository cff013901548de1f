/**
 * bpf_l3_csum_replace, bpf_l4_csum_replace, bpf_csum_update, bpf_csum_level. What the first three do is in code/skb-code.ts.
 *
 * @source net/core/filter.c, the functions of these names; include/linux/skbuff.h __skb_incr_checksum_unnecessary and its kin
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EACCES, EINVAL, ENOTSUPP } from "../../bpf/maps/errno.ts";
import { csumAdd } from "../checksum.ts";
import { bytesCome, bytesLeave, pseudoChanged, pseudoReplaced } from "../complete-csum.ts";
import type { NetEnv } from "../net-env.ts";
import { CHECKSUM_COMPLETE, CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Skb } from "../skb.ts";
import { SUM_CHANGED, SUM_COME, SUM_LEAVE, SUM_REPLACED } from "./code/skb-code.ts";
import { TC_XMIT_KINDS } from "./packet.ts";

const CSUM_LEVEL_MAX = 3;
const BPF_CSUM_LEVEL_QUERY = 0;
const BPF_CSUM_LEVEL_INC = 1;
const BPF_CSUM_LEVEL_DEC = 2;
const BPF_CSUM_LEVEL_RESET = 3;

/** What all of them have. */
const plain = { gplOnly: false, progKinds: TC_XMIT_KINDS, mapKinds: null, ret: "int" } as const;

/** `bpf_l3_csum_replace`. */
export const l3CsumReplace: HelperDef<NetEnv> = {
  ...plain,
  id: 10,
  name: "l3_csum_replace",
  since: "4.1",
  args: ["ctx", "u32", "u64", "u64", "u64"],
  changesPacket: true,
  costNs: 8,
  call: (env: NetEnv, ctx: number, ...args: number[]): number => env.skbCode.l3Replace(ctx, ...(args as Replacement)),
  code: { of: (env) => env.skbCode.l3Replace },
};

/** offset, from, to, flags; 64-bit words are low, high. */
type Replacement = [number, number, number, number, number, number, number];

/** `bpf_l4_csum_replace`. */
export const l4CsumReplace: HelperDef<NetEnv> = {
  ...plain,
  id: 11,
  name: "l4_csum_replace",
  since: "4.1",
  args: ["ctx", "u32", "u64", "u64", "u64"],
  changesPacket: true,
  costNs: 8,
  call: (env: NetEnv, ctx: number, ...args: number[]): number => env.skbCode.l4Replace(ctx, ...(args as Replacement)),
  code: { of: (env) => env.skbCode.l4Replace },
};

/** `bpf_csum_update`. */
export const csumUpdate: HelperDef<NetEnv> = {
  ...plain,
  ret: "u64",
  id: 40,
  name: "csum_update",
  since: "4.9",
  args: ["ctx", "u32"],
  changesPacket: false,
  costNs: 3,
  call: (env: NetEnv, ctx: number, sum: number): number => env.skbCode.csumUpdate(ctx, sum),
  code: { of: (env) => env.skbCode.csumUpdate },
};

/** What the code tells of a packet that a device summed (CHECKSUM_COMPLETE): code/skb-code.ts. */
export function keepSum(env: NetEnv, what: number, a: number, b: number): number {
  const { skb } = env;
  const { arena } = env.kernel;
  switch (what) {
    case SUM_LEAVE:
      bytesLeave(arena, skb, a, b, a - skb.data);
      return 0;
    case SUM_COME:
      bytesCome(arena, skb, a, b, a - skb.data);
      return 0;
    case SUM_REPLACED:
      pseudoReplaced(skb, a, b);
      return 0;
    case SUM_CHANGED:
      pseudoChanged(skb, a);
      return 0;
  }
  const complete = skb.ipSummed === CHECKSUM_COMPLETE;
  if (complete) skb.csum = csumAdd(skb.csum, a);
  env.machine.setReturnHigh(complete ? 0 : -1);
  return complete ? skb.csum : -ENOTSUPP;
}

/** `bpf_csum_level`. */
export const csumLevel: HelperDef<NetEnv> = {
  ...plain,
  id: 135,
  name: "csum_level",
  since: "5.8",
  args: ["ctx", "u64"],
  changesPacket: false,
  costNs: 3,
  call: (env: NetEnv, _ctx: number, level: number, levelHi: number): number => {
    const skb = env.skb;
    if (levelHi !== 0) return -EINVAL;
    switch (level) {
      case BPF_CSUM_LEVEL_QUERY:
        return skb.ipSummed === CHECKSUM_UNNECESSARY ? skb.csumLevel : -EACCES;
      case BPF_CSUM_LEVEL_INC:
        if (skb.ipSummed === CHECKSUM_UNNECESSARY) {
          if (skb.csumLevel < CSUM_LEVEL_MAX) skb.csumLevel++;
        } else if (skb.ipSummed === CHECKSUM_NONE) {
          skb.ipSummed = CHECKSUM_UNNECESSARY;
          skb.csumLevel = 0;
        }
        return 0;
      case BPF_CSUM_LEVEL_DEC:
        if (skb.ipSummed === CHECKSUM_UNNECESSARY) {
          if (skb.csumLevel === 0) skb.ipSummed = CHECKSUM_NONE;
          else skb.csumLevel--;
        }
        return 0;
      case BPF_CSUM_LEVEL_RESET:
        resetUnnecessary(skb);
        return 0;
      default:
        return -EINVAL;
    }
  },
};

/** __skb_reset_checksum_unnecessary. */
export function resetUnnecessary(skb: Skb): void {
  if (skb.ipSummed !== CHECKSUM_UNNECESSARY) return;
  skb.ipSummed = CHECKSUM_NONE;
  skb.csumLevel = 0;
}
