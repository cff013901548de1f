/**
 * `bpftool link show|list`. Commands attach programs to devices and hooks without links, so that there is nothing to show.
 * @source bpftool link.c do_show
 * @differs links that a program of type syscall holds are not listed
 */
import type { Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import type { BpftoolObject } from "./object.ts";
import { type BpftoolFlags, bpftoolError, bpftoolHasNo, printBpftoolJson, takeCommand } from "./output.ts";

const COMMANDS = ["show", "list", "help", "pin", "detach"] as const;
const USAGE =
  "Usage: bpftool link { show | list } [LINK]\n       bpftool link help\n\n       LINK := { id LINK_ID | pinned FILE }\n";
const ENOENT = 2;

function run(_session: ToolSession, words: Words, flags: BpftoolFlags): string {
  const command = takeCommand(words, COMMANDS, USAGE);
  if (command === "help") throw new ToolError(0, USAGE);
  if (command !== "show" && command !== "list") throw bpftoolHasNo(`link ${command}`, "bpftool net attach and detach");
  if (words.done) return flags.json ? printBpftoolJson("[]", flags) : "";
  const how = words.next();
  const which = words.next();
  if (how === "id") throw bpftoolError(flags, `failed to get link with ID ${which}: No such file or directory`, ENOENT);
  if (how === "pinned") throw bpftoolError(flags, `bpf obj get (${which}): No such file or directory`);
  throw bpftoolError(flags, `expected 'id' or 'pinned', got: '${how}'?`);
}

/** The record of `bpftool link`. */
export const link: BpftoolObject = { name: "link", run };
