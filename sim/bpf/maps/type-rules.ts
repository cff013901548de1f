/**
 * Which types of keys and values the kernel takes with a map.
 * @source kernel/bpf/syscall.c map_check_btf; kernel/bpf/arraymap.c array_map_check_btf; kernel/bpf/lpm_trie.c trie_check_btf; errno
 *         asked of Linux 6.18
 */
import { resolve, sizeOf } from "../btf/query.ts";
import type { Btf, BtfType } from "../btf/types.ts";
import type { MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { EINVAL, ENOTSUPP } from "./errno.ts";
import { checkFields } from "./field-rules.ts";

/** The key's kind of type, by what a map type wants. */
const KEY_KINDS: Readonly<Record<string, BtfType["kind"]>> = {
  "int key": "int",
  "struct key": "struct",
  "no key": "void",
};

/** Looks at the types of key and value that a spec has. @returns 0, or -errno */
export function checkTypes(def: MapTypeDef, spec: MapSpec): number {
  const { btf, keyTypeId, valueTypeId } = spec;
  if (btf === null) return 0;
  const key = keyTypeId === 0 ? null : sizeOfType(btf, keyTypeId);
  if (key === null ? def.typed === undefined : key !== spec.keySize) return -EINVAL;
  if (sizeOfType(btf, valueTypeId) !== spec.valueSize) return -EINVAL;
  if (def.typed === "none") return -ENOTSUPP;
  const keyKind = resolve(btf, keyTypeId).type.kind;
  const wanted = KEY_KINDS[def.typed ?? "any"] ?? keyKind;
  if (keyKind !== wanted && !isDataSection(btf, spec)) return -EINVAL;
  const refusal = checkFields(spec);
  return refusal === null ? 0 : -refusal.errno;
}

function sizeOfType(btf: Btf, id: number): number {
  return id < btf.types.length ? (sizeOf(btf, id) ?? -1) : -1;
}

/** `.data` and its like have no key. */
function isDataSection(btf: Btf, { kind, keyTypeId, maxEntries, valueTypeId }: MapSpec): boolean {
  return kind === "array" && keyTypeId === 0 && maxEntries === 1 && btf.types[valueTypeId]!.kind === "datasec";
}
