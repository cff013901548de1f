/** `bpftool prog`. @source bpftool prog.c */
import type { Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { pinObject, takeProg } from "./handles.ts";
import type { BpftoolObject } from "./object.ts";
import { type BpftoolFlags, bpftoolHasNo, printNothing, takeCommand } from "./output.ts";
import { dumpProg } from "./prog-dump.ts";
import { loadProg } from "./prog-load.ts";
import { showProgs } from "./prog-show.ts";
import { traceProg } from "./prog-tracelog.ts";

const COMMANDS = [
  "show",
  "list",
  "help",
  "dump",
  "pin",
  "load",
  "loadall",
  "attach",
  "detach",
  "tracelog",
  "run",
  "profile",
] as const;

const USAGE =
  "Usage: bpftool prog { show | list } [PROG]\n" +
  "       bpftool prog dump xlated PROG [{ opcodes | linum }]\n" +
  "       bpftool prog pin   PROG FILE\n" +
  "       bpftool prog { load | loadall } OBJ  PATH [type TYPE] [xdpmeta_dev NAME] [map { idx IDX | name NAME } MAP]\n" +
  "                                      [pinmaps MAP_DIR]\n" +
  "       bpftool prog tracelog { stdout | stderr } PROG\n" +
  "\n" +
  "       MAP := { id MAP_ID | pinned FILE | name MAP_NAME }\n" +
  "       PROG := { id PROG_ID | pinned FILE | tag PROG_TAG | name PROG_NAME }\n" +
  "       TYPE := { socket | classifier | action | xdp }\n";

/** What to do instead of a command that is not there. */
const INSTEAD: Readonly<Record<string, string>> = {
  run: "send packets through the lab instead",
  attach: "attach with ip link set, tc filter add or bpftool net attach",
};

function run(session: ToolSession, words: Words, flags: BpftoolFlags): string {
  const { host } = session;
  const command = takeCommand(words, COMMANDS, USAGE);
  switch (command) {
    case "show":
    case "list":
      return showProgs(host, words, flags);
    case "help":
      throw new ToolError(0, USAGE);
    case "dump":
      if (words.left < 2) throw new ToolError(255, USAGE);
      return dumpProg(host, words, flags);
    case "pin": {
      if (words.left < 2) throw new ToolError(255, USAGE);
      const prog = takeProg(host, words, flags);
      pinObject(host, words.next(), { kind: "prog", id: prog.id }, flags);
      return printNothing(flags);
    }
    case "load":
    case "loadall":
      return loadProg(session, words, flags, command === "loadall");
    case "tracelog":
      if (words.done) throw bpftoolHasNo("prog tracelog", "what programs print is in the run's output");
      return traceProg(host, words, flags, USAGE);
    default:
      throw bpftoolHasNo(`prog ${command}`, INSTEAD[command]);
  }
}

/** The object. */
export const prog: BpftoolObject = { name: "prog", run };
