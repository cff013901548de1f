import { describe, expect, it } from "vitest";
import { typeName } from "../../../sim/bpf/btf/query.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { fixture, fixtureBytes, program, refusal, slotHex } from "./fixtures.ts";

describe("programs", () => {
  it("takes several programs from one section, each with its own instructions", () => {
    const spec = fixture("maps");
    expect(spec.license).toBe("GPL");
    expect(spec.programs.map((p) => [p.name, p.section, p.kind, p.attach, p.insns.length / 8])).toEqual([
      ["handle_first", "xdp", "xdp", "xdp", 2],
      ["handle_second", "xdp", "xdp", "xdp", 12],
      ["dispatch", "xdp", "xdp", "xdp", 17],
      ["to_stack", "xdp", "xdp", "xdp", 12],
    ]);
  });

  it("reads type, attach type, frags and the wish not to be loaded from the section's name", () => {
    const spec = fixture("subprogs");
    const said = spec.programs.map((p) => [p.name, p.section, p.kind, p.attach, p.frags, p.autoload, p.typeName]);
    expect(said).toEqual([
      ["calls_other_first", "xdp", "xdp", "xdp", false, true, "xdp"],
      ["calls_middle_only", "xdp", "xdp", "xdp", false, true, "xdp"],
      ["loops", "xdp.frags", "xdp", "xdp", true, true, "xdp"],
      ["on_request", "xdp/devmap", "xdp", "xdp_devmap", false, false, "xdp"],
      ["leaves", "tcx/egress", "sched_cls", "tcx_egress", false, true, "sched_cls"],
      ["traces", "kprobe/do_exit", null, null, false, true, "kprobe"],
      ["untyped", "xdp_old_style", null, null, false, true, null],
    ]);
  });

  it("lists a program of a type that netsim does not run and refuses only that one", () => {
    const spec = fixture("subprogs");
    expect(program(spec, "traces").refusal).toMatchObject({
      code: "PROG_TYPE_UNSUPPORTED",
      path: 'subprogs.o: section "kprobe/do_exit", offset 0x0',
      message: "program 'traces' is of type kprobe, which netsim does not run",
    });
    expect(spec.programs.filter((p) => p.refusal !== null).map((p) => p.name)).toEqual(["traces"]);
  });

  // The records of .BTF.ext as a separate reader of the section sees them, moved to where the functions are linked.
  it("carries the source lines of program and subprograms", () => {
    const spec = fixture("subprogs");
    const p = program(spec, "calls_middle_only");
    expect(p.lines.map((l) => [l.insn, l.file, l.line, l.column, l.text.trim()])).toEqual([
      [0, "./subprogs.c", 32, 21, "return middle(ctx->ingress_ifindex);"],
      [1, "./subprogs.c", 32, 9, "return middle(ctx->ingress_ifindex);"],
      [2, "./subprogs.c", 32, 2, "return middle(ctx->ingress_ifindex);"],
      [3, "./subprogs.c", 9, 0, "__noinline int middle(int x)"],
      [4, "./subprogs.c", 11, 9, "return leaf(x) + leaf(x + 1);"],
      [6, "./subprogs.c", 11, 26, "return leaf(x) + leaf(x + 1);"],
      [7, "./subprogs.c", 11, 19, "return leaf(x) + leaf(x + 1);"],
      [9, "./subprogs.c", 11, 17, "return leaf(x) + leaf(x + 1);"],
      [10, "./subprogs.c", 11, 2, "return leaf(x) + leaf(x + 1);"],
      [11, "./subprogs.c", 4, 0, "static __noinline int leaf(int x)"],
      [12, "./subprogs.c", 6, 11, "return x * 3 + 1;"],
      [13, "./subprogs.c", 6, 15, "return x * 3 + 1;"],
      [14, "./subprogs.c", 6, 2, "return x * 3 + 1;"],
    ]);
  });
});

