/**
 * BTF as a C header, byte for byte as `bpftool btf dump ... format c` writes it: definitions in an order that compiles, forward
 * declarations where C needs them, padding and packing so that every member lies where BTF says.
 * @source libbpf src/btf_dump.c btf_dump__dump_type; bpftool 7.7 btf.c dump_btf_c, dump_btf_kfuncs
 */

import { ObjectError } from "../../engine/errors.ts";
import { DefinitionOrder } from "./c-order.ts";
import { sortedIds } from "./c-sort.ts";
import { CWriter } from "./c-writer.ts";
import { typeOf } from "./query.ts";
import type { Btf } from "./types.ts";

const HEAD = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

#ifndef __bpf_fastcall
#if __has_attribute(bpf_fastcall)
#define __bpf_fastcall __attribute__((bpf_fastcall))
#else
#define __bpf_fastcall
#endif
#endif

`;

const TAIL = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
`;

/** What goes into the header. */
export interface HeaderOptions {
  /** The types to define, with all that they need. Absent: every type, and the prototypes of the kfuncs. */
  readonly ids?: readonly number[];
  /** In the order of their ids; otherwise sorted by kind and name. */
  readonly unsorted?: boolean;
}

/**
 * The header.
 * @throws ObjectError BTF_LOOP when a type holds itself; BTF_HOLE, BTF_TOO_LARGE for what no compiler wrote
 */
export function dumpBtfC(btf: Btf, options: HeaderOptions = {}): string {
  const dump = new HeaderDump(btf);
  const all = options.ids === undefined;
  const ids = options.ids ?? (options.unsorted === true ? btf.types.map((_, id) => id) : sortedIds(btf));
  for (const id of ids) dump.define(id);
  return `${HEAD}${dump.text()}${all ? dump.kfuncs() : ""}${TAIL}`;
}

/** Many times what a whole kernel needs. */
const MAX_VISITS = 1 << 23;

/** Emission states. */
const EMITTING = 1;
const EMITTED = 2;

/** Compilers bring this one along. */
const BUILTIN = "__builtin_va_list";

/** GCC's names for vectors of polynomials on Arm, which only GCC knows. */
const ALIASES: Readonly<Record<string, string>> = {
  __Poly8_t: "unsigned char",
  __Poly16_t: "unsigned short",
  __Poly64_t: "unsigned long long",
  __Poly128_t: "unsigned __int128",
};

class HeaderDump {
  private readonly btf: Btf;
  private readonly order: DefinitionOrder;
  private readonly writer: CWriter;
  private readonly state: Uint8Array;
  private readonly declared: Uint8Array;
  private readonly out: string[] = [];
  private visits: number = 0;

  constructor(btf: Btf) {
    this.btf = btf;
    this.order = new DefinitionOrder(btf);
    this.writer = new CWriter(btf);
    this.state = new Uint8Array(btf.types.length);
    this.declared = new Uint8Array(btf.types.length);
    this.state[0] = EMITTED;
  }

  define(id: number): void {
    for (const needed of this.order.take(id)) this.emit(needed, 0);
  }

  text(): string {
    return this.out.join("");
  }

  /** The kernel's functions that programs may call, by name. */
  kfuncs(): string {
    const { types } = this.btf;
    const tagged = (tag: string): Set<number> => {
      const tags = types.filter((t) => t.kind === "decl_tag" && t.component === -1 && t.name === tag);
      return new Set(tags.flatMap((t) => ("type" in t && typeOf(this.btf, t.type).kind === "func" ? [t.type] : [])));
    };
    const fast = tagged("bpf_fastcall");
    const lines: { readonly name: string; readonly text: string }[] = [];
    for (const id of tagged("bpf_kfunc")) {
      const func = typeOf(this.btf, id);
      if (func.kind !== "func") continue;
      const prototype = this.writer.declaration(func.type, func.name, 0);
      const text = `extern ${fast.has(id) ? "__bpf_fastcall " : ""}${prototype} __weak __ksym;\n`;
      lines.push({ name: func.name, text });
    }
    lines.sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
    const text = lines.map((l) => l.text).join("");
    return `\n/* BPF kfuncs */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n${text}#endif\n\n`;
  }

  private put(text: string): void {
    this.out.push(text, ";\n\n");
  }

  /**
   * Writes a definition, or what must be declared before one.
   * @param container the struct or typedef whose definition is being prepared; 0: this type is to be defined
   */
  private emit(id: number, container: number): void {
    if (this.state[id] === EMITTED) return;
    if (++this.visits > MAX_VISITS) {
      throw new ObjectError({
        code: "BTF_TOO_LARGE",
        message: `more than ${MAX_VISITS} types, followed from each other`,
      });
    }
    const type = typeOf(this.btf, id);
    const top = container === 0;
    if (this.state[id] === EMITTING) {
      this.declareAgain(id, container);
      return;
    }
    switch (type.kind) {
      case "int": {
        const name = this.writer.typeName(id);
        const alias = ALIASES[name];
        if (alias !== undefined) this.put(`typedef ${alias} ${name}`);
        this.state[id] = EMITTED;
        return;
      }
      case "enum":
        if (top) this.put(this.writer.enumDefinition(id, type, 0));
        this.state[id] = EMITTED;
        return;
      case "ptr":
      case "volatile":
      case "const":
      case "restrict":
      case "type_tag":
      case "array":
        this.emit(type.type, container);
        return;
      case "fwd":
        this.put(`${type.union ? "union" : "struct"} ${this.writer.typeName(id)}`);
        this.state[id] = EMITTED;
        return;
      case "typedef":
        this.state[id] = EMITTING;
        this.emit(type.type, id);
        if (this.declared[id] === 0 && type.name !== BUILTIN) this.put(this.writer.typedefDefinition(id, type));
        this.state[id] = EMITTED;
        return;
      case "struct":
      case "union": {
        this.state[id] = EMITTING;
        if (top || type.name === "") {
          const within = type.name === "" ? container : id;
          for (const m of type.members) this.emit(m.type, within);
        } else if (this.declared[id] === 0 && id !== container) {
          this.put(this.writer.structDeclaration(id, type));
          this.declared[id] = 1;
        }
        if (top) this.put(this.writer.structDefinition(id, type, 0));
        this.state[id] = top ? EMITTED : 0;
        return;
      }
      case "func_proto":
        this.emit(type.ret, container);
        for (const p of type.params) this.emit(p.type, container);
        return;
      default:
    }
  }

  /** A type is referred to while its definition is being prepared. */
  private declareAgain(id: number, container: number): void {
    if (this.declared[id] === 1) return;
    const type = typeOf(this.btf, id);
    if (type.kind === "struct" || type.kind === "union") {
      if (id === container || type.name === "") return;
      this.put(this.writer.structDeclaration(id, type));
    } else if (type.kind === "typedef") {
      if (type.name !== BUILTIN) this.put(this.writer.typedefDefinition(id, type));
    } else return;
    this.declared[id] = 1;
  }
}
