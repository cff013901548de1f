/** Operations on maps that compiled programs do in place, or without leaving WebAssembly, against the interpreter and the map itself. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BpfMap, MapKind } from "../../../sim/bpf/map.ts";
import { u32 } from "../kit.ts";
import { MachineBench } from "./kit.ts";

const M64 = 1n << 64n;
const errno = (n: number): bigint => BigInt.asUintN(64, BigInt(n));
const bytes = (map: BpfMap): string => {
  const out: string[] = [];
  for (let i = 0; i < map.count(); i++) out.push(Buffer.from(map.read(u32(i)) ?? []).toString("hex"));
  return out.join(" ");
};

/** Runs a text on two machines in one state, compiled and interpreted. */
function twins(prepare: (bench: MachineBench) => BpfMap) {
  const [a, b] = [new MachineBench(), new MachineBench()];
  const [compiled, interpreted] = [prepare(a), prepare(b)];
  return {
    compiled,
    interpreted,
    run(text: string, checks: boolean): bigint {
      const jit = a.jit(a.load(text, { checks }));
      const interp = b.interpret(b.load(text, { checks }));
      expect(jit.r0).toBe(interp.r0);
      return jit.r0;
    },
  };
}

const flagsOf = (flags: bigint, reg: number): string =>
  `r${reg} = ${BigInt.asIntN(32, flags)}\nw${reg} = w${reg}\nr6 = ${flags >> 32n}\nr6 <<= 32\nr${reg} |= r6\n`;

describe.each<MapKind>(["array", "percpu_array"])("an update of an element of a map of type %s", (kind) => {
  it.each([1, 3, 8, 13, 64, 100])(
    "with values of %i bytes does what the map does, whatever flags and index",
    (size) => {
      const { compiled, interpreted, run } = twins((bench) => bench.map("m", kind, { valueSize: size, maxEntries: 4 }));
      const flags = fc.constantFrom(0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 1n << 32n, M64 - 1n);
      fc.assert(
        fc.property(flags, fc.nat(5), fc.nat(200), fc.boolean(), (flag, index, fill, checks) => {
          const stores = Array.from({ length: 13 }, (_, i) => `*(u64 *)(r10 -${8 + 8 * i}) = ${fill + i}`).join("\n");
          const text = `${stores}
*(u32 *)(r10 -112) = ${index}
r1 = map[m]
r2 = r10
r2 += -112
r3 = r10
r3 += -104
${flag === 0n ? "r4 = 0" : flagsOf(flag, 4)}
call map_update_elem
exit`;
          const r0 = run(text, checks);
          const refused = flag !== 0n && flag !== 2n;
          if (!refused) expect(r0).toBe(index < 4 ? 0n : errno(-7));
          expect(bytes(compiled)).toBe(bytes(interpreted));
        }),
        { numRuns: 60 },
      );
    },
  );
});

describe.each<MapKind>(["queue", "stack"])("a %s", (kind) => {
  it.each([4, 12, 100])("of values of %i bytes gives back what was pushed, by the rules of the flags", (size) => {
    const { compiled, interpreted, run } = twins((b) =>
      b.map("m", kind, { keySize: 0, valueSize: size, maxEntries: 3 }),
    );
    const op = fc.record({
      op: fc.constantFrom("push", "push", "pop", "peek"),
      flag: fc.constantFrom(0n, 0n, 2n, 1n, 4n, 1n << 32n),
      value: fc.nat(1000),
    });
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 12 }), fc.boolean(), (ops, checks) => {
        const model: number[] = [];
        while (run("r1 = map[m]\nr2 = r10\nr2 += -104\ncall map_pop_elem\nexit", checks) === 0n);
        for (const { op: what, flag, value } of ops) {
          const push = `*(u32 *)(r10 -104) = ${value}\nr1 = map[m]\nr2 = r10\nr2 += -104\n${flagsOf(flag, 3)}call map_push_elem\nexit`;
          const get = `r1 = map[m]\nr2 = r10\nr2 += -104\n*(u32 *)(r10 -104) = -1\ncall map_${what}_elem\nr1 = *(u32 *)(r10 -104)\nif r0 != 0 goto bad\nr0 = r1\nbad:\nexit`;
          const r0 = run(what === "push" ? push : get, checks);
          if (what === "push") {
            if (flag !== 0n && flag !== 2n) expect(r0).toBe(errno(-22));
            else if (model.length === 3 && flag === 0n) expect(r0).toBe(errno(-7));
            else {
              expect(r0).toBe(0n);
              if (model.length === 3) model.shift();
              model.push(value);
            }
          } else {
            const front = kind === "stack" ? model.at(-1) : model[0];
            expect(r0).toBe(front === undefined ? errno(-2) : BigInt(front));
            if (what === "pop") kind === "stack" ? model.pop() : model.shift();
          }
          expect([compiled.count(), interpreted.count()]).toEqual([model.length, model.length]);
        }
      }),
      { numRuns: 40 },
    );
  });
});

it("a bloom filter answers compiled programs as it answers the interpreter", () => {
  const { run } = twins((b) => b.map("m", "bloom_filter", { keySize: 0, valueSize: 8, maxEntries: 50 }));
  const text = (what: "push" | "peek", value: number, flags: number): string =>
    `*(u64 *)(r10 -8) = ${value}\nr1 = map[m]\nr2 = r10\nr2 += -8\nr3 = ${flags}\ncall map_${what}_elem\nexit`;
  for (let i = 0; i < 20; i++) {
    expect(run(text("push", i, 0), true)).toBe(0n);
    expect(run(text("push", i, 1), true)).toBe(errno(-22));
  }
  for (let i = 0; i < 20; i++) expect(run(text("peek", i, 0), false)).toBe(0n);
  const missed = Array.from({ length: 200 }, (_, i) => run(text("peek", 1000 + i, 0), true)).filter((r) => r !== 0n);
  expect(missed.every((r) => r === errno(-2))).toBe(true);
  expect(missed.length).toBeGreaterThan(100);
});
