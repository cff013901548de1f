/** Shows that the committed vectors belong to the committed objects and packets, and are enough. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Run {
  readonly packet: string;
  readonly ctx: string;
  readonly retval?: number;
  readonly errno?: number;
  readonly data?: string;
  readonly ctxOut?: string;
}

interface Case {
  readonly name: string;
  readonly program: string;
  readonly runs: readonly Run[];
  readonly after: Readonly<Record<string, readonly (readonly string[])[]>>;
}

interface Vector {
  readonly format: number;
  readonly kernel: string;
  readonly cpus: number;
  readonly object: string;
  readonly objectSha256: string;
  readonly kind: string;
  readonly cases: readonly Case[];
}

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const packets = new Map(
  (JSON.parse(read("packets.json")) as { name: string; bytes: number; hex: string }[]).map((p) => [p.name, p] as const),
);
const vectors = readdirSync(new URL("vectors/", import.meta.url))
  .filter((file) => file.endsWith(".json"))
  .map((file) => JSON.parse(read(`vectors/${file}`)) as Vector);
const table = vectors.map((vector) => [vector.object, vector] as const);

describe("recorded kernel vectors", () => {
  it("there are at least 20 kinds of packet, each as long as it says", () => {
    expect(packets.size).toBeGreaterThanOrEqual(20);
    for (const packet of packets.values()) {
      expect(packet.hex).toMatch(/^([0-9a-f]{2})+$/);
      expect(packet.hex.length).toBe(2 * packet.bytes);
    }
  });

  it("each bundled object has vectors", () => {
    const objects = readdirSync(new URL("../../programs/", import.meta.url)).filter((file) => file.endsWith(".o"));
    expect(vectors.map((vector) => vector.object).sort()).toEqual(objects.sort());
  });

  it.each(table)("%s: the vectors are of the object that is there now", (object, vector) => {
    const path = new URL(`../../programs/${object}`, import.meta.url);
    expect(existsSync(path)).toBe(true);
    expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(vector.objectSha256);
    expect(vector.format).toBe(1);
    expect(vector.kernel).toMatch(/^6\.18/);
  });

  it.each(table)("%s: each program met at least 12 kinds of packet and answered", (_object, vector) => {
    const kinds = new Map<string, Set<string>>();
    for (const one of vector.cases) {
      const seen = kinds.get(one.program) ?? new Set<string>();
      kinds.set(one.program, seen);
      for (const run of one.runs) {
        expect(packets.has(run.packet), `packet ${run.packet}`).toBe(true);
        if (run.errno === undefined) seen.add(run.packet);
      }
    }
    for (const [program, seen] of kinds) expect(seen.size, program).toBeGreaterThanOrEqual(12);
  });

  it.each(table)("%s: map contents have one value, or one for each CPU", (_object, vector) => {
    for (const one of vector.cases)
      for (const rows of Object.values(one.after))
        for (const row of rows) expect([2, 1 + vector.cpus]).toContain(row.length);
  });
});
