import { describe, expect, it } from "vitest";
import { createMachine } from "../../../sim/bpf/create-machine.ts";
import type { HelperDef } from "../../../sim/bpf/helper.ts";
import { forEachMapElem, loop } from "../../../sim/bpf/helpers/callback.ts";
import { baseHelpers } from "../../../sim/bpf/helpers/index.ts";
import { mapCallCostNs } from "../../../sim/bpf/helpers/map-ops.ts";
import type { PerfEventArrayMap } from "../../../sim/bpf/maps/perf-event-array.ts";
import type { RingbufMap } from "../../../sim/bpf/maps/ringbuf.ts";
import { VerifierError } from "../../../sim/engine/errors.ts";
import { Bench, hex, type RecordingEnv, recordingEnv, u32, u64 } from "../kit.ts";

const byName = new Map(baseHelpers.map((h) => [h.name, h]));

function helper(name: string): HelperDef {
  return byName.get(name)!;
}

function start(cpus: number = 2): { readonly bench: Bench; readonly env: RecordingEnv } {
  const bench = new Bench(cpus);
  return { bench, env: recordingEnv(bench) };
}

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));
const u64Of = (env: RecordingEnv, lo: number): number => env.high * 2 ** 32 + (lo >>> 0);

describe("the registry of helpers", () => {
  it("refuses a number that is registered twice", () => {
    const helpers = [baseHelpers[0]!, baseHelpers[0]!];
    expect(() => createMachine({ arena: new Bench().arena, helpers, mapTypes: [] })).toThrow("two helpers are 1");
  });

  it.each(baseHelpers.map((h) => [h.name, h] as const))("%s: the record is whole", (_name, h) => {
    expect(h.since).toMatch(/^\d\.\d+$/);
    expect(h.costNs).toBeGreaterThanOrEqual(0);
    expect(h.args.length).toBeLessThanOrEqual(5);
    expect(h.args.includes("mem_fixed")).toBe(h.fixed !== undefined);
    h.args.forEach((a, i) => {
      if (a === "map_key") expect(h.args.slice(0, i)).toContain("map");
      if (a.startsWith("mem") && a !== "mem_fixed") expect(h.args[i + 1]).toMatch(/^size0?$/);
    });
  });

  it("says what a map call costs by type of map", () => {
    expect(mapCallCostNs(1, "array")).toBe(1.5);
    expect(mapCallCostNs(1, "lru_hash")).toBe(30);
    expect(mapCallCostNs(2, "lru_hash")).toBe(144);
    expect(mapCallCostNs(3, "hash")).toBeNull();
  });
});

describe("map helpers", () => {
  it("look up, update and delete, on the current CPU", () => {
    const { bench, env } = start();
    const map = bench.map("percpu_hash");
    const key = bench.put(u32(1));
    env.currentCpu = 1;
    expect(helper("map_update_elem").call(env, map.handle, key, bench.put(u64(9)), 0, 0)).toBe(0);
    const at = helper("map_lookup_elem").call(env, map.handle, key);
    expect(bench.get(at, 8)).toEqual(u64(9));
    expect(helper("map_lookup_percpu_elem").call(env, map.handle, key, 1)).toBe(at);
    expect(helper("map_lookup_percpu_elem").call(env, map.handle, key, 0)).not.toBe(at);
    expect(helper("map_lookup_percpu_elem").call(env, map.handle, key, 2)).toBe(0);
    expect(helper("map_delete_elem").call(env, map.handle, key)).toBe(0);
    expect(helper("map_lookup_elem").call(env, map.handle, key)).toBe(0);
  });

  it("flags above 32 bits are refused", () => {
    const { bench, env } = start();
    const map = bench.map("array");
    expect(helper("map_update_elem").call(env, map.handle, bench.put(u32(0)), bench.put(u64(1)), 0, 1)).toBe(-22);
  });

  // value, flags, answer: as Linux 6.18 answered for a queue of two
  it("push, pop and peek answer as Linux 6.18 does", () => {
    const { bench, env } = start();
    const q = bench.map("queue", { keySize: 0, valueSize: 4, maxEntries: 2 }).handle;
    const push = (n: number, flags: number, hi: number = 0): number =>
      helper("map_push_elem").call(env, q, bench.put(u32(n)), flags, hi);
    expect([push(1, 0), push(2, 1), push(2, 2), push(3, 0), push(3, 0, 1), push(3, 2)]).toEqual([
      0, -22, 0, -7, -22, 0,
    ]);
    const out = bench.put(u32(0xffffffff));
    const pop = (name: string): number[] => [helper(name).call(env, q, out), bench.arena.u32[out >>> 2]!];
    expect(pop("map_peek_elem")).toEqual([0, 2]);
    expect(pop("map_pop_elem")).toEqual([0, 2]);
    expect(pop("map_pop_elem")).toEqual([0, 3]);
    expect(pop("map_pop_elem")).toEqual([-2, 0]);
  });
});

