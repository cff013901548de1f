/** Damage to ELF files, seeded. */
import type { RandomStream } from "../../sim/engine/streams.ts";

const INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff];

/** Damages a copy of an ELF object: bytes, bits, section headers, words of sections, stretches moved, the end cut off. */
export function mutateElf(original: Uint8Array, random: RandomStream): Uint8Array {
  const bytes = Uint8Array.from(original);
  const view = new DataView(bytes.buffer);
  const shoff = view.getUint32(40, true);
  const sections = view.getUint16(60, true);
  const times = 1 + random.below(4);
  for (let i = 0; i < times; i++) {
    switch (random.below(7)) {
      case 0:
        bytes[random.below(bytes.length)] = INTERESTING[random.below(INTERESTING.length)]!;
        break;
      case 1:
        bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
        break;
      case 2:
        view.setUint32(
          shoff + random.below(sections) * 64 + random.below(16) * 4,
          oddNumber(random, bytes.length),
          true,
        );
        break;
      case 3:
      case 4: {
        // a word within a section's contents, instructions for the most part
        const header = shoff + random.below(sections) * 64;
        const at = view.getUint32(header + 24, true) + random.below(Math.max(1, view.getUint32(header + 32, true)));
        if (at + 4 <= bytes.length) view.setUint32(at, oddNumber(random, bytes.length), true);
        break;
      }
      case 5: {
        const from = random.below(bytes.length - 64);
        bytes.copyWithin(random.below(bytes.length - 64), from, from + random.below(64));
        break;
      }
      default:
        if (random.below(8) === 0) return bytes.slice(0, random.below(bytes.length));
    }
  }
  return bytes;
}

function oddNumber(random: RandomStream, length: number): number {
  const choice = [0, 1, random.below(64), length, length - 1, 0x7fffffff, 0x80000000, 0xffffffff, random.u32()];
  return choice[random.below(choice.length)]! >>> 0;
}

/** Damages a copy of any bytes: bytes, bits, words, stretches moved, the end cut off. */
export function damageBytes(original: Uint8Array, random: RandomStream): Uint8Array {
  const bytes = Uint8Array.from(original);
  const view = new DataView(bytes.buffer);
  for (let i = 1 + random.below(5); i > 0; i--) {
    const at = random.below(bytes.length);
    switch (random.below(5)) {
      case 0:
        bytes[at] = INTERESTING[random.below(INTERESTING.length)]!;
        break;
      case 1:
        bytes[at]! ^= 1 << random.below(8);
        break;
      case 2:
      case 3:
        if (bytes.length >= 4)
          view.setUint32(Math.min(at, bytes.length - 4) & ~3, oddNumber(random, bytes.length), true);
        break;
      default:
        if (random.below(8) === 0) return bytes.slice(0, at);
        bytes.copyWithin(random.below(bytes.length), at, at + random.below(64));
    }
  }
  return bytes;
}
