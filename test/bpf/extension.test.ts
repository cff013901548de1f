import { describe, expect, it } from "vitest";
import type { BpfMachine } from "../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../sim/bpf/interp/interpreter.ts";
import type { Program } from "../../sim/bpf/program.ts";
import { ObjectError } from "../../sim/engine/errors.ts";
import { type LoadedObject, loadObjectOnHost } from "../../sim/net/bpf-objects.ts";
import type { Host } from "../../sim/net/host.ts";
import { progTestRun } from "../../sim/net/prog-test-run.ts";
import { addHost } from "../../sim/net/stack.ts";
import { makeMap, program, testKernel, words } from "../net/kit.ts";
import { fixture } from "./object/fixtures.ts";

interface Bench {
  readonly host: Host;
  readonly dispatcher: Program;
  load(name: string, functionName?: string): LoadedObject;
  attach(ext: Program, functionName: string): void;
  /** What the dispatcher answers to a packet with this first byte, compiled and interpreted: [r0, byte 13 of the packet]. */
  answer(first: number): [number, number];
}

function bench(): Bench {
  const kernel = testKernel();
  const host = addHost(kernel, "h");
  const dispatcher = loadObjectOnHost(host, fixture("dispatcher")).program("dispatcher");
  const interpreter = createInterpreter(kernel.machine as BpfMachine);
  const run = (first: number, interpreted: boolean): [number, number] => {
    const data = new Uint8Array(80);
    data[0] = first;
    const done = progTestRun(host, dispatcher, { data, ...(interpreted ? { execute: interpreter.run } : {}) });
    if (typeof done === "number") throw new Error(`errno ${done}`);
    return [done.retval, done.data[13]!];
  };
  return {
    host,
    dispatcher,
    load: (name, functionName) => {
      const extend = { target: dispatcher, ...(functionName === undefined ? {} : { functionName }) };
      return loadObjectOnHost(host, fixture("freplace"), { programs: [name], extend });
    },
    attach: (ext, functionName) => kernel.machine.attachExt(dispatcher, functionName, ext),
    answer: (first) => {
      const compiled = run(first, false);
      expect(run(first, true)).toEqual(compiled);
      return compiled;
    },
  };
}

describe("ext programs", () => {
  it("stand in for a function from attaching on, and give it back when they are detached", () => {
    const b = bench();
    expect([b.answer(1), b.answer(2)]).toEqual([
      [2, 0],
      [2, 0],
    ]);
    const loaded = b.load("drop_odd");
    const ext = loaded.program("drop_odd");
    expect(ext.kind).toBe("ext");
    expect(b.answer(1)).toEqual([2, 0]);
    b.attach(ext, "prog0");
    expect([b.answer(1), b.answer(2)]).toEqual([
      [1, 0],
      [2, 0],
    ]);
    // two packets, each by both engines
    expect(loaded.map("seen").read(words(0))).toEqual(words(4));
    b.host.kernel.machine.detachExt(ext);
    expect(b.answer(1)).toEqual([2, 0]);
  });

  it("several of one target work one behind the other, with maps, subprograms and packets of their own", () => {
    const b = bench();
    b.attach(b.load("drop_odd").program("drop_odd"), "prog0");
    b.attach(b.load("mark").program("mark"), "prog1");
    expect([b.answer(1), b.answer(2)]).toEqual([
      [1, 0],
      [3, 0x77],
    ]);
  });

  it("of functions with scalar arguments get those", () => {
    const b = bench();
    b.attach(b.load("sum").program("sum"), "pick");
    expect(b.answer(2)).toEqual([80 + 60, 0]);
  });

  it("of a target's first function replace the target wherever it is called", () => {
    const b = bench();
    const ext = b.load("whole").program("whole");
    b.attach(ext, "dispatcher");
    expect([b.answer(1), b.answer(7)]).toEqual([
      [101, 0],
      [107, 0],
    ]);
    const array = makeMap(b.host, "prog_array", 1);
    expect(array.write(words(0), words(b.dispatcher.id), 0)).toBe(0);
    const source = "r2 = map[jumps]\nr3 = 0\ncall 12\nr0 = 5\nexit";
    const caller = program(b.host, source, { maps: new Map([["jumps", array]]) });
    expect(progTestRun(b.host, caller, { data: new Uint8Array(80) })).toMatchObject({ retval: 100 });
    b.host.kernel.machine.detachExt(ext);
    expect(progTestRun(b.host, caller, { data: new Uint8Array(80) })).toMatchObject({ retval: 2 });
  });

  it("an access outside of the packet ends the run and names the ext program's line", () => {
    const b = bench();
    const source = "r2 = *(u32 *)(r1 + 4)\nr0 = *(u8 *)(r2 + 0)\nexit";
    const { spec } = b.load("whole").program("whole");
    const { insns } = program(b.host, source).spec;
    const bad = b.host.kernel.machine.loadProgram(
      { ...spec, name: "bad", insns, relocations: [], lines: [], funcs: spec.funcs.slice(0, 1), core: [] },
      {
        id: b.host.bpf.takeProgId(),
        license: "GPL",
        maps: new Map(),
        extend: { target: b.dispatcher, functionName: "prog0" },
      },
    );
    b.attach(bad, "prog0");
    expect(() => b.answer(1)).toThrow('program "bad" in function "whole": insn 1');
  });

  it("one function takes one ext program, and one ext program one function", () => {
    const b = bench();
    const ext = b.load("drop_odd").program("drop_odd");
    b.attach(ext, "prog0");
    const other = b.load("mark", "prog0").program("mark");
    expect(() => b.attach(other, "prog0")).toThrow('function "prog0" is replaced already (errno 16)');
    expect(() => b.attach(ext, "prog1")).toThrow("it is attached already (errno 16)");
    b.host.kernel.machine.detachExt(ext);
    b.attach(other, "prog0");
    expect(b.answer(1)).toEqual([3, 0x77]);
  });

  it("do not run by BPF_PROG_RUN", () => {
    const b = bench();
    const ext = b.load("mark").program("mark");
    expect(progTestRun(b.host, ext, { data: new Uint8Array(80) })).toBe(524);
  });

  it.each([
    ["of_static", undefined, "hidden() is not a global function"],
    ["more_args", undefined, "more_args() has 2 args while prog0() has 1 args"],
    ["other_context", undefined, "arg0 other_context(struct __sk_buff *) doesn't match prog0(struct xdp_md *)"],
    ["scalar_arg", undefined, "arg0 in scalar_arg() is INT while prog0() has PTR"],
    ["other_size", undefined, "arg0 in other_size() has size 8 while pick() has size 4"],
    ["no_result", undefined, "Return type UNKNOWN of no_result() doesn't match type INT of prog0()"],
    ["mark", "nowhere", 'Subprog nowhere doesn\'t exist in program "dispatcher"'],
  ])("%s: refused when it is loaded", (name, functionName, message) => {
    const load = () => bench().load(name, functionName);
    expect(load).toThrow(ObjectError);
    expect(load).toThrow(message);
  });

  it("without a target, and for another ext program, they are refused", () => {
    const b = bench();
    const bare = () => loadObjectOnHost(b.host, fixture("freplace"), { programs: ["mark"] });
    expect(bare).toThrow("is loaded for a function of another program, and none is named");
    const target = b.load("mark").program("mark");
    const nested = () => loadObjectOnHost(b.host, fixture("freplace"), { programs: ["drop_odd"], extend: { target } });
    expect(nested).toThrow("Cannot recursively attach");
  });
});
