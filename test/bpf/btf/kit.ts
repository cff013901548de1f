/** Types of the compiled fixtures, for the tests of the value codec. */
import { findType } from "../../../sim/bpf/btf/query.ts";
import type { Btf, BtfType } from "../../../sim/bpf/btf/types.ts";
import { fixture } from "../object/fixtures.ts";

/** BTF of maps.o, as clang wrote it. */
export const btf: Btf = fixture("maps").btf!;

/** Id of a type of maps.o. */
export function id(name: string, kind: BtfType["kind"] = "struct"): number {
  const found = findType(btf, name, kind);
  if (found === 0) throw new Error(`no ${kind} ${name} in maps.o`);
  return found;
}

/** Bytes in hex. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
