/** What Linux's verifier keeps programs from doing with dynptrs, timers and objects stops them here at run time, in both engines. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findType } from "../../../sim/bpf/btf/query.ts";
import { ObjectGraph } from "../../../sim/bpf/graph.ts";
import type { UserRingbufMap } from "../../../sim/bpf/maps/user-ringbuf.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { KernelObjects } from "../../../sim/bpf/objects.ts";
import { Arena } from "../../../sim/engine/arena.ts";
import { MachineBench, messageOf, runBoth } from "../jit/kit.ts";

/** The same message from compiled code and from the interpreter. */
function fault(bench: MachineBench, text: string): string {
  const program = bench.load(text);
  const before = bench.snapshot();
  const interpreted = messageOf(() => bench.interpret(program));
  bench.machine.reset();
  bench.restore(before);
  const compiled = messageOf(() => bench.jit(program));
  bench.machine.reset();
  expect(compiled).toBe(interpreted);
  return compiled;
}

/** Reads 8 bytes out of the dynptr at r10 - 16 to r10 - 24. */
const read = `
  r1 = r10
  r1 += -24
  r2 = 8
  r3 = r10
  r3 += -16
  r4 = 0
  r5 = 0
  call dynptr_read
  exit`;

describe("a dynptr that a program made up", () => {
  const local = 8 + (1 << 28);
  it.each([
    ["of a packet's bytes", "r1 = *(u32 *)(r1 +0)", local],
    ["of the program's own stack", "r1 = r10", local],
    ["of memory that nobody owns", "r1 = 0x100000", local],
    ["of a ring buffer's record that was never reserved", "r1 = 0x100000", 8 + (2 << 28)],
    ["of no known type", "r1 = 0x100000", 8 + (7 << 28)],
  ])("%s is none", (_what, address, size) => {
    const text = `${address}\n*(u64 *)(r10 -16) = r1\nr1 = ${size} ll\n*(u64 *)(r10 -8) = r1\n${read}`;
    expect(fault(new MachineBench(), text)).toMatch(/Expected an initialized dynptr/);
  });

  it("of the stack is refused when it is made", () => {
    const text = `
      r1 = r10
      r1 += -32
      r2 = 8
      r3 = 0
      r4 = r10
      r4 += -16
      call dynptr_from_mem
      exit`;
    expect(fault(new MachineBench(), text)).toMatch(/Unsupported reg type for bpf_dynptr_from_mem data/);
  });

  it("null may be read: the answer is -EINVAL", () => {
    const bench = new MachineBench();
    const { jit, interp } = runBoth(bench, bench.load(`*(u64 *)(r10 -16) = 0\n*(u64 *)(r10 -8) = 0\n${read}`));
    expect([jit.r0, interp.r0]).toEqual([2n ** 64n - 22n, 2n ** 64n - 22n]);
  });
});

