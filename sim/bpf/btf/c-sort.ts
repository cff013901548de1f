/**
 * The order in which bpftool goes through the types when it writes a header, so that headers of two kernels can be compared: by what
 * a type is, then by name; types of one name by a hash of what they hold.
 * @source bpftool 7.7 btf.c sort_btf_c, btf_type_rank, btf_type_sort_name, btf_type_disambig_hash
 */
import { MAX_DEPTH, typeOf } from "./query.ts";
import type { Btf, BtfType } from "./types.ts";

const LAST = 10;
const MASK = (1n << 64n) - 1n;

interface Key {
  readonly id: number;
  readonly rank: number;
  readonly sortName: string;
  readonly ownName: string;
}

/**
 * All ids but the one that comes first in that order, which bpftool forgets: its loop starts behind it.
 */
export function sortedIds(btf: Btf): readonly number[] {
  const keys = btf.types.map((type, id): Key => {
    return { id, rank: rankOf(btf, id, false, 0), sortName: sortName(btf, id, false, 0), ownName: nameOf(type) };
  });
  const hashes = new ContentHashes(btf);
  keys.sort((a, b) => {
    const first = a.rank - b.rank || compare(a.sortName, b.sortName) || compare(a.ownName, b.ownName);
    if (first !== 0) return first;
    const [x, y] = [hashes.of(a.id), hashes.of(b.id)];
    return x === y ? a.id - b.id : x < y ? -1 : 1;
  });
  return keys.slice(1).map((k) => k.id);
}

function rankOf(btf: Btf, id: number, named: boolean, depth: number): number {
  const type = typeOf(btf, id);
  const hasName = named || nameOf(type) !== "";
  switch (type.kind) {
    case "enum":
      return hasName ? 1 : 0;
    case "int":
    case "float":
      return 2;
    case "struct":
    case "union":
      return hasName ? 3 : LAST;
    case "func_proto":
      return hasName ? 4 : LAST;
    default:
      return hasName && refersOn(type) && depth < MAX_DEPTH ? rankOf(btf, type.type, true, depth + 1) : LAST;
  }
}

/** Kinds that are sorted by what they refer to. */
function refersOn(type: BtfType): type is Extract<BtfType, { readonly type: number }> {
  return "type" in type && type.kind !== "func" && type.kind !== "var";
}

function sortName(btf: Btf, id: number, referred: boolean, depth: number): string {
  const type = typeOf(btf, id);
  if (type.kind === "enum" && !referred && type.name === "") return type.values[0]?.name ?? "";
  return refersOn(type) && depth < MAX_DEPTH ? sortName(btf, type.type, true, depth + 1) : nameOf(type);
}

class ContentHashes {
  private readonly btf: Btf;
  private readonly known: Map<number, bigint> = new Map();
  private readonly names: Map<string, bigint> = new Map();

  constructor(btf: Btf) {
    this.btf = btf;
  }

  of(id: number): bigint {
    let hash = this.known.get(id);
    if (hash === undefined) {
      hash = this.content(id, true, 0);
      this.known.set(id, hash);
    }
    return hash;
  }

  private content(id: number, withMembers: boolean, depth: number): bigint {
    const type = typeOf(this.btf, id);
    let hash = this.name(0n, nameOf(type));
    if (depth > MAX_DEPTH) return hash;
    switch (type.kind) {
      case "enum":
        for (const v of type.values) hash = this.name(hash, v.name);
        return hash;
      case "struct":
      case "union":
        if (!withMembers) return hash;
        for (const m of type.members) hash = add(this.name(hash, m.name), this.content(m.type, false, depth + 1));
        return hash;
      case "array":
        return add(add(hash, BigInt(type.count)), this.content(type.type, withMembers, depth + 1));
      default:
        return refersOn(type) ? add(hash, this.content(type.type, withMembers, depth + 1)) : hash;
    }
  }

  private name(hash: bigint, name: string): bigint {
    if (name === "") return hash;
    let own = this.names.get(name);
    if (own === undefined) {
      own = 0n;
      for (let i = 0; i < name.length; i++) own = add(own, BigInt(name.charCodeAt(i)));
      this.names.set(name, own);
    }
    return add(hash, own);
  }
}

function add(hash: bigint, value: bigint): bigint {
  return (hash * 31n + value) & MASK;
}

function nameOf(type: BtfType): string {
  return "name" in type ? type.name : "";
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
