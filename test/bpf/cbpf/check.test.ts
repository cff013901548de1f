import { describe, expect, it } from "vitest";
import { assembleClassic } from "../../../sim/bpf/cbpf/assemble.ts";
import { checkClassic, decodeClassic, requireClassic } from "../../../sim/bpf/cbpf/check.ts";
import { kernelBytes } from "../../../sim/bpf/cbpf/kernel-size.ts";
import { parseClassic } from "../../../sim/bpf/cbpf/text.ts";
import { checks } from "./corpus.mjs";
import { type CheckEntry, recorded } from "./kit.ts";

const { entries } = recorded<{ entries: readonly CheckEntry[] }>("checks.json");
const ENOMEM = 12;
/** net.core.optmem_max as Linux 6.18 boots. */
const OPTMEM_MAX = 131072;

describe("the checker of classic BPF", () => {
  it.each(checks.map(([why, text], i) => [why!, text!, entries[i]!] as const))("%s: as Linux 6.18", (why, text, e) => {
    expect(e.why).toBe(why);
    const { insns } = parseClassic(text);
    const fault = checkClassic(insns);
    if (fault !== null) expect(e.errno, fault.reason).toBe(22);
    else expect(e.errno).toBe(kernelBytes(insns.map(decodeClassic)) < OPTMEM_MAX ? 0 : ENOMEM);
  });

  it.each(entries.filter((e) => e.program !== undefined).map((e) => [e.program!, e.optmem!] as const))(
    "%s takes as much option memory as on Linux 6.18",
    (text, optmem) => {
      // one byte must be left
      expect(kernelBytes(parseClassic(text).insns.map(decodeClassic))).toBe(optmem - 1);
    },
  );

  it("says why, and where in the source", () => {
    const program = assembleClassic("ld #1\n  div #0\nret a\n", "f.asm");
    expect(() => requireClassic(program)).toThrow(
      "f.asm:2:3: insn 1: division by zero [CLASSIC_INVALID]\n   2 |   div #0\n     |   ^^^",
    );
    const bytes = parseClassic("2,96 0 0 3,6 0 0 0,", "filter.ddd");
    expect(() => requireClassic(bytes)).toThrow(
      "filter.ddd: insn 0: M[3] is read and was not written on every way here [CLASSIC_INVALID]",
    );
  });

  it.each([
    ["1,14 0 0 0", "Linux does not take `ret x`"],
    ["1,153 0 0 0", "there is no instruction with code 0x99"],
    ["2,100 0 0 40,6 0 0 0", "a shift by 40: 0 to 31 are allowed"],
    ["2,2 0 0 16,6 0 0 0", "there is no M[16]: it goes from M[0] to M[15]"],
    ["2,5 0 0 7,6 0 0 0", "a jump to instruction 8, and the last one is 1"],
    ["2,21 0 1 7,6 0 0 0", "a jump to instruction 2, and the last one is 1"],
    ["2,32 0 0 4294963300,6 0 0 0", "there is no ancillary load SKF_AD_OFF + 100"],
    ["1,0 0 0 0", "the last instruction is not a ret"],
    ["0,", "the program has no instructions"],
  ])("%s: %s", (text, reason) => {
    expect(checkClassic(parseClassic(text).insns)?.reason).toBe(reason);
  });
});