// The instructions were compared with those that libbpf hands to the kernel for the same objects.
describe("subprograms", () => {
  it("are linked behind the program in the order of first use, each once", () => {
    const p = program(fixture("subprogs"), "calls_other_first");
    expect(p.funcs.map((f) => [f.insn, f.name])).toEqual([
      [0, "calls_other_first"],
      [8, "other"],
      [11, "middle"],
      [19, "leaf"],
    ]);
    expect(p.insns.length / 8).toBe(23);
    expect([slotHex(p, 2), slotHex(p, 5)]).toEqual(["8510000005000000", "8510000005000000"]);
    expect([slotHex(p, 12), slotHex(p, 16)]).toEqual(["8510000006000000", "8510000002000000"]);
  });

  it("are placed anew for each program that uses them", () => {
    const p = program(fixture("subprogs"), "calls_middle_only");
    expect(p.funcs.map((f) => [f.insn, f.name])).toEqual([
      [0, "calls_middle_only"],
      [3, "middle"],
      [11, "leaf"],
    ]);
    expect([slotHex(p, 1), slotHex(p, 4), slotHex(p, 8)]).toEqual([
      "8510000001000000",
      "8510000006000000",
      "8510000002000000",
    ]);
  });

  it("can be addressed: ld_imm64 takes the distance to the callback", () => {
    const p = program(fixture("subprogs"), "loops");
    expect(p.funcs.map((f) => [f.insn, f.name])).toEqual([
      [0, "loops"],
      [11, "step"],
      [18, "leaf"],
    ]);
    expect([slotHex(p, 5), slotHex(p, 6)]).toEqual(["1842000005000000", "0000000000000000"]);
    expect(slotHex(p, 12)).toBe("8510000005000000");
  });

  it("may be static in the program's own section, where they are no programs", () => {
    const spec = fixture("static_in_section");
    expect(spec.programs.map((p) => p.name)).toEqual(["entry"]);
    const p = program(spec, "entry");
    expect(p.refusal).toBeNull();
    expect(p.funcs.map((f) => f.name)).toEqual(["entry", "helper_of_xdp"]);
  });
});

describe("maps defined by BTF", () => {
  const spec = fixture("maps");
  const map = (name: string): unknown => {
    const { btf, keyTypeId, valueTypeId, ...rest } = spec.maps.find((m) => m.name === name)!;
    return { ...rest, typed: [keyTypeId > 0, valueTypeId > 0, btf === spec.btf] };
  };
  const plain = { inner: null, data: null, readonly: false, slots: [], pinByName: false, flags: 0 };

  it("have type, sizes by type, flags and pinning", () => {
    expect(map("vips")).toEqual({
      ...plain,
      name: "vips",
      kind: "hash",
      keySize: 20,
      valueSize: 104,
      maxEntries: 64,
      typed: [true, true, true],
    });
    expect(map("blocked")).toEqual({
      ...plain,
      name: "blocked",
      kind: "lpm_trie",
      keySize: 8,
      valueSize: 8,
      maxEntries: 100,
      flags: 1,
      pinByName: true,
      typed: [true, true, true],
    });
  });

  it("round a ring buffer up to a power of two of pages", () => {
    expect(map("events")).toMatchObject({ kind: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 8192 });
  });

  it("have a template of their inner maps and initial slots", () => {
    expect(map("outer")).toMatchObject({
      kind: "array_of_maps",
      keySize: 4,
      valueSize: 4,
      maxEntries: 8,
      inner: { name: "outer.inner", kind: "array", keySize: 4, valueSize: 4, maxEntries: 3 },
      slots: [
        { index: 1, target: "inner_a" },
        { index: 5, target: "inner_b" },
      ],
    });
  });

  it("have programs in the slots of a prog array", () => {
    expect(map("jumps")).toMatchObject({
      kind: "prog_array",
      inner: null,
      slots: [
        { index: 0, target: "handle_first" },
        { index: 3, target: "handle_second" },
      ],
    });
  });

  it("are set aside when netsim lacks the type", () => {
    const arena = fixture("arena");
    expect(arena.maps.some((m) => m.name === "arena")).toBe(false);
    expect(arena.unsupportedMaps).toMatchObject([{ name: "arena", kind: "arena", maxEntries: 1, flags: 1024 }]);
  });

  it("are referred to by relocations of ld_imm64", () => {
    const p = program(spec, "dispatch");
    expect(p.relocations).toEqual([
      { kind: "map", insn: 6, map: "blocked" },
      { kind: "map", insn: 11, map: "jumps" },
    ]);
    expect(slotHex(p, 6)).toBe("1811000000000000");
  });

  it("need BTF", () => {
    const bytes = Buffer.from(fixtureBytes("maps"));
    const at = bytes.indexOf(".BTF\0");
    bytes.write(".XTF", at, "latin1");
    const found = refusal(() => parseObject(bytes, "maps.o"));
    expect(found.code).toBe("MAP_BTF");
    expect(found.message).toMatch(/^maps\.o: section "\.maps": maps are defined by BTF[\s\S]*clang -g/);
  });

  it("name an unknown field and the nearest known one", () => {
    const bytes = Buffer.from(fixtureBytes("maps"));
    const at = bytes.indexOf("\0max_entries\0");
    bytes.write("max_entrees", at + 1, "latin1");
    const found = refusal(() => parseObject(bytes, "maps.o"));
    expect(found.code).toBe("MAP_FIELD");
    expect(found.message).toMatch(/map 'inner_a': unknown field 'max_entrees'[\s\S]*did you mean max_entries\?/);
  });
});

