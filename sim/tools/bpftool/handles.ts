/** Maps and programs as bpftool's words name them: `id N`, `name N`, `tag T`, `pinned PATH`. @source bpftool common.c map_parse_fds, prog_parse_fds */
import type { BpfMap } from "../../bpf/map.ts";
import type { Program } from "../../bpf/program.ts";
import type { Pin } from "../../net/bpffs.ts";
import type { Host } from "../../net/host.ts";
import { matches, type Words } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";
import { type BpftoolFlags, bpftoolError, bpftoolRefusal } from "./output.ts";

const ENOENT = 2;
/** Names in the kernel have at most 15 characters. */
const NAME_MAX = 15;

/** The name that the kernel keeps of a map. */
export function mapName(map: BpfMap): string {
  return map.spec.name.slice(0, NAME_MAX);
}

function takeId(words: Words, flags: BpftoolFlags): number {
  const word = words.next();
  if (!/^\d+$/.test(word)) throw bpftoolError(flags, `can't parse ${word} as ID`);
  return Number(word);
}

/** bpftool says nothing of a name that is not there; its exit status says it. */
function nothingFound(): ToolError {
  return new ToolError(255, "");
}

/** All maps that the words name. @throws ToolError when there is none */
export function takeMaps(host: Host, words: Words, flags: BpftoolFlags): readonly BpfMap[] {
  const key = takeKey(words, flags, "'id', 'name' or 'pinned'", ["id", "name", "pinned"]);
  if (key === "id") {
    const id = takeId(words, flags);
    const map = host.bpf.maps.get(id);
    if (map === undefined) throw bpftoolError(flags, `get map by id (${id}): No such file or directory`);
    return [map];
  }
  const word = words.next();
  if (key === "name") {
    if (word.length > NAME_MAX) throw bpftoolError(flags, "can't parse name");
    const found = [...host.bpf.maps.values()].filter((m) => mapName(m) === word);
    if (found.length === 0) throw nothingFound();
    return found;
  }
  const map = host.bpf.pinnedMap(word);
  if (map === undefined) throw pinError(host, word, flags, "map");
  return [map];
}

/** The one map that the words name. */
export function takeMap(host: Host, words: Words, flags: BpftoolFlags): BpfMap {
  const maps = takeMaps(host, words, flags);
  if (maps.length > 1) throw bpftoolError(flags, "several maps match this handle");
  return maps[0]!;
}

/** All programs that the words name. @throws ToolError when there is none */
export function takeProgs(host: Host, words: Words, flags: BpftoolFlags): readonly Program[] {
  const key = takeKey(words, flags, "'id', 'tag', 'name' or 'pinned'", ["id", "tag", "name", "pinned"]);
  if (key === "id") {
    const id = takeId(words, flags);
    const prog = host.bpf.programs.get(id);
    if (prog === undefined) throw bpftoolError(flags, `get by id (${id}): No such file or directory`);
    return [prog];
  }
  const word = words.next();
  if (key === "pinned") {
    const prog = host.bpf.pinnedProgram(word);
    if (prog === undefined) throw pinError(host, word, flags, "prog");
    return [prog];
  }
  const fits = (p: Program): boolean =>
    key === "tag" ? p.tag === word : p.spec.name === word || p.spec.name.slice(0, NAME_MAX) === word;
  const found = [...host.bpf.programs.values()].filter(fits);
  if (found.length === 0) throw nothingFound();
  return found;
}

/** The one program that the words name. */
export function takeProg(host: Host, words: Words, flags: BpftoolFlags): Program {
  const progs = takeProgs(host, words, flags);
  if (progs.length > 1) throw bpftoolError(flags, "several programs match this handle");
  return progs[0]!;
}

function takeKey<T extends string>(words: Words, flags: BpftoolFlags, expected: string, keys: readonly T[]): T {
  const word = words.next();
  const key = keys.find((k) => matches(word, k));
  if (key === undefined) throw bpftoolError(flags, `expected ${expected}, got: '${word}'?`);
  if (words.done) throw bpftoolError(flags, `what is '${word}'?`);
  return key;
}

function pinError(host: Host, path: string, flags: BpftoolFlags, kind: "map" | "prog"): ToolError {
  const there = host.bpf.pins.get(path);
  if (there === undefined) return bpftoolError(flags, `bpf obj get (${path}): No such file or directory`);
  return bpftoolError(flags, `incorrect object type: expected ${kind}, got ${there.kind}`);
}

/** bpffs, as far as netsim has it. */
const BPFFS = "/sys/fs/bpf/";

/** Pins an object. @throws ToolError with EEXIST's status when the path is taken, or when it is not in bpffs */
export function pinObject(
  host: Host,
  path: string,
  pin: { kind: "map" | "prog"; id: number },
  flags: BpftoolFlags,
): void {
  requireBpffs(path, flags);
  if (host.bpf.pins.has(path)) throw bpftoolRefusal(flags, `can't pin the object (${path})`, 17);
  host.bpf.pins.set(path, pin);
}

/** @throws ToolError for paths outside of /sys/fs/bpf */
export function requireBpffs(path: string, flags: BpftoolFlags): void {
  if (path.startsWith(BPFFS) && path.length > BPFFS.length) return;
  throw bpftoolError(flags, `can't mount BPF file system to pin the object (${path}): not below /sys/fs/bpf`, ENOENT);
}

/** Where an object is pinned, for `bpftool -f`. */
export function pinnedPaths(host: Host, kind: Pin["kind"], id: number): readonly string[] {
  return [...host.bpf.pins].filter(([, pin]) => pin.kind === kind && pin.id === id).map(([path]) => path);
}
