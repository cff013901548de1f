import { describe, expect, it } from "vitest";
import { createMachine } from "../../../sim/bpf/create-machine.ts";
import { mapTypes } from "../../../sim/bpf/maps/index.ts";
import { Arena } from "../../../sim/engine/arena.ts";
import { mapSpec, u32 } from "../kit.ts";

const MIB = 1024 * 1024;

/** Resident memory of this process, MiB. */
function residentMib(): number {
  return process.memoryUsage.rss() / MIB;
}

describe("memory of large maps", () => {
  it("arrays of 134 MB and 67 MB, as katran declares them, cost nothing until they are touched", () => {
    const machine = createMachine({ arena: new Arena(), helpers: [], mapTypes });
    const before = residentMib();
    const flows = machine.createMap(mapSpec("array", { name: "ch_rings", valueSize: 4, maxEntries: 33_554_432 }), 1, 1);
    const other = machine.createMap(mapSpec("array", { name: "large", valueSize: 8, maxEntries: 8_388_608 }), 1, 2);
    expect(flows.read(u32(33_554_431))).toEqual(u32(0));
    expect(other.count()).toBe(8_388_608);
    expect(residentMib() - before).toBeLessThan(40);
  });

  it.each(["hash", "percpu_hash", "lru_hash", "lpm_trie"] as const)(
    "a %s that declares ten million entries takes memory as it fills",
    (kind) => {
      const machine = createMachine({ arena: new Arena(), helpers: [], mapTypes });
      const spec = mapSpec(kind, {
        keySize: kind === "lpm_trie" ? 8 : 4,
        valueSize: 64,
        maxEntries: 10_000_000,
        flags: kind === "lru_hash" ? 0 : 1,
      });
      const before = residentMib();
      const map = machine.createMap(spec, 2, 1);
      const key = (i: number): Uint8Array => (kind === "lpm_trie" ? Uint8Array.from([...u32(32), ...u32(i)]) : u32(i));
      for (let i = 0; i < 1000; i++) expect(map.write(key(i), new Uint8Array(map.userValueBytes), 0)).toBe(0);
      expect(map.count()).toBe(1000);
      expect(residentMib() - before).toBeLessThan(60);
    },
  );

  it("more than the arena holds is refused with the map's name, the bytes it wanted and what to do", () => {
    const machine = createMachine({ arena: new Arena(), helpers: [], mapTypes });
    const spec = mapSpec("array", { name: "ch_rings", valueSize: 4, maxEntries: 33_554_432 });
    const load = (): void => {
      for (let host = 0; host < 20; host++) machine.createMap(spec, 1, host + 1);
    };
    expect(load).toThrow(/map "ch_rings" needs 134217728|map "ch_rings" needs 268435456/);
  });
});