describe("global data", () => {
  const spec = fixture("data");

  // As libbpf names, sizes and flags them: bpf_map__name and friends of libbpf 1.1 for the same object.
  it("becomes arrays named after object and section", () => {
    expect(spec.maps.map((m) => [m.name, m.kind, m.keySize, m.valueSize, m.maxEntries, m.flags, m.readonly])).toEqual([
      ["data.rodata", "array", 4, 12, 1, 0x480, true],
      ["data.data", "array", 4, 24, 1, 0x400, false],
      [".rodata.custom_section_name", "array", 4, 3, 1, 0x480, true],
      ["data.bss", "array", 4, 8, 1, 0x400, false],
    ]);
  });

  it("starts with the section's bytes, or zeros for .bss", () => {
    const bytes = (name: string): number[] => [...spec.maps.find((m) => m.name === name)!.data!];
    expect(bytes("data.rodata")).toEqual([77, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0]);
    expect(bytes(".rodata.custom_section_name")).toEqual([9, 8, 7]);
    expect(bytes("data.bss")).toEqual(Array<number>(8).fill(0));
  });

  // Slots as llvm-readelf -r shows them (bytes / 8), byte offsets as bpftool prog dump xlated shows them: map[id:N][0]+OFFSET.
  it("is referred to by map and byte offset, for named and for static variables", () => {
    const p = program(spec, "use_data");
    expect(p.relocations).toEqual([
      { kind: "map-value", insn: 0, map: "data.rodata", offset: 0 },
      { kind: "map-value", insn: 6, map: "data.rodata", offset: 4 },
      { kind: "map-value", insn: 10, map: "data.data", offset: 0 },
      { kind: "map-value", insn: 13, map: "data.data", offset: 16 },
      { kind: "map-value", insn: 19, map: "data.bss", offset: 0 },
      { kind: "map-value", insn: 24, map: ".rodata.custom_section_name", offset: 0 },
      { kind: "map-value", insn: 28, map: "data.data", offset: 8 },
    ]);
    expect([slotHex(p, 13), slotHex(p, 14)]).toEqual(["1825000000000000", "0000000010000000"]);
  });

  it("keeps stored pointers as the compiler left them, and says so", () => {
    expect(spec.notes).toEqual([
      '1 pointer(s) initialised in section ".data" are not relocated (libbpf does not either)',
    ]);
  });

  it.each([
    ["l4lb.o", "l4lb.rodata"],
    ["dir.d/xdp_load_balancer.o", "xdp_load.rodata"],
    ["a-b c.bpf.o", "a_b_c.rodata"],
    ["C:\\objects\\lb.o", "lb.rodata"],
  ])("is named by the file's name: %s has %s", (path, expected) => {
    expect(parseObject(fixtureBytes("data"), path).maps[0]!.name).toBe(expected);
  });

  it("stands beside licence and version", () => {
    expect([spec.license, spec.version]).toEqual(["Dual MIT/GPL", 0x060c00]);
    expect(fixture("maps").version).toBeUndefined();
  });
});

