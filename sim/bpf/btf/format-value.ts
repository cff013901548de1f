/**
 * Prints values of BTF types as bpftool does, to the byte: `-j` (compact JSON) and plain (indented, bit fields and pointers
 * in hex). Members keep their order, anonymous ones the name "", as often as they occur.
 * @source bpftool btf_dumper.c, json_writer.c; checked against bpftool 7.1 on Linux 6.18
 * @differs floating-point members are printed as numbers; bpftool gives up on them with "(unsupported-kind"
 */
import { charArrayText, elementsWithin, enumeratorOf, floatAt } from "./decode-value.ts";
import { readBits, readInt } from "./int-bytes.ts";
import { MAX_DEPTH, POINTER_BYTES, resolve, sizeOf } from "./query.ts";
import type { Btf, BtfType } from "./types.ts";

/** How a value is printed. */
export interface FormatOptions {
  /** Indented, hex without quotes; false: compact JSON. */
  readonly plain: boolean;
  /** Levels of 4 columns the value stands at already; 0 by default. */
  readonly depth?: number;
}

/** @returns the text, without a newline at the end */
export function formatValue(btf: Btf, typeId: number, bytes: Uint8Array, options: FormatOptions): string {
  const writer = new JsonText(options.plain, options.depth ?? 0);
  print(btf, typeId, bytes, 0, writer, 0);
  return writer.text;
}

/** bpftool's way of spacing JSON: names on lines of their own, list elements on one. */
class JsonText {
  text: string = "";
  readonly plain: boolean;
  private depth: number;
  private separator: string = "";

  constructor(plain: boolean, depth: number) {
    this.plain = plain;
    this.depth = depth;
  }

  begin(bracket: "{" | "["): void {
    this.text += this.separator + bracket;
    this.depth++;
    this.separator = "";
  }

  end(bracket: "}" | "]"): void {
    this.depth--;
    if (this.separator !== "") this.newline();
    this.text += bracket;
    this.separator = ",";
  }

  name(name: string): void {
    this.text += this.separator;
    this.newline();
    this.text += `${JSON.stringify(name)}:${this.plain ? " " : ""}`;
    this.separator = "";
  }

  value(text: string): void {
    this.text += this.separator + text;
    this.separator = ",";
  }

  private newline(): void {
    if (this.plain) this.text += `\n${"    ".repeat(this.depth)}`;
  }
}

function hex(value: bigint, writer: JsonText): string {
  const text = `0x${value.toString(16)}`;
  return writer.plain ? text : `"${text}"`;
}

function print(btf: Btf, typeId: number, bytes: Uint8Array, at: number, w: JsonText, depth: number): void {
  const { type } = resolve(btf, typeId);
  if (depth > MAX_DEPTH) {
    w.value("null");
    return;
  }
  switch (type.kind) {
    case "int":
      w.value(intText(type, bytes, at, w));
      return;
    case "ptr": {
      const value = readInt(bytes, at, POINTER_BYTES, false, false);
      w.value(w.plain ? (value === 0n ? "(nil)" : `0x${value.toString(16)}`) : value.toString());
      return;
    }
    case "enum": {
      const value = readInt(bytes, at, type.size, type.signed, false);
      const name = enumeratorOf(type, value);
      w.value(name === null ? value.toString() : JSON.stringify(name));
      return;
    }
    case "float":
      w.value(String(floatAt(bytes, at, type.size) ?? "null"));
      return;
    case "array":
      printArray(btf, type, bytes, at, w, depth);
      return;
    case "struct":
    case "union":
      w.begin("{");
      for (const m of type.members) {
        w.name(m.name);
        if (m.bitSize > 0) w.value(hex(readBits(bytes, at * 8 + m.bitOffset, m.bitSize, false), w));
        else print(btf, m.type, bytes, at + (m.bitOffset >>> 3), w, depth + 1);
      }
      w.end("}");
      return;
    case "var":
      w.begin("{");
      w.name(type.name);
      print(btf, type.type, bytes, at, w, depth + 1);
      w.end("}");
      return;
    case "datasec":
      w.begin("{");
      w.name(type.name);
      w.begin("[");
      for (const v of type.vars) print(btf, v.type, bytes, at + v.offset, w, depth + 1);
      w.end("]");
      w.end("}");
      return;
    default:
      w.value("null");
  }
}

function printArray(
  btf: Btf,
  type: BtfType & { kind: "array" },
  bytes: Uint8Array,
  at: number,
  w: JsonText,
  depth: number,
): void {
  const text = charArrayText(btf, type, bytes, at);
  if (text !== null) {
    w.value(JSON.stringify(text));
    return;
  }
  const step = sizeOf(btf, type.type) ?? 0;
  const count = elementsWithin(type.count, step, bytes, at);
  w.begin("[");
  for (let i = 0; i < count; i++) print(btf, type.type, bytes, at + i * step, w, depth + 1);
  w.end("]");
}

function intText(type: BtfType & { kind: "int" }, bytes: Uint8Array, at: number, w: JsonText): string {
  if (type.bool) return (bytes[at] ?? 0) !== 0 ? "true" : "false";
  if (type.size > 8) return hex(readInt(bytes, at, type.size, false, false), w);
  if (type.char) {
    const b = bytes[at] ?? 0;
    if (b >= 0x20 && b < 0x7f) return `"${String.fromCharCode(b)}"`;
    return w.plain ? `0x${b.toString(16)}` : `"\\u00${b.toString(16).padStart(2, "0")}"`;
  }
  return readInt(bytes, at, type.size, type.signed, false).toString();
}
