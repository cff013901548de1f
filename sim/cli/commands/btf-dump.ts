/** `netsim btf dump [FILE] [map NAME [key|value|kv|all]] [format raw|c [unsorted]]`: types as bpftool prints them. */
import { resolve } from "node:path";
import { call } from "effection";
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../io.ts";

/** Parts of a map, as bpftool names them. */
const PARTS = ["key", "value", "kv", "all"] as const;
type Part = (typeof PARTS)[number];

/** What the words of the command line ask for. */
interface Request {
  /** null: the simulated kernel's types. */
  readonly file: string | null;
  readonly map: string | null;
  readonly part: Part;
  readonly asC: boolean;
  readonly unsorted: boolean;
}

export const btfDump: CliCommand = {
  name: "btf dump",
  summary: "print the types of the simulated kernel or of a file, as a list or as a C header",
  define(command) {
    command
      .argument("[words...]", "[FILE] [map NAME [key|value|kv|all]] [format raw|c [unsorted]]")
      .addHelpText(
        "after",
        "\nFILE is an eBPF object or a BTF file; without it, or as `kernel`, the simulated kernel's types are printed.\n" +
          "A header for programs: netsim btf dump format c > vmlinux.h",
      );
  },
  *execute({ io }, args) {
    const request = readWords(args.flatMap((a) => (a === undefined ? [] : [a])));
    const { dumpBtfC } = yield* call(() => import("../../bpf/btf/dump-c.ts"));
    const { dumpBtfRaw } = yield* call(() => import("../../bpf/btf/dump-raw.ts"));
    const { parseBtfFile } = yield* call(() => import("../../bpf/object/read-btf.ts"));
    const { parseObject } = yield* call(() => import("../../bpf/object/parse-object.ts"));
    const { readObjectBytes } = yield* call(() => import("../../bpf/object/read-object.ts"));
    const { kernelTypes } = yield* call(() => import("../../net/btf/kernel-types.ts"));
    const { file, map, part, asC, unsorted } = request;
    const bytes = file === null ? null : readObjectBytes(resolve(io.cwd, file), file);
    const btf = bytes === null ? kernelTypes.btf() : parseBtfFile(bytes, file!);
    const ids = map === null ? undefined : idsOfMap(parseObject(bytes!, file!).maps, map, part);
    io.stdout.write(asC ? dumpBtfC(btf, ids === undefined ? { unsorted } : { ids }) : dumpBtfRaw(btf, ids));
    return EXIT.OK;
  },
};

function readWords(words: readonly string[]): Request {
  const rest = [...words];
  const isKeyword = (w: string | undefined): boolean => w === "map" || w === "format";
  let file: string | null = null;
  if (rest.length > 0 && !isKeyword(rest[0])) {
    if (rest[0] === "file" && rest.length > 1) rest.shift();
    file = rest.shift()!;
    if (file === "kernel") file = null;
  }
  let map: string | null = null;
  let part: Part = "kv";
  let asC = false;
  let unsorted = false;
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (word === "map") {
      map = rest.shift() ?? null;
      if (map === null) throw usage("expected a map's name behind 'map'", "netsim btf dump lb.o map conntrack");
      const named = PARTS.find((p) => p === rest[0]);
      if (named !== undefined) {
        part = named;
        rest.shift();
      }
    } else if (word === "format") {
      const format = rest.shift();
      if (format !== "c" && format !== "raw") {
        throw usage(`unrecognized format specifier: '${format ?? ""}', possible values: raw, c`, "write format c");
      }
      asC = format === "c";
    } else if (word === "unsorted") unsorted = true;
    else throw usage(`unrecognized option: '${word}'`, suggest(word, ["map", "format", "unsorted"]));
  }
  if (map !== null && file === null) {
    throw usage("the simulated kernel's types have no maps", `netsim btf dump FILE.o map ${map}`);
  }
  return { file, map, part, asC, unsorted };
}

/** The types of a map's key and value. */
function idsOfMap(
  maps: readonly { readonly name: string; readonly keyTypeId: number; readonly valueTypeId: number }[],
  name: string,
  part: Part,
): readonly number[] | undefined {
  const map = maps.find((m) => m.name === name);
  if (map === undefined) {
    throw usage(
      `there is no map "${name}"`,
      suggest(
        name,
        maps.map((m) => m.name),
      ),
    );
  }
  if (part === "all") return undefined;
  const ids =
    part === "key" ? [map.keyTypeId] : part === "value" ? [map.valueTypeId] : [map.keyTypeId, map.valueTypeId];
  const known = ids.filter((id) => id !== 0);
  if (known.length === 0) throw usage(`map "${name}" says no types`, "declare it in .maps with __type(key, ...)");
  return known;
}

function usage(message: string, fix: string): LabError {
  return new LabError([{ code: "BTF_DUMP_USAGE", message, fix }]);
}
