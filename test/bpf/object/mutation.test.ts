import { describe, expect, it } from "vitest";
import { dumpLinked } from "../../../sim/bpf/object/dump-program.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { formatObject, showObject } from "../../../sim/bpf/object/show-object.ts";
import { isMapRelocation } from "../../../sim/bpf/spec.ts";
import { RandomStream } from "../../../sim/engine/streams.ts";
import { mutateElf } from "../../fuzz/mutate.ts";
import { fixtureBytes } from "./fixtures.ts";

const OBJECTS = ["maps", "data", "subprogs", "legacy", "legacy_libbpf", "unresolved"];
const SEED = 1;
const ROUNDS = 1200;
/** What one damaged object of a few KiB may take. */
const MAX_PROGRAM_SLOTS = 100_000;
describe("damaged objects", () => {
  it.each(OBJECTS)(`%s.o: each of ${ROUNDS} mutations gives a spec or an ObjectError (seed ${SEED})`, (name) => {
    const original = fixtureBytes(name);
    const random = new RandomStream(SEED + name.length * 1000 + name.charCodeAt(0));
    let specs = 0;
    const codes = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutateElf(original, random);
      try {
        const spec = parseObject(bytes, "x.o");
        specs++;
        expect(formatObject(showObject(spec))).toContain("programs:");
        for (const p of spec.programs) {
          expect(p.insns.length % 8).toBe(0);
          expect(p.insns.length / 8).toBeLessThan(MAX_PROGRAM_SLOTS);
          expect(dumpLinked(p, spec.btf)).toContain(":");
          for (const f of p.funcs) expect(f.insn).toBeLessThan(p.insns.length / 8);
          for (const r of p.relocations.filter(isMapRelocation))
            expect(spec.maps.some((m) => m.name === r.map)).toBe(true);
        }
      } catch (error) {
        if (!(error instanceof Error) || error.name !== "ObjectError") {
          throw new Error(`round ${round}: ${error instanceof Error ? error.stack : String(error)}`);
        }
        expect(error.message).toMatch(/^x\.o: .*\[[A-Z0-9_]+\]/);
        codes.add((error as Error & { code: string }).code);
      }
    }
    // the mutations reach deep enough to be accepted, and wide enough to be refused for many reasons
    expect(specs).toBeGreaterThan(ROUNDS / 20);
    expect(codes.size).toBeGreaterThan(6);
  });
});
