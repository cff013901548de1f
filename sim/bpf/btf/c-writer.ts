/**
 * Types as C text. Names that two types share get `___2`, `___3` ... in the order in which they are first written.
 * @source libbpf src/btf_dump.c btf_dump_emit_struct_def, btf_dump_emit_enum_def, btf_dump_emit_type_chain, btf_dump_resolve_name
 */
import { ObjectError } from "../../engine/errors.ts";
import { Alignments, paddingBetween } from "./c-layout.ts";
import { sizeOf, typeOf } from "./query.ts";
import type { Btf, BtfType } from "./types.ts";

type Composite = Extract<BtfType, { kind: "struct" | "union" }>;
type Enum = Extract<BtfType, { kind: "enum" }>;
type Typedef = Extract<BtfType, { kind: "typedef" }>;

/** No indentation is deeper. */
const MAX_INDENT = 13;
/** Anonymous structs within each other can be few and yet say more than anyone will read. */
const MAX_MEMBERS = 1 << 21;

/** Writes the types of one BTF. */
export class CWriter {
  private readonly btf: Btf;
  private readonly alignments: Alignments;
  private members: number = 0;
  private readonly names: (string | undefined)[] = [];
  /** How often a name was given: structs, unions, enums and integers here, typedefs and enumerators there. */
  private readonly tags: Map<string, number> = new Map();
  private readonly idents: Map<string, number> = new Map();

  constructor(btf: Btf) {
    this.btf = btf;
    this.alignments = new Alignments(btf);
  }

  /** The name of a struct, union, enum, forward declaration or integer. */
  typeName(id: number): string {
    return this.nameOf(id, this.tags);
  }

  /** `struct pair` */
  structDeclaration(id: number, type: Composite): string {
    return spaced(type.kind, this.typeName(id));
  }

  /** `struct pair { ... }` with its members and what lies between them. */
  structDefinition(id: number, type: Composite, level: number): string {
    const isStruct = type.kind === "struct";
    const align = this.alignments.of(id);
    const packed = isStruct && this.alignments.isPacked(type);
    const indent = `\n${tabs(level + 1)}`;
    let out = `${this.structDeclaration(id, type)} {`;
    let at = 0;
    let afterBits = false;
    const pad = (to: number, nextAlign: number, inBits: boolean): void => {
      for (const p of paddingBetween(at, to, nextAlign, inBits)) out += `${indent}${p.type}: ${p.bits};`;
    };
    this.members += type.members.length;
    if (this.members > MAX_MEMBERS) {
      throw new ObjectError({ code: "BTF_TOO_LARGE", message: `more than ${MAX_MEMBERS} members, written out` });
    }
    for (const m of type.members) {
      const isBits = m.bitSize !== 0;
      pad(m.bitOffset, packed ? 1 : this.alignments.of(m.type), afterBits && isBits);
      out += `${indent}${this.declaration(m.type, m.name, level + 1)}`;
      if (isBits) out += `: ${m.bitSize}`;
      at = m.bitOffset + (isBits ? m.bitSize : (sizeOf(this.btf, m.type) ?? 0) * 8);
      afterBits = isBits;
      out += ";";
    }
    if (isStruct) pad(type.size * 8, align, false);
    out += type.members.length > 0 || type.size > 0 ? `\n${tabs(level)}}` : "}";
    return packed ? `${out} __attribute__((packed))` : out;
  }

  /** `enum color { ... }`; one without enumerators is declared only. */
  enumDefinition(id: number, type: Enum, level: number): string {
    const head = spaced("enum", this.typeName(id));
    if (type.values.length === 0) return head;
    const suffix = type.wide !== true ? "" : type.signed ? "LL" : "ULL";
    let out = `${head} {`;
    for (const v of type.values) {
      const nth = count(this.idents, v.name);
      out += `\n${tabs(level + 1)}${v.name}${nth > 1 ? `___${nth}` : ""} = ${v.value}${suffix},`;
    }
    out += `\n${tabs(level)}}`;
    if (type.size === 1) return `${out} __attribute__((mode(byte)))`;
    const fitsInt = type.wide !== true || type.values.every((v) => BigInt.asUintN(64, v.value) >> 32n === 0n);
    return type.size === 8 && fitsInt ? `${out} __attribute__((mode(word)))` : out;
  }

  /** `typedef int color_t` */
  typedefDefinition(id: number, type: Typedef): string {
    const name = this.nameOf(id, this.idents);
    if (type.type === 0 && name === "__gnuc_va_list") return "typedef __builtin_va_list __gnuc_va_list";
    return `typedef ${this.declaration(type.type, name, 0)}`;
  }

