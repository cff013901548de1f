/**
 * Which helpers a program may call: oracle/record-allowed.mjs asked the kernel's verifier, type by type. A helper that Linux allows is
 * allowed here as well, and no other.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { HelperDef } from "../../../sim/bpf/helper.ts";
import { baseHelpers } from "../../../sim/bpf/helpers/index.ts";
import { helperName } from "../../../sim/bpf/object/helper-names.ts";
import type { ProgKind } from "../../../sim/bpf/prog-type.ts";
import { netHelpers } from "../../../sim/net/helpers/index.ts";

const recorded = JSON.parse(readFileSync(new URL("./allowed.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly gpl: readonly number[];
  readonly allowed: Readonly<Record<string, readonly number[]>>;
};

const helpers = [...baseHelpers, ...netHelpers] as readonly HelperDef<never>[];

/** Whether programs of a row may call a helper. */
function allows(helper: HelperDef<never>, kind: string, attach: string | undefined): boolean {
  if (helper.progKinds !== null && !helper.progKinds.includes(kind as ProgKind)) return false;
  const only = helper.attachKinds;
  return only === undefined || attach === undefined || only.some((a) => a === attach);
}

describe(`helpers that Linux ${recorded.kernel} allows`, () => {
  it.each(Object.entries(recorded.allowed))("in programs of type %s", (row, linux) => {
    const [kind, attach] = row.split(" ") as [string, string | undefined];
    const name = (id: number): string => helperName(id) ?? String(id);
    const ours = helpers.filter((h) => allows(h, kind, attach)).map((h) => h.id);
    expect(ours.map(name).sort()).toEqual(linux.map(name).sort());
  });

  it("to programs under any licence, or only to those under a GPL-compatible one", () => {
    const gpl = helpers.filter((h) => h.gplOnly).map((h) => h.id);
    expect(gpl.sort((a, b) => a - b)).toEqual(recorded.gpl);
  });
});
