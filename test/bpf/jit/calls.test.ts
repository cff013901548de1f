import { describe, expect, it } from "vitest";
import type { BpfEnv } from "../../../sim/bpf/env.ts";
import type { HelperDef } from "../../../sim/bpf/helper.ts";
import { MachineBench, runBoth } from "./kit.ts";

/** A helper made for a test, under a number that no kernel has. */
function helper(
  id: number,
  over: Partial<HelperDef> & { readonly call: (env: BpfEnv, ...args: number[]) => number },
): HelperDef {
  const base = { name: `test_${id}`, since: "6.18", args: [], ret: "int", gplOnly: false, progKinds: null } as const;
  return { id, ...base, mapKinds: null, changesPacket: false, costNs: 10, ...over };
}

const seen: number[][] = [];
const record = (_env: BpfEnv, ...args: number[]): number => {
  seen.push(args);
  return -2;
};

const bench = new MachineBench([
  helper(900, { args: ["u32", "u64", "any"], ret: "int", call: record }),
  helper(901, { args: [], ret: "u32", call: record }),
  helper(902, {
    ret: "u64",
    call: (env) => {
      env.machine.setReturnHigh(-3);
      return -2;
    },
  }),
  helper(903, { ret: "void", call: () => 5 }),
  helper(904, { args: ["any"], call: (env, index) => env.machine.programOfIndex(index)!.run(bench.ctx) }),
  helper(905, { args: ["mem_or_null", "size0"], call: (_env, _mem, size) => size }),
  helper(906, {
    args: ["any"],
    changesPacket: true,
    call: (env, by) => {
      const at = bench.ctx + 4;
      env.machine.arena.dv.setUint32(at, env.machine.arena.dv.getUint32(at, true) - by, true);
      return 0;
    },
  }),
]);

function both(text: string): bigint {
  const { jit, interp } = runBoth(bench, bench.load(text));
  expect(jit).toEqual(interp);
  return jit.r0;
}

const M = 0xffffffffffffffffn;
const key = (reg: number, value: number): string => `*(u32 *)(r10 -4) = ${value}\nr${reg} = r10\nr${reg} += -4\n`;
const lookup = (map: string, index: number): string => `r1 = map[${map}]\n${key(2, index)}call map_lookup_elem\n`;
const u32 = (n: number): Uint8Array => Uint8Array.of(n & 255, (n >> 8) & 255, 0, 0);
const u64 = (n: number): Uint8Array => new Uint8Array(new BigUint64Array([BigInt(n)]).buffer);

describe("a kfunc call", () => {
  it("goes to the function that the relocation names", () => {
    expect(both("call kfunc[bpf_rcu_read_lock]\ncall kfunc[bpf_rcu_read_unlock]\nr0 = 7\nexit")).toBe(7n);
  });

  it("is refused by name when the kernel lacks the function", () => {
    expect(() => bench.load("call kfunc[bpf_nope]\nr0 = 0\nexit")).toThrow(
      "insn 0: kernel function bpf_nope is not supported by netsim yet",
    );
  });

  it("is refused in a program without a GPL-compatible licence", () => {
    expect(() => bench.load("call kfunc[bpf_rcu_read_lock]\nr0 = 0\nexit", { license: "MIT" })).toThrow(
      "cannot call kernel function from non-GPL compatible program",
    );
  });

  it("of a weak function that the kernel lacks is a fault only when it is reached", () => {
    const guarded = "r1 = ksym[?bpf_nope]\nif r1 == 0 goto out\ncall kfunc[?bpf_nope]\nout: r0 = 1\nexit";
    expect(both(guarded)).toBe(1n);
    const reached = bench.load("call kfunc[?bpf_nope]\nr0 = 0\nexit");
    expect(() => runBoth(bench, reached)).toThrow("call of a weak kernel function that the kernel does not have");
  });
});

describe("a kernel symbol", () => {
  it("is its address", () => {
    expect(both("r0 = ksym[known]\nexit")).toBe(0x12345n);
  });

  it("is refused by name when it is strong and the kernel lacks it", () => {
    expect(() => bench.load("r0 = ksym[nope]\nexit")).toThrow("extern (ksym) 'nope': not found in the kernel");
  });
});

