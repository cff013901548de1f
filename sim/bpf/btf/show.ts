/**
 * Values as text, as the kernel prints them by their types: bpf_snprintf_btf. (`bpftool map dump` has a form of its own, format-value.ts.)
 *
 *     (struct ethhdr){                     whole, members that are zero left out
 *      .h_proto = (__be16)8,
 *     }
 *     (struct ethhdr){.h_proto = (__be16)8,}     BTF_F_COMPACT
 *
 * An aggregate below the first is walked once without printing, to see whether it holds anything but zeroes.
 * @source kernel/bpf/btf.c btf_type_show, btf_show_name, __btf_struct_show, __btf_array_show and their kin; compared with Linux 6.18,
 *         what is odd there included: elements of arrays of pointers and of arrays are all read where the first one lies
 * @differs pointers are printed as they are where Linux prints a hash
 */
import { POINTER_BYTES, resolve, sizeOf, typeOf } from "./query.ts";
import type { Btf, BtfMember, BtfType } from "./types.ts";

/** All on one line. */
export const BTF_F_COMPACT = 1;
/** Without names of members and types. */
export const BTF_F_NONAME = 2;
/** Pointers as they are; the default is a hash of them. */
const BTF_F_PTR_RAW = 4;
/** Members that are zero as well. */
export const BTF_F_ZERO = 8;
/** All flags. */
export const BTF_F_ALL: number = BTF_F_COMPACT | BTF_F_NONAME | BTF_F_PTR_RAW | BTF_F_ZERO;

/** Longest text before a value: BTF_SHOW_NAME_SIZE less its NUL. */
const NAME_MOST = 79;
/** Typedefs, arrays and pointers within each other that a type's name may have: BTF_SHOW_MAX_ITER. */
const MAX_ITER = 10;
const INDENT_MOST = 32;
/** BTF_KIND_* of types that have no text. */
const UNSUPPORTED: Readonly<Partial<Record<BtfType["kind"], number>>> = {
  fwd: 7,
  func: 12,
  func_proto: 13,
  datasec: 15,
  float: 16,
  decl_tag: 17,
};

/** Where the bytes are. */
export interface ShownMemory {
  /** A copy of bytes; null when they cannot be read. */
  read(address: number, sizeBytes: number): Uint8Array | null;
}

/**
 * The text of a value.
 * @returns null when its bytes cannot be read
 */
export function showValue(
  btf: Btf,
  typeId: number,
  address: number,
  memory: ShownMemory,
  flags: number,
): string | null {
  const show = new Show(btf, memory, flags);
  show.value(typeId, typeId, address, 0);
  return show.unreadable ? null : show.text;
}

class Show {
  text: string = "";
  unreadable: boolean = false;
  private readonly btf: Btf;
  private readonly memory: ShownMemory;
  private readonly flags: number;
  private depth: number = 0;
  private member: BtfMember | null = null;
  /** Elements of arrays have no names. */
  private arrayMember: boolean = false;
  private type: BtfType | null = null;
  private typeId: number = 0;
  private isText: boolean = false;
  private terminated: boolean = false;
  /** Depth at which a walk without printing began, plus 1; 0: it prints. */
  private depthCheck: number = 0;
  /** Deepest value that such a walk would have printed. */
  private depthToShow: number = 0;

  constructor(btf: Btf, memory: ShownMemory, flags: number) {
    this.btf = btf;
    this.memory = memory;
    this.flags = flags;
  }

  /** @param id of the type that is shown; `typeId`: of the one that gives the name, before modifiers were left off */
  value(id: number, typeId: number, at: number, bit: number): void {
    const { btf } = this;
    const type = typeOf(btf, id);
    switch (type.kind) {
      case "typedef":
      case "type_tag":
      case "volatile":
      case "const":
      case "restrict":
        this.value(resolve(btf, id).id, typeId, at, bit);
        return;
      case "var":
        this.value(type.type, type.type, at, bit);
        return;
      case "int":
        this.int(type, typeId, at, bit);
        return;
      case "ptr":
        this.pointer(type, typeId, at);
        return;
      case "enum":
        this.enumerator(type, typeId, at);
        return;
      case "struct":
      case "union":
        this.aggregate(() => this.members(type, typeId, at));
        return;
      case "array":
        this.aggregate(() => this.elements(type, typeId, at, bit));
        return;
      default:
        this.print(`<unsupported kind:${UNSUPPORTED[type.kind] ?? 0}>`);
    }
  }

