/** `bpftool` and its objects: one line each. @source bpftool main.c */
import { expand, Words } from "../rtnetlink.ts";
import { immediate, type Tool, ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { btf } from "./btf.ts";
import { link } from "./link.ts";
import { map } from "./map.ts";
import { net } from "./net.ts";
import type { BpftoolObject } from "./object.ts";
import { bpftoolHasNo, takeBpftoolFlags } from "./output.ts";
import { prog } from "./prog.ts";

/** Objects that netsim has. */
export const bpftoolObjects: readonly BpftoolObject[] = [btf, link, map, net, prog];

/** bpftool's objects in the order in which beginnings of names are looked up. */
const ORDER = [
  "help",
  "batch",
  "prog",
  "map",
  "link",
  "cgroup",
  "perf",
  "net",
  "feature",
  "btf",
  "gen",
  "struct_ops",
  "iter",
  "version",
] as const;

const USAGE =
  "Usage: bpftool [OPTIONS] OBJECT { COMMAND | help }\n" +
  "\n" +
  "       OBJECT := { prog | map | link | net | btf }\n" +
  "       OPTIONS := { {-j|--json} [{-p|--pretty}] | {-f|--bpffs} }\n";

function run(session: ToolSession, argv: readonly string[]): string | ToolResult {
  const words = new Words(argv);
  const flags = takeBpftoolFlags(words);
  if (words.done) throw new ToolError(255, USAGE);
  const name = expand(words.next(), ORDER);
  if (name === undefined) throw new ToolError(255, USAGE);
  if (name === "help") throw new ToolError(0, USAGE);
  const object = bpftoolObjects.find((o) => o.name === name);
  if (object === undefined) throw bpftoolHasNo(name, "it has bpftool btf, link, map, net, prog");
  return object.run(session, words, flags);
}

/** `bpftool`. */
export const bpftool: Tool = {
  name: "bpftool",
  summary: "eBPF programs, maps and where they are attached",
  run: (session, argv) => immediate(() => run(session, argv)),
};
