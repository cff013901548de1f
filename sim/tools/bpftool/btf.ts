/**
 * `bpftool btf`. @source bpftool 7.7 btf.c do_dump
 * @differs sources by id are missing
 */
import { dumpBtfC } from "../../bpf/btf/dump-c.ts";
import { dumpBtfJson, dumpBtfRaw } from "../../bpf/btf/dump-raw.ts";
import type { Btf } from "../../bpf/btf/types.ts";
import { parseBtfFile } from "../../bpf/object/read-btf.ts";
import { LabError, ObjectError } from "../../engine/errors.ts";
import { kernelTypes } from "../../net/btf/kernel-types.ts";
import { btfOf } from "../bpf/prog-info.ts";
import { matches, strerror, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { showBtf } from "./btf-show.ts";
import { takeMap, takeProg } from "./handles.ts";
import type { BpftoolObject } from "./object.ts";
import { type BpftoolFlags, bpftoolError, bpftoolHasNo, printBpftoolJson, takeCommand } from "./output.ts";

const COMMANDS = ["show", "list", "help", "dump"] as const;
const KERNEL_FILE = "/sys/kernel/btf/vmlinux";
const ENOENT = 2;
const EINVAL = 22;
const ENODATA = 61;
const ENOTSUP = 95;
const MAX_ROOTS = 16;

const USAGE =
  "Usage: bpftool btf { show | list } [id BTF_ID]\n" +
  "       bpftool btf dump BTF_SRC [format FORMAT] [root_id ROOT_ID]\n" +
  "       bpftool btf help\n" +
  "\n" +
  "       BTF_SRC := { prog PROG | map MAP [{key | value | kv | all}] | file FILE }\n" +
  "       FORMAT  := { raw | c [unsorted] }\n" +
  "       MAP := { id MAP_ID | pinned FILE | name MAP_NAME }\n" +
  "       PROG := { id PROG_ID | pinned FILE | tag PROG_TAG | name PROG_NAME }\n";

/** Types, and those of them that are asked for; null: all. */
interface Source {
  readonly btf: Btf;
  readonly roots: readonly number[] | null;
}

function run(session: ToolSession, words: Words, flags: BpftoolFlags): string {
  const command = takeCommand(words, COMMANDS, USAGE);
  if (command === "help") throw new ToolError(0, USAGE);
  if (command !== "dump") return showBtf(session.host, words, flags);
  if (words.left < 2) throw new ToolError(255, USAGE);
  const { btf, roots } = takeSource(session, words, flags);
  const { asC, unsorted, ids } = takeOptions(words, flags, btf, roots);
  if (!asC) return flags.json ? printBpftoolJson(dumpBtfJson(btf, ids), flags) : dumpBtfRaw(btf, ids);
  if (flags.json) throw bpftoolError(flags, "JSON output for C-syntax dump is not supported", ENOTSUP);
  return dumpBtfC(btf, ids === undefined ? { unsorted } : { ids });
}

function takeSource(session: ToolSession, words: Words, flags: BpftoolFlags): Source {
  const { host } = session;
  const word = words.next();
  if (matches(word, "map")) {
    const { spec } = takeMap(host, words, flags);
    const part = ["key", "value", "all", "kv"].find((p) => !words.done && matches(words.peek()!, p));
    if (part !== undefined) words.next();
    if (spec.btf === null) throw noBtf(flags);
    if (part === "all") return { btf: spec.btf, roots: null };
    const roots = [...(part === "value" ? [] : [spec.keyTypeId]), ...(part === "key" ? [] : [spec.valueTypeId])];
    return { btf: spec.btf, roots };
  }
  if (matches(word, "prog")) {
    const btf = btfOf(takeProg(host, words, flags));
    if (btf === null) throw noBtf(flags);
    return { btf, roots: null };
  }
  if (matches(word, "id")) throw bpftoolHasNo("btf dump id", "name the program, the map or the file");
  if (matches(word, "file")) return { btf: fileTypes(session, words.next(), flags), roots: null };
  throw bpftoolError(flags, `unrecognized BTF source specifier: '${word}'`);
}

function fileTypes(session: ToolSession, file: string, flags: BpftoolFlags): Btf {
  if (file === KERNEL_FILE) return kernelTypes.btf();
  try {
    return parseBtfFile(session.readFile(file), file);
  } catch (error) {
    if (!(error instanceof LabError || error instanceof ObjectError)) throw error;
    const errno = error instanceof LabError ? ENOENT : error.code === "BTF_MISSING" ? ENODATA : EINVAL;
    throw bpftoolError(flags, `failed to load BTF from ${file}: ${strerror(errno)}`, errno, error);
  }
}

/** What stands behind the source. */
function takeOptions(
  words: Words,
  flags: BpftoolFlags,
  btf: Btf,
  filter: readonly number[] | null,
): { readonly asC: boolean; readonly unsorted: boolean; readonly ids: readonly number[] | undefined } {
  const roots: number[] = [...(filter ?? [])];
  let asC = false;
  let unsorted = false;
  const refuse = (text: string): ToolError => bpftoolError(flags, text, EINVAL);
  while (!words.done) {
    const word = words.next();
    if (matches(word, "format")) {
      if (words.done) throw refuse("expecting value for 'format' option\n");
      const format = words.next();
      if (format !== "c" && format !== "raw") {
        throw refuse(`unrecognized format specifier: '${format}', possible values: raw, c`);
      }
      asC = format === "c";
    } else if (matches(word, "root_id")) {
      if (filter !== null) throw refuse("cannot use root_id with other type filtering");
      if (roots.length === MAX_ROOTS) throw bpftoolError(flags, `only ${MAX_ROOTS} root_id are supported`, 7);
      const id = words.next();
      if (!/^\d+$/.test(id)) throw bpftoolError(flags, `can't parse ${id} as root ID`);
      if (roots.includes(Number(id))) throw refuse(`duplicate root_id ${id} supplied`);
      roots.push(Number(id));
    } else if (matches(word, "unsorted")) unsorted = true;
    else throw refuse(`unrecognized option: '${word}'`);
  }
  const bad = roots.find((id) => id >= btf.types.length);
  if (bad !== undefined) throw refuse(`invalid root ID: ${bad}`);
  return { asC, unsorted, ids: roots.length === 0 ? undefined : roots };
}

/** The kernel has no BTF with id 0. */
function noBtf(flags: BpftoolFlags): ToolError {
  return bpftoolError(flags, "get btf by id (0): No such file or directory", ENOENT);
}

/** The record of `bpftool btf`. */
export const btf: BpftoolObject = { name: "btf", run };