  private has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  private print(text: string): void {
    if (this.depthCheck === 0) this.text += text;
  }

  private get indent(): string {
    return this.has(BTF_F_COMPACT) ? "" : " ".repeat(Math.min(this.depth, INDENT_MOST));
  }

  private get newline(): string {
    return this.has(BTF_F_COMPACT) ? "" : "\n";
  }

  private get delim(): string {
    if (this.depth === 0) return "";
    return this.has(BTF_F_COMPACT) && this.type?.kind === "union" ? "|" : ",";
  }

  /** btf_show_type_values: a value that is printed in any case. */
  private put(text: string): void {
    this.print(this.indent + this.name() + text + this.delim + this.newline);
    if (this.depth > this.depthToShow) this.depthToShow = this.depth;
  }

  /** btf_show_type_value. */
  private putUnlessZero(value: bigint | number, text: string): void {
    // biome-ignore lint/suspicious/noDoubleEquals: 0n and 0
    if (value != 0 || this.has(BTF_F_ZERO) || this.depth === 0) this.put(text);
  }

  /** btf_show_start_type. @returns the value's bytes, null when they cannot be read */
  private start(type: BtfType, typeId: number, at: number, sizeBytes: number): Uint8Array | null {
    const bytes = this.memory.read(at, sizeBytes);
    if (bytes === null) {
      this.unreadable = true;
      return null;
    }
    this.type = type;
    this.typeId = typeId;
    return bytes;
  }

  private end(): void {
    this.type = null;
    this.typeId = 0;
  }

  private int(type: Extract<BtfType, { kind: "int" }>, typeId: number, at: number, bit: number): void {
    const bytes = this.start(type, typeId, at, type.size);
    if (bytes === null) return;
    const { bits, signed } = type;
    if (bit !== 0 || (type.bitOffset ?? 0) !== 0 || ![8, 16, 32, 64].includes(bits)) {
      this.bits(at, bit + (type.bitOffset ?? 0), bits);
    } else if (bits === 8 && this.isText) this.character(bytes[0]!, signed);
    else {
      const value = little(bytes, signed);
      this.putUnlessZero(value, String(value));
    }
    this.end();
  }

  /** An element of an array of bytes, which ends with its first NUL. */
  private character(byte: number, signed: boolean): void {
    if (this.terminated) return;
    if (byte === 0) this.terminated = true;
    else if (isPrint(byte)) this.putUnlessZero(byte, `'${String.fromCharCode(byte)}'`);
    else this.putUnlessZero(byte, String(signed ? (byte << 24) >> 24 : byte));
  }

  /** btf_bitfield_show: in hex. */
  private bits(at: number, bit: number, count: number): void {
    const bytes = this.memory.read(at + (bit >>> 3), ((bit & 7) + count + 7) >>> 3);
    if (bytes === null) return;
    const value = BigInt.asUintN(count, little(bytes, false) >> BigInt(bit & 7));
    this.putUnlessZero(value, `0x${value.toString(16)}`);
  }

  private pointer(type: BtfType, typeId: number, at: number): void {
    const bytes = this.start(type, typeId, at, POINTER_BYTES);
    if (bytes === null) return;
    const value = little(bytes, false);
    this.putUnlessZero(value, `0x${value.toString(16).padStart(16, "0")}`);
    this.end();
  }

  private enumerator(type: Extract<BtfType, { kind: "enum" }>, typeId: number, at: number): void {
    const bytes = this.start(type, typeId, at, type.size);
    if (bytes === null) return;
    const width = type.wide === true ? 8 : 4;
    const whole = this.memory.read(at, width) ?? bytes;
    const value = little(whole, type.signed);
    const known = type.values.find((v) => BigInt.asUintN(64, v.value) === BigInt.asUintN(64, value));
    if (known !== undefined) this.put(known.name);
    else this.putUnlessZero(value, String(value));
    this.end();
  }

  /** Walks without printing first, where zeroes are to be left out. @source btf_struct_show, btf_array_show */
  private aggregate(walk: () => void): void {
    const { member } = this;
    if (this.depth > 0 && !this.has(BTF_F_ZERO)) {
      if (this.depthCheck === 0) {
        this.depthCheck = this.depth + 1;
        this.depthToShow = 0;
      }
      walk();
      this.member = member;
      if (this.depthCheck !== this.depth + 1) return;
      this.depthCheck = 0;
      if (this.depthToShow <= this.depth) return;
    }
    walk();
  }

