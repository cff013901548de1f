import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AttachKind } from "../../../sim/bpf/attach-kinds.ts";
import type { ProgKind } from "../../../sim/bpf/prog-type.ts";
import { ctxFieldOf } from "../../../sim/bpf/prog-types/ctx-access.ts";
import { progTypeOf, progTypes } from "../../../sim/bpf/prog-types/index.ts";

/** Recorded by record-ctx-access.mjs from a kernel's verifier. */
const recorded = JSON.parse(readFileSync(new URL("ctx-access.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly accepted: Readonly<Record<string, string>>;
};

describe(`context accesses, as Linux ${recorded.kernel} accepts them`, () => {
  it.each(Object.entries(recorded.accepted))("of %s", (name, list) => {
    const [kind, attach] = name.split(" ") as [ProgKind, AttachKind | undefined];
    const def = progTypeOf(kind);
    const ours: string[] = [];
    for (const write of [false, true]) {
      for (const size of [1, 2, 4, 8]) {
        for (let off = 0; off < def.ctxSize + 8; off++) {
          if (ctxFieldOf(def, attach ?? null, off, size, write) !== null)
            ours.push(`${write ? "w" : "r"}${size}@${off}`);
        }
      }
    }
    expect(ours).toEqual(list.split(" "));
  });
});

describe("program types", () => {
  it.each(progTypes.map((def) => [def.kind, def] as const))(
    "%s: fields lie within the context and do not overlap",
    (_kind, def) => {
      const fields = [...def.fields].sort((a, b) => a.offset - b.offset);
      let end = 0;
      for (const field of fields) {
        expect(field.offset, field.name).toBeGreaterThanOrEqual(end);
        end = field.offset + field.size;
      }
      expect(end).toBeLessThanOrEqual(def.ctxSize);
    },
  );
});
