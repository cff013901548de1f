/**
 * Allocated objects and what holds them: lists, trees, kptrs.
 *
 *     list head: +0 u64 first node | +8 u64 last node; itself or 0 when empty
 *     list node: +0 u64 next | +8 u64 previous (the head at either end) | +16 u64 the head that it is in, 0 when in none
 *
 * @source kernel/bpf/helpers.c __bpf_list_add, __bpf_list_del, __bpf_rbtree_add, bpf_rbtree_remove, bpf_obj_free_fields
 */
import type { Arena } from "../engine/arena.ts";
import { VerifierError } from "../engine/errors.ts";
import type { SpecialField } from "./btf/special-fields.ts";
import { EINVAL } from "./maps/errno.ts";
import { invalidObject, type KernelObjects } from "./objects.ts";
import { RbTrees } from "./rb-tree.ts";

const NEXT = 0;
const PREV = 8;
const OWNER = 16;

/** The lists and trees of one machine. */
export class ObjectGraph {
  private readonly arena: Arena;
  private readonly objects: KernelObjects;
  private readonly trees: RbTrees;

  constructor(arena: Arena, objects: KernelObjects) {
    this.arena = arena;
    this.objects = objects;
    this.trees = new RbTrees(arena);
  }

  /** Adds a node in front or at the back. @returns 0, or -EINVAL and the object dropped when it was in a list already */
  push(head: number, node: number, back: boolean): number {
    this.check(head, "list_head");
    const start = this.check(node, "list_node");
    if (this.get(node + OWNER) !== 0) {
      this.objects.drop(start);
      return -EINVAL;
    }
    if (this.get(head) === 0) this.initHead(head);
    const prev = back ? this.linked(head, this.get(head + PREV)) : head;
    const next = back ? head : this.linked(head, this.get(head + NEXT));
    this.set(node + NEXT, next);
    this.set(node + PREV, prev);
    this.set(prev + NEXT, node);
    this.set(next + PREV, node);
    this.set(node + OWNER, head);
    return 0;
  }

  /** Takes the first or last node. @returns its address, 0 when the list is empty */
  pop(head: number, back: boolean): number {
    const node = this.end(head, back);
    if (node === 0) return 0;
    const prev = this.linked(head, this.get(node + PREV));
    const next = this.linked(head, this.get(node + NEXT));
    this.set(prev + NEXT, next);
    this.set(next + PREV, prev);
    for (const off of [NEXT, PREV, OWNER]) this.set(node + off, 0);
    return node;
  }

  /** The first or last node, 0 when the list is empty. */
  end(head: number, back: boolean): number {
    this.check(head, "list_head");
    const node = this.get(head + (back ? PREV : NEXT));
    return node === 0 || this.linked(head, node) === head ? 0 : node;
  }

  /** @returns the address, which is the list's head or a node in it. @throws VerifierError OBJECT_INVALID when it is neither */
  private linked(head: number, at: number): number {
    if (at === head) return at;
    this.check(at, "list_node");
    if (this.get(at + OWNER) !== head) throw invalidObject();
    return at;
  }

  /** Adds a node to a tree. @returns 0, or -EINVAL and the object dropped when it was in a tree already */
  add(root: number, node: number, less: (node: number, other: number) => boolean): number {
    this.check(root, "rb_root");
    const start = this.check(node, "rb_node");
    if (this.trees.ownerOf(node) !== 0) {
      this.objects.drop(start);
      return -EINVAL;
    }
    this.trees.add(root, node, less);
    return 0;
  }

  /** Takes a node out of a tree. @returns the node, 0 when it is not in this tree */
  remove(root: number, node: number): number {
    this.check(root, "rb_root");
    this.check(node, "rb_node");
    if (this.trees.ownerOf(node) !== root) return 0;
    this.trees.remove(root, node);
    return node;
  }

  /** The least node of a tree, its root, or a child of a node of it; 0 where there is none. */
  look(root: number, node: number, which: "first" | "root" | "left" | "right"): number {
    this.check(root, "rb_root");
    if (which === "first") return this.trees.first(root);
    if (which === "root") return this.trees.rootOf(root);
    this.check(node, "rb_node");
    if (this.trees.ownerOf(node) !== root) return 0;
    return which === "left" ? this.trees.left(node) : this.trees.right(node);
  }

  /** Ends what a field of a value or object holds; what a program wrote over and leads nowhere stays allocated. */
  dropField(field: SpecialField, at: number): void {
    try {
      this.dropHeld(field, at);
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
    }
  }

  private dropHeld(field: SpecialField, at: number): void {
    switch (field.kind) {
      case "kptr":
      case "percpu_kptr": {
        const object = this.get(at);
        this.set(at, 0);
        if (object !== 0) this.objects.drop(object);
        return;
      }
      case "list_head":
        for (let node = this.pop(at, false); node !== 0; node = this.pop(at, false)) {
          this.objects.drop(node - field.nodeOffset);
        }
        return;
      case "rb_root":
        for (let node = this.trees.rootOf(at); node !== 0; node = this.trees.rootOf(at)) {
          this.trees.remove(at, node);
          this.objects.drop(node - field.nodeOffset);
        }
        return;
      default:
        return;
    }
  }

  /**
   * A field of that kind may lie there: in an object it must be one of its fields, in a map value the map's own type says so.
   * @returns the object's first byte, 0 when it is no object
   * @throws VerifierError OBJECT_INVALID
   */
  private check(at: number, kind: SpecialField["kind"]): number {
    const found = this.objects.find(at);
    const isNode = kind === "list_node" || kind === "rb_node";
    if (found === null) {
      if (isNode || this.arena.allows(at, 16, true) !== true) throw invalidObject();
      return 0;
    }
    if (!found.fields.some((f) => f.kind === kind && found.start + f.offset === at)) throw invalidObject();
    return found.start;
  }

  private initHead(head: number): void {
    this.set(head + NEXT, head);
    this.set(head + PREV, head);
  }

  private get(at: number): number {
    return this.arena.dv.getUint32(at, true);
  }

  private set(at: number, value: number): void {
    this.arena.dv.setUint32(at, value, true);
    this.arena.dv.setUint32(at + 4, 0, true);
  }
}