  private open(type: BtfType, typeId: number, at: number): boolean {
    if (this.start(type, typeId, at, sizeOf(this.btf, typeId) ?? 0) === null) return false;
    this.print(this.indent + this.name() + this.newline);
    this.depth++;
    return true;
  }

  private close(suffix: string): void {
    this.depth--;
    this.print(this.indent + suffix + this.delim + this.newline);
    this.end();
  }

  private members(type: Extract<BtfType, { kind: "struct" | "union" }>, typeId: number, at: number): void {
    if (!this.open(type, typeId, at)) return;
    for (const m of type.members) {
      this.member = m;
      const byte = at + (m.bitOffset >>> 3);
      const bit = m.bitOffset & 7;
      if (m.bitSize === 0) this.value(m.type, m.type, byte, bit);
      else {
        this.type = typeOf(this.btf, m.type);
        this.typeId = m.type;
        this.bits(byte, bit, m.bitSize);
        this.end();
      }
      this.member = null;
    }
    this.close("}");
  }

  private elements(type: Extract<BtfType, { kind: "array" }>, typeId: number, at: number, bit: number): void {
    const { id, type: elem } = resolve(this.btf, type.type);
    const stride = "size" in elem ? elem.size : 0;
    const isText = elem.kind === "int" && (elem.char || stride === 1);
    if (!this.start(type, typeId, at, sizeOf(this.btf, typeId) ?? 0)) return;
    this.isText = isText;
    this.terminated = false;
    this.print(this.indent + this.name() + this.newline);
    this.depth++;
    for (let i = 0; i < type.count && !this.terminated; i++) {
      this.arrayMember = true;
      this.member = null;
      this.value(id, type.type, at + i * stride, bit);
      this.arrayMember = false;
      this.member = null;
    }
    this.isText = false;
    this.terminated = false;
    this.close("]");
  }

  /** What stands before a value: `.member = (type)`, and the bracket that opens it. @source btf_show_name */
  private name(): string {
    if (this.arrayMember) return "";
    const { btf, member } = this;
    let type = typeOf(btf, member === null ? this.typeId : member.type);
    let name: string | null = null;
    let pointers = 0;
    let arrays = 0;
    let isTypedef = false;
    let i = 0;
    for (; i < MAX_ITER; i++) {
      if (type.kind === "typedef") {
        name ??= type.name;
        isTypedef = true;
      } else if (type.kind === "array") arrays++;
      else if (type.kind === "ptr") pointers++;
      else break;
      // what a type of no kind is, void, ends it as well
      if (type.type === 0) {
        type = typeOf(btf, 0);
        break;
      }
      type = unqualified(btf, type.type);
    }
    if (i === MAX_ITER) return "";
    name ??= "name" in type ? type.name : "";
    let brackets = arrays > 0 ? "[" : "";
    let prefix = "";
    if (type.kind === "struct" || type.kind === "union") {
      prefix = type.kind;
      if (arrays === 0) brackets = "{";
    } else if (type.kind === "enum") prefix = "enum";
    // a type that kernel.btf only declares is one that Linux has whole
    else if (type.kind === "fwd") prefix = type.union ? "union" : "struct";
    if (pointers > 0) brackets = "";
    if (isTypedef) prefix = "";
    if (this.has(BTF_F_NONAME)) return brackets;
    const of = member !== null && member.name !== "" ? `.${member.name} = ` : "";
    const stars = pointers > 0 ? ` ${"*".repeat(pointers)}` : "";
    const between = prefix !== "" && name !== "" ? " " : "";
    return `${of}(${prefix}${between}${name}${stars}${"[]".repeat(arrays)})${brackets}`.slice(0, NAME_MOST);
  }
}

/** Leaves qualifiers off, but no typedef. */
function unqualified(btf: Btf, id: number): BtfType {
  let type = typeOf(btf, id);
  while (type.kind === "const" || type.kind === "volatile" || type.kind === "restrict" || type.kind === "type_tag") {
    type = typeOf(btf, type.type);
  }
  return type;
}

function little(bytes: Uint8Array, signed: boolean): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return signed ? BigInt.asIntN(bytes.length * 8, value) : value;
}

/** isprint of the kernel's table of characters, Latin-1. @source lib/ctype.c */
function isPrint(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0;
}
