/**
 * Kfuncs on objects that programs allocate: making and dropping them, lists and trees of them.
 * The arguments `meta__ign` and `off` of the kernel's functions are filled in by its verifier; here the objects know them themselves.
 * @source kernel/bpf/helpers.c bpf_obj_new_impl, bpf_list_push_front_impl, bpf_rbtree_add_impl and their kin. Costs: estimates
 */
import type { BpfEnv } from "../env.ts";
import type { KfuncDef } from "../helper.ts";
import { GENERIC_KFUNC_KINDS } from "../prog-kinds.ts";

const plain = {
  gplOnly: false,
  progKinds: GENERIC_KFUNC_KINDS,
  mapKinds: null,
  changesPacket: false,
  since: "6.2",
  flags: [],
  costNs: 5,
} as const;
const found = { ...plain, ret: "obj_or_null", flags: ["RET_NULL"] } as const;

/** `bpf_obj_new_impl`: an object of a struct of the program's own BTF. */
export const objNew: KfuncDef = {
  ...found,
  name: "bpf_obj_new_impl",
  args: ["u32", "prog"],
  flags: ["ACQUIRE", "RET_NULL"],
  costNs: 30,
  call: (env: BpfEnv, typeId: number, program: number): number =>
    env.machine.objects.create(env.machine.programOfIndex(program)?.spec.btf, typeId),
};

/** `bpf_obj_drop_impl`. */
export const objDrop: KfuncDef = {
  ...plain,
  name: "bpf_obj_drop_impl",
  args: ["obj"],
  ret: "void",
  flags: ["RELEASE"],
  costNs: 25,
  call(env: BpfEnv, object: number): number {
    env.machine.objects.drop(object);
    return 0;
  },
};

/** `bpf_refcount_acquire_impl`. */
export const refcountAcquire: KfuncDef = {
  ...found,
  name: "bpf_refcount_acquire_impl",
  since: "6.4",
  args: ["obj"],
  flags: ["ACQUIRE", "RET_NULL"],
  call: (env: BpfEnv, object: number): number => env.machine.objects.acquire(object),
};

/** `bpf_list_push_front_impl`. */
export const listPushFront: KfuncDef = {
  ...plain,
  name: "bpf_list_push_front_impl",
  args: ["map_field", "obj"],
  ret: "int",
  call: (env: BpfEnv, head: number, node: number): number => env.machine.graph.push(head, node, false),
};

/** `bpf_list_push_back_impl`. */
export const listPushBack: KfuncDef = {
  ...plain,
  name: "bpf_list_push_back_impl",
  args: ["map_field", "obj"],
  ret: "int",
  call: (env: BpfEnv, head: number, node: number): number => env.machine.graph.push(head, node, true),
};

/** `bpf_list_pop_front`. */
export const listPopFront: KfuncDef = {
  ...found,
  name: "bpf_list_pop_front",
  args: ["map_field"],
  flags: ["ACQUIRE", "RET_NULL"],
  call: (env: BpfEnv, head: number): number => env.machine.graph.pop(head, false),
};

/** `bpf_list_pop_back`. */
export const listPopBack: KfuncDef = {
  ...found,
  name: "bpf_list_pop_back",
  args: ["map_field"],
  flags: ["ACQUIRE", "RET_NULL"],
  call: (env: BpfEnv, head: number): number => env.machine.graph.pop(head, true),
};

/** `bpf_list_front`: without taking it. */
export const listFront: KfuncDef = {
  ...found,
  name: "bpf_list_front",
  since: "6.16",
  args: ["map_field"],
  call: (env: BpfEnv, head: number): number => env.machine.graph.end(head, false),
};

/** `bpf_list_back`: without taking it. */
export const listBack: KfuncDef = {
  ...found,
  name: "bpf_list_back",
  since: "6.16",
  args: ["map_field"],
  call: (env: BpfEnv, head: number): number => env.machine.graph.end(head, true),
};

/** `bpf_rbtree_add_impl`: the callback says whether the first of two nodes comes before the second. */
export const rbtreeAdd: KfuncDef = {
  ...plain,
  name: "bpf_rbtree_add_impl",
  since: "6.3",
  args: ["map_field", "obj", "func"],
  ret: "int",
  costNs: 15,
  call: (env: BpfEnv, root: number, node: number, less: number): number =>
    env.machine.graph.add(root, node, (a, b) => (env.machine.callback(less, a, b, 0, 0) & 1) !== 0),
};

/** `bpf_rbtree_remove`. */
export const rbtreeRemove: KfuncDef = {
  ...found,
  name: "bpf_rbtree_remove",
  since: "6.3",
  args: ["map_field", "obj"],
  flags: ["ACQUIRE", "RET_NULL"],
  costNs: 12,
  call: (env: BpfEnv, root: number, node: number): number => env.machine.graph.remove(root, node),
};

/** `bpf_rbtree_first`: the least node. */
export const rbtreeFirst: KfuncDef = {
  ...found,
  name: "bpf_rbtree_first",
  since: "6.3",
  args: ["map_field"],
  call: (env: BpfEnv, root: number): number => env.machine.graph.look(root, 0, "first"),
};

/** `bpf_rbtree_root`. */
export const rbtreeRoot: KfuncDef = {
  ...found,
  name: "bpf_rbtree_root",
  since: "6.16",
  args: ["map_field"],
  call: (env: BpfEnv, root: number): number => env.machine.graph.look(root, 0, "root"),
};

/** `bpf_rbtree_left`. */
export const rbtreeLeft: KfuncDef = {
  ...found,
  name: "bpf_rbtree_left",
  since: "6.16",
  args: ["map_field", "obj"],
  call: (env: BpfEnv, root: number, node: number): number => env.machine.graph.look(root, node, "left"),
};

/** `bpf_rbtree_right`. */
export const rbtreeRight: KfuncDef = {
  ...found,
  name: "bpf_rbtree_right",
  since: "6.16",
  args: ["map_field", "obj"],
  call: (env: BpfEnv, root: number, node: number): number => env.machine.graph.look(root, node, "right"),
};
