/** Damaged assembler texts: of eBPF, of classic BPF, and classic programs as numbers. */
import { readdirSync, readFileSync } from "node:fs";
import { assembleClassic } from "../../sim/bpf/cbpf/assemble.ts";
import { parseClassic } from "../../sim/bpf/cbpf/text.ts";
import { translateClassic } from "../../sim/bpf/cbpf/translate.ts";
import { baseHelpers } from "../../sim/bpf/helpers/index.ts";
import { assemble } from "../../sim/bpf/isa/assemble.ts";
import { decodeProgram } from "../../sim/bpf/isa/decode.ts";
import { disassemble } from "../../sim/bpf/isa/disassemble.ts";
import type { RandomStream } from "../../sim/engine/streams.ts";
import { generateCase } from "../bpf/differential/generate.ts";
import { repository } from "../repository.ts";
import { endingOf, type FuzzTarget } from "./target.ts";

const GENERATED = 2 ** 31;
const MAX_LINES = 40;
const WORDS = [
  "r0",
  "w11",
  "0x",
  "-",
  "+",
  "goto",
  "pc+1",
  "(u64 *)",
  "lock",
  "call",
  "#",
  "\0",
  "é",
  "99999999999",
  ":",
];
const CLASSIC_OPCODES = [
  0x00, 0x01, 0x04, 0x05, 0x06, 0x07, 0x15, 0x1d, 0x20, 0x28, 0x30, 0x40, 0x61, 0x80, 0x87, 0xb1,
];

/** Damages a text: characters, words, lines, numbers. */
function damageText(text: string, random: RandomStream): string {
  let out = text;
  for (let i = 1 + random.below(3); i > 0; i--) {
    const at = random.below(out.length + 1);
    const to = Math.min(out.length, at + random.below(12));
    switch (random.below(4)) {
      case 0:
        out = out.slice(0, at) + out.slice(to);
        break;
      case 1:
        out = out.slice(0, at) + WORDS[random.below(WORDS.length)]! + out.slice(to);
        break;
      case 2:
        out = out.slice(0, at) + String.fromCharCode(random.below(128)) + out.slice(at);
        break;
      default:
        out = out.slice(0, at) + out.slice(random.below(out.length + 1), random.below(out.length + 1)) + out.slice(at);
    }
  }
  return out;
}

/** eBPF assembler. */
export const assembler: FuzzTarget = {
  name: "assembler texts",
  share: 10,
  create() {
    const helperId = (name: string): number | undefined => baseHelpers.find((h) => h.name === name)?.id;
    return (random) => {
      const { insns: whole } = generateCase(random.below(GENERATED), { short: true }).programs[0]!;
      const lines = disassemble(whole).slice(0, MAX_LINES);
      // what stands for a file descriptor in a listing is a name in a source
      const source = lines.map((line) => line.text.replace(/map\[fd:(\d+)\]/, "map[m$1]")).join("\n");
      const text = damageText(source, random);
      let ending = "refused";
      try {
        const { insns } = assemble(text, { helperId });
        ending = "assembled";
        decodeProgram("damaged", insns);
        return "decoded";
      } catch (error) {
        endingOf(error);
        return ending;
      }
    };
  },
};

/** Classic BPF: texts of the assembler, and instructions as `tcpdump -ddd` prints them. */
export const classic: FuzzTarget = {
  name: "classic BPF",
  share: 15,
  create() {
    const folder = new URL("test/bpf/cbpf/", repository);
    const sources = readdirSync(new URL("programs/", repository))
      .filter((file) => file.endsWith(".bpf_asm"))
      .map((file) => readFileSync(new URL(`programs/${file}`, repository), "utf8"));
    const recorded = JSON.parse(readFileSync(new URL("asm.json", folder), "utf8")) as unknown;
    sources.push(...textsIn(recorded));
    return (random) => {
      try {
        const program =
          random.below(2) === 0
            ? assembleClassic(damageText(sources[random.below(sources.length)]!, random), "damaged.asm")
            : parseClassic(random.below(3) === 0 ? damageText(numbers(random), random) : numbers(random));
        translateClassic(program, "socket_filter", "damaged");
        return "translated";
      } catch (error) {
        return endingOf(error);
      }
    };
  },
};

/** All texts of several lines within a JSON value. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return value.includes("\n") ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

function numbers(random: RandomStream): string {
  const count = 1 + random.below(12);
  const rows: string[] = [];
  for (let i = 0; i < count; i++) {
    const last = i === count - 1;
    const code = last ? 0x06 : random.below(6) === 0 ? random.below(256) : CLASSIC_OPCODES[random.below(16)]!;
    const k = random.below(3) === 0 ? random.u32() : random.below(count + 4);
    rows.push(`${code} ${random.below(count - i)} ${random.below(count - i)} ${k}`);
  }
  return `${random.below(20) === 0 ? count + 1 : count},${rows.join(",")},`;
}
