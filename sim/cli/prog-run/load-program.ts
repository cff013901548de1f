/** A program of an object, loaded on a bare host for `netsim prog run` and `netsim debug`. */
import { resolve } from "node:path";
import { withGlobals } from "../../bpf/object/globals.ts";
import { readObject } from "../../bpf/object/read-object.ts";
import { sectionType } from "../../bpf/object/section-types.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import { progTypes } from "../../bpf/prog-types/index.ts";
import type { Program } from "../../bpf/program.ts";
import type { ObjectSpec, ProgramSpec } from "../../bpf/spec.ts";
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { type LoadedObject, loadObjectOnHost } from "../../net/bpf-objects.ts";
import type { Host } from "../../net/host.ts";
import { addHost, createKernel } from "../../net/stack.ts";
import { readGlobals } from "./globals.ts";

/** What the command line says of the program. */
export interface ProgramChoice {
  /** Object file as the user wrote it. */
  readonly object: string;
  /** Its name, or its section's; undefined when the object has only one. */
  readonly name: string | undefined;
  /** As bpftool says types (`classifier`), or the kernel (`sched_cls`). */
  readonly type: string | undefined;
  /** Values of global variables, `NAME=VALUE`. */
  readonly globals: readonly string[];
  readonly profile: boolean;
}

/** A program ready to be run. */
export interface ChosenProgram {
  readonly host: Host;
  readonly object: LoadedObject;
  readonly program: Program;
}

/**
 * Loads it, with what its static tail calls lead to.
 * @param cwd directory that the object's path starts from
 * @throws ObjectError, LabError PROG_WHICH, PROG_TYPE, GLOBAL_*, VALUE_*
 */
export function loadProgram(cwd: string, choice: ProgramChoice): ChosenProgram {
  const spec = withGlobals(readObject(resolve(cwd, choice.object), choice.object), readGlobals(choice.globals));
  const name = choose(spec, choice).name;
  const kind = choice.type === undefined ? undefined : kindOf(choice.type);
  const host = addHost(createKernel({ seed: 1, idealCpu: false }), "host");
  const object = loadObjectOnHost(host, spec, {
    programs: [name],
    readEvents: true,
    profile: choice.profile,
    ...(kind === undefined ? {} : { kinds: new Map([[name, kind]]) }),
  });
  return { host, object, program: object.program(name) };
}

function choose(spec: ObjectSpec, { object, name }: ProgramChoice): ProgramSpec {
  const { programs } = spec;
  const names = programs.map((p) => p.name);
  if (name === undefined) {
    if (programs.length === 1) return programs[0]!;
    const what = programs.length === 0 ? "the object has no programs" : `the object has ${programs.length} programs`;
    const fix = programs.length === 0 ? undefined : `say which: --prog ${names.join(" | ")}`;
    throw new LabError([{ code: "PROG_WHICH", message: `${object}: ${what}`, ...(fix === undefined ? {} : { fix }) }]);
  }
  const byName = programs.find((p) => p.name === name);
  const bySection = programs.filter((p) => p.section === name);
  const found = byName ?? (bySection.length === 1 ? bySection[0] : undefined);
  if (found !== undefined) return found;
  const message = `${object}: no program and no section of one program is named "${name}"`;
  throw new LabError([{ code: "PROG_WHICH", message, fix: suggest(name, names) }]);
}

function kindOf(type: string): ProgKind {
  const found = progTypes.find((d) => d.kind === type)?.kind ?? sectionType(type)?.kind;
  if (found !== undefined && found !== null) return found;
  const known = progTypes.map((d) => d.kind);
  throw new LabError([{ code: "PROG_TYPE", message: `no program type "${type}"`, fix: suggest(type, known) }]);
}
