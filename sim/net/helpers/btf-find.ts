/**
 * The kernel's types by name.
 * @source kernel/bpf/btf.c bpf_btf_find_by_name_kind. Cost: an estimate
 */
import { findType } from "../../bpf/btf/query.ts";
import type { BtfType } from "../../bpf/btf/types.ts";
import type { HelperDef } from "../../bpf/helper.ts";
import { EINVAL, ENOENT } from "../../bpf/maps/errno.ts";
import type { NetEnv } from "../net-env.ts";

/** By BTF_KIND_*; both enums are one kind here. @source include/uapi/linux/btf.h */
const KINDS: readonly (BtfType["kind"] | null)[] = [
  null,
  "int",
  "ptr",
  "array",
  "struct",
  "union",
  "enum",
  "fwd",
  "typedef",
  "volatile",
  "const",
  "restrict",
  "func",
  "func_proto",
  "var",
  "datasec",
  "float",
  "decl_tag",
  "type_tag",
  "enum",
];

/** `bpf_btf_find_by_name_kind`: the id in kernel.btf. There are no modules. */
export const btfFindByNameKind: HelperDef<NetEnv> = {
  id: 167,
  name: "btf_find_by_name_kind",
  since: "5.14",
  args: ["mem", "size0", "u32", "u32"],
  ret: "int",
  gplOnly: false,
  progKinds: ["syscall"],
  mapKinds: null,
  changesPacket: false,
  costNs: 5000,
  call(env: NetEnv, name: number, size: number, kind: number, flags: number): number {
    const { u8 } = env.kernel.arena;
    const n = size >>> 0;
    if (flags !== 0 || n <= 1 || u8[name + n - 1] !== 0) return -EINVAL;
    const of = KINDS[kind >>> 0] ?? null;
    const bytes = u8.subarray(name, name + n);
    const text = String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
    const id = of === null ? 0 : findType(env.structs.btf, text, of);
    return id === 0 ? -ENOENT : id;
  },
};
