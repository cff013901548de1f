/** The registry of the debugger's verbs, and how a line that a person types becomes one. */
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { Debugger } from "./debugger.ts";
import { motionVerbs } from "./motion-verbs.ts";
import { type Breakpoint, findPlace } from "./places.ts";
import { showVerbs } from "./show-verbs.ts";
import { requireRunning, type Verb } from "./verb.ts";

const breakVerb: Verb = {
  name: "break",
  aliases: ["b"],
  usage: "break [LINE | FILE:LINE | insn N | FUNCTION]",
  about: "stop there; without a place lists the breakpoints",
  run(d, args) {
    if (args.length === 0) return breakpoints(d);
    requireRunning(d);
    const b = d.addBreakpoint(findPlace(d.session.frame.program.spec, args.join(" ")));
    return `breakpoint ${b.number} at ${placeText(b)}\n`;
  },
};

/** `xdp_vlan.c:73, insn 29, 41` */
function placeText(b: Breakpoint): string {
  return b.where.startsWith("insn ") ? b.where : `${b.where}, insn ${b.slots.join(", ")}`;
}

function breakpoints(d: Debugger): string {
  if (d.breakpoints.length === 0) return "no breakpoints\n";
  return d.breakpoints.map((b) => `${String(b.number).padStart(3)}  ${placeText(b)}\n`).join("");
}

const deleteVerb: Verb = {
  name: "delete",
  aliases: ["d"],
  usage: "delete [N]",
  about: "forget a breakpoint, or all",
  run(d, args) {
    const [n] = args;
    const gone = d.breakpoints.filter((b) => n === undefined || String(b.number) === n);
    if (n !== undefined && gone.length === 0) {
      throw new LabError([{ code: "DEBUG_PLACE", message: `no breakpoint ${n}`, fix: "`break` lists them" }]);
    }
    d.breakpoints = d.breakpoints.filter((b) => !gone.includes(b));
    return "";
  },
};

const helpVerb: Verb = {
  name: "help",
  aliases: ["h", "?"],
  usage: "help",
  about: "this list",
  run: () =>
    `${verbs.map((v) => `${v.usage.padEnd(48)} ${v.about}${v.aliases.length > 0 ? ` (${v.aliases.join(", ")})` : ""}\n`).join("")}An empty line repeats the last one.\n`,
};

const quitVerb: Verb = {
  name: "quit",
  aliases: ["q", "exit"],
  usage: "quit",
  about: "leave",
  run(d) {
    d.done = true;
    return "";
  },
};

/** Every verb. */
export const verbs: readonly Verb[] = [...motionVerbs, breakVerb, deleteVerb, ...showVerbs, helpVerb, quitVerb];

/**
 * Obeys a line.
 * @returns what to print
 * @throws LabError DEBUG_VERB and those of the verbs
 */
export function obey(d: Debugger, line: string): string {
  const [word = "", ...args] = line.trim().split(/\s+/);
  if (word === "") return "";
  return findVerb(word).run(d, args);
}

function findVerb(word: string): Verb {
  const exact = verbs.find((v) => v.name === word || v.aliases.includes(word));
  if (exact !== undefined) return exact;
  const begun = verbs.filter((v) => v.name.startsWith(word));
  if (begun.length === 1) return begun[0]!;
  const names = verbs.map((v) => v.name);
  const message = begun.length > 1 ? `"${word}" is not clear` : `no command "${word}"`;
  const fix = begun.length > 1 ? `${begun.map((v) => v.name).join(" or ")}` : suggest(word, names);
  throw new LabError([{ code: "DEBUG_VERB", message, fix }]);
}
