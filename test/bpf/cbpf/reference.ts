/** Classic BPF evaluated directly, written from the definition of its instructions and not from the translation. */
import type { ClassicFields } from "../../../sim/bpf/cbpf/insn.ts";

/** The packet as a program on a packet socket sees it. */
export interface ReferencePacket {
  readonly bytes: Uint8Array;
  /** Where SKF_NET_OFF points, bytes. */
  readonly network: number;
  /** Ancillary values by SKF_AD_* number. */
  readonly metadata: ReadonlyMap<number, number>;
}

const AD_OFF = 0xfffff000;
const XOR_X = 40;

/** @returns what the program answers, unsigned */
export function evaluate(insns: readonly ClassicFields[], packet: ReferencePacket): number {
  let a = 0;
  let x = 0;
  const m = new Uint32Array(16);
  const load = (offset: number, size: number): number | null => {
    let at = offset | 0;
    if (at < 0) at = at >= -0x100000 ? at + 0x100000 + packet.network : at >= -0x200000 ? at + 0x200000 : -1;
    if (at < 0 || at + size > packet.bytes.length) return null;
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + packet.bytes[at + i]!;
    return value;
  };
  for (let pc = 0; ; pc++) {
    const { code, jt, jf, k } = insns[pc]!;
    const operand = (code & 8) !== 0 ? x : k;
    switch (code & 7) {
      case 0: {
        const size = [4, 2, 1][(code >> 3) & 3]!;
        const mode = code >> 5;
        if (mode === 0) a = k;
        else if (mode === 3) a = m[k]!;
        else if (mode === 4) a = packet.bytes.length;
        else if (mode === 1 && k >= AD_OFF) a = k - AD_OFF === XOR_X ? (a ^ x) >>> 0 : packet.metadata.get(k - AD_OFF)!;
        else {
          const value = load(mode === 2 ? (x + k) | 0 : k, size);
          if (value === null) return 0;
          a = value;
        }
        break;
      }
      case 1: {
        const mode = code >> 5;
        if (mode === 0) x = k;
        else if (mode === 3) x = m[k]!;
        else if (mode === 4) x = packet.bytes.length;
        else {
          const byte = load(k, 1);
          if (byte === null) return 0;
          x = (byte & 15) * 4;
        }
        break;
      }
      case 2:
        m[k] = a;
        break;
      case 3:
        m[k] = x;
        break;
      case 4: {
        const result = arithmetic(code & 0xf0, a, operand);
        if (result === null) return 0;
        a = result;
        break;
      }
      case 5:
        pc += (code & 0xf0) === 0 ? k : holds(code & 0xf0, a, operand) ? jt : jf;
        break;
      case 6:
        return code === 0x16 ? a : k;
      default:
        if (code === 7) x = a;
        else a = x;
    }
  }
}

function arithmetic(op: number, a: number, b: number): number | null {
  switch (op) {
    case 0x00:
      return (a + b) >>> 0;
    case 0x10:
      return (a - b) >>> 0;
    case 0x20:
      return Math.imul(a, b) >>> 0;
    case 0x30:
      return b === 0 ? null : Math.floor(a / b);
    case 0x40:
      return (a | b) >>> 0;
    case 0x50:
      return (a & b) >>> 0;
    case 0x60:
      return (a << b) >>> 0;
    case 0x70:
      return a >>> b;
    case 0x80:
      return -a >>> 0;
    case 0x90:
      return b === 0 ? null : a % b;
    default:
      return (a ^ b) >>> 0;
  }
}

function holds(op: number, a: number, b: number): boolean {
  if (op === 0x10) return a === b;
  if (op === 0x20) return a > b;
  if (op === 0x30) return a >= b;
  return (a & b) !== 0;
}
