/**
 * bpf_csum_diff: the difference that replaced bytes make to an Internet checksum.
 * @source net/core/filter.c bpf_csum_diff as it is since 6.13 (the result folded to 16 bits, sizes that are no multiple of
 *         4 taken as they are; before, those were -EINVAL); compared with Linux 6.18 in 3,000 cases by hand
 *
 * Cost: FACTS 4.9 for 20 bytes.
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { LWT_KINDS, TC_KINDS } from "../prog-kinds.ts";

const TWO32 = 4294967296;

/**
 * csum_partial: ones' complement sum of little-endian words onto a start value; a last word that is cut short counts as if
 * zeros followed.
 * @returns unsigned 32-bit, not folded
 */
function csumPartial(dv: DataView, addr: number, sizeBytes: number, start: number): number {
  let sum = start;
  const words = sizeBytes - (sizeBytes % 4);
  for (let i = 0; i < words; i += 4) sum += dv.getUint32(addr + i, true);
  for (let i = words; i < sizeBytes; i++) sum += dv.getUint8(addr + i) * 2 ** (8 * (i - words));
  while (sum >= TWO32) sum = (sum % TWO32) + Math.floor(sum / TWO32);
  return sum;
}

/** Folds a 32-bit ones' complement sum to 16 bits. @source csum_from32to16 */
function csumFold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

function add(a: number, b: number): number {
  const sum = a + b;
  return sum >= TWO32 ? sum - TWO32 + 1 : sum;
}

/** `bpf_csum_diff`. */
export const csumDiff: HelperDef = {
  id: 28,
  name: "csum_diff",
  since: "4.6",
  args: ["mem_or_null", "size0", "mem_or_null", "size0", "u32"],
  ret: "int",
  gplOnly: false,
  progKinds: ["xdp", ...TC_KINDS, ...LWT_KINDS],
  mapKinds: null,
  changesPacket: false,
  costNs: 21,
  call(env: BpfEnv, from: number, fromSize: number, to: number, toSize: number, seedWord: number): number {
    const dv = env.machine.arena.dv;
    const seed = seedWord >>> 0;
    const from0 = fromSize >>> 0;
    const to0 = toSize >>> 0;
    if (from0 > 0 && to0 > 0) {
      const plus = csumPartial(dv, to, to0, seed);
      return csumFold(add(plus, ~csumPartial(dv, from, from0, 0) >>> 0));
    }
    if (to0 > 0) return csumFold(csumPartial(dv, to, to0, seed));
    if (from0 > 0) return csumFold(~csumPartial(dv, from, from0, ~seed >>> 0) >>> 0);
    return csumFold(seed);
  },
};