  /** A declaration of `name`, which may be empty, with an anonymous struct or enum written out in place. */
  declaration(id: number, name: string, level: number): string {
    const chain: number[] = [];
    for (let at = id; ; ) {
      chain.push(at);
      const type = typeOf(this.btf, at);
      switch (type.kind) {
        case "ptr":
        case "volatile":
        case "const":
        case "restrict":
        case "type_tag":
        case "array":
          at = type.type;
          continue;
        case "func_proto":
          at = type.ret;
          continue;
        default:
      }
      return this.chain(chain, name, level);
    }
  }

  /** Works a chain off from its innermost type outwards. */
  private chain(ids: number[], name: string, level: number): string {
    let out = "";
    let afterPointer = true;
    while (ids.length > 0) {
      const id = ids.pop()!;
      const type = typeOf(this.btf, id);
      switch (type.kind) {
        case "void":
          out += `${this.modifiers(ids)}void`;
          break;
        case "int":
        case "float":
          out += `${this.modifiers(ids)}${type.name}`;
          break;
        case "struct":
        case "union":
          out += this.modifiers(ids);
          out += type.name === "" ? this.structDefinition(id, type, level) : this.structDeclaration(id, type);
          break;
        case "enum":
          out += this.modifiers(ids);
          out += type.name === "" ? this.enumDefinition(id, type, level) : `enum ${this.typeName(id)}`;
          break;
        case "fwd":
          out += `${this.modifiers(ids)}${type.union ? "union" : "struct"} ${this.typeName(id)}`;
          break;
        case "typedef":
          out += `${this.modifiers(ids)}${this.nameOf(id, this.idents)}`;
          break;
        case "ptr":
          out += afterPointer ? "*" : " *";
          break;
        case "volatile":
        case "const":
        case "restrict":
          out += ` ${type.kind}`;
          break;
        case "type_tag":
          out += this.modifiers(ids);
          out += ` __attribute__((${type.attribute === true ? type.name : `btf_type_tag("${type.name}")`}))`;
          break;
        case "array": {
          this.dropModifiers(ids);
          const count = `[${type.count}]`;
          if (ids.length === 0) return `${out}${separated(name, afterPointer)}${count}`;
          const inner = typeOf(this.btf, ids[ids.length - 1]!).kind === "array";
          if (name !== "" && !afterPointer) out += " ";
          const rest = this.chain(ids, name, level);
          return `${out}${inner ? rest : `(${rest})`}${count}`;
        }
        case "func_proto": {
          this.dropModifiers(ids);
          out += ids.length > 0 ? ` (${this.chain(ids, name, level)})` : separated(name, afterPointer);
          return `${out}(${this.parameters(type.params, level)})`;
        }
        default:
          return out;
      }
      afterPointer = type.kind === "ptr";
    }
    return `${out}${separated(name, afterPointer)}`;
  }

  /** A last parameter without a type is `...`; a single one says that there is none. */
  private parameters(params: readonly { readonly name: string; readonly type: number }[], level: number): string {
    if (params.length === 0 || (params.length === 1 && params[0]!.type === 0)) return "void";
    return params
      .map((p, i) => (p.type === 0 && i === params.length - 1 ? "..." : this.declaration(p.type, p.name, level)))
      .join(", ");
  }

  /** Takes the const, volatile and restrict off the chain that C writes before a type. */
  private modifiers(ids: number[]): string {
    let out = "";
    for (; ids.length > 0; ids.pop()) {
      const { kind } = typeOf(this.btf, ids[ids.length - 1]!);
      if (kind !== "volatile" && kind !== "const" && kind !== "restrict") break;
      out += `${kind} `;
    }
    return out;
  }

  /** GCC repeats an element's const on its array, which C cannot write. */
  private dropModifiers(ids: number[]): void {
    for (; ids.length > 0; ids.pop()) {
      const { kind } = typeOf(this.btf, ids[ids.length - 1]!);
      if (kind !== "volatile" && kind !== "const" && kind !== "restrict" && kind !== "type_tag") break;
    }
  }

  private nameOf(id: number, given: Map<string, number>): string {
    const known = this.names[id];
    if (known !== undefined) return known;
    const type = typeOf(this.btf, id);
    let name = "name" in type ? type.name : "";
    const declaredOnly =
      type.kind === "fwd" || (type.kind === "enum" && type.wide !== true && type.values.length === 0);
    if (name !== "" && !declaredOnly) {
      const nth = count(given, name);
      if (nth > 1) name = `${name}___${nth}`;
    }
    this.names[id] = name;
    return name;
  }
}

function count(given: Map<string, number>, name: string): number {
  const nth = (given.get(name) ?? 0) + 1;
  given.set(name, nth);
  return nth;
}

function spaced(word: string, name: string): string {
  return name === "" ? word : `${word} ${name}`;
}

function separated(name: string, afterPointer: boolean): string {
  return name !== "" && !afterPointer ? ` ${name}` : name;
}

function tabs(level: number): string {
  return "\t".repeat(Math.min(level, MAX_INDENT));
}