describe("clocks and identity", () => {
  it("answer the environment's time in both words", () => {
    const { env } = start();
    env.nowNs = 5 * 2 ** 32 + 4_000_000_123;
    expect(u64Of(env, helper("ktime_get_ns").call(env))).toBe(env.nowNs);
    expect(u64Of(env, helper("ktime_get_boot_ns").call(env))).toBe(env.nowNs);
    expect(u64Of(env, helper("ktime_get_coarse_ns").call(env))).toBe(Math.floor(env.nowNs / 4e6) * 4e6);
    expect(u64Of(env, helper("jiffies64").call(env))).toBe(Math.floor(env.nowNs / 4e6));
  });

  it("say which CPU runs, and that it is its idle task", () => {
    const { bench, env } = start();
    env.currentCpu = 1;
    expect(helper("get_smp_processor_id").call(env)).toBe(1);
    expect(helper("get_prandom_u32").call(env) >>> 0).toBe(0xdeadbeef);
    expect(helper("get_numa_node_id").call(env)).toBe(0);
    expect(u64Of(env, helper("get_current_pid_tgid").call(env))).toBe(0);
    expect(u64Of(env, helper("get_current_uid_gid").call(env))).toBe(0);
    const buf = bench.put(new Uint8Array(16).fill(255));
    expect(helper("get_current_comm").call(env, buf, 16)).toBe(0);
    expect(bench.get(buf, 16)).toEqual(Uint8Array.from([...text("swapper/1"), 0, 0, 0, 0, 0, 0, 0]));
    expect(helper("get_current_comm").call(env, buf, 5)).toBe(0);
    expect(bench.get(buf, 5)).toEqual(text("swap\0"));
  });
});

describe("printing", () => {
  it("trace_printk reads strings and addresses from memory", () => {
    const { bench, env } = start();
    const print = (fmt: string, ...args: number[]): number =>
      helper("trace_printk").call(env, bench.put(text(`${fmt}\0`)), fmt.length + 1, ...args);
    const ip = bench.put(hex("0a0102ff fe800000 00000000 00000000"));
    expect(print("%pI4 %pi4|%s\n", ip, 0, ip, 0, bench.put(text("hello\0")), 0)).toBe(33);
    expect(print("%pI6", ip, 0, 0, 0, 0, 0)).toBe(39);
    expect(print("%s|%pI4", 16, 0, ip, 1, 0, 0)).toBe(8);
    expect(print("%d %d %d %d", 1, 0, 2, 0, 3, 0)).toBe(-22);
    expect(env.lines).toEqual([
      "10.1.2.255 010.001.002.255|hello",
      "0a01:02ff:fe80:0000:0000:0000:0000:0000",
      "|0.0.0.0",
    ]);
  });

  it("a format without its NUL is refused", () => {
    const { bench, env } = start();
    expect(helper("trace_printk").call(env, bench.put(text("abc")), 3, 0, 0, 0, 0, 0, 0)).toBe(-22);
    expect(env.lines).toEqual([]);
  });

  it("strings share 512 bytes", () => {
    const { bench, env } = start();
    const long = bench.put(text(`${"x".repeat(600)}\0`));
    const fmt = bench.put(text("%s%s\0"));
    const args = bench.put(Uint8Array.from([...u64(long), ...u64(long)]));
    expect(helper("trace_vprintk").call(env, fmt, 5, args, 16)).toBe(-28);
    expect(helper("trace_vprintk").call(env, fmt, 5, args, 12)).toBe(-22);
    expect(helper("trace_vprintk").call(env, fmt, 5, args, 104)).toBe(-22);
    expect(helper("trace_vprintk").call(env, fmt, 5, 0, 16)).toBe(-22);
  });

  it("snprintf answers the whole length and cuts what has no room", () => {
    const { bench, env } = start();
    const fmt = bench.put(text("%d-%s\0"));
    const args = bench.put(Uint8Array.from([...u64(1234), ...u64(bench.put(text("abc\0")))]));
    const out = bench.put(new Uint8Array(16).fill(255));
    expect(helper("snprintf").call(env, out, 16, fmt, args, 16)).toBe(9);
    expect(bench.get(out, 10)).toEqual(Uint8Array.from([...text("1234-abc\0"), 255]));
    expect(helper("snprintf").call(env, out, 4, fmt, args, 16)).toBe(9);
    expect(bench.get(out, 5)).toEqual(text("123\0-"));
    expect(helper("snprintf").call(env, 0, 0, fmt, args, 16)).toBe(9);
    expect(helper("snprintf").call(env, out, 16, fmt, args, 8)).toBe(-22);
  });
});

