/** `netsim asm FILE`: eBPF in the kernel's syntax, or classic BPF in bpf_asm's, to instructions. */
import { resolve } from "node:path";
import { call, type Operation } from "effection";
import type { ProgramSpec } from "../../bpf/spec.ts";
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { CliCommand } from "../command.ts";
import { readInput } from "../input-file.ts";
import { EXIT } from "../io.ts";
import { OutputFile } from "../output-file.ts";

const MAX_TEXT_BYTES = 1 << 24;
/** What comes out for eBPF. */
const EBPF_FORMATS = ["text", "hex", "c", "bytes"] as const;
/** What comes out for classic BPF; `ebpf` is what the kernel makes of it. */
const CLASSIC_FORMATS = ["decimal", "c", "ddd", "disasm", "d", "ebpf"] as const;

const HELP = `
Formats of eBPF: text (a listing), hex (16 digits an instruction), c (struct bpf_insn), bytes (raw).
Formats of classic BPF: decimal (for \`tc ... bytecode\`), c, ddd (tcpdump -ddd), disasm, d (tcpdump -d), ebpf.
Classic input may be numbers, too: what decimal and ddd print.

Examples:
  echo 'r0 = 2; exit' | tr ';' '\\n' | netsim asm -
  echo 'ldh [12]; jne #0x800, drop; ret #-1; drop: ret #0' | tr ';' '\\n' | netsim asm --classic --format ddd -`;

export const asm: CliCommand = {
  name: "asm",
  summary: "assemble eBPF in the kernel's syntax, or classic BPF",
  define(command) {
    command
      .argument("<file>", "source text; - is standard input")
      .option("--classic", "classic BPF, in the syntax of bpf_asm")
      .option("--format <format>", "what to write: text or decimal when nothing is said")
      .option("-o, --output <file>", "write there instead of to standard output")
      .addHelpText("after", HELP);
  },
  *execute({ io }, args, options) {
    const path = args[0]!;
    const bytes = readInput(path === "-" ? "/dev/stdin" : resolve(io.cwd, path), path, MAX_TEXT_BYTES);
    const text = new TextDecoder().decode(bytes);
    const shown = path === "-" ? "<stdin>" : path;
    const given = options.format as string | undefined;
    const out =
      options.classic === true
        ? yield* classic(text, shown, takeFormat(given, CLASSIC_FORMATS))
        : yield* ebpf(text, shown, takeFormat(given, EBPF_FORMATS));
    const file = options.output as string | undefined;
    if (file !== undefined) {
      const output = new OutputFile(resolve(io.cwd, file), file, process.pid);
      output.write(typeof out === "string" ? new TextEncoder().encode(out) : out);
      output.close();
    } else if (typeof out === "string") io.stdout.write(out);
    else {
      const fix = "say where to with -o FILE, or print --format hex";
      throw new LabError([{ code: "OPTION_VALUE", message: "--format bytes is no text to print", fix }]);
    }
    return EXIT.OK;
  },
};

function takeFormat<F extends string>(given: string | undefined, formats: readonly F[]): F {
  if (given === undefined) return formats[0]!;
  const found = formats.find((f) => f === given);
  if (found !== undefined) return found;
  throw new LabError([
    { code: "OPTION_VALUE", message: `--format ${given}: no such format here`, fix: suggest(given, formats) },
  ]);
}

function* ebpf(text: string, path: string, format: (typeof EBPF_FORMATS)[number]): Operation<string | Uint8Array> {
  const { assemble } = yield* call(() => import("../../bpf/isa/assemble.ts"));
  const names = yield* call(() => import("../../bpf/object/helper-names.ts"));
  const { insns, relocations } = assemble(text, { helperId: names.helperNumber, helperNames: names.helperNames, path });
  if (format === "bytes") return insns;
  if (format === "hex") return eachSlot(insns, (slot) => `${Buffer.from(slot).toString("hex")}\n`);
  if (format === "c") return eachSlot(insns, initialiser);
  return yield* listing({ insns, relocations });
}

function eachSlot(insns: Uint8Array, write: (slot: Uint8Array) => string): string {
  let out = "";
  for (let at = 0; at < insns.length; at += 8) out += write(insns.subarray(at, at + 8));
  return out;
}

/** `{ .code = 0xb7, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 2 },` */
function initialiser(slot: Uint8Array): string {
  const view = new DataView(slot.buffer, slot.byteOffset, slot.byteLength);
  const code = slot[0]!.toString(16).padStart(2, "0");
  const regs = `.dst_reg = ${slot[1]! & 15}, .src_reg = ${slot[1]! >> 4}`;
  return `{ .code = 0x${code}, ${regs}, .off = ${view.getInt16(2, true)}, .imm = ${view.getInt32(4, true)} },\n`;
}

function* listing(program: Pick<ProgramSpec, "insns" | "relocations">): Operation<string> {
  const { dumpLinked } = yield* call(() => import("../../bpf/object/dump-program.ts"));
  const whole = { name: "asm", section: "", kind: null, attach: null, frags: false, funcs: [], lines: [], ...program };
  return dumpLinked(whole, null);
}

function* classic(text: string, path: string, format: (typeof CLASSIC_FORMATS)[number]): Operation<string> {
  const { assembleClassic } = yield* call(() => import("../../bpf/cbpf/assemble.ts"));
  const { formatClassic, parseClassic } = yield* call(() => import("../../bpf/cbpf/text.ts"));
  const { requireClassic } = yield* call(() => import("../../bpf/cbpf/check.ts"));
  const program = /^\s*\d/.test(text) ? parseClassic(text, path) : assembleClassic(text, path);
  if (format !== "ebpf") return formatClassic(program, format);
  requireClassic(program);
  const { translateClassic } = yield* call(() => import("../../bpf/cbpf/translate.ts"));
  return yield* listing(translateClassic(program, "socket_filter", "asm"));
}
