/**
 * The types of the kernel that programs are loaded into. The machine asks for them when a program carries CO-RE relocations or names
 * the kernel's functions and variables; who puts a kernel together supplies them.
 */
import { parseBtf } from "../btf/parse-btf.ts";
import { findType } from "../btf/query.ts";
import type { Btf, BtfType } from "../btf/types.ts";
import { essentialName } from "./names.ts";

/** The kernel's types. Nothing is read before the first question. */
export interface KernelTypes {
  /** All types; ids are those that `bpf_core_type_id_kernel` gives programs. */
  btf(): Btf;
  /** Ids of the types with a name, flavours (`___x`) of either side left off; ascending. */
  candidates(name: string): readonly number[];
  /** Id of the FUNC with a name (a kfunc), 0 when there is none. */
  funcId(name: string): number;
  /** Id of the VAR with a name (a typed `__ksym`), 0 when there is none. */
  varId(name: string): number;
}

/**
 * Kernel types out of a BTF file.
 * @param file its name, for messages
 * @param read gives the file's bytes; called once at most
 */
export function createKernelTypes(file: string, read: () => Uint8Array): KernelTypes {
  let parsed: Btf | null = null;
  let named: Map<string, number[]> | null = null;
  const btf = (): Btf => {
    parsed ??= parseBtf(read(), { file }).btf;
    return parsed;
  };
  const ofKind = (name: string, kind: BtfType["kind"]): number => findType(btf(), name, kind);
  return {
    btf,
    candidates(name) {
      named ??= indexNames(btf());
      return named.get(essentialName(name)) ?? [];
    },
    funcId: (name) => ofKind(name, "func"),
    varId: (name) => ofKind(name, "var"),
  };
}

function indexNames(btf: Btf): Map<string, number[]> {
  const out = new Map<string, number[]>();
  btf.types.forEach((type, id) => {
    if (!("name" in type) || type.name === "") return;
    const key = essentialName(type.name);
    const ids = out.get(key);
    if (ids === undefined) out.set(key, [id]);
    else ids.push(id);
  });
  return out;
}