describe("perf_event_output", () => {
  const CURRENT = -1;

  function output(env: RecordingEnv, map: number, slot: number, ctxLen: number, data: number): number {
    return helper("perf_event_output").call(env, 0x5000, map, slot, ctxLen, data, 4);
  }

  // flags low, flags high, answer without a reader: as Linux 6.18 answered for a packet of 64 bytes
  it.each([
    [CURRENT, 0, -2],
    [0, 0, -2],
    [1, 0, -2],
    [2, 0, -7],
    [0, -2147483648, -22],
    [CURRENT, 65, -14],
    [0, 100, -14],
  ])("slot %i, context bytes %i, nobody reads: %i", (slot, ctxLen, want) => {
    const { bench, env } = start();
    env.packet = new Uint8Array(64);
    expect(output(env, bench.map("perf_event_array", { valueSize: 4, maxEntries: 2 }).handle, slot, ctxLen, 0)).toBe(
      want,
    );
  });

  it("hands over the data and the packet's first bytes", () => {
    const { bench, env } = start();
    const map = bench.map<PerfEventArrayMap>("perf_event_array", { valueSize: 4, maxEntries: 2 });
    map.openAll();
    env.currentCpu = 1;
    env.packet = hex("a1a2a3a4a5");
    const data = bench.put(hex("01020304"));
    expect(output(env, map.handle, CURRENT, 3, data)).toBe(0);
    expect(output(env, map.handle, 1, 0, data)).toBe(0);
    expect(output(env, map.handle, 0, 0, data)).toBe(-95);
    env.packet = null;
    expect(output(env, map.handle, CURRENT, 1, data)).toBe(-22);
    expect(env.records).toEqual([
      { map, cpu: 1, data: hex("01020304a1a2a3") },
      { map, cpu: 1, data: hex("01020304") },
    ]);
  });
});

describe("ring buffer helpers", () => {
  function ring(): { readonly bench: Bench; readonly env: RecordingEnv; readonly map: RingbufMap } {
    const { bench, env } = start();
    return { bench, env, map: bench.map<RingbufMap>("ringbuf", { keySize: 0, valueSize: 0, maxEntries: 4096 }) };
  }
  const call = (env: RecordingEnv, name: string, ...args: number[]): number => helper(name).call(env, ...args);

  it("answer as Linux 6.18 does when nobody reads the ring", () => {
    const { bench, env, map } = ring();
    map.keepsUp = false;
    const data = bench.put(new Uint8Array(500));
    const h = map.handle;
    const query = (what: number): number => u64Of(env, call(env, "ringbuf_query", h, what, 0));
    expect(query(1)).toBe(4096);
    expect(query(9)).toBe(0);
    expect(call(env, "ringbuf_output", h, data, 500, 0, 0)).toBe(0);
    expect(call(env, "ringbuf_output", h, data, 500, 4, 0)).toBe(-22);
    expect(call(env, "ringbuf_output", h, data, 0, 0, 0)).toBe(0);
    expect([query(0), query(3), query(2)]).toEqual([520, 520, 0]);
    expect(call(env, "ringbuf_reserve", h, 2048, 0, 1, 0)).toBe(0);
    call(env, "ringbuf_discard", call(env, "ringbuf_reserve", h, 2048, 0, 0, 0), 0, 0);
    expect(query(0)).toBe(2576);
    const three = [0, 1, 2].map((flags) => call(env, "ringbuf_output", h, data, 500, flags, 0));
    expect(three).toEqual([0, 0, -11]);
    expect(query(0)).toBe(3600);
    expect(env.records).toEqual([]);
  });

  it("hand records to a consumer that keeps up, in the order of the reserves", () => {
    const { bench, env, map } = ring();
    const a = call(env, "ringbuf_reserve", map.handle, 4, 0, 0, 0);
    const b = call(env, "ringbuf_reserve", map.handle, 4, 0, 0, 0);
    const c = call(env, "ringbuf_reserve", map.handle, 4, 0, 0, 0);
    bench.arena.u32[a >>> 2] = 1;
    bench.arena.u32[c >>> 2] = 3;
    call(env, "ringbuf_submit", c, 0, 0);
    call(env, "ringbuf_discard", b, 0, 0);
    expect(env.records).toEqual([]);
    call(env, "ringbuf_submit", a, 0, 0);
    expect(env.records.map((r) => r.data)).toEqual([u32(1), u32(3)]);
    expect(env.records.map((r) => r.cpu)).toEqual([-1, -1]);
    expect(map.count()).toBe(0);
  });

  it("stop a program that submits what it did not reserve", () => {
    const { bench, env, map } = ring();
    const record = call(env, "ringbuf_reserve", map.handle, 4, 0, 0, 0);
    call(env, "ringbuf_submit", record, 0, 0);
    expect(() => call(env, "ringbuf_submit", record, 0, 0)).toThrow(VerifierError);
    expect(() => call(env, "ringbuf_discard", bench.put(u32(1)), 0, 0)).toThrow(VerifierError);
    expect(() => call(env, "ringbuf_submit", 0, 0, 0)).toThrow("no reserved record");
    expect(() => call(env, "ringbuf_submit", -8, 0, 0)).toThrow("no reserved record");
  });
});

