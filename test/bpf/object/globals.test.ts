import { describe, expect, it } from "vitest";
import { globalVariables, withGlobals } from "../../../sim/bpf/object/globals.ts";
import type { ObjectSpec } from "../../../sim/bpf/spec.ts";
import { LabError } from "../../../sim/engine/errors.ts";
import { loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost, createKernel } from "../../../sim/net/stack.ts";
import { fixture } from "./fixtures.ts";

/** What test/fixtures/objects/globals.c's `fold` makes of all variables. */
function fold(spec: ObjectSpec): number {
  const host = addHost(createKernel({ seed: 1, idealCpu: true }), "h");
  const object = loadObjectOnHost(host, spec);
  const answer = progTestRun(host, object.program("fold"), { data: new Uint8Array(64) });
  if (typeof answer === "number") throw new Error(`the run ended with ${answer}`);
  return answer.retval >>> 0;
}

/** Findings of values that do not fit. */
function complaints(spec: ObjectSpec, values: Readonly<Record<string, unknown>>): string[] {
  try {
    withGlobals(spec, new Map(Object.entries(values)));
    return [];
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return error.diagnostics.map((d) => `${d.path}: ${d.message} [${d.code}]${d.fix === undefined ? "" : ` ${d.fix}`}`);
  }
}

/** One of each type, as a lab writes it. */
const VALUES = new Map<string, unknown>([
  ["enabled", false],
  ["ports", [53, 80, 0, 65531]],
  ["trusted", "10.0.0.1"],
  ["trusted6", "2001:db8::1"],
  ["policy", { verdict: "VERDICT_PASS", low: 22, high: 80, strict: 1, level: 127 }],
  ["label", "a\u00e9b"],
  ["offset_ns", -36028797018963968n],
  ["key", "hex:05 04 03 02 01"],
  ["custom", 0xffffffff],
  ["burst", 2],
  ["dropped", 7],
]);

describe("global variables", () => {
  it("are those that a skeleton shows: of .rodata, .data, .bss and sections of their own, static ones left out", () => {
    const names = globalVariables(fixture("globals")).map((v) => `${v.section} ${v.name}`);
    expect(names.sort()).toEqual([
      ".bss dropped",
      ".data burst",
      ".rodata enabled",
      ".rodata key",
      ".rodata label",
      ".rodata offset_ns",
      ".rodata policy",
      ".rodata ports",
      ".rodata trusted",
      ".rodata trusted6",
      ".rodata.more custom",
    ]);
  });

  it("have the values of the file until they are given others; Linux 6.18 answers the same with both", () => {
    const spec = fixture("globals");
    expect(fold(spec)).toBe(1829251411);
    expect(fold(withGlobals(spec, VALUES))).toBe(3023080526);
    expect(fold(spec), "the spec that was given is not written to").toBe(1829251411);
  });

  it.each([
    [
      "a name that is none",
      { bursts: 1 },
      /^bursts: globals.o has no global variable "bursts" \[GLOBAL_UNKNOWN\] did you mean burst\? known: .*ports/,
    ],
    ["a static variable", { inner: 1 }, /^inner: globals.o has no global variable "inner" \[GLOBAL_UNKNOWN\]/],
    [
      "a number that does not fit",
      { burst: 2 ** 32 },
      /^burst: __u32 burst of globals.o: 4294967296 does not fit __u32, expected -?\d+ to 4294967295 \[VALUE_RANGE\]/,
    ],
    [
      "a list that is too long",
      { ports: [1, 2, 3, 4, 5] },
      /^ports: const volatile __u16 ports\[4\] of globals.o: 5 elements, expected at most 4 \[VALUE_LENGTH\]/,
    ],
    [
      "a field that is none",
      { policy: { lo: 1 } },
      /^policy.lo: .*struct policy has no field "lo" \[VALUE_FIELD\] did you mean low\?/,
    ],
    [
      "an enumerator that is none",
      { policy: { verdict: "PASS" } },
      /^policy.verdict: .*enum verdict has no enumerator "PASS"/,
    ],
    ["text for a number", { enabled: "yes" }, /^enabled: .*expected an integer.*got "yes"/],
  ])("%s is refused", (_what, values, expected) => {
    expect(complaints(fixture("globals"), values).join("\n")).toMatch(expected);
  });

  it("have no names in an object without types", () => {
    const spec = fixture("globals");
    const untyped = { ...spec, btf: null, maps: spec.maps.map((m) => ({ ...m, btf: null, valueTypeId: 0 })) };
    expect(complaints(untyped, { burst: 1 }).join()).toMatch(
      /GLOBAL_UNKNOWN\] its variables have no names without BTF/,
    );
  });

  it("all that is wrong is told at once", () => {
    expect(complaints(fixture("globals"), { burst: -1, nothing: 0, label: "too long a text" })).toHaveLength(3);
  });
});
