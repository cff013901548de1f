import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MachineBench, runBoth } from "./kit.ts";

/** A case of a text file: `-- case NAME`, `-- mem` (bytes that r1 points to), `-- asm`, `-- result` (r0). */
interface Case {
  readonly name: string;
  readonly asm: string;
  readonly mem: Uint8Array;
  readonly result: bigint;
}

const folder = new URL("cases/", import.meta.url);

function parseCases(text: string): Case[] {
  return text
    .split(/^-- case /m)
    .slice(1)
    .map((part) => {
      const [name, ...sections] = part.split(/^-- /m);
      const section = (kind: string): string | undefined =>
        sections.find((s) => s.startsWith(`${kind}\n`))?.slice(kind.length + 1);
      const [asm, result] = [section("asm"), section("result")];
      if (asm === undefined || result === undefined) throw new Error(`case "${name!.trim()}" lacks a section`);
      const bytes = (section("mem") ?? "").trim().split(/\s+/);
      return {
        name: name!.trim(),
        asm,
        mem: Uint8Array.from(
          bytes.filter((b) => b !== ""),
          (b) => Number.parseInt(b, 16),
        ),
        result: BigInt(result.trim()),
      };
    });
}

const groups = readdirSync(folder).map((file) => file.replace(".txt", ""));

it("every conformance group of RFC 9669 has cases", () => {
  expect(groups).toEqual(["atomic32", "atomic64", "base32", "base64", "divmul32", "divmul64", "packet"]);
});

describe.each(groups)("conformance group %s (RFC 9669, 2.4)", (group) => {
  const cases = parseCases(readFileSync(new URL(`${group}.txt`, folder), "utf8"));

  it.each(cases.map((c) => [c.name, c] as const))("%s", (_name, c) => {
    const bench = new MachineBench();
    bench.kind = group === "packet" ? "socket_filter" : "xdp";
    bench.packet(c.mem);
    const entry = bench.kind === "xdp" ? "r1 = *(u32 *)(r1 +0)" : "r9 = r1";
    const { jit, interp } = runBoth(bench, bench.load(`${entry}\n${c.asm}`));
    expect(jit.r0).toBe(c.result);
    expect(interp).toEqual(jit);
  });
});
