/**
 * Writes a relocation's value into its instruction.
 * @source libbpf src/relo_core.c bpf_core_patch_insn, bpf_core_poison_insn
 */
import { EINVAL } from "./access.ts";
import type { CoreResult } from "./values.ts";

/** "bad relo", libbpf's mark on an instruction whose relocation failed: a call of this helper. */
export const POISON_CORE = 0xbad2310;

const LD_IMM64 = 0x18;
const CALL = 0x85;
const CLASS = 0x07;
const SIZE = 0x18;
const ERANGE = 34;
const SHRT_MAX = 0x7fffn;
/** Bytes by the size bits of a load's opcode. */
const BYTES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };

/** null: it is done. Otherwise libbpf's error number and words, which follow `relo #3: `. */
export type PatchError = { readonly errno: number; readonly why?: string } | null;

/** What is patched: a program's bytes, and how messages count its instructions. */
export interface PatchSite {
  readonly insns: DataView;
  /** Slot within the linked program. */
  readonly slot: number;
  /** Slot within its function. */
  readonly index: number;
  /** Called with each slot that becomes an invalid call. */
  onPoison(slot: number): void;
}

/** Patches one instruction. */
export function patchInsn(site: PatchSite, result: CoreResult): PatchError {
  const { insns, slot, index } = site;
  const at = slot * 8;
  const opcode = insns.getUint8(at);
  if (result.poison) return poison(site);
  const { before, after, validate } = result;
  const expected = `exp ${before} -> ${after}`;
  const refuse = (why: string, errno: number = EINVAL): PatchError => ({ errno, why });
  switch (opcode & CLASS) {
    case 4:
    case 7: {
      if ((opcode & 8) !== 0) return { errno: EINVAL };
      const imm = insns.getInt32(at + 4, true);
      if (validate && u64(imm) !== before) {
        return refuse(`unexpected insn #${index} (ALU/ALU64) value: got ${imm}, ${expected}`);
      }
      insns.setInt32(at + 4, low(after), true);
      return null;
    }
    case 1:
    case 2:
    case 3: {
      const off = insns.getInt16(at + 2, true);
      if (validate && u64(off) !== before) {
        return refuse(`unexpected insn #${index} (LDX/ST/STX) value: got ${off}, ${expected}`);
      }
      if (after > SHRT_MAX) return refuse(`insn #${index} (LDX/ST/STX) value too big: ${after}`, ERANGE);
      if (result.sizeMismatch) return poison(site);
      insns.setInt16(at + 2, Number(after), true);
      return resize(site, opcode, result);
    }
    case 0: {
      const next = at + 8;
      const plain = opcode === LD_IMM64 && insns.getUint8(at + 1) >>> 4 === 0 && insns.getInt16(at + 2, true) === 0;
      if (!plain || next + 8 > insns.byteLength || insns.getUint32(next, true) !== 0) {
        return refuse(`insn #${index} (LDIMM64) has unexpected form`);
      }
      const imm = BigInt(insns.getUint32(at + 4, true)) | (BigInt(insns.getUint32(next + 4, true)) << 32n);
      if (validate && imm !== before) {
        return refuse(`unexpected insn #${index} (LDIMM64) value: got ${imm}, ${expected}`);
      }
      insns.setInt32(at + 4, low(after), true);
      insns.setInt32(next + 4, low(after >> 32n), true);
      return null;
    }
    default: {
      const regs = insns.getUint8(at + 1);
      const off = (insns.getInt16(at + 2, true) >>> 0).toString(16);
      const fields = `src:0x${(regs >>> 4).toString(16)}, dst:0x${(regs & 15).toString(16)}, off:0x${off}`;
      const imm = insns.getUint32(at + 4, true).toString(16);
      const code = opcode.toString(16);
      return refuse(`trying to relocate unrecognized insn #${index}, code:0x${code}, ${fields}, imm:0x${imm}`);
    }
  }
}

function resize(site: PatchSite, opcode: number, result: CoreResult): PatchError {
  const { sizeBefore, sizeAfter } = result;
  if (sizeBefore === sizeAfter) return null;
  const has = BYTES[opcode & SIZE]!;
  const what = `insn #${site.index} (LDX/ST/STX)`;
  if (has !== sizeBefore) {
    return { errno: EINVAL, why: `${what} unexpected mem size: got ${has}, exp ${sizeBefore}` };
  }
  const bits = Object.keys(BYTES).find((b) => BYTES[Number(b)] === sizeAfter);
  if (bits === undefined) return { errno: EINVAL, why: `${what} invalid new mem size: ${sizeAfter}` };
  site.insns.setUint8(site.slot * 8, (opcode & ~SIZE) | Number(bits));
  return null;
}

/** Both slots of a ld_imm64 become calls, so that neither is an unknown opcode. */
function poison(site: PatchSite): null {
  const wide = site.insns.getUint8(site.slot * 8) === LD_IMM64 && site.slot * 8 + 16 <= site.insns.byteLength;
  for (let slot = site.slot; slot <= site.slot + (wide ? 1 : 0); slot++) {
    site.insns.setUint32(slot * 8, CALL, true);
    site.insns.setInt32(slot * 8 + 4, POISON_CORE, true);
    site.onPoison(slot);
  }
  return null;
}

function u64(value: number): bigint {
  return BigInt.asUintN(64, BigInt(value));
}

function low(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}
