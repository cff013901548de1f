/**
 * `bytecode '4,40 0 0 12,...'` and `bytecode-file FILE` of `tc filter`: read as iproute2 reads them, by scanf, so that numbers are
 * cut to the width of their fields and what stands behind them is passed over.
 *
 * @source iproute2 lib/bpf_legacy.c bpf_parse_string, bpf_ops_parse, bpf_print_ops
 */
import { type ClassicFields, type ClassicProgram, MAX_CLASSIC_INSNS } from "../../bpf/cbpf/insn.ts";
import { LabError } from "../../engine/errors.ts";
import type { PrintRecord } from "../record.ts";
import { matches, type Words } from "../rtnetlink.ts";
import type { ToolError, ToolSession } from "../tool.ts";

/** Makes tc's refusal of a text. */
type Failure = (text: string, cause?: Error) => ToolError;

/**
 * Takes a classic program off the words.
 * @returns null when the next word names another kind of program
 * @throws what `failure` makes
 */
export function takeBytecode(words: Words, session: ToolSession, failure: Failure): ClassicProgram | null {
  const mode = words.peek();
  if (mode === undefined) return null;
  const inline = matches(mode, "bytecode") || mode === "bc";
  if (!inline && !matches(mode, "bytecode-file") && mode !== "bcf") return null;
  words.next();
  const given = words.next();
  return inline ? parseOps(given, "bytecode", failure) : parseOps(readOps(given, session, failure), given, failure);
}

/** Adds a filter's program to what `tc filter show` prints. */
export function addBytecode(r: PrintRecord, { insns }: ClassicProgram): void {
  const text = insns.map((f) => `${f.code} ${f.jt} ${f.jf} ${f.k}`).join(",");
  const json = { length: insns.length, insns: insns.map(({ code, jt, jf, k }) => ({ code, jt, jf, k })) };
  r.any("bytecode", json, `bytecode '${insns.length},${text}'`);
}

/** A file's lines, parted by commas. */
function readOps(path: string, session: ToolSession, failure: Failure): string {
  try {
    const text = new TextDecoder("latin1").decode(session.readFile(path));
    return text.replace(/,?\n+/g, ",");
  } catch (error) {
    if (error instanceof LabError) throw failure("Cannot fopen: No such file or directory\n", error);
    throw error;
  }
}

function parseOps(text: string, path: string, failure: Failure): ClassicProgram {
  const [head, ...rest] = text.split(",");
  const length = /^\s*[+-]?\d+$/.test(head!) && rest.length > 0 ? scan(head!, 16) : 0;
  if (length === 0 || length > MAX_CLASSIC_INSNS) throw failure("");
  const insns: ClassicFields[] = [];
  for (let i = 0; i < rest.length && !(i === rest.length - 1 && rest[i] === ""); i++) {
    if (i >= length) throw failure("Real program length exceeds encoded length parameter!\n");
    const m = /^\s*([+-]?\d+)\s*([+-]?\d+)\s*([+-]?\d+)\s*([+-]?\d+)/.exec(rest[i]!);
    if (m === null) throw failure(`Error at instruction ${i}!\n`);
    insns.push({ code: scan(m[1]!, 16), jt: scan(m[2]!, 8), jf: scan(m[3]!, 8), k: scan(m[4]!, 32) });
  }
  if (insns.length !== length) throw failure("Parsed program length is less than encoded length parameter!\n");
  return { path, insns };
}

/** scanf's %hhu, %hu and %u: the low bits of what strtoul makes of the digits. */
function scan(text: string, bits: number): number {
  const digits = BigInt(text.trim().replace(/^[+-]/, ""));
  const most = 2n ** 64n - 1n;
  const value = digits > most ? most : text.includes("-") ? -digits : digits;
  return Number(BigInt.asUintN(bits, value));
}