describe("legacy maps", () => {
  const spec = fixture("legacy");

  it("are read in iproute2's layout by their size of 36 bytes", () => {
    expect(spec.maps.map((m) => [m.name, m.kind, m.keySize, m.valueSize, m.maxEntries, m.flags, m.elfPin])).toEqual([
      ["jumps", "prog_array", 4, 4, 16, 0, "object"],
      ["counts", "hash", 8, 16, 1000, 1, "global"],
      ["inner", "array", 4, 4, 2, 0, undefined],
      ["outer", "array_of_maps", 4, 4, 5, 0, undefined],
    ]);
    expect(spec.btf).toBeNull();
  });

  it("put the program of section ID/KEY into the prog array of that id", () => {
    expect(spec.maps.find((m) => m.name === "jumps")!.slots).toEqual([{ index: 7, target: "seventh" }]);
    expect(program(spec, "seventh").kind).toBeNull();
  });

  it("find inner maps by id and put them into the slot they name", () => {
    const outer = spec.maps.find((m) => m.name === "outer")!;
    expect(outer.inner).toMatchObject({ name: "inner", kind: "array", maxEntries: 2 });
    expect(outer.slots).toEqual([{ index: 3, target: "inner" }]);
  });

  it("are referred to like others", () => {
    expect(program(spec, "entry").relocations).toEqual([{ kind: "map", insn: 0, map: "jumps" }]);
    expect(program(spec, "entry").lines).toEqual([]);
  });

  it("are read in libbpf's layout by their symbols' size, also of several sizes in one section", () => {
    const other = fixture("legacy_libbpf");
    expect(other.maps.map((m) => [m.name, m.kind, m.maxEntries, m.flags, m.elfPin, m.inner?.name])).toEqual([
      ["short_one", "hash", 10, 0, undefined, undefined],
      ["on_node", "hash", 20, 4, undefined, undefined],
      ["pinned", "array", 30, 0, "global", undefined],
      ["outer", "array_of_maps", 2, 0, undefined, "short_one"],
    ]);
  });

  it("take their types from BPF_ANNOTATE_KV_PAIR", () => {
    const other = fixture("legacy_libbpf");
    const [first, second] = other.maps;
    expect([typeName(other.btf!, first!.keyTypeId), typeName(other.btf!, first!.valueTypeId)]).toEqual([
      "__be32",
      "struct pair",
    ]);
    expect([second!.keyTypeId, second!.valueTypeId]).toEqual([0, 0]);
  });

  it("are refused when words behind the known ones are not zero", () => {
    // the symbol of `counts` is made 40 bytes long: its tenth word is then the type of the next map
    const bytes = Buffer.from(fixtureBytes("legacy"));
    const symtab = bytes.readUInt32LE(40) + sectionOf(bytes, 2) * 64;
    const from = bytes.readUInt32LE(symtab + 24);
    const size = bytes.readUInt32LE(symtab + 32);
    for (let at = from; at < from + size; at += 24) {
      if (bytes.readUInt32LE(at + 16) === 36 && bytes.readUInt32LE(at + 8) === 36) bytes.writeUInt32LE(40, at + 16);
    }
    const found = refusal(() => parseObject(bytes, "legacy.o"));
    expect(found.code).toBe("MAP_LEGACY");
    expect(found.message).toMatch(/section "maps", offset 0x24: map 'counts' has unrecognized, non-zero options/);
  });
});

