/** Section names and object files as libbpf 1.7 reads them: sections.json and objects.json, recorded by record.mjs. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { attachNumber } from "../../../../sim/bpf/attach-kinds.ts";
import { INSN_BYTES } from "../../../../sim/bpf/object/functions.ts";
import { readObject } from "../../../../sim/bpf/object/read-object.ts";
import { sectionType } from "../../../../sim/bpf/object/section-types.ts";
import type { MapSpec, ObjectSpec } from "../../../../sim/bpf/spec.ts";
import { refusal } from "../fixtures.ts";

interface Section {
  readonly section: string;
  readonly type: string | null;
  readonly attach?: number;
}
interface SeenMap {
  readonly name: string;
  readonly bytes?: string;
}
interface SeenObject {
  readonly object: string;
  readonly error: number;
  readonly messages: string;
  readonly programs: readonly unknown[];
  readonly maps: readonly SeenMap[];
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const { sections } = read("sections.json") as { readonly sections: readonly Section[] };
const { objects } = read("objects.json") as { readonly objects: readonly SeenObject[] };

describe("section names", () => {
  it.each(sections)("$section: type $type", ({ section, type, attach }) => {
    const said = sectionType(section);
    expect(said?.typeName ?? null).toBe(type);
    // types that netsim does not run keep no attach type
    if (said !== null && said.kind !== null) expect(attachNumber(said.attach)).toBe(attach);
  });
});

describe("object files", () => {
  it.each(objects.filter((o) => o.error === 0))("$object has libbpf's programs", (seen) => {
    const spec = load(seen.object);
    const programs = spec.programs.map((p) => ({
      name: p.name,
      section: p.section,
      type: p.typeName ?? "unspec",
      attach: attachNumber(p.attach),
      insns: p.funcs[1]?.insn ?? p.insns.length / INSN_BYTES,
      autoload: p.autoload !== false,
    }));
    expect(programs).toEqual(seen.programs);
  });

  it.each(objects.filter((o) => o.error === 0))("$object has libbpf's maps", (seen) => {
    const spec = load(seen.object);
    const known = new Set(spec.unsupportedMaps?.map((m) => m.name));
    const maps = spec.maps.flatMap((m) => [viewOf(m), ...(m.inner === null ? [] : [viewOf(m.inner)])]);
    expect(maps).toEqual(seen.maps.filter((m) => !known.has(m.name)));
  });

  it("map_static.o is refused in libbpf's words", () => {
    const [, words] = /^libbpf: (.*?)\.?\n/.exec(objects.find((o) => o.object === "map_static.o")!.messages)!;
    expect(refusal(() => load("map_static.o")).message).toContain(words);
  });

  it.each([
    ["legacy.o", "libbpf before 1.0 and iproute2 load them"],
    ["legacy_libbpf.o", "libbpf before 1.0 loads them"],
    ["xdp_legacy_count.o", "libbpf before 1.0 and iproute2 load them"],
    ["static_in_section.o", "Cilium's loader loads them"],
  ])("%s loads here although libbpf 1.7 refuses it: %s", (name) => {
    expect(objects.find((o) => o.object === name)?.error).toBeLessThan(0);
    expect(load(name).programs.some((p) => p.refusal === null)).toBe(true);
  });
});

function load(name: string): ObjectSpec {
  const bundled = /^(sock|tc|xdp)_/.test(name);
  const folder = bundled ? "../../../../programs/" : "../../../fixtures/objects/";
  return readObject(new URL(`${folder}${name}`, import.meta.url).pathname, name);
}

function viewOf(m: MapSpec): SeenMap {
  const view = {
    name: m.name,
    type: m.kind,
    key: m.keySize,
    value: m.valueSize,
    max_entries: m.maxEntries,
    flags: m.flags,
    numa: m.numaNode ?? 0,
    extra: m.mapExtra ?? 0,
    pin: m.pinByName ? `/sys/fs/bpf/${m.name}` : "",
  };
  return m.data === null ? view : { ...view, bytes: Buffer.from(m.data).subarray(0, 256).toString("hex") };
}