it("a timer is only where the map's type has one", () => {
  const bench = new MachineBench();
  bench.map("m", "array", { valueSize: 32 });
  const text = `
    *(u32 *)(r10 -4) = 0
    r2 = r10
    r2 += -4
    r1 = map[m]
    call map_lookup_elem
    if r0 == 0 goto none
    r1 = r0
    r2 = map[m]
    r3 = 1
    call timer_init
  none: exit`;
  expect(fault(bench, text)).toMatch(/timer pointer doesn't match map pointer: no bpf_timer of map "m" lies there/);
});

it("a spin lock that is held is not taken again: -EDEADLK", () => {
  const bench = new MachineBench();
  const call = (name: string): string => `r1 = r10\nr1 += -4\ncall kfunc[${name}]\n`;
  const text = `*(u32 *)(r10 -4) = 0\n${call("bpf_res_spin_lock")}${call("bpf_res_spin_lock")}r6 = r0\n${call("bpf_res_spin_unlock")}r0 = r6\nexit`;
  const { jit, interp } = runBoth(bench, bench.load(text));
  expect([jit.r0, interp.r0]).toEqual([2n ** 64n - 35n, 2n ** 64n - 35n]);
  const free = `*(u32 *)(r10 -4) = 0\n${call("bpf_res_spin_unlock")}exit`;
  expect(fault(bench, free)).toMatch(/without taking a lock/);
});

describe("allocated objects", () => {
  const { btf } = parseObject(readFileSync(new URL("oracle/object.o", import.meta.url)), "object.o");
  const item = findType(btf!, "item", "struct");
  const shared = findType(btf!, "shared", "struct");
  const make = (): { arena: Arena; objects: KernelObjects; graph: ObjectGraph; head: number } => {
    const arena = new Arena(4 * 1024 * 1024);
    const objects = new KernelObjects(arena);
    const graph = new ObjectGraph(arena, objects);
    objects.onDrop = (field, at) => graph.dropField(field, at);
    const head = arena.allocRegion({ sizeBytes: 16, strideBytes: 16, valueBytes: 16, writable: true, label: "v" });
    return { arena, objects, graph, head };
  };

  it("a dropped one is an object no more, and its memory is used again", () => {
    const { objects } = make();
    const a = objects.create(btf, item);
    objects.drop(a);
    expect(objects.find(a)).toBeNull();
    expect(() => objects.drop(a)).toThrow(/expected pointer to allocated object/);
    expect(objects.create(btf, item)).toBe(a);
  });

  it("with two owners it stays until both have dropped it", () => {
    const { objects } = make();
    const a = objects.create(btf, shared);
    expect(objects.acquire(a)).toBe(a);
    objects.drop(a);
    expect(objects.find(a)?.start).toBe(a);
    objects.drop(a);
    expect(objects.find(a)).toBeNull();
  });

  it("a node goes into one list only; trying again drops the object, as Linux does", () => {
    const { objects, graph, head } = make();
    const a = objects.create(btf, item);
    const node = a + objects.find(a)!.fields[0]!.offset;
    expect(graph.push(head, node, true)).toBe(0);
    expect(graph.push(head, node, true)).toBe(-22);
    expect(objects.find(a)).toBeNull();
  });

  it.each([
    ["a list", "list", 0x100000],
    ["a list, beyond all memory", "list", 0xfffffff0],
    ["a tree", "tree", 0x100000],
    ["a tree, beyond all memory", "tree", 0xfffffff0],
  ] as const)("what a program wrote into the head of %s is not followed", (_what, kind, address) => {
    const { arena, objects, graph, head } = make();
    const node = (type: number, field: string): number => {
      const a = objects.create(btf, type);
      return a + objects.find(a)!.fields.find((f) => f.kind === field)!.offset;
    };
    arena.u32.fill(address, head >>> 2, (head >>> 2) + 4);
    const use = (): number =>
      kind === "list"
        ? graph.push(head, node(item, "list_node"), true)
        : graph.add(head, node(shared, "rb_node"), () => true);
    expect(use).toThrow(/expected pointer to allocated object|leads nowhere/);
    const field = {
      kind: kind === "list" ? "list_head" : "rb_root",
      offset: 0,
      size: 16,
      typeId: 0,
      nodeOffset: 0,
    } as const;
    graph.dropField(field, head);
  });

  it("a tree that bites its tail is not walked for ever", () => {
    const { arena, objects, graph, head } = make();
    const a = objects.create(btf, shared);
    const at = a + objects.find(a)!.fields.find((f) => f.kind === "rb_node")!.offset;
    graph.add(head, at, () => true);
    arena.dv.setUint32(at + 16, at, true);
    const b = objects.create(btf, shared);
    expect(() => graph.add(head, b + (at - a), () => true)).toThrow(/leads nowhere/);
  });

  it("anything else is no node", () => {
    const { objects, graph, head } = make();
    const a = objects.create(btf, item);
    expect(() => graph.push(head, a, true)).toThrow(/expected pointer to allocated object/);
    expect(() => graph.push(head, head, true)).toThrow(/expected pointer to allocated object/);
    expect(() => objects.create(btf, 0)).toThrow(/local type ID argument/);
    expect(() => objects.create(null, item)).toThrow(/local type ID argument/);
  });
});

describe("bpf_user_ringbuf_drain", () => {
  const text = `
    r1 = map[ring]
    r2 = subprog[sample]
    r3 = r10
    r3 += -8
    *(u64 *)(r10 -8) = 0
    r4 = FLAGS
    call user_ringbuf_drain
    r1 = *(u64 *)(r10 -8)
    r1 *= 1000
    r0 += r1
    exit
  sample: r6 = r2
    r3 = r1
    r1 = r10
    r1 += -8
    r2 = 8
    r4 = 0
    r5 = 0
    call dynptr_read
    r1 = *(u64 *)(r10 -8)
    r2 = *(u64 *)(r6 +0)
    r2 += r1
    *(u64 *)(r6 +0) = r2
    r0 = 0
    if r1 != 9 goto more
    r0 = 1
  more: exit`;
  const ring = (...samples: readonly number[]): MachineBench => {
    const bench = new MachineBench();
    const map = bench.map("ring", "user_ringbuf", { keySize: 0, valueSize: 0, maxEntries: 4096 }) as UserRingbufMap;
    for (const n of samples) {
      if (n < 0) map.discard(8);
      else map.submit(new Uint8Array(BigUint64Array.of(BigInt(n)).buffer));
    }
    return bench;
  };

  it.each([
    ["no sample", [], 0, 0n],
    ["three samples", [1, 2, 3], 0, 6003n],
    ["a discarded sample is not counted", [1, -1, 3], 3, 4002n],
    ["the callback's 1 ends it", [1, 9, 3], 0, 10002n],
    ["other flags are refused", [1], 4, 2n ** 64n - 22n],
  ] as const)("%s", (_what, samples, flags, want) => {
    const run = (engine: "jit" | "interpret"): bigint => {
      const bench = ring(...samples);
      return bench[engine](bench.load(text.replace("FLAGS", String(flags)))).r0;
    };
    expect([run("jit"), run("interpret")]).toEqual([want, want]);
  });
});
