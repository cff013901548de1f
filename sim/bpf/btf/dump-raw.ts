/**
 * Every type of a BTF as `bpftool btf dump ... format raw` lists it.
 *
 *     [1] PTR '(anon)' type_id=2
 *     [2] STRUCT 'pair' size=8 vlen=2
 *     	'a' type_id=3 bits_offset=0
 *
 * One description serves both forms: the fields in bpftool's order, as text and as JSON.
 * @source bpftool btf.c dump_btf_type
 */
import { typeOf } from "./query.ts";
import type { Btf, BtfType } from "./types.ts";

/** A value, and how the plain form writes it where that differs from the JSON form. */
type Field = readonly [key: string, value: string | number | bigint, plain?: string];

/** A type as both forms show it. */
interface Shown {
  readonly fields: readonly Field[];
  /** The list that ends the type, by its name in the JSON form. */
  readonly list?: { readonly name: string; readonly items: readonly (readonly Field[])[] };
}

/**
 * The plain listing, a newline behind each type.
 * @param ids the types to list; all but void when absent
 */
export function dumpBtfRaw(btf: Btf, ids: readonly number[] = allIds(btf)): string {
  return ids.map((id) => plain(btf, id)).join("");
}

/** The listing as one JSON object, in one line without a newline. */
export function dumpBtfJson(btf: Btf, ids: readonly number[] = allIds(btf)): string {
  const types = ids.map((id) => {
    const { fields, list } = shown(typeOf(btf, id));
    const head: readonly Field[] = [["id", id], ["kind", kindOf(btf, id)], ["name", nameOf(btf, id)], ...fields];
    const parts = head.map(jsonField);
    if (list !== undefined) parts.push(`"${list.name}":[${list.items.map(jsonItem).join(",")}]`);
    return `{${parts.join(",")}}`;
  });
  return `{"types":[${types.join(",")}]}`;
}

function allIds(btf: Btf): readonly number[] {
  return btf.types.map((_, id) => id).slice(1);
}

function plain(btf: Btf, id: number): string {
  const type = typeOf(btf, id);
  const { fields, list } = shown(type);
  let out = `[${id}] ${kindOf(btf, id)} '${nameOf(btf, id)}'`;
  for (const f of fields) out += ` ${plainField(f)}`;
  for (const item of list?.items ?? []) {
    const named = item[0]?.[0] === "name" ? `'${item[0][1]}' ` : "";
    out += `\n\t${named}${(named === "" ? item : item.slice(1)).map(plainField).join(" ")}`;
    if (type.kind === "datasec") out += variable(btf, Number(item[0]![1]));
  }
  return `${out}\n`;
}

/** bpftool says which variable an entry of a data section is, in the plain form only. */
function variable(btf: Btf, id: number): string {
  return id < btf.types.length ? ` (${kindOf(btf, id)} '${nameOf(btf, id)}')` : "";
}

function plainField([key, value, text]: Field): string {
  return text ?? `${key}=${value}`;
}

function jsonField([key, value]: Field): string {
  return `"${key}":${typeof value === "string" ? JSON.stringify(value) : value}`;
}

function jsonItem(fields: readonly Field[]): string {
  return `{${fields.map(jsonField).join(",")}}`;
}

function kindOf(btf: Btf, id: number): string {
  const type = typeOf(btf, id);
  if (type.kind === "void") return "UNKNOWN";
  return type.kind === "enum" && type.wide === true ? "ENUM64" : type.kind.toUpperCase();
}

function nameOf(btf: Btf, id: number): string {
  const type = typeOf(btf, id);
  return named("name" in type ? type.name : "");
}

function named(name: string): string {
  return name === "" ? "(anon)" : name;
}

function shown(type: BtfType): Shown {
  switch (type.kind) {
    case "void":
      return { fields: [] };
    case "int":
      return {
        fields: [
          ["size", type.size],
          ["bits_offset", type.bitOffset ?? 0],
          ["nr_bits", type.bits],
          ["encoding", encoding(type)],
        ],
      };
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
    case "typedef":
    case "type_tag":
      return { fields: [["type_id", type.type]] };
    case "array":
      return {
        fields: [
          ["type_id", type.type],
          ["index_type_id", type.indexType],
          ["nr_elems", type.count],
        ],
      };
    case "struct":
    case "union": {
      const items = type.members.map((m): readonly Field[] => {
        const place: readonly Field[] = [
          ["name", named(m.name)],
          ["type_id", m.type],
          ["bits_offset", m.bitOffset],
        ];
        return m.bitSize === 0 ? place : [...place, ["bitfield_size", m.bitSize]];
      });
      return { fields: sized(type.size, items.length), list: { name: "members", items } };
    }
    case "enum": {
      const suffix = type.wide !== true ? "" : type.signed ? "LL" : "ULL";
      const items = type.values.map((v): readonly Field[] => [
        ["name", named(v.name)],
        ["val", jsonValue(type, v.value), `val=${v.value}${suffix}`],
      ]);
      const signed: Field = ["encoding", type.signed ? "SIGNED" : "UNSIGNED"];
      return { fields: [signed, ...sized(type.size, items.length)], list: { name: "values", items } };
    }
    case "fwd":
      return { fields: [["fwd_kind", type.union ? "union" : "struct"]] };
    case "func":
      return {
        fields: [
          ["type_id", type.type],
          ["linkage", LINKAGES[type.linkage] ?? "(unknown)"],
        ],
      };
    case "func_proto": {
      const items = type.params.map((p): readonly Field[] => [
        ["name", named(p.name)],
        ["type_id", p.type],
      ]);
      return {
        fields: [
          ["ret_type_id", type.ret],
          ["vlen", items.length],
        ],
        list: { name: "params", items },
      };
    }
    case "var":
      return {
        fields: [
          ["type_id", type.type, `type_id=${type.type},`],
          ["linkage", LINKAGES[type.linkage] ?? "(unknown)"],
        ],
      };
    case "datasec": {
      const items = type.vars.map((v): readonly Field[] => [
        ["type_id", v.type],
        ["offset", v.offset],
        ["size", v.size],
      ]);
      return { fields: sized(type.size, items.length), list: { name: "vars", items } };
    }
    case "float":
      return { fields: [["size", type.size]] };
    case "decl_tag":
      return {
        fields: [
          ["type_id", type.type],
          ["component_idx", type.component],
        ],
      };
  }
}

/** bpftool widens 32-bit enumerators as if they were signed, in the JSON form only. */
function jsonValue(type: Extract<BtfType, { kind: "enum" }>, value: bigint): bigint {
  return type.wide === true || type.signed ? value : BigInt.asUintN(64, BigInt.asIntN(32, value));
}

/** BTF_FUNC_* and BTF_VAR_*. */
const LINKAGES: readonly string[] = ["static", "global", "extern"];

function sized(size: number, count: number): readonly Field[] {
  return [
    ["size", size],
    ["vlen", count],
  ];
}

function encoding(type: Extract<BtfType, { kind: "int" }>): string {
  const set = [type.signed ? "SIGNED" : "", type.char ? "CHAR" : "", type.bool ? "BOOL" : ""].filter((s) => s !== "");
  return set.length === 0 ? "(none)" : set.length === 1 ? set[0]! : "UNKN";
}
