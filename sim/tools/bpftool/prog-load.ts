/**
 * `bpftool prog load|loadall OBJ PATH [type TYPE] [xdpmeta_dev DEV] [map { name NAME | idx N } MAP] [pinmaps DIR]`. @source bpftool prog.c load_with_options
 * @differs legacy `maps` sections are loaded, as bpftool's --legacy did
 */
import type { AttachKind } from "../../bpf/attach-kinds.ts";
import type { BpfMap } from "../../bpf/map.ts";
import { sectionType } from "../../bpf/object/section-types.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import type { ObjectSpec } from "../../bpf/spec.ts";
import { LabError, ObjectError, VerifierError } from "../../engine/errors.ts";
import { type LoadedObject, loadObjectOnHost } from "../../net/bpf-objects.ts";
import type { Netdev } from "../../net/netdev.ts";
import { parseShared } from "../bpf/object-cache.ts";
import { noteLoad } from "../bpf/prog-info.ts";
import { matches, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { requireBpffs, takeMap } from "./handles.ts";
import { type BpftoolFlags, bpftoolError, bpftoolHasNo, printNothing } from "./output.ts";

/** What was said. */
interface LoadWords {
  readonly file: string;
  readonly path: string;
  /** `type X`: program type and attach type. */
  type: { readonly kind: ProgKind; readonly attach: AttachKind | null } | null;
  pinMaps: string | null;
  /** The device that XDP programs are bound to. */
  device: Netdev | null;
  readonly reuse: Map<string, BpfMap>;
}

/** Runs it. @param all loadall: PATH is a directory, a pin for each program */
export function loadProg(session: ToolSession, words: Words, flags: BpftoolFlags, all: boolean): string {
  if (words.left < 2) throw new ToolError(255, "Error: 'load' needs at least 2 arguments\n");
  const w: LoadWords = {
    file: words.next(),
    path: words.next(),
    type: null,
    pinMaps: null,
    device: null,
    reuse: new Map(),
  };
  const spec = openObject(session, w.file, flags);
  while (!words.done) takeWord(session, words, w, spec, flags);
  requireBpffs(w.path, flags);
  if (spec.programs.length === 0) throw bpftoolError(flags, "object file doesn't contain any bpf program");
  const object = load(session, spec, w, flags);
  for (const p of object.programs.values()) noteLoad(session.host, p, spec.btf);
  try {
    pinAll(object, w, flags, all);
  } catch (error) {
    object.unload();
    throw error;
  }
  return printNothing(flags);
}

function openObject(session: ToolSession, file: string, flags: BpftoolFlags): ObjectSpec {
  let bytes: Uint8Array;
  try {
    bytes = session.readFile(file);
  } catch (error) {
    if (!(error instanceof LabError || error instanceof ObjectError)) throw error;
    const log = `libbpf: elf: failed to open ${file}: No such file or directory\n`;
    throw bpftoolError(flags, "failed to open object file", 0, error, log);
  }
  try {
    return parseShared(session, bytes, file);
  } catch (error) {
    if (!(error instanceof ObjectError)) throw error;
    const isElf = bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
    const log = isElf ? `libbpf: ${error.diagnostic.message}\n` : `libbpf: elf: '${file}' is not a proper ELF object\n`;
    throw bpftoolError(flags, "failed to open object file", 0, error, log);
  }
}

function takeWord(session: ToolSession, words: Words, w: LoadWords, spec: ObjectSpec, flags: BpftoolFlags): void {
  const word = words.next();
  if (matches(word, "type")) {
    if (w.type !== null) throw bpftoolError(flags, "program type already specified");
    w.type = takeType(words.next(), flags);
  } else if (matches(word, "map")) takeMapReplacement(session, words, w, spec, flags);
  else if (matches(word, "pinmaps")) w.pinMaps = words.next();
  else if (matches(word, "xdpmeta_dev")) takeDevice(session, words, w, flags);
  else if (matches(word, "dev") || matches(word, "offload_dev")) throw bpftoolHasNo(`prog load ... ${word}`);
  else throw bpftoolError(flags, `expected no more arguments, 'type', 'map' or 'dev', got: '${word}'?`);
}

function takeDevice(session: ToolSession, words: Words, w: LoadWords, flags: BpftoolFlags): void {
  const name = words.next();
  if (w.device !== null) throw bpftoolError(flags, "xdpmeta_dev already specified");
  w.device = session.host.devByName.get(name) ?? null;
  if (w.device === null) throw bpftoolError(flags, `unrecognized netdevice '${name}': No such device`);
}

/** A type, said as a section's name is: `xdp`, `classifier`, `cgroup/connect4`. */
function takeType(word: string, flags: BpftoolFlags): NonNullable<LoadWords["type"]> {
  const known = sectionType(word);
  if (known?.kind != null) return { kind: known.kind, attach: known.attach };
  const why = known === null ? "" : `: netsim does not run ${known.typeName} programs`;
  throw bpftoolError(flags, `unknown program type '${word}'${why}`);
}

function takeMapReplacement(
  session: ToolSession,
  words: Words,
  w: LoadWords,
  spec: ObjectSpec,
  flags: BpftoolFlags,
): void {
  const how = words.next();
  const which = words.next();
  let name: string | undefined;
  if (matches(how, "name")) name = which;
  else if (matches(how, "idx")) name = spec.maps[Number(which)]?.name;
  else throw bpftoolError(flags, `expected 'idx' or 'name', got: '${how}'?`);
  if (name === undefined || !spec.maps.some((m) => m.name === name))
    throw bpftoolError(flags, `map '${which}' not found in the object`);
  w.reuse.set(name, takeMap(session.host, words, flags));
}

function load(session: ToolSession, spec: ObjectSpec, w: LoadWords, flags: BpftoolFlags): LoadedObject {
  const { type, reuse, device } = w;
  const said =
    type === null
      ? {}
      : { kinds: new Map(spec.programs.map((p): [string, ProgKind] => [p.name, type.kind])), attach: type.attach };
  try {
    return loadObjectOnHost(session.host, spec, { reuse, ...said, ...(device === null ? {} : { device }) });
  } catch (error) {
    if (!(error instanceof ObjectError || error instanceof VerifierError)) throw error;
    const log = `libbpf: ${error.diagnostic.message}\nlibbpf: failed to load object '${spec.path}'\n`;
    throw bpftoolError(flags, "failed to load object file", 0, error, log);
  }
}

/** Pins programs and, with pinmaps, maps; dots in names of maps become underscores, as libbpf does it. */
function pinAll(object: LoadedObject, w: LoadWords, flags: BpftoolFlags, all: boolean): void {
  const { pins } = object.host.bpf;
  const wanted: [path: string, kind: "prog" | "map", id: number, what: string][] = [];
  const progs = [...object.programs.values()];
  if (all) for (const p of progs) wanted.push([`${w.path}/${p.spec.name}`, "prog", p.id, "all programs"]);
  else wanted.push([w.path, "prog", progs[0]!.id, `program ${progs[0]!.spec.section}`]);
  if (w.pinMaps !== null) {
    requireBpffs(w.pinMaps, flags);
    for (const [name, m] of object.maps)
      wanted.push([`${w.pinMaps}/${name.replaceAll(".", "_")}`, "map", m.id, "all maps"]);
  }
  for (const [path, kind, id, what] of wanted) {
    const there = pins.get(path);
    // a map that is pinned by name stays where it is when the directory is the same
    if (there?.kind === kind && there.id === id) continue;
    if (there !== undefined) throw bpftoolError(flags, `failed to pin ${what}`);
  }
  for (const [path, kind, id] of wanted) pins.set(path, { kind, id });
}
