/**
 * The program tag that `bpftool prog show` prints.
 *
 * @source kernel/bpf/core.c bpf_prog_calc_tag: a digest over the instructions with the file descriptors of maps zeroed, cut to
 *   8 bytes. Up to Linux 6.17 it is SHA-1; Linux 6.18 takes SHA-256 (measured: `r0 = 2; exit` has tag 614b434cd8324ecc there,
 *   3b185187f1855c4c before).
 */
import { createHash } from "node:crypto";
import { isMapRelocation, type Relocation } from "../spec.ts";

const BPF_PSEUDO_MAP_FD = 1;
const BPF_PSEUDO_MAP_VALUE = 2;

/**
 * The tag of a program.
 * @param insns little-endian slots as the linker left them
 * @param relocations the map loads among them; both words of their immediates count as 0
 * @returns 16 hexadecimal digits
 */
export function programTag(insns: Uint8Array, relocations: readonly Relocation[]): string {
  const copy = insns.slice();
  for (const r of relocations) {
    if (!isMapRelocation(r)) continue;
    const at = r.insn * 8;
    const pseudo = r.kind === "map" ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
    copy[at + 1] = (copy[at + 1]! & 0x0f) | (pseudo << 4);
    copy.fill(0, at + 4, at + 8);
    copy.fill(0, at + 12, at + 16);
  }
  return createHash("sha256").update(copy).digest("hex").slice(0, 16);
}