describe("a helper call", () => {
  it("passes a u64 as two words and everything else as one", () => {
    seen.length = 0;
    both("r1 = 0xffffffff00000001\nr2 = 0x1122334455667788\nr3 = 0x99999999aaaaaaaa\ncall 900\nexit");
    expect(seen[0]).toEqual([1, 0x55667788, 0x11223344, 0xaaaaaaaa | 0]);
    expect(seen[1]).toEqual(seen[0]);
  });

  it("sign-extends an int, zero-extends a u32, puts a u64 together, and leaves r0 alone for void", () => {
    expect(both("r1 = 0\nr2 = 0\nr3 = 0\ncall 900\nexit")).toBe(M - 1n);
    expect(both("call 901\nexit")).toBe(0xfffffffen);
    expect(both("call 902\nexit")).toBe(0xfffffffd_fffffffen);
    expect(both("r0 = 77\ncall 903\nexit")).toBe(77n);
  });

  it("keeps r6 to r9", () => {
    expect(both("r6 = 1\nr7 = 2\nr8 = 3\nr9 = 4\ncall 903\nr0 = r6\nr0 += r7\nr0 += r8\nr0 += r9\nexit")).toBe(10n);
  });

  it("may run another program, whose stack and tail calls are its own", () => {
    const inner = bench.load("r0 = *(u64 *)(r10 -8)\n*(u64 *)(r10 -8) = 13\nr0 = 5\nexit");
    const text = `*(u64 *)(r10 -8) = 8\nr1 = ${inner.tableIndex}\ncall 904\nr1 = *(u64 *)(r10 -8)\nr0 += r1\nexit`;
    expect(both(text)).toBe(13n);
  });

  it("programs that run each other without end are stopped", () => {
    const next = bench.load("r0 = 0\nexit").tableIndex + 1;
    const self = bench.load(`r1 = ${next}\ncall 904\nexit`);
    expect(self.tableIndex).toBe(next);
    expect(() => self.run(bench.ctx)).toThrow("more than 16 programs run within each other");
    bench.machine.reset();
  });

  it("takes null for memory of size 0, and memory of a size known at run time only", () => {
    expect(both("r1 = 0\nr2 = 0\ncall 905\nexit")).toBe(0n);
    expect(both("r2 = 24\nr2 &= 63\nr1 = r10\nr1 += -24\ncall 905\nexit")).toBe(24n);
  });

  it("that changes the packet makes what was checked before be checked again", () => {
    bench.packet(new Uint8Array(20));
    const text = `
      r6 = *(u32 *)(r1 +0)
      r7 = *(u8 *)(r6 +19)
      r1 = 4
      call 906
      r0 = *(u8 *)(r6 +18)
      exit`;
    const program = bench.load(text);
    for (const run of [() => program.run(bench.ctx), () => bench.interpreter.run(program, bench.ctx)]) {
      bench.packet(new Uint8Array(20));
      expect(run).toThrow("invalid access to packet, off=18 size=1: the packet has 16 bytes");
      bench.machine.reset();
    }
  });
});

describe("counting", () => {
  it("an instruction costs 0.54 ns, a helper what its record says; ld_imm64 is one instruction", () => {
    const program = bench.load("r1 = 7 ll\nr2 = 0\nr3 = 0\ncall 900\nr0 = 0\nexit");
    const cost = bench.machine.cost16;
    expect(bench.jit(program).insns).toBe(6);
    expect(bench.machine.cost16 - cost).toBe(Math.round(16 * (6 * 0.54 + 10)));
  });

  it("a helper sees what was executed before it", () => {
    let at = -1;
    const note = (env: BpfEnv): number => {
      at = env.machine.insnCount;
      return 0;
    };
    const own = new MachineBench([helper(910, { call: note })]);
    const before = own.machine.insnCount;
    own.load("r0 = 1\nr0 += 1\ncall 910\nexit").run(own.ctx);
    expect(at - before).toBe(4);
  });

  it("a lookup costs by the type of its map", () => {
    const own = new MachineBench();
    own.map("a", "array");
    own.map("h", "hash");
    const costs = ["a", "h"].map((name) => {
      const program = own.load(`${lookup(name, 0)}r0 = 0\nexit`);
      const before = own.machine.cost16;
      program.run(own.ctx);
      return own.machine.cost16 - before;
    });
    expect(costs[1]! - costs[0]!).toBe(Math.round(16 * (7 * 0.54 + 23)) - Math.round(16 * (7 * 0.54 + 1.5)));
  });
});

