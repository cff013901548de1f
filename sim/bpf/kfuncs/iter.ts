/**
 * Open-coded iterators over numbers and over the bits of a mask. Their state lies in the program's stack, out of its reach on Linux.
 *
 *     struct bpf_iter_num    +0 s32 current | +4 s32 end
 *     struct bpf_iter_bits   +0 u64 the mask itself (64 bits) or its copy's address | +8 s32 bits | +12 s32 current
 *
 * @source kernel/bpf/bpf_iter.c bpf_iter_num_*; kernel/bpf/helpers.c bpf_iter_bits_*. Costs: FACTS has none, estimated from the code
 */
import { VerifierError } from "../../engine/errors.ts";
import type { BpfEnv } from "../env.ts";
import type { KfuncDef } from "../helper.ts";
import { readable } from "../helpers/arena-read.ts";
import { MAX_LOOPS } from "../jit/cells.ts";
import { E2BIG, EFAULT, EINVAL, ENOMEM, ERANGE } from "../maps/errno.ts";

/** @source kernel/bpf/helpers.c BITS_ITER_NR_WORDS_MAX */
const MAX_WORDS = 511;
const BITS_LABEL = "struct bpf_iter_bits";

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false, since: "6.4" } as const;

/** `bpf_iter_num_new`: from start to end - 1. */
export const iterNumNew: KfuncDef = {
  ...plain,
  name: "bpf_iter_num_new",
  args: ["mem_fixed", "u32", "u32"],
  fixed: 8,
  ret: "int",
  flags: ["ITER_NEW"],
  costNs: 2,
  call(env: BpfEnv, it: number, start: number, end: number): number {
    const { dv } = env.machine.arena;
    const err = start > end ? -EINVAL : end - start > MAX_LOOPS ? -E2BIG : 0;
    dv.setInt32(it, err !== 0 ? 0 : start - 1, true);
    dv.setInt32(it + 4, err !== 0 ? 0 : end, true);
    return err;
  },
};

/** `bpf_iter_num_next`. */
export const iterNumNext: KfuncDef = {
  ...plain,
  name: "bpf_iter_num_next",
  args: ["mem_fixed"],
  fixed: 8,
  ret: "mem_or_null",
  flags: ["ITER_NEXT", "RET_NULL"],
  costNs: 2,
  call(env: BpfEnv, it: number): number {
    const { dv } = env.machine.arena;
    const next = (dv.getInt32(it, true) + 1) | 0;
    if (next >= dv.getInt32(it + 4, true)) {
      dv.setInt32(it, 0, true);
      dv.setInt32(it + 4, 0, true);
      return 0;
    }
    dv.setInt32(it, next, true);
    return it;
  },
};

/** `bpf_iter_num_destroy`. */
export const iterNumDestroy: KfuncDef = {
  ...plain,
  name: "bpf_iter_num_destroy",
  args: ["mem_fixed"],
  fixed: 8,
  ret: "void",
  flags: ["ITER_DESTROY"],
  costNs: 1,
  call(env: BpfEnv, it: number): number {
    env.machine.arena.u8.fill(0, it, it + 8);
    return 0;
  },
};

/** `bpf_iter_bits_new`: over the set bits of a mask of `words` u64. */
export const iterBitsNew: KfuncDef = {
  ...plain,
  name: "bpf_iter_bits_new",
  since: "6.11",
  args: ["mem_fixed", "u64", "u32"],
  fixed: 16,
  ret: "int",
  flags: ["ITER_NEW"],
  costNs: 15,
  call(env: BpfEnv, it: number, mask: number, maskHi: number, words: number): number {
    const { arena } = env.machine;
    const n = words >>> 0;
    arena.u8.fill(0, it, it + 12);
    arena.dv.setInt32(it + 12, -1, true);
    if ((mask === 0 && maskHi === 0) || n === 0) return -EINVAL;
    if (n > MAX_WORDS) return -E2BIG;
    const from = mask >>> 0;
    if (!readable(arena, mask, maskHi, n * 8)) return n === 1 || maskHi < 0 ? -EFAULT : -ERANGE;
    let to = it;
    if (n > 1) {
      const sizeBytes = n * 8;
      to = arena.allocRegion({
        sizeBytes,
        strideBytes: sizeBytes,
        valueBytes: sizeBytes,
        writable: false,
        label: BITS_LABEL,
      });
      if (to === 0) return -ENOMEM;
      arena.dv.setUint32(it, to, true);
    }
    arena.u8.copyWithin(to, from, from + n * 8);
    arena.dv.setInt32(it + 8, n * 64, true);
    return 0;
  },
};

/** `bpf_iter_bits_next`: the number of the next set bit. */
export const iterBitsNext: KfuncDef = {
  ...plain,
  name: "bpf_iter_bits_next",
  since: "6.11",
  args: ["mem_fixed"],
  fixed: 16,
  ret: "mem_or_null",
  flags: ["ITER_NEXT", "RET_NULL"],
  costNs: 4,
  call(env: BpfEnv, it: number): number {
    const { dv, u8 } = env.machine.arena;
    const bits = dv.getInt32(it + 8, true);
    let bit = dv.getInt32(it + 12, true);
    if (bit >= bits) return 0;
    const mask = bits <= 64 ? it : copyOf(env, it, bits);
    for (bit++; bit < bits; bit++) if ((u8[mask + (bit >>> 3)]! & (1 << (bit & 7))) !== 0) break;
    dv.setInt32(it + 12, bit, true);
    return bit < bits ? it + 12 : 0;
  },
};

/** `bpf_iter_bits_destroy`. */
export const iterBitsDestroy: KfuncDef = {
  ...plain,
  name: "bpf_iter_bits_destroy",
  since: "6.11",
  args: ["mem_fixed"],
  fixed: 16,
  ret: "void",
  flags: ["ITER_DESTROY"],
  costNs: 4,
  call(env: BpfEnv, it: number): number {
    const { arena } = env.machine;
    const bits = arena.dv.getInt32(it + 8, true);
    if (bits > 64) arena.freeRegion(copyOf(env, it, bits));
    arena.u8.fill(0, it, it + 16);
    return 0;
  },
};

/** The copy of a long mask. @throws VerifierError ITER_INVALID when the state was not made by bpf_iter_bits_new */
function copyOf(env: BpfEnv, it: number, bits: number): number {
  const { arena } = env.machine;
  const at = arena.dv.getUint32(it, true);
  const region = arena.regionAt(at);
  if (region === undefined || region.addr !== at || region.label !== BITS_LABEL || region.sizeBytes !== bits / 8) {
    const message = "expected an initialized iter_bits: what stands there was not made by bpf_iter_bits_new";
    throw new VerifierError({ code: "ITER_INVALID", message });
  }
  return at;
}
