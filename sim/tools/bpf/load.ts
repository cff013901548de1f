/**
 * How `ip` and `tc` find the program to attach: `obj FILE [section S] [program P] [verbose]`, `pinned PATH`.
 *
 * @source iproute2 lib/bpf_legacy.c bpf_do_parse, lib/bpf_libbpf.c load_bpf_object
 * @differs objects with a legacy `maps` section load, as with an iproute2 that was built without libbpf; programs in statically filled
 *          slots of program arrays are loaded along (libbpf 1.1 loads only the named one and fails on such objects); a program whose
 *          section says another type is refused at once: Linux would let it in if it did without its context
 */
import { createHash } from "node:crypto";
import type { ProgKind } from "../../bpf/prog-type.ts";
import type { Program } from "../../bpf/program.ts";
import type { ObjectSpec, ProgramSpec } from "../../bpf/spec.ts";
import { LabError, ObjectError, VerifierError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { type LoadedObject, loadObjectOnHost } from "../../net/bpf-objects.ts";
import type { Host } from "../../net/host.ts";
import { matches, type Words } from "../rtnetlink.ts";
import type { ToolError, ToolSession } from "../tool.ts";
import { holdObject } from "./held-objects.ts";
import { parseShared } from "./object-cache.ts";
import { noteLoad } from "./prog-info.ts";
import { selfCheck } from "./self-check.ts";

/** What the words said. */
export type BpfSource =
  | {
      readonly mode: "object";
      readonly file: string;
      readonly section: string;
      readonly program: string | null;
    }
  | { readonly mode: "pinned"; readonly path: string };

/** The type that a command attaches. */
export type AttachedKind = "xdp" | "sched_cls" | "sched_act";

/** bpf_prog_to_default_section. */
const DEFAULT_SECTION: Readonly<Record<AttachedKind, string>> = {
  xdp: "prog",
  sched_cls: "classifier",
  sched_act: "action",
};

/** A program and, when this command loaded it, the object it came with. */
export interface FoundProgram {
  readonly prog: Program;
  /** As the kernel keeps it with a filter: `lb.o:[tc]`, `lb:[*fsobj]`. */
  readonly annotation: string;
  readonly object: LoadedObject | null;
}

/** Takes the source of a program off the words. @throws ToolError `What mode is "..."?` */
export function takeBpfSource(words: Words, kind: AttachedKind, failure: (text: string) => ToolError): BpfSource {
  const mode = words.next();
  if (mode === "obj" || matches(mode, "object-file")) {
    const file = words.next();
    let section = DEFAULT_SECTION[kind];
    let program: string | null = null;
    if (takeMatch(words, "section")) section = words.next();
    if (words.peek() === "program") {
      words.next();
      program = words.next();
    }
    if (takeMatch(words, "export")) throw failure("netsim has no export of maps to a socket yet\n");
    takeMatch(words, "verbose");
    return { mode: "object", file, section, program };
  }
  if (matches(mode, "object-pinned") || matches(mode, "pinned") || matches(mode, "fd")) {
    const path = words.next();
    takeMatch(words, "verbose");
    return { mode: "pinned", path };
  }
  throw failure(`What mode is "${mode}"?\n`);
}

function takeMatch(words: Words, full: string): boolean {
  const w = words.peek();
  if (w === undefined || !matches(w, full)) return false;
  words.next();
  return true;
}

/**
 * Loads or looks up the program.
 * @param failure makes the command's own refusal of libbpf's text
 * @throws what `failure` makes, with the ObjectError or LabError as its cause
 */
export function obtainProgram(
  session: ToolSession,
  source: BpfSource,
  kind: AttachedKind,
  failure: (text: string, cause?: Error) => ToolError,
): FoundProgram {
  if (source.mode === "pinned") return pinnedProgram(session.host, source.path, failure);
  const { spec, objectUid } = openObject(session, source.file, failure);
  linkDirectories(session.host);
  const program = pickProgram(spec, source, failure);
  refuseOtherType(source.file, program, kind, failure);
  const object = loadOrFail(session.host, spec, program, kind, objectUid, failure);
  holdObject(object);
  for (const p of object.programs.values()) noteLoad(session.host, p, spec.btf);
  return {
    prog: object.program(program.name),
    annotation: `${baseName(source.file)}:[${source.section}]`,
    object,
  };
}

type Failure = (text: string, cause?: Error) => ToolError;

function pinnedProgram(host: Host, path: string, failure: Failure): FoundProgram {
  const prog = host.bpf.pinnedProgram(path);
  if (prog === undefined) {
    const why = host.bpf.pins.has(path) ? "Invalid argument" : "No such file or directory";
    throw failure(`Couldn't retrieve pinned program '${path}': ${why}\n`);
  }
  return { prog, annotation: `${baseName(path)}:[*fsobj]`, object: null };
}

/** The directories of `ip` are links to that of `tc`. @source iproute2 lib/bpf_legacy.c bpf_gen_hierarchy */
function linkDirectories(host: Host): void {
  for (const name of ["xdp", "ip"]) host.bpf.pins.link(`/sys/fs/bpf/${name}`, "/sys/fs/bpf/tc");
}

function openObject(
  session: ToolSession,
  file: string,
  failure: Failure,
): { readonly spec: ObjectSpec; readonly objectUid: string } {
  try {
    const bytes = session.readFile(file);
    const objectUid = createHash("sha1").update(bytes).digest("hex");
    return { spec: parseShared(session, bytes, file), objectUid };
  } catch (error) {
    if (error instanceof LabError || error instanceof ObjectError) {
      throw failure("Cannot initialize ELF context!\n", error);
    }
    throw error;
  }
}

function pickProgram(spec: ObjectSpec, source: BpfSource & { mode: "object" }, failure: Failure): ProgramSpec {
  const { section, program } = source;
  const found = spec.programs.find((p) => (program === null ? p.section === section : p.name === program));
  if (found !== undefined) return found;
  const wanted = program ?? section;
  const what = program === null ? "sec" : "prog";
  const known = [...new Set(spec.programs.map((p) => (program === null ? p.section : p.name)))];
  const cause = new ObjectError({
    code: program === null ? "SECTION_UNKNOWN" : "PROG_UNKNOWN",
    message: `${source.file}: no ${program === null ? "section" : "program"} "${wanted}"`,
    fix: suggest(wanted, known),
  });
  throw failure(`object file doesn't contain ${what} ${wanted}\n`, cause);
}

function refuseOtherType(file: string, program: ProgramSpec, kind: AttachedKind, failure: Failure): void {
  const has = program.kind;
  if (has === null || has === kind || (isTc(kind) && isTc(has))) return;
  const cause = new ObjectError({
    code: "PROG_TYPE_MISMATCH",
    message: `${file}: program "${program.name}" of section "${program.section}" is a ${has} program, it cannot be loaded as ${kind}`,
    fix: `attach it where ${has} programs run, or name another program`,
  });
  throw failure(loadFailure(file, program.name, "Permission denied", 13), cause);
}

function isTc(kind: string): boolean {
  return kind === "sched_cls" || kind === "sched_act";
}

/** libbpf's words when the kernel refuses a program. */
export function loadFailure(file: string, name: string, text: string, errno: number): string {
  return (
    `libbpf: prog '${name}': BPF program load failed: ${text}\n` +
    `libbpf: prog '${name}': failed to load: -${errno}\n` +
    `libbpf: failed to load object '${file}'\n`
  );
}

function loadOrFail(
  host: Host,
  spec: ObjectSpec,
  program: ProgramSpec,
  kind: ProgKind,
  objectUid: string,
  failure: Failure,
): LoadedObject {
  const iproute2 = { objectUid };
  const differs = selfCheck(host, spec, { iproute2 });
  if (differs !== null) {
    const message = `${spec.path}: map '${differs.map}' is not what is pinned at ${differs.path}`;
    const cause = new ObjectError({
      code: "MAP_REUSE_MISMATCH",
      message,
      fix: "remove the pin, or give both one shape",
    });
    throw failure(`${differs.text}Error loading maps into kernel!\nError fetching ELF ancillary data!\n`, cause);
  }
  const kinds = new Map(spec.programs.map((p): [string, ProgKind] => [p.name, kind]));
  try {
    return loadObjectOnHost(host, spec, { programs: [program.name], kinds, iproute2 });
  } catch (error) {
    if (error instanceof ObjectError || error instanceof VerifierError) {
      throw failure(`libbpf: ${error.diagnostic.message}\nlibbpf: failed to load object '${spec.path}'\n`, error);
    }
    throw error;
  }
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