describe("objects of old compilers", () => {
  /** legacy.o with its function symbols made untyped, and a symbol's value changed if given. */
  function untyped(symbol?: string, value = 0): Buffer {
    const bytes = Buffer.from(fixtureBytes("legacy"));
    const header = bytes.readUInt32LE(40) + sectionOf(bytes, 2) * 64;
    const names = bytes.readUInt32LE(bytes.readUInt32LE(40) + 64 + 24);
    const from = bytes.readUInt32LE(header + 24);
    for (let at = from; at < from + bytes.readUInt32LE(header + 32); at += 24) {
      if ((bytes[at + 4]! & 15) !== 2) continue;
      bytes[at + 4]! &= 0xf0;
      bytes.writeUInt32LE(0, at + 16);
      const nameAt = names + bytes.readUInt32LE(at);
      if (symbol !== undefined && bytes.toString("latin1", nameAt, bytes.indexOf(0, nameAt)) === symbol) {
        bytes.writeUInt32LE(value, at + 8);
      }
    }
    return bytes;
  }

  it("are read by their untyped symbols: a function reaches to the next one or the section's end", () => {
    const typed = fixture("legacy");
    const spec = parseObject(untyped(), "legacy.o");
    expect(spec.programs.map((p) => [p.name, p.section, [...p.insns]])).toEqual(
      typed.programs.map((p) => [p.name, p.section, [...p.insns]]),
    );
  });

  it.each([8, 0x60, 0x1000, 0x80000000])(
    "are refused when a function starts at 0x%x, behind its code or on half an instruction",
    (value) => {
      const at = value === 8 ? 12 : value;
      const found = refusal(() => parseObject(untyped("seventh", at), "legacy.o"));
      expect(found.code).toBe("FUNC_RANGE");
      expect(found.message).toMatch(/section "2\/7", offset 0x[0-9a-f]+: corrupted program 'seventh'/);
    },
  );

  it("are one function named after its section when no symbol stands there", () => {
    const bytes = untyped();
    const names = bytes.readUInt32LE(bytes.readUInt32LE(40) + 64 + 24);
    bytes[bytes.indexOf("seventh\0", names)] = 0;
    expect(parseObject(bytes, "legacy.o").programs.map((p) => p.name)).toEqual(["2/7", "entry"]);
  });
});

/** Number of the first section of a type. */
function sectionOf(bytes: Buffer, type: number): number {
  const shoff = bytes.readUInt32LE(40);
  for (let i = 0; i < bytes.readUInt16LE(60); i++) if (bytes.readUInt32LE(shoff + i * 64 + 4) === type) return i;
  throw new Error(`no section of type ${type}`);
}

describe("the file's bytes", () => {
  it("are left as they are, also in a Buffer, whose slices share its memory", () => {
    const bytes = Buffer.from(fixtureBytes("subprogs"));
    const before = Buffer.from(bytes).toString("hex");
    parseObject(bytes, "subprogs.o");
    expect(bytes.toString("hex")).toBe(before);
  });
});

describe("what cannot be resolved", () => {
  const spec = fixture("unresolved");

  it.each([["calls_memset", "EXTERN_UNSUPPORTED", /in clears\(\): undefined function 'memset' cannot be resolved/]])(
    "refuses %s by name",
    (name, code, message) => {
      const found = program(spec, name).refusal!;
      expect(found.code).toBe(code);
      expect(found.message).toMatch(message);
      expect(found.path).toMatch(/^unresolved\.o: section "(xdp|\.text)", offset 0x/);
    },
  );

  it("finds the kernel's configuration in a map that the loading fills", () => {
    const { refusal, relocations } = program(spec, "reads_kconfig");
    expect(refusal).toBeNull();
    expect(relocations).toEqual([{ kind: "map-value", insn: 0, map: "unresol.kconfig", offset: 0 }]);
  });

  it("leaves kernel functions to the loading, by name", () => {
    const { refusal, relocations } = program(spec, "calls_kfunc");
    expect(refusal).toBeNull();
    expect(relocations).toEqual([{ kind: "kfunc", insn: 1, name: "bpf_some_kfunc", weak: false }]);
  });

  it("leaves the other programs of the object alone", () => {
    expect(program(spec, "good").refusal).toBeNull();
  });
});

describe("what libbpf would not link", () => {
  it("an arena's variable is refused by name, the other programs are not", () => {
    const spec = fixture("arena");
    expect(program(spec, "uses_arena").refusal).toMatchObject({
      code: "ARENA_UNSUPPORTED",
      message: expect.stringContaining("'in_arena' lies in an arena"),
    });
    expect(program(spec, "good").refusal).toBeNull();
  });

  it("static functions in a program's section are linked, and noted", () => {
    const { notes } = fixture("static_in_section");
    expect(notes).toContainEqual(
      expect.stringMatching(/^static functions in section "xdp": helper_of_xdp.*; libbpf refuses/),
    );
  });
});
