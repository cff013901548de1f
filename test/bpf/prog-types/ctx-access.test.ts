import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AttachKind } from "../../../sim/bpf/attach-kinds.ts";
import { type ProgKind, type ProgTypeDef, retvalRange } from "../../../sim/bpf/prog-type.ts";
import { ctxFieldOf } from "../../../sim/bpf/prog-types/ctx-access.ts";
import { progTypeOf, progTypes } from "../../../sim/bpf/prog-types/index.ts";

interface Accepted {
  /** Of -1, 0, 1, 2, 3, 4 and 1000 those that a program may return. */
  readonly retval: string;
  /** Whether bytes behind `data` may be "read", "written" or "none" of it. */
  readonly packet: string;
  readonly accesses: string;
}

/** Recorded by record-ctx-access.mjs from a kernel's verifier. */
const recorded = JSON.parse(readFileSync(new URL("ctx-access.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly accepted: Readonly<Record<string, Accepted>>;
};

const kinds = Object.entries(recorded.accepted).map(([name, accepted]) => {
  const [kind, attach] = name.split(" ") as [ProgKind, AttachKind | undefined];
  return [name, progTypeOf(kind), attach ?? null, accepted] as const;
});

/** `r4@8..16` as r4@8, r4@12, r4@16; sorted. */
function expand(list: string): string[] {
  return list
    .split(" ")
    .flatMap((entry) => {
      const [, dir, size, from, to] = /^([rw])(\d)@(\d+)(?:\.\.(\d+))?$/.exec(entry)!;
      const out: string[] = [];
      for (let off = Number(from); off <= Number(to ?? from); off += Number(size)) out.push(`${dir}${size}@${off}`);
      return out;
    })
    .sort();
}

function ours(def: ProgTypeDef, attach: AttachKind | null, bytes: number): string[] {
  const out: string[] = [];
  for (const write of [false, true]) {
    for (const size of [1, 2, 4, 8]) {
      for (let off = 0; off < bytes; off++) {
        if (ctxFieldOf(def, attach, off, size, write) !== null) out.push(`${write ? "w" : "r"}${size}@${off}`);
      }
    }
  }
  return out.sort();
}

describe(`program types, as Linux ${recorded.kernel} accepts them`, () => {
  it.each(kinds)("context accesses of %s", (_name, def, attach, accepted) => {
    // of a syscall program's buffer the kernel was asked about the first 72 bytes only
    const bytes = def.kind === "syscall" ? 72 : def.ctxSize + 8;
    expect(ours(def, attach, bytes)).toEqual(expand(accepted.accesses));
  });

  it.each(kinds)("return values of %s", (_name, def, attach, accepted) => {
    const range = retvalRange(def, attach);
    const tried = [-1, 0, 1, 2, 3, 4, 1000];
    const allowed = tried.filter((v) => range === null || (v >= range.min && v <= range.max));
    expect(allowed.join(" ")).toBe(accepted.retval);
  });

  it.each(kinds)("packet access of %s", (_name, def, _attach, accepted) => {
    const reads = def.fields.some((f) => f.pointer === "data");
    expect(reads ? (def.packetWritable ? "written" : "read") : "none").toBe(accepted.packet);
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

  it.each(progTypes.map((def) => [def.kind, def] as const))(
    "%s: the bounds of the packet stand where the fields say",
    (_kind, def) => {
      for (const [pointer, offset] of [
        ["data", def.dataOffset],
        ["data_end", def.dataEndOffset],
        ["data_meta", def.dataMetaOffset],
      ] as const) {
        const field = def.fields.find((f) => f.pointer === pointer);
        if (field !== undefined) expect(offset).toBe(field.offset);
      }
    },
  );
});