describe("maps", () => {
  it.each([
    [0, 100n],
    [3, 103n],
    [4, 0n],
    [-1, 0n],
  ])("an array lookup of index %i", (index, value) => {
    const own = new MachineBench();
    const array = own.map("a", "array");
    for (let i = 0; i < 4; i++) array.write(u32(i), u64(100 + i), 0);
    const { jit, interp } = runBoth(
      own,
      own.load(`${lookup("a", index)}if r0 == 0 goto out\nr0 = *(u64 *)(r0 +0)\nout: exit`),
    );
    expect([jit.r0, interp.r0]).toEqual([value, value]);
  });

  it("a per-CPU array answers the value of the CPU that runs", () => {
    const own = new MachineBench();
    own.map("a", "percpu_array");
    const program = own.load(`${lookup("a", 2)}r1 = *(u64 *)(r0 +0)\nr1 += 1\n*(u64 *)(r0 +0) = r1\nr0 = r1\nexit`);
    own.machine.setCpu(1);
    expect([program.run(own.ctx), own.interpreter.run(program, own.ctx)]).toEqual([1, 2]);
    own.machine.setCpu(0);
    expect([program.run(own.ctx), own.interpreter.run(program, own.ctx)]).toEqual([1, 2]);
    expect([...new BigUint64Array(own.maps.get("a")!.read(u32(2))!.buffer)]).toEqual([2n, 2n]);
  });

  it("the CPU's number is answered without a call", () => {
    bench.machine.setCpu(1);
    expect(both("call get_smp_processor_id\nexit")).toBe(1n);
    bench.machine.setCpu(0);
  });

  it.each(["jit", "interpret"] as const)("a hash map is updated, looked up and deleted from (%s)", (engine) => {
    const own = new MachineBench();
    own.map("h", "hash");
    const update = (flags: number): string =>
      `r1 = map[h]\n${key(2, 7)}*(u64 *)(r10 -16) = 42\nr3 = r10\nr3 += -16\nr4 = ${flags}\ncall map_update_elem\n`;
    const highFlags = `r1 = map[h]\n${key(2, 7)}r3 = r2\nr3 += -12\nr4 = 0x100000000\ncall map_update_elem\n`;
    const del = `r1 = map[h]\n${key(2, 7)}call map_delete_elem\n`;
    const run = (text: string): bigint => BigInt.asIntN(64, own[engine](own.load(`${text}exit`)).r0);
    expect(run(lookup("h", 7))).toBe(0n);
    expect(run(update(2))).toBe(-2n);
    expect(run(update(1))).toBe(0n);
    expect(run(update(1))).toBe(-17n);
    expect(run(highFlags)).toBe(-22n);
    expect(run(`${lookup("h", 7)}r0 = *(u64 *)(r0 +0)\n`)).toBe(42n);
    expect(run(del)).toBe(0n);
    expect(run(del)).toBe(-2n);
  });

  it.each(["array_of_maps", "hash_of_maps"] as const)("%s: the inner map that stands there is used", (kind) => {
    const own = new MachineBench();
    const inner = own.map("inner", "array", { maxEntries: 2 });
    inner.write(u32(1), u64(55), 0);
    const outer = own.map("outer", kind, { valueSize: 4, maxEntries: 4, inner: inner.spec });
    expect(outer.write(u32(2), u32(inner.id), 0)).toBe(0);
    const text = (slot: number): string => `
      ${lookup("outer", slot)}
      if r0 == 0 goto none
      r1 = r0
      ${key(2, 1)}
      call map_lookup_elem
      if r0 == 0 goto none
      r0 = *(u64 *)(r0 +0)
      exit
      none: r0 = -1
      exit`;
    for (const [slot, value] of [
      [2, 55n],
      [3, M],
    ] as const) {
      const { jit, interp } = runBoth(own, own.load(text(slot)));
      expect([jit.r0, interp.r0]).toEqual([value, value]);
    }
  });

  it("a map that was not null-checked out of a map of maps is refused when it is null", () => {
    const own = new MachineBench();
    const inner = own.map("inner", "array");
    own.map("outer", "array_of_maps", { valueSize: 4, inner: inner.spec });
    const program = own.load(`${lookup("outer", 0)}r1 = r0\n${key(2, 0)}call map_lookup_elem\nexit`);
    expect(() => program.run(own.ctx)).toThrow("0x0 is no map: it is a null pointer");
  });

  it("a subprogram may be called with different maps", () => {
    const own = new MachineBench();
    own.map("a", "array").write(u32(0), u64(3), 0);
    own.map("b", "hash").write(u32(0), u64(4), 0);
    const text = `
      r1 = map[a]
      call get
      r6 = r0
      r1 = map[b]
      call get
      r0 += r6
      exit
    get: ${key(2, 0)}
      call map_lookup_elem
      if r0 == 0 goto none
      r0 = *(u64 *)(r0 +0)
    none: exit`;
    const { jit, interp } = runBoth(own, own.load(text));
    expect([jit.r0, interp.r0]).toEqual([7n, 7n]);
  });

  it("pointers to values survive on the stack and across branches", () => {
    const own = new MachineBench();
    own.map("a", "array", { valueSize: 16 }).write(u32(1), new Uint8Array(16).fill(2), 0);
    const text = `
      r9 = *(u32 *)(r1 +12)
      ${lookup("a", 1)}
      *(u64 *)(r10 -24) = r0
      if r0 == 0 goto none
      r0 += 4
      if r9 == 0 goto here
      r0 += 4
    here: r1 = *(u64 *)(r10 -24)
      r2 = *(u64 *)(r1 +8)
      r0 = *(u32 *)(r0 +0)
      r0 += r2
      exit
    none: r0 = 0
      exit`;
    const { jit, interp } = runBoth(own, own.load(text));
    expect([jit.r0, interp.r0]).toEqual([0x0202020204040404n, 0x0202020204040404n]);
  });

  it.each([
    ["prog_array", "map_lookup_elem"],
    ["ringbuf", "map_lookup_elem"],
    ["perf_event_array", "map_delete_elem"],
    ["devmap", "map_delete_elem"],
  ] as const)("a %s cannot be passed to %s", (kind, name) => {
    const own = new MachineBench();
    own.map("m", kind, kind === "ringbuf" ? { keySize: 0, valueSize: 0, maxEntries: 4096 } : { valueSize: 4 });
    const text = `r1 = map[m]\n${key(2, 0)}call ${name}\nexit`;
    expect(() => own.load(text)).toThrow(`cannot pass map "m" of type ${kind} into func bpf_${name}`);
  });

  it("hosts with maps of one shape share one compiled module and keep their own values", () => {
    const own = new MachineBench();
    const first = own.map("m", "array");
    const text = `${lookup("m", 0)}r0 = *(u64 *)(r0 +0)\nexit`;
    const a = own.load(text);
    const second = own.machine.createMap({ ...first.spec }, 2, 9);
    const b = own.machine.loadProgram(a.spec, { id: 5, license: "GPL", maps: new Map([["m", second]]) });
    first.write(u32(0), u64(1), 0);
    second.write(u32(0), u64(2), 0);
    expect([a.run(own.ctx), b.run(own.ctx)]).toEqual([1, 2]);
  });
});

