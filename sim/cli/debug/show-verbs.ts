/** The debugger's verbs that show. */
import { progTypeOf } from "../../bpf/prog-types/index.ts";
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { dumpMap } from "../../tools/bpftool/map-dump.ts";
import { hexDump } from "../../tools/bpftool/run-output.ts";
import { type Debugger, insnLine } from "./debugger.ts";
import { packetText } from "./packet-text.ts";
import { baseName, functionAt, lineAt } from "./places.ts";
import { registersText, registerText, stackText } from "./value-text.ts";
import { requireRunning, type Verb } from "./verb.ts";

/** Lines and instructions shown around a place. */
const AROUND = 5;

const WHAT = "rN, registers, packet, ctx, stack or map NAME";

function print(d: Debugger, args: readonly string[]): string {
  const [what = "", name = ""] = args;
  const register = /^r(\d+)$/.exec(what);
  if (register !== null && Number(register[1]) <= 10) {
    requireRunning(d);
    return registerText(d.session, Number(register[1]), null);
  }
  switch (what) {
    case "registers":
      requireRunning(d);
      return registersText(d.session, d.beforeRegs);
    case "packet":
      return packet(d);
    case "ctx":
      return context(d);
    case "stack":
      requireRunning(d);
      return stackText(d.session, d.session.frame);
    case "map":
      return map(d, name);
    default: {
      const fix = what === "" ? undefined : suggest(what, ["registers", "packet", "ctx", "stack", "map"]);
      const message = `print what? ${WHAT}`;
      throw new LabError([{ code: "DEBUG_PRINT", message, ...(fix === undefined ? {} : { fix }) }]);
    }
  }
}

function packet(d: Debugger): string {
  const bytes = d.packet();
  if (bytes === null) return "programs of this type have no packet\n";
  const { skb } = d.session.chosen.host.kernel.env;
  const l2 = skb.macHeader < 0 || skb.data <= skb.macHeader;
  return packetText(bytes, d.beforePacket, d.session.chosen.program.kind === "xdp" || l2);
}

/** The context's fields by name. */
function context(d: Debugger): string {
  const { kernel } = d.session.chosen.host;
  const def = progTypeOf(d.session.chosen.program.kind);
  const at = kernel.env.ctx;
  const fields = def.fields.map((f) => {
    const bytes = kernel.arena.u8.slice(at + f.offset, at + f.offset + f.size);
    const value =
      bytes.length <= 8 ? `0x${Buffer.from(bytes.toReversed()).toString("hex")}` : Buffer.from(bytes).toString("hex");
    return `${String(f.offset).padStart(5)}  ${f.name.padEnd(18)} ${value}\n`;
  });
  return `struct ${def.ctxName}\n${fields.length > 0 ? fields.join("") : hexDump(kernel.arena.u8.slice(at, at + def.ctxSize))}`;
}

function map(d: Debugger, name: string): string {
  const { maps } = d.session.chosen.object;
  const found = maps.get(name);
  if (found !== undefined) return dumpMap(found, { json: false, pretty: false }).text;
  throw new LabError([
    { code: "DEBUG_PRINT", message: `no map "${name}" in the object`, fix: suggest(name, [...maps.keys()]) },
  ]);
}

/** Source lines around the current one, those that the object's line information has. */
function list(d: Debugger): string {
  requireRunning(d);
  const { line } = d.session;
  if (line === undefined) return disassembly(d);
  const texts = new Map<number, string>();
  for (const l of d.session.frame.program.spec.lines) if (l.file === line.file) texts.set(l.line, l.text.trimEnd());
  const numbers = [...texts.keys()].sort((a, b) => a - b);
  const at = numbers.indexOf(line.line);
  return numbers
    .slice(Math.max(0, at - AROUND), at + AROUND + 1)
    .map((n) => `${n === line.line ? "=>" : "  "} ${String(n).padStart(4)}  ${texts.get(n)}\n`)
    .join("");
}

function disassembly(d: Debugger): string {
  requireRunning(d);
  const { insns } = d.session.frame.program.spec;
  const here = d.session.next.slot;
  const slots: number[] = [];
  for (let slot = 0; slot < insns.length / 8; slot += insns[slot * 8] === 0x18 ? 2 : 1) slots.push(slot);
  const at = slots.indexOf(here);
  return slots
    .slice(Math.max(0, at - AROUND), at + 2 * AROUND + 1)
    .map((slot) => insnLine(insns, slot, slot === here))
    .join("");
}

function backtrace(d: Debugger): string {
  requireRunning(d);
  const { frames } = d.session;
  return frames
    .toReversed()
    .map((f, i) => {
      const { spec, linked } = f.program;
      // a caller stands behind its call
      const { slot } = linked.decoded.insns[i === 0 ? f.at : f.at - 1]!;
      const line = lineAt(spec, slot);
      const place = line === undefined ? "" : ` at ${baseName(line.file)}:${line.line}`;
      return `#${i}  ${functionAt(spec, slot)?.name ?? spec.name}()${place}, insn ${slot}\n`;
    })
    .join("");
}

/** All that shows. */
export const showVerbs: readonly Verb[] = [
  { name: "print", aliases: ["p"], usage: "print WHAT", about: `show ${WHAT}`, run: print },
  { name: "where", aliases: [], usage: "where", about: "where the program stands", run: (d) => d.where() },
  { name: "list", aliases: ["l"], usage: "list", about: "source lines around here", run: list },
  { name: "disas", aliases: [], usage: "disas", about: "instructions around here", run: disassembly },
  { name: "backtrace", aliases: ["bt"], usage: "backtrace", about: "the call chain", run: backtrace },
];
