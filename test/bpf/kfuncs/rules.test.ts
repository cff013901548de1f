/** What the running kernel allows: kfuncs by program type, fields of the kernel by map type (oracle/record-rules.mjs). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findType, sizeOf } from "../../../sim/bpf/btf/query.ts";
import { baseKfuncs } from "../../../sim/bpf/kfuncs/index.ts";
import type { MapKind } from "../../../sim/bpf/map.ts";
import { checkFields } from "../../../sim/bpf/maps/field-rules.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { netKfuncs } from "../../../sim/net/kfuncs/index.ts";
import { mapSpec } from "../kit.ts";
import { NOT_BUILT } from "./not-built.ts";

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const { allowed } = read("allowed.json") as { readonly allowed: Readonly<Record<string, string>> };
const { errno } = read("fields.json") as { readonly errno: Readonly<Record<string, Readonly<Record<string, number>>>> };
const kfuncs = [...baseKfuncs, ...netKfuncs];
const TYPES = 15;

describe("kfuncs that Linux 6.18 allows", () => {
  it.each(kfuncs.map((k) => [k.name, k] as const))("%s may be called in the same program types", (name, kfunc) => {
    const linux = (allowed[name] ?? "").split(" ");
    expect(kfunc.progKinds === null ? linux.length === TYPES : [...kfunc.progKinds].sort()).toEqual(
      kfunc.progKinds === null ? true : linux.sort(),
    );
  });

  it("are built or named as not built", () => {
    const built = new Set(kfuncs.map((k) => k.name));
    expect(Object.keys(allowed).filter((name) => !built.has(name))).toEqual([...NOT_BUILT].sort());
  });
});

describe("fields of the kernel in map values", () => {
  const { btf } = parseObject(readFileSync(new URL("oracle/fields.o", import.meta.url)), "fields.o");
  const rows = Object.entries(errno).flatMap(([map, values]) =>
    Object.entries(values).map(([value, want]) => [map, value, want] as const),
  );
  it.each(rows)("a map of type and flags %s with a %s: errno %i", (map, value, want) => {
    const [kind, flags] = map.split(" ") as [MapKind, string];
    const valueTypeId = findType(btf!, value, "struct");
    const valueSize = sizeOf(btf!, valueTypeId)!;
    const refusal = checkFields(mapSpec(kind, { flags: Number(flags), btf, valueTypeId, valueSize }));
    // other types of values are none of lpm_trie's business here: it takes none that is described by a struct
    expect(refusal?.errno ?? 0).toBe(kind === "lpm_trie" && want === 22 ? 0 : want);
  });
});
