/** Objects on hosts: maps and programs by id, pins, reuse, static slots, unloading. The objects are the repository's own. */
import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { assemble } from "../../../sim/bpf/isa/assemble.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import type { MapSpec, ObjectSpec, ProgramSpec } from "../../../sim/bpf/spec.ts";
import { ObjectError } from "../../../sim/engine/errors.ts";
import { LIBBPF_PIN_DIR, loadObjectOnHost, TC_PIN_DIR } from "../../../sim/net/bpf-objects.ts";
import type { Host } from "../../../sim/net/host.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { testKernel, words } from "../kit.ts";

let host: Host;

beforeEach(() => {
  host = addHost(testKernel(), "h", { cpus: 4 });
});

function object(name: string): ObjectSpec {
  const url = new URL(`../../../programs/${name}.o`, import.meta.url);
  return parseObject(readFileSync(url), `programs/${name}.o`);
}

const MAP: MapSpec = {
  name: "m",
  kind: "array",
  keySize: 4,
  valueSize: 4,
  maxEntries: 8,
  flags: 0,
  pinByName: false,
  keyTypeId: 0,
  valueTypeId: 0,
  btf: null,
  inner: null,
  data: null,
  readonly: false,
  slots: [],
};

function prog(name: string, source: string, o: Partial<ProgramSpec> = {}): ProgramSpec {
  const { insns, relocations } = assemble(source);
  return {
    name,
    section: "xdp",
    kind: "xdp",
    attach: "xdp",
    frags: false,
    insns,
    relocations,
    funcs: [{ insn: 0, name }],
    lines: [],
    ...o,
  };
}

function spec(programs: ProgramSpec[], maps: MapSpec[]): ObjectSpec {
  return { path: "test.o", license: "GPL", programs, maps, btf: null };
}

/** Code of the ObjectError that `act` throws. */
function code(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ObjectError) return error.code;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const uses = (map: string) => `r1 = map[${map}]\nr0 = 2\nexit`;

describe("loading", () => {
  it("gives maps and programs ids of the host's own, in the object's order", () => {
    const first = loadObjectOnHost(host, object("xdp_proto_count"));
    const second = loadObjectOnHost(host, object("xdp_pass"));
    expect([...first.maps.values()].map((m) => m.id)).toEqual([...first.maps.keys()].map((_, i) => i + 1));
    expect([...second.programs.values()][0]?.id).toBe(first.programs.size + 1);
    expect([...host.bpf.programs.values()].map((p) => p.spec.name)).toEqual([
      ...first.programs.keys(),
      ...second.programs.keys(),
    ]);
  });

  it("per-CPU maps have a value for each CPU of the host", () => {
    const loaded = loadObjectOnHost(host, object("xdp_proto_count"));
    const perCpu = [...loaded.maps.values()].find((m) => m.spec.kind === "percpu_array");
    expect(perCpu?.numCpus).toBe(4);
  });

  it("one program, with what its static tail calls lead to and nothing else", () => {
    const maps: MapSpec[] = [{ ...MAP, kind: "prog_array", name: "jumps", slots: [{ index: 3, target: "target" }] }];
    const o = spec([prog("other", "r0 = 1\nexit"), prog("target", "r0 = 3\nexit"), prog("entry", uses("jumps"))], maps);
    const loaded = loadObjectOnHost(host, o, { programs: ["entry"] });
    expect([...loaded.programs.keys()]).toEqual(["target", "entry"]);
    expect(loaded.map("jumps").read(words(3))).toEqual(words(loaded.program("target").id));
    expect(loaded.map("jumps").read(words(0))).toBeNull();
  });

  it("maps of maps get their inner maps by id", () => {
    const inner: MapSpec = { ...MAP, name: "inner" };
    const outer: MapSpec = {
      ...MAP,
      name: "outer",
      kind: "array_of_maps",
      inner,
      slots: [{ index: 1, target: "inner" }],
    };
    const loaded = loadObjectOnHost(host, spec([prog("p", uses("outer"))], [inner, outer]));
    expect(loaded.map("outer").read(words(1))).toEqual(words(loaded.map("inner").id));
  });

  it.each([
    { why: "a perf event array without entries has one per CPU", kind: "perf_event_array" as const, given: 0, made: 4 },
    { why: "a ring buffer grows to a power of two of pages", kind: "ringbuf" as const, given: 5000, made: 8192 },
  ])("$why", ({ kind, given, made }) => {
    const sizes = kind === "ringbuf" ? { keySize: 0, valueSize: 0 } : {};
    const loaded = loadObjectOnHost(host, spec([], [{ ...MAP, ...sizes, kind, maxEntries: given }]));
    expect(loaded.map("m").spec.maxEntries).toBe(made);
  });

  it("entries can be said when loading", () => {
    const loaded = loadObjectOnHost(host, spec([], [MAP]), { maxEntries: new Map([["m", 99]]) });
    expect(loaded.map("m").spec.maxEntries).toBe(99);
  });

  it("a program whose section says no type takes the type that is asked for", () => {
    const o = spec([prog("p", "r0 = 0\nexit", { kind: null, section: "2/7" })], []);
    expect(code(() => loadObjectOnHost(host, o))).toBe("PROG_TYPE_UNKNOWN");
    expect(loadObjectOnHost(host, o, { kind: "sched_cls" }).program("p").kind).toBe("sched_cls");
    expect(loadObjectOnHost(host, o, { kinds: new Map([["p", "socket_filter"]]) }).program("p").kind).toBe(
      "socket_filter",
    );
  });

  it("programs of optional sections are loaded only when asked for", () => {
    const o = spec([prog("a", "r0 = 0\nexit"), prog("b", "r0 = 0\nexit", { autoload: false })], []);
    expect([...loadObjectOnHost(host, o).programs.keys()]).toEqual(["a"]);
    expect([...loadObjectOnHost(host, o, { programs: ["b"] }).programs.keys()]).toEqual(["b"]);
  });
});