describe("memory helpers", () => {
  it.each([
    ["hello", 6, 0],
    ["hell", 5, -1],
    ["hellp", 6, 1],
    ["hello!", 5, 0],
    ["hello!", 7, 1],
  ])("strncmp(%j, %i, hello) = %i", (s, size, want) => {
    const { bench, env } = start();
    expect(helper("strncmp").call(env, bench.put(text(`${s}\0`)), size, bench.put(text("hello\0")))).toBe(want);
  });

  it("probe_read_kernel copies, and answers -ERANGE or -EFAULT with zeros where nothing is", () => {
    const { bench, env } = start();
    const src = bench.put(text("abcdefg\0"));
    const dst = bench.put(new Uint8Array(8).fill(255));
    expect(helper("probe_read_kernel").call(env, dst, 4, src, 0)).toBe(0);
    expect(bench.get(dst, 5)).toEqual(Uint8Array.from([...text("abcd"), 255]));
    expect(helper("probe_read_kernel").call(env, dst, 8, 4096, 0)).toBe(-34);
    expect(bench.get(dst, 8)).toEqual(new Uint8Array(8));
    expect(helper("probe_read_kernel").call(env, dst, 8, src, -1)).toBe(-14);
    expect(helper("probe_read_kernel_str").call(env, dst, 8, src, 0)).toBe(8);
    expect(helper("probe_read_kernel_str").call(env, dst, 4, src, 0)).toBe(4);
    expect(bench.get(dst, 5)).toEqual(text("abc\0e"));
    expect(helper("probe_read_kernel_str").call(env, dst, 0, src, 0)).toBe(0);
  });

  it("a spin lock is taken once and given back once", () => {
    const { bench, env } = start();
    const lock = bench.put(u32(0));
    helper("spin_lock").call(env, lock);
    expect(() => helper("spin_lock").call(env, lock)).toThrow(VerifierError);
    helper("spin_unlock").call(env, lock);
    expect(() => helper("spin_unlock").call(env, lock)).toThrow(VerifierError);
    helper("spin_lock").call(env, lock);
  });

  it("tail_call is the machine's own", () => {
    expect(() => helper("tail_call").call(start().env, 0, 0, 0)).toThrow("built into the machine");
  });
});

describe("helpers that call back", () => {
  it("loop calls until the callback answers 1", () => {
    const { env } = start();
    const seen: number[][] = [];
    env.callbacks.set(7, (i, ctx) => {
      seen.push([i, ctx]);
      return i === 2 ? 1 : 0;
    });
    expect(loop.call(env, 10, 7, 99, 0, 0)).toBe(3);
    expect(seen).toEqual([
      [0, 99],
      [1, 99],
      [2, 99],
    ]);
    expect(loop.call(env, 2, 7, 99, 0, 0)).toBe(2);
    expect(loop.call(env, 2, 7, 99, 1, 0)).toBe(-22);
    expect(loop.call(env, 8 * 1024 * 1024 + 1, 7, 99, 0, 0)).toBe(-7);
  });

  it.each(["array", "percpu_array", "hash", "percpu_hash", "lru_hash", "lru_percpu_hash"] as const)(
    "for_each_map_elem visits every element of a %s and lets the callback delete it",
    (kind) => {
      const { bench, env } = start();
      const map = bench.map(kind, { maxEntries: 3 });
      env.currentCpu = 1;
      for (const n of [0, 1, 2]) map.update(bench.put(u32(n)), bench.put(u64(n + 10)), 0, 1);
      const seen: number[] = [];
      env.callbacks.set(7, (handle, key, value, ctx) => {
        expect([handle, ctx]).toEqual([map.handle, 99]);
        expect(bench.arena.regionAt(key)?.writable).toBe(false);
        expect(bench.arena.u32[value >>> 2]! - bench.arena.u32[key >>> 2]!).toBe(10);
        seen.push(bench.arena.u32[key >>> 2]!);
        map.delete(key);
        return 0;
      });
      expect(forEachMapElem.call(env, map.handle, 7, 99, 0, 0)).toBe(3);
      expect(seen.sort()).toEqual([0, 1, 2]);
      expect(map.count()).toBe(kind.endsWith("array") ? 3 : 0);
      expect(forEachMapElem.call(env, map.handle, 7, 99, 1, 0)).toBe(-22);
    },
  );
});