describe("callbacks", () => {
  it("bpf_loop calls a subprogram with the index and a pointer into the caller's stack", () => {
    const text = `
      *(u64 *)(r10 -8) = 0
      r1 = 10
      r2 = subprog[body]
      r3 = r10
      r3 += -8
      r4 = 0
      call loop
      r1 = *(u64 *)(r10 -8)
      r1 *= 100
      r0 += r1
      exit
    body: r3 = *(u64 *)(r2 +0)
      r3 += r1
      *(u64 *)(r2 +0) = r3
      r0 = 0
      if r3 < 15 goto more
      r0 = 1
    more: exit`;
    expect(both(text)).toBe(1506n);
  });
});

describe("LD_ABS and LD_IND", () => {
  const own = new MachineBench();
  own.kind = "socket_filter";
  own.packet(Uint8Array.from({ length: 20 }, (_, i) => i + 1));
  const run = (text: string): bigint => {
    const { jit, interp } = runBoth(own, own.load(text));
    expect(jit).toEqual(interp);
    return jit.r0;
  };

  it.each([
    ["r0 = *(u8 *)skb[2]", 3n],
    ["r0 = *(u16 *)skb[2]", 0x0304n],
    ["r0 = *(u32 *)skb[16]", 0x11121314n],
    ["r2 = 3\nr0 = *(u16 *)skb[r2 + 2]", 0x0607n],
    ["r2 = 0x10000000a\nr0 = *(u8 *)skb[r2 + -2]", 9n],
    ["r0 = *(u8 *)skb[20]\nr0 = 99", 0n],
    ["r0 = *(u32 *)skb[17]\nr0 = 99", 0n],
    ["r0 = *(u8 *)skb[-1]\nr0 = 99", 0n],
  ])("%s gives %s", (text, result) => {
    expect(run(`r6 = r1\n${text}\nexit`)).toBe(result);
  });

  it("what lies outside of the linear data is asked of the surroundings", () => {
    const asked: number[][] = [];
    own.arena.u8.set([0xab, 0xcd], own.room + 8);
    own.legacy = (offset, size) => {
      asked.push([offset, size]);
      return own.room + 8;
    };
    expect(run("r6 = r1\nr0 = *(u16 *)skb[-4096]\nexit")).toBe(0xabcdn);
    expect(asked[1]).toEqual([-4096, 2]);
    own.legacy = () => 0;
  });
});

describe("a program loaded without checks", () => {
  it("gives the same results, and its accesses are not checked", () => {
    const own = new MachineBench();
    own.packet(Uint8Array.of(1, 2, 3, 4));
    const text = "r2 = *(u32 *)(r1 +0)\nr0 = *(u32 *)(r2 +0)\nexit";
    expect(own.load(text, { checks: false }).run(own.ctx)).toBe(0x04030201);
    const beyond = "r2 = *(u32 *)(r1 +0)\nr0 = *(u32 *)(r2 +4)\nexit";
    expect(() => own.load(beyond).run(own.ctx)).toThrow("invalid access to packet");
    own.machine.reset();
    expect(own.load(beyond, { checks: false }).run(own.ctx)).toBe(0);
  });
});
