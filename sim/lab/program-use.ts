/** Which object, with which values in its variables, and which program of it a lab means where it names one. */
import type { AttachKind } from "../bpf/attach-kinds.ts";
import { withGlobals } from "../bpf/object/globals.ts";
import type { ProgKind } from "../bpf/prog-type.ts";
import type { ObjectSpec, ProgramSpec } from "../bpf/spec.ts";
import { LabError, ObjectError } from "../engine/errors.ts";
import { suggest } from "../engine/nearest.ts";
import type { ObjectStore } from "./lab-files.ts";
import { atOrigin } from "./object-at.ts";
import type { GlobalSpec, NamedObjectSpec, Origin, ProgramUseSpec } from "./spec.ts";
import type { Findings } from "./text/findings.ts";

/**
 * Reads the object of a use. Its variables have the values that the use gives, or the entry of `programs`, whose programs share them.
 * @param named the entry of `programs` that the use names, if it names one
 * @returns null after findings: files that cannot be read, GLOBALS_SHARED, GLOBAL_UNKNOWN, VALUE_*, each of these at its value
 * @throws ObjectError when it is no object
 */
export function objectOfUse(
  objects: ObjectStore,
  use: ProgramUseSpec,
  named: NamedObjectSpec | undefined,
  findings: Findings,
): ObjectSpec | null {
  const spec = readObjectAt(objects, named?.obj ?? use.obj, named?.origin ?? use.origin, findings);
  if (spec === null) return null;
  if (named !== undefined && use.globals.length > 0) {
    const message = `the programs of "${named.name}" share one set of variables`;
    const fix = `write \`globals\` into the entry "${named.name}" of \`programs\``;
    findings.add({ code: "GLOBALS_SHARED", message, ...use.globals[0]!.origin, fix });
    return null;
  }
  let out = spec;
  let wrong = false;
  for (const g of named?.globals ?? use.globals) {
    try {
      out = withGlobals(out, globalValues([g]));
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      for (const d of error.diagnostics) {
        const inner = (d.path ?? "").slice(g.name.length);
        findings.add({ ...d, path: `${g.origin.path}${inner}`, place: g.origin.place });
      }
      wrong = true;
    }
  }
  return wrong ? null : out;
}

/** Values of variables by name. */
export function globalValues(globals: readonly GlobalSpec[]): ReadonlyMap<string, unknown> {
  return new Map(globals.map((g) => [g.name, g.value]));
}

/**
 * The program of an object that a lab means: the one of that name, of that section, or the only one that fits the hook.
 * Findings: PROGRAM_UNKNOWN, PROGRAM_AMBIGUOUS
 */
export function pickProgram(
  spec: ObjectSpec,
  use: ProgramUseSpec,
  kind: ProgKind,
  attach: AttachKind | null,
  findings: Findings,
): ProgramSpec | null {
  const report = (code: string, message: string, fix: string): null => {
    findings.add({ code, message, ...use.origin, fix });
    return null;
  };
  const all = spec.programs;
  if (use.program !== undefined) {
    const found = all.find((p) => p.name === use.program) ?? null;
    const names = all.map((p) => p.name);
    return (
      found ?? report("PROGRAM_UNKNOWN", `${spec.path} has no program "${use.program}"`, suggest(use.program, names))
    );
  }
  let candidates = all.filter((p) => p.autoload !== false);
  if (use.section !== undefined) {
    candidates = all.filter((p) => p.section === use.section);
    const sections = [...new Set(all.map((p) => p.section))];
    if (candidates.length === 0) {
      return report("SECTION_UNKNOWN", `${spec.path} has no section "${use.section}"`, suggest(use.section, sections));
    }
  } else {
    const ofKind = candidates.filter((p) => p.kind === kind);
    // `tc/ingress` and `tc/egress` say where they belong; programs for maps (`xdp/devmap`) belong to no hook
    const fitting = [
      ofKind.filter((p) => p.attach === attach),
      ofKind.filter((p) => p.attach === null),
      candidates.filter((p) => p.kind === null),
    ];
    candidates = fitting.find((list) => list.length > 0) ?? [];
  }
  if (candidates.length === 1) return candidates[0]!;
  const names = candidates.map((p) => p.name);
  if (names.length === 0) {
    const have = all.map((p) => `${p.name} (${p.section})`).join(", ") || "none";
    return report("PROGRAM_UNKNOWN", `${spec.path} has no program of type ${kind}`, `it has: ${have}`);
  }
  return report(
    "PROGRAM_AMBIGUOUS",
    `${spec.path} has ${names.length} programs that fit`,
    `name one: ${use.obj}:${names.join(`, ${use.obj}:`)}`,
  );
}

/** A file that cannot be read is a finding at the place that names it. */
function readObjectAt(objects: ObjectStore, name: string, origin: Origin, findings: Findings): ObjectSpec | null {
  try {
    return objects.get(name);
  } catch (error) {
    if (error instanceof ObjectError) throw atOrigin(error, origin);
    if (!(error instanceof LabError)) throw error;
    findings.addAll(error.diagnostics.map((d) => ({ ...d, ...origin })));
    return null;
  }
}
