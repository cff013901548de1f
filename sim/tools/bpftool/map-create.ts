/** `bpftool map create FILE type TYPE key K value V entries N name NAME [flags F] [inner_map MAP]`. @source bpftool map.c do_create */
import type { MapKind } from "../../bpf/map.ts";
import { mapTypes } from "../../bpf/maps/index.ts";
import type { MapSpec } from "../../bpf/spec.ts";
import { ObjectError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { mapOwner } from "../../net/bpf-objects.ts";
import type { Host } from "../../net/host.ts";
import { matches, type Words } from "../rtnetlink.ts";
import { pinObject, requireBpffs, takeMap } from "./handles.ts";
import { type BpftoolFlags, bpftoolError, bpftoolHasNo, bpftoolRefusal, printNothing } from "./output.ts";

const EEXIST = 17;

/** Runs it. */
export function createMap(host: Host, words: Words, flags: BpftoolFlags): string {
  const path = words.next();
  let kind: MapKind | null = null;
  let name = "";
  let inner: MapSpec | null = null;
  const numbers = { key: 0, value: 0, entries: 0, flags: 0 };
  const number = (what: string): number => {
    const word = words.next();
    if (!/^(0x[0-9a-f]+|\d+)$/i.test(word)) throw bpftoolError(flags, `can't parse ${word} as ${what}`);
    return Number(word);
  };
  while (!words.done) {
    const w = words.next();
    if (matches(w, "type")) kind = takeKind(words.next(), flags);
    else if (matches(w, "name")) name = words.next();
    else if (matches(w, "key")) numbers.key = number("key size");
    else if (matches(w, "value")) numbers.value = number("value size");
    else if (matches(w, "entries")) numbers.entries = number("max entries");
    else if (matches(w, "flags")) numbers.flags = number("flags");
    else if (matches(w, "inner_map")) inner = takeMap(host, words, flags).spec;
    else if (matches(w, "dev")) throw bpftoolHasNo("map create ... dev");
    else throw bpftoolError(flags, `unknown arg ${w}`);
  }
  if (kind === null) throw bpftoolError(flags, "map type not specified");
  if (name === "") throw bpftoolError(flags, "map name not specified");
  requireBpffs(path, flags);
  if (host.bpf.pins.has(path)) throw bpftoolRefusal(flags, `can't pin the object (${path})`, EEXIST);
  const spec: MapSpec = {
    name,
    kind,
    keySize: numbers.key,
    valueSize: numbers.value,
    maxEntries: numbers.entries,
    flags: numbers.flags,
    pinByName: false,
    keyTypeId: 0,
    valueTypeId: 0,
    btf: null,
    inner,
    data: null,
    readonly: false,
    slots: [],
  };
  try {
    const map = host.kernel.machine.createMap(spec, host.cpus.length, host.bpf.takeMapId(), mapOwner(host));
    host.bpf.maps.set(map.id, map);
    pinObject(host, path, { kind: "map", id: map.id }, flags);
  } catch (error) {
    if (!(error instanceof ObjectError)) throw error;
    throw bpftoolError(flags, "map create failed: Invalid argument", 0, error);
  }
  return printNothing(flags);
}

function takeKind(word: string, flags: BpftoolFlags): MapKind {
  const kinds = mapTypes.map((t) => t.kind);
  const kind = kinds.find((k) => k === word);
  if (kind !== undefined) return kind;
  const cause = new ObjectError({
    code: "MAP_TYPE_UNKNOWN",
    message: `no map type "${word}"`,
    fix: suggest(word, [...kinds].sort()),
  });
  throw bpftoolError(flags, `unrecognized map type: ${word}`, 0, cause);
}
