/**
 * Parser of the `.BTF.ext` section: which function starts at which instruction, which source line each run of instructions
 * comes from, and which instructions carry a CO-RE relocation.
 *
 * Header: +0 u16 magic, +2 u8 version, +3 u8 flags, +4 u32 hdr_len, then (u32 offset, u32 length) of func_info, line_info and,
 *         when hdr_len reaches that far, core_relo; offsets count from the header's end
 * Part:   u32 record size, then per program section: u32 section name, u32 records, the records
 * Records: func_info {u32 insn_off bytes, u32 type_id}; line_info {u32 insn_off, u32 file, u32 text, u32 line << 10 | column};
 *         core_relo {u32 insn_off, u32 type_id, u32 access string, u32 kind}
 * @source Documentation/bpf/btf.rst section 4; include/uapi/linux/bpf.h struct bpf_core_relo
 */
import { type ObjectPlace, objectError } from "../elf/object-error.ts";
import type { BtfStrings } from "./parse-btf.ts";

/** Offsets are bytes within the program section. */
export interface FuncRecord {
  readonly offset: number;
  /** BTF type id of the FUNC. */
  readonly typeId: number;
}

/** Source line of an instruction (struct bpf_line_info). */
export interface LineRecord {
  readonly offset: number;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** One CO-RE relocation (struct bpf_core_relo). */
export interface CoreRecord {
  readonly offset: number;
  /** Number among the section's relocations in the file's order. */
  readonly index: number;
  readonly typeId: number;
  /** Accessed member as indices, `0:1:2`, or the enumerator's index. */
  readonly access: string;
  /** `enum bpf_core_relo_kind` */
  readonly kind: number;
}

/** By program section name, each list ordered by offset. */
export interface BtfExt {
  readonly funcs: ReadonlyMap<string, readonly FuncRecord[]>;
  readonly lines: ReadonlyMap<string, readonly LineRecord[]>;
  readonly core: ReadonlyMap<string, readonly CoreRecord[]>;
}

/** An object without `.BTF.ext`. */
export const NO_BTF_EXT: BtfExt = { funcs: new Map(), lines: new Map(), core: new Map() };

const RECOMPILE = "compile it again with clang -g -target bpf";

/** @throws ObjectError BTF_EXT_HEADER, BTF_EXT_TRUNCATED, BTF_EXT_RECORD, BTF_STRING */
export function parseBtfExt(data: Uint8Array, strings: BtfStrings, file: string): BtfExt {
  const place: ObjectPlace = { file, section: ".BTF.ext" };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 24)
    throw objectError("BTF_EXT_HEADER", place, `${data.length} bytes, expected a header of 24`, RECOMPILE);
  const magic = view.getUint16(0, true);
  const version = view.getUint8(2);
  if (magic !== 0xeb9f || version !== 1) {
    const message = `magic 0x${magic.toString(16)} version ${version}, expected magic 0xeb9f version 1`;
    throw objectError("BTF_EXT_HEADER", { ...place, offset: 0 }, message, RECOMPILE);
  }
  const headerLen = view.getUint32(4, true);
  if (headerLen < 24 || headerLen > data.length) {
    const message = `header of ${headerLen} bytes in a section of ${data.length}, expected at least 24`;
    throw objectError("BTF_EXT_HEADER", { ...place, offset: 4 }, message, RECOMPILE);
  }
  const u32 = (at: number): number => view.getUint32(at, true);
  const text = (offset: number, at: number): string => {
    const s = strings(offset);
    if (s !== null) return s;
    throw objectError(
      "BTF_STRING",
      { ...place, offset: at },
      `string offset ${offset} is outside the BTF strings`,
      RECOMPILE,
    );
  };
  const part = <T extends { offset: number }>(
    header: number,
    minRecord: number,
    read: (at: number, index: number) => T,
  ): Map<string, T[]> => {
    const out = new Map<string, T[]>();
    if (header + 8 > headerLen) return out;
    const start = headerLen + u32(header);
    const end = start + u32(header + 4);
    if (end > data.length) {
      const message = `records up to byte ${end}, but the section has ${data.length}`;
      throw objectError("BTF_EXT_TRUNCATED", { ...place, offset: header }, message, RECOMPILE);
    }
    if (end === start) return out;
    const recordBytes = end - start < 4 ? 0 : u32(start);
    if (recordBytes < minRecord || recordBytes % 4 !== 0) {
      const message = `records of ${recordBytes} bytes, expected at least ${minRecord} and a multiple of 4`;
      throw objectError("BTF_EXT_RECORD", { ...place, offset: start }, message, RECOMPILE);
    }
    let at = start + 4;
    while (at < end) {
      const count = at + 8 > end ? 0 : u32(at + 4);
      const next = at + 8 + count * recordBytes;
      if (next > end || count === 0) {
        const message = `${count} records of ${recordBytes} bytes reach to byte ${next}, but the part ends at ${end}`;
        throw objectError("BTF_EXT_TRUNCATED", { ...place, offset: at }, message, RECOMPILE);
      }
      const section = text(u32(at), at);
      const list = out.get(section) ?? [];
      for (let r = at + 8; r < next; r += recordBytes) list.push(read(r, list.length));
      out.set(section, list);
      at = next;
    }
    for (const list of out.values()) list.sort((a, b) => a.offset - b.offset);
    return out;
  };
  return {
    funcs: part(8, 8, (at): FuncRecord => ({ offset: u32(at), typeId: u32(at + 4) })),
    lines: part(16, 16, (at): LineRecord => {
      const position = u32(at + 12);
      const [path, line] = [text(u32(at + 4), at + 4), text(u32(at + 8), at + 8)];
      return { offset: u32(at), file: path, text: line, line: position >>> 10, column: position & 0x3ff };
    }),
    core: part(24, 16, (at, index): CoreRecord => {
      return { offset: u32(at), index, typeId: u32(at + 4), access: text(u32(at + 8), at + 8), kind: u32(at + 12) };
    }),
  };
}
