import { describe, expect, it } from "vitest";
import { dumpProgram } from "../../../sim/bpf/object/dump-program.ts";
import { formatObject, showObject } from "../../../sim/bpf/object/show-object.ts";
import { fixture, refusal } from "./fixtures.ts";

describe("showObject", () => {
  it("tells programs with their instruction counts, subprograms and maps", () => {
    const shown = showObject(fixture("subprogs"));
    expect(shown.programs[0]).toEqual({
      name: "calls_other_first",
      section: "xdp",
      type: "xdp",
      attach: "xdp",
      frags: false,
      insns: 23,
      subprograms: [
        { name: "other", insns: 3 },
        { name: "middle", insns: 8 },
        { name: "leaf", insns: 4 },
      ],
      maps: [],
      refused: null,
    });
    expect(shown.programs[5]).toMatchObject({
      type: "kprobe",
      refused: expect.stringMatching(/PROG_TYPE_UNSUPPORTED/),
    });
    expect(shown.programs[6]).toMatchObject({ type: null, refused: null });
  });

  it("tells maps with their types in C, those that netsim lacks as well", () => {
    const shown = showObject(fixture("maps"));
    expect(shown.maps.find((m) => m.name === "vips")).toMatchObject({
      kind: "hash",
      keyType: "struct vip_key",
      valueType: "struct backend",
      supported: true,
    });
    expect(shown.maps.find((m) => m.name === "blocked")).toMatchObject({ flags: ["no_prealloc"], pinned: true });
    expect(shown.maps.find((m) => m.name === "outer")).toMatchObject({ inner: "array", keyType: null });
    expect(showObject(fixture("arena")).maps).toMatchObject([{ name: "arena", kind: "arena", supported: false }]);
  });

  it("prints a table", () => {
    expect(formatObject(showObject(fixture("data")))).toBe(`data.o: license "Dual MIT/GPL"
version 396288

programs:
  name      section  type  insns  subprograms  maps
  use_data  xdp      xdp   35     -            data.rodata, data.data, data.bss, .rodata.custom_section_name

maps:
  name                         type   key  value                           max_entries  flags
  data.rodata                  array  4B   12B .rodata                     1            rdonly_prog mmapable
  data.data                    array  4B   24B .data                       1            mmapable
  .rodata.custom_section_name  array  4B   3B .rodata.custom_section_name  1            rdonly_prog mmapable
  data.bss                     array  4B   8B .bss                         1            mmapable

sections:
  nr  name                         type          bytes  flags
  1   .strtab                      STRTAB        190    -
  2   .text                        PROGBITS      0      AX
  3   xdp                          PROGBITS      280    AX
  4   .relxdp                      REL           112    I
  5   .rodata                      PROGBITS      12     A
  6   .data                        PROGBITS      24     WA
  7   .rel.data                    REL           16     I
  8   .rodata.custom_section_name  PROGBITS      3      A
  9   .bss                         NOBITS        8      WA
  10  license                      PROGBITS      13     WA
  11  version                      PROGBITS      4      WA
  12  .BTF                         PROGBITS      1282   -
  13  .rel.BTF                     REL           144    I
  14  .BTF.ext                     PROGBITS      256    -
  15  .rel.BTF.ext                 REL           208    I
  16  .llvm_addrsig                LLVM_ADDRSIG  8      E
  17  .symtab                      SYMTAB        336    -

note: 1 pointer(s) initialised in section ".data" are not relocated (libbpf does not either)
`);
  });
});

describe("dumpProgram", () => {
  it("prints instructions under source lines and subprograms under their signature", () => {
    expect(dumpProgram(fixture("subprogs"), "calls_middle_only")).toBe(`int calls_middle_only(struct xdp_md *ctx):
; return middle(ctx->ingress_ifindex); @ subprogs.c:32
   0: (61) r1 = *(u32 *)(r1 +12)
   1: (85) call pc+1 # middle
   2: (95) exit

int middle(int x):
; __noinline int middle(int x) @ subprogs.c:9
   3: (bc) w6 = w1
; return leaf(x) + leaf(x + 1); @ subprogs.c:11
   4: (85) call pc+6 # leaf
   5: (bc) w7 = w0
   6: (04) w6 += 1
   7: (bc) w1 = w6
   8: (85) call pc+2 # leaf
   9: (0c) w0 += w7
  10: (95) exit

int leaf(int x):
; static __noinline int leaf(int x) @ subprogs.c:4
  11: (bc) w0 = w1
; return x * 3 + 1; @ subprogs.c:6
  12: (24) w0 *= 3
  13: (04) w0 += 1
  14: (95) exit
`);
  });

  it("names maps, data, callbacks and helpers", () => {
    expect(dumpProgram(fixture("maps"), "dispatch")).toContain(
      "   6: (18) r1 = map[name:blocked]\n   8: (85) call bpf_map_lookup_elem#1\n",
    );
    expect(dumpProgram(fixture("data"))).toContain("(18) r5 = map[name:data.data][0]+16\n");
    expect(dumpProgram(fixture("subprogs"), "loops")).toContain("(18) r2 = subprog[step]\n");
    expect(dumpProgram(fixture("subprogs"), "loops")).toContain("(85) call bpf_loop#181\n");
  });

  it("works without BTF", () => {
    expect(dumpProgram(fixture("legacy"), "classifier")).toMatch(
      /^entry:\n {3}0: \(18\) r2 = map\[name:jumps\]\n {3}2: \(b4\)/,
    );
  });

  it("goes on behind an instruction that does not exist", () => {
    const spec = fixture("static_in_section");
    const insns = Uint8Array.from(spec.programs[0]!.insns);
    insns[0] = 0xff;
    const damaged = { ...spec, programs: [{ ...spec.programs[0]!, insns }] };
    expect(dumpProgram(damaged)).toMatch(/ {3}0: \(ff\) unknown instruction\n/);
  });
});

describe("dumpProgram chooses", () => {
  const first = (text: string): string => text.split("\n")[0]!;

  it("by name, by section, and the only one without a heading", () => {
    const spec = fixture("subprogs");
    expect(first(dumpProgram(spec, "loops"))).toBe("int loops(struct xdp_md *ctx):");
    expect(first(dumpProgram(spec, "tcx/egress"))).toBe("int leaves(void *skb):");
    expect(first(dumpProgram(fixture("data")))).toBe("int use_data(struct xdp_md *ctx):");
  });

  it.each([
    ["of a section", "subprogs", "xdp", ["calls_other_first", "calls_middle_only"]],
    ["of an object", "maps", undefined, null],
  ])("several %s are listed one after another, each under a heading", (_what, object, name, expected) => {
    const spec = fixture(object);
    const headings = [...dumpProgram(spec, name).matchAll(/^program (.*), section /gm)].map((m) => m[1]!);
    expect(headings).toEqual(expected ?? spec.programs.map((p) => p.name));
  });

  it("an unknown name is refused with the nearest", () => {
    const found = refusal(() => dumpProgram(fixture("subprogs"), "lops"));
    expect(found.code).toBe("PROGRAM_UNKNOWN");
    expect(found.message).toMatch(/no program and no section is named "lops"[\s\S]*did you mean loops\?/);
  });
});
