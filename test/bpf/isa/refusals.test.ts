import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeProgram } from "../../../sim/bpf/isa/decode.ts";
import { messageOf } from "../jit/kit.ts";

/** Programs that Linux refuses, and its last sentence about each. */
const recorded = JSON.parse(readFileSync(new URL("kernel-refusals.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly rows: readonly (readonly [string, string])[];
};

describe(`instructions are refused in the words of Linux ${recorded.kernel}`, () => {
  it.each(recorded.rows)("%s: %s", (hex, sentence) => {
    const text = messageOf(() => decodeProgram("p", Uint8Array.from(Buffer.from(hex, "hex"))));
    expect(text).toContain(`program "p": insn 2: ${sentence}`);
  });
});
