import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createMachine } from "../../../sim/bpf/create-machine.ts";
import type { MapKind } from "../../../sim/bpf/map.ts";
import { mapTypes } from "../../../sim/bpf/maps/index.ts";
import type { MapSpec } from "../../../sim/bpf/spec.ts";
import { btf, id as btfId } from "../btf/kit.ts";
import { Bench, mapSpec, u32 } from "../kit.ts";

type Row = readonly [MapKind, number, number, number, number, number, string | null, number];
type Inner = readonly [MapKind, number, number, number, number];

const folder = new URL("kernel/", import.meta.url);
const { INNERS } = (await import(new URL("create-rows.mjs", folder).href)) as {
  readonly INNERS: Readonly<Record<string, Inner>>;
};
const recorded = JSON.parse(readFileSync(new URL("create.json", folder), "utf8")) as {
  readonly kernel: string;
  readonly rows: readonly Row[];
};

function innerSpec(name: string): MapSpec {
  const [kind, keySize, valueSize, maxEntries, flags] = INNERS[name]!;
  return mapSpec(kind, { keySize, valueSize, maxEntries, flags });
}

const OWNED: readonly MapKind[] = ["sk_storage", "task_storage", "cgrp_storage"];

/** These have types of key and value in all rows but those whose map_extra is 1. */
function typesOf(kind: MapKind, mapExtra: number): Partial<MapSpec> {
  const int = btfId("int", "int");
  return OWNED.includes(kind) && mapExtra === 0 ? { btf, keyTypeId: int, valueTypeId: int } : {};
}

describe(`creating a map answers what BPF_MAP_CREATE of Linux ${recorded.kernel.split("-")[0]} answers`, () => {
  it.each(mapTypes)("$kind", (def) => {
    const rows = recorded.rows.filter(([kind]) => kind === def.kind);
    expect(rows.length).toBeGreaterThan(80);
    const wrong: string[] = [];
    for (const [kind, keySize, valueSize, maxEntries, flags, mapExtra, inner, answer] of rows) {
      const shape = { keySize, valueSize, maxEntries, flags, inner: inner === null ? null : innerSpec(inner) };
      const refusal = def.check(mapSpec(kind, { ...shape, mapExtra, ...typesOf(kind, mapExtra) }));
      const got = refusal === null ? 0 : -refusal.errno;
      const row = [keySize, valueSize, maxEntries, flags, mapExtra, inner].join(" ");
      if (got !== answer) wrong.push(`${row}: Linux ${answer}, netsim ${got}`);
      if (refusal?.reason === "") wrong.push(`${row}: no reason given`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("the registry of map types", () => {
  it("refuses a kind that is registered twice", () => {
    const twice = [mapTypes[0]!, mapTypes[0]!];
    expect(() => createMachine({ arena: new Bench().arena, helpers: [], mapTypes: twice })).toThrow(
      "two map types are hash",
    );
  });

  it("numbers its types as enum bpf_map_type does", () => {
    expect(Object.fromEntries(mapTypes.map((t) => [t.kind, t.uapi]))).toEqual({
      hash: 1,
      array: 2,
      prog_array: 3,
      perf_event_array: 4,
      percpu_hash: 5,
      percpu_array: 6,
      lru_hash: 9,
      lru_percpu_hash: 10,
      lpm_trie: 11,
      array_of_maps: 12,
      hash_of_maps: 13,
      devmap: 14,
      queue: 22,
      stack: 23,
      devmap_hash: 25,
      ringbuf: 27,
      cgroup_array: 8,
      sockmap: 15,
      cpumap: 16,
      xskmap: 17,
      sockhash: 18,
      reuseport_sockarray: 20,
      sk_storage: 24,
      bloom_filter: 30,
      user_ringbuf: 31,
      cgrp_storage: 32,
      task_storage: 29,
      percpu_cgroup_storage: 21,
      cgroup_storage: 19,
      stack_trace: 7,
    });
  });
});

describe("a map that memory cannot hold", () => {
  it("is refused with its name and size", () => {
    const bench = new Bench();
    expect(() => bench.map("array", { name: "huge", valueSize: 1 << 20, maxEntries: 4096 })).toThrow(/"huge".*-ENOMEM/);
  });

  it("is no map that only declares eight million entries", () => {
    const bench = new Bench();
    const map = bench.map("lru_hash", { keySize: 40, valueSize: 32, maxEntries: 8_000_000 });
    expect(map.write(new Uint8Array(40), new Uint8Array(32), 0)).toBe(0);
    expect(map.count()).toBe(1);
    const flat = bench.map("array", { valueSize: 4, maxEntries: 16_777_216 });
    expect(flat.read(u32(16_777_215))).toEqual(u32(0));
  });
});
