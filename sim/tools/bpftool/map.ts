/** `bpftool map`. @source bpftool map.c */
import { BaseMap } from "../../bpf/maps/base-map.ts";
import type { Host } from "../../net/host.ts";
import type { Words } from "../rtnetlink.ts";
import { ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { pinObject, takeMap } from "./handles.ts";
import { createMap } from "./map-create.ts";
import { dumpMap, jsonBytes, plainBytes, printElement } from "./map-dump.ts";
import { showMaps } from "./map-show.ts";
import { takeElement } from "./map-words.ts";
import type { BpftoolObject } from "./object.ts";
import {
  type BpftoolFlags,
  bpftoolError,
  bpftoolHasNo,
  bpftoolRefusal,
  printBpftoolJson,
  printNothing,
  takeCommand,
} from "./output.ts";

const COMMANDS = [
  "show",
  "list",
  "help",
  "dump",
  "update",
  "lookup",
  "getnext",
  "delete",
  "pin",
  "event_pipe",
  "peek",
  "push",
  "enqueue",
  "pop",
  "dequeue",
  "freeze",
  "create",
] as const;

const USAGE =
  "Usage: bpftool map { show | list }   [MAP]\n" +
  "       bpftool map create     FILE type TYPE key KEY_SIZE value VALUE_SIZE \\\n" +
  "                                  entries MAX_ENTRIES name NAME [flags FLAGS] [inner_map MAP]\n" +
  "       bpftool map dump       MAP\n" +
  "       bpftool map update     MAP [key DATA] [value VALUE] [{ any | exist | noexist }]\n" +
  "       bpftool map { lookup | getnext } MAP [key DATA]\n" +
  "       bpftool map delete     MAP  key DATA\n" +
  "       bpftool map pin        MAP  FILE\n" +
  "       bpftool map freeze     MAP\n" +
  "\n" +
  "       MAP := { id MAP_ID | pinned FILE | name MAP_NAME }\n" +
  "       DATA := { [hex] BYTES }\n" +
  "       VALUE := { DATA | MAP | PROG }\n";

const ENOENT = 2;
/** exit(-ENOENT). */
const STATUS_NOENT = 254;

function run(session: ToolSession, words: Words, flags: BpftoolFlags): string | ToolResult {
  const { host } = session;
  const command = takeCommand(words, COMMANDS, USAGE);
  switch (command) {
    case "show":
    case "list":
      return showMaps(host, words, flags);
    case "help":
      throw new ToolError(0, USAGE);
    case "dump":
      return dump(host, words, flags);
    case "update":
      return update(host, words, flags);
    case "lookup":
      return lookup(host, words, flags);
    case "getnext":
      return getNext(host, words, flags);
    case "delete":
      return remove(host, words, flags);
    case "pin":
      needWords(words, 1);
      return pin(host, words, flags);
    case "freeze":
      return freeze(host, words, flags);
    case "create":
      needWords(words, 7);
      return createMap(host, words, flags);
    default:
      throw bpftoolHasNo(`map ${command}`);
  }
}

function needWords(words: Words, least: number): void {
  if (words.left < least) throw new ToolError(255, USAGE);
}

function dump(host: Host, words: Words, flags: BpftoolFlags): ToolResult {
  needWords(words, 2);
  const map = takeMap(host, words, flags);
  if (!words.done) throw bpftoolError(flags, `expected no more arguments, got: ${words.next()}`);
  const { text, status } = dumpMap(map, flags);
  return { status, stdout: text, stderr: "" };
}

function update(host: Host, words: Words, flags: BpftoolFlags): string {
  needWords(words, 2);
  const map = takeMap(host, words, flags);
  const e = takeElement(host, map, words, flags, { value: true });
  const rc = map.write(e.key ?? new Uint8Array(0), e.value ?? new Uint8Array(0), e.flags);
  if (rc < 0) throw bpftoolRefusal(flags, "update failed", -rc);
  return printNothing(flags);
}

function lookup(host: Host, words: Words, flags: BpftoolFlags): string | ToolResult {
  needWords(words, 2);
  const map = takeMap(host, words, flags);
  const { key } = takeElement(host, map, words, flags, { value: false });
  const k = key ?? new Uint8Array(0);
  const value = map.read(k);
  if (value !== null) return printElement(map, k, value, flags);
  if (flags.json) return { status: STATUS_NOENT, stdout: "null\n", stderr: "" };
  return { status: STATUS_NOENT, stdout: `key:\n${plainBytes(k)}\n\nNot found\n`, stderr: "" };
}

function getNext(host: Host, words: Words, flags: BpftoolFlags): string {
  needWords(words, 2);
  const map = takeMap(host, words, flags);
  const key = words.done ? null : takeElement(host, map, words, flags, { value: false }).key;
  const next = map.nextKey(key);
  if (next === null) throw bpftoolRefusal(flags, "can't get next key", ENOENT);
  if (flags.json) {
    return printBpftoolJson(`{"key":${key === null ? "null" : jsonBytes(key)},"next_key":${jsonBytes(next)}}`, flags);
  }
  return `${key === null ? "key: None\n" : `key:\n${plainBytes(key)}\n`}next key:\n${plainBytes(next)}\n`;
}

function remove(host: Host, words: Words, flags: BpftoolFlags): string {
  needWords(words, 2);
  const map = takeMap(host, words, flags);
  const { key } = takeElement(host, map, words, flags, { value: false });
  const rc = map.remove(key ?? new Uint8Array(0));
  if (rc < 0) throw bpftoolRefusal(flags, "delete failed", -rc);
  return printNothing(flags);
}

function pin(host: Host, words: Words, flags: BpftoolFlags): string {
  const map = takeMap(host, words, flags);
  pinObject(host, words.next(), { kind: "map", id: map.id }, flags);
  return printNothing(flags);
}

function freeze(host: Host, words: Words, flags: BpftoolFlags): string {
  needWords(words, 2);
  const map = takeMap(host, words, flags);
  if (!(map instanceof BaseMap)) throw bpftoolHasNo(`map freeze for maps of type ${map.spec.kind}`);
  if (map.isFrozen) throw bpftoolError(flags, "failed to freeze map: Device or resource busy");
  map.freeze();
  return printNothing(flags);
}

/** The object. */
export const map: BpftoolObject = { name: "map", run };