describe("refusals leave nothing behind", () => {
  it.each([
    {
      why: "a program that does not exist",
      load: (o: ObjectSpec) => loadObjectOnHost(host, o, { programs: ["nope"] }),
      c: "PROG_UNKNOWN",
    },
    {
      why: "a program that the object's parser refused",
      load: (o: ObjectSpec) =>
        loadObjectOnHost(host, {
          ...o,
          programs: [
            ...o.programs,
            prog("bad", "r0 = 0\nexit", { refusal: { code: "CORE_UNSUPPORTED", message: "no" } }),
          ],
        }),
      c: "CORE_UNSUPPORTED",
    },
  ])("$why", ({ load, c }) => {
    expect(code(() => load(spec([prog("p", uses("m"))], [{ ...MAP, pinByName: true }])))).toBe(c);
    expect([host.bpf.maps.size, host.bpf.programs.size, host.bpf.pins.size]).toEqual([0, 0, 0]);
  });

  it("names of maps and programs are suggested", () => {
    const loaded = loadObjectOnHost(host, spec([prog("entry", "r0 = 0\nexit")], [{ ...MAP, name: "backends" }]));
    expect(() => loaded.map("backend")).toThrow(/did you mean backends\?/);
    expect(() => loaded.program("enry")).toThrow(/did you mean entry\?/);
  });
});

/** As `ip` and `tc` load a file. */
const IPROUTE2 = { iproute2: { objectUid: "aa01" } };

describe("pins and reuse", () => {
  const pinned: MapSpec = { ...MAP, pinByName: true };
  const o = (m: MapSpec = pinned) => spec([prog("p", uses("m"))], [m]);

  it("a pinned map is shared by the next object that pins the same name", () => {
    const first = loadObjectOnHost(host, o());
    const second = loadObjectOnHost(host, o());
    expect(second.map("m")).toBe(first.map("m"));
    expect([...host.bpf.pins.keys()]).toEqual([`${LIBBPF_PIN_DIR}/m`]);
    expect(host.bpf.pinnedMap(`${LIBBPF_PIN_DIR}/m`)).toBe(first.map("m"));
  });

  it("but not across directories", () => {
    const first = loadObjectOnHost(host, o());
    expect(loadObjectOnHost(host, o(), IPROUTE2).map("m")).not.toBe(first.map("m"));
    expect(host.bpf.pins.has(`${TC_PIN_DIR}/m`)).toBe(true);
  });

  it("of one object file, when iproute2's PIN_OBJECT_NS says so; PIN_GLOBAL_NS is for all", () => {
    const own = o({ ...MAP, elfPin: "object" });
    const all = o({ ...MAP, elfPin: "global" });
    const first = loadObjectOnHost(host, own, IPROUTE2);
    expect(loadObjectOnHost(host, own, IPROUTE2).map("m")).toBe(first.map("m"));
    expect(loadObjectOnHost(host, own, { iproute2: { objectUid: "bb02" } }).map("m")).not.toBe(first.map("m"));
    const third = loadObjectOnHost(host, all, IPROUTE2);
    expect(loadObjectOnHost(host, all, { iproute2: { objectUid: "bb02" } }).map("m")).toBe(third.map("m"));
    expect([...host.bpf.pins.keys()]).toEqual(["/sys/fs/bpf/tc/aa01/m", "/sys/fs/bpf/tc/bb02/m", `${TC_PIN_DIR}/m`]);
    expect(loadObjectOnHost(host, own).map("m"), "libbpf does not know it").not.toBe(first.map("m"));
    expect(host.bpf.pins.size).toBe(3);
  });

  it("a pinned map of another shape is refused with both shapes", () => {
    loadObjectOnHost(host, o());
    const other = () => loadObjectOnHost(host, o({ ...pinned, maxEntries: 9 }));
    expect(code(other)).toBe("MAP_REUSE_MISMATCH");
    expect(other).toThrow(/max_entries 8 .*max_entries 9/);
  });

  it("a given map is used instead of a new one, and keeps its contents", () => {
    const first = loadObjectOnHost(host, o(MAP));
    first.map("m").write(words(1), words(7), 0);
    const second = loadObjectOnHost(host, o(MAP), { reuse: new Map([["m", first.map("m")]]) });
    expect(second.map("m").read(words(1))).toEqual(words(7));
    expect(host.bpf.mapsNamed("m").length).toBe(1);
  });
});

describe("unloading", () => {
  const shared = spec([prog("p", uses("m"))], [MAP]);

  it("takes programs and maps away", () => {
    loadObjectOnHost(host, shared).unload();
    expect([host.bpf.maps.size, host.bpf.programs.size]).toEqual([0, 0]);
  });

  it("leaves pinned maps and maps that others use", () => {
    const first = loadObjectOnHost(host, shared);
    const second = loadObjectOnHost(host, shared, { reuse: new Map([["m", first.map("m")]]) });
    first.unload();
    expect(host.bpf.maps.size).toBe(1);
    second.unload();
    expect(host.bpf.maps.size).toBe(0);
    loadObjectOnHost(host, spec([prog("p", uses("m"))], [{ ...MAP, pinByName: true }])).unload();
    expect(host.bpf.maps.size).toBe(1);
  });
});
