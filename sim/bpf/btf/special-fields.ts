/**
 * Fields of a value's type that belong to the kernel: locks, timers, pointers to kernel objects, heads of lists and trees.
 *
 *     struct bpf_spin_lock 4   bpf_res_spin_lock 4   bpf_timer 16   bpf_wq 16   bpf_task_work 8   bpf_refcount 4
 *     struct bpf_list_head 16   bpf_list_node 24   bpf_rb_root 16   bpf_rb_node 32
 *     a pointer tagged "kptr_untrusted", "kptr", "percpu_kptr" or "uptr"
 *
 * @source kernel/bpf/btf.c btf_find_field, btf_get_field_type, btf_parse_graph_root
 */
import { MAX_DEPTH, resolve, sizeOf, typeOf } from "./query.ts";
import type { Btf } from "./types.ts";

/** What a field is. */
export type SpecialKind =
  | "spin_lock"
  | "res_spin_lock"
  | "timer"
  | "wq"
  | "task_work"
  | "refcount"
  | "list_head"
  | "list_node"
  | "rb_root"
  | "rb_node"
  | "kptr_untrusted"
  | "kptr"
  | "percpu_kptr"
  | "uptr";

/** One such field. */
export interface SpecialField {
  readonly kind: SpecialKind;
  /** bytes from the value's start */
  readonly offset: number;
  /** bytes */
  readonly size: number;
  /** Of pointers and of heads of lists and trees: id of the struct that they lead to; otherwise 0. */
  readonly typeId: number;
  /** Of heads of lists and trees: where in that struct the node lies, bytes; otherwise 0. */
  readonly nodeOffset: number;
}

const STRUCTS: ReadonlyMap<string, SpecialKind> = new Map([
  ["bpf_spin_lock", "spin_lock"],
  ["bpf_res_spin_lock", "res_spin_lock"],
  ["bpf_timer", "timer"],
  ["bpf_wq", "wq"],
  ["bpf_task_work", "task_work"],
  ["bpf_refcount", "refcount"],
  ["bpf_list_head", "list_head"],
  ["bpf_list_node", "list_node"],
  ["bpf_rb_root", "rb_root"],
  ["bpf_rb_node", "rb_node"],
]);
const TAGS: ReadonlyMap<string, SpecialKind> = new Map([
  ["kptr_untrusted", "kptr_untrusted"],
  ["kptr", "kptr"],
  ["percpu_kptr", "percpu_kptr"],
  ["uptr", "uptr"],
]);
/** @source include/linux/btf.h BTF_FIELDS_MAX */
const MAX_FIELDS = 11;

/** Kinds of which a value may have one; with two of them the kernel sees no fields at all. */
const ONCE: readonly SpecialKind[] = ["timer", "wq", "task_work", "refcount"];

/** All of a value's type, by offset; the first eleven, as the kernel takes no more. */
export function specialFields(btf: Btf | null, typeId: number): readonly SpecialField[] {
  if (btf === null || typeId === 0) return [];
  const found: SpecialField[] = [];
  collect(btf, typeId, 0, 0, found);
  if (ONCE.some((kind) => found.filter((f) => f.kind === kind).length > 1)) return [];
  return found.slice(0, MAX_FIELDS).sort((a, b) => a.offset - b.offset);
}

function collect(btf: Btf, typeId: number, at: number, depth: number, found: SpecialField[]): void {
  if (depth > MAX_DEPTH || found.length >= MAX_FIELDS) return;
  const { type } = resolve(btf, typeId);
  if (type.kind === "array") {
    const bytes = sizeOf(btf, type.type) ?? 0;
    for (let i = 0; i < type.count && found.length < MAX_FIELDS; i++) {
      const before = found.length;
      collect(btf, type.type, at + i * bytes, depth + 1, found);
      if (found.length === before) return;
    }
    return;
  }
  if (type.kind === "ptr") {
    const kind = tagOf(btf, type.type);
    if (kind !== undefined) {
      found.push({ kind, offset: at, size: 8, typeId: resolve(btf, type.type).id, nodeOffset: 0 });
    }
    return;
  }
  if (type.kind !== "struct") return;
  type.members.forEach((member, index) => {
    const offset = at + (member.bitOffset >>> 3);
    const { id, type: inner } = resolve(btf, member.type);
    const kind = inner.kind === "struct" ? STRUCTS.get(inner.name) : undefined;
    if (kind === undefined || inner.kind !== "struct") {
      collect(btf, member.type, offset, depth + 1, found);
      return;
    }
    const isHead = kind === "list_head" || kind === "rb_root";
    const node = isHead ? contained(btf, resolve(btf, typeId).id, index) : { typeId: 0, nodeOffset: 0 };
    if (id !== 0) found.push({ kind, offset, size: inner.size, ...node });
  });
}

/** The kernel's meaning of a pointer's tag. */
function tagOf(btf: Btf, typeId: number): SpecialKind | undefined {
  for (let at = typeId, depth = 0; depth < MAX_DEPTH; depth++) {
    const type = typeOf(btf, at);
    if (type.kind === "type_tag") return TAGS.get(type.name);
    if (type.kind !== "const" && type.kind !== "volatile") return undefined;
    at = type.type;
  }
  return undefined;
}

/** `__contains(node_data, node)` on a member: struct node_data, and where its member `node` lies. */
function contained(btf: Btf, structId: number, member: number): { typeId: number; nodeOffset: number } {
  for (const tag of btf.types) {
    if (tag.kind !== "decl_tag" || tag.type !== structId || tag.component !== member) continue;
    const words = /^contains:([^:]+):(.+)$/.exec(tag.name);
    if (words === null) continue;
    const typeId = btf.types.findIndex((t) => t.kind === "struct" && t.name === words[1]);
    const type = typeOf(btf, typeId);
    const node = type.kind === "struct" ? type.members.find((m) => m.name === words[2]) : undefined;
    if (node !== undefined) return { typeId, nodeOffset: node.bitOffset >>> 3 };
  }
  return { typeId: 0, nodeOffset: 0 };
}
