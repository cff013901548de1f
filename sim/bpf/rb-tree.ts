/**
 * Red-black trees in the arena. Programs see their shape by bpf_rbtree_left and bpf_rbtree_right, so it is Linux's to the node.
 *
 *     root: +0 u64 node | +8 u64 leftmost
 *     node: +0 u64 parent, bit 0: black | +8 u64 right | +16 u64 left | +24 u64 the root that it is in, 0 when in none
 *
 * A program without a verifier can write into the nodes. So each address is looked at before it is used, and a walk that does not end
 * is stopped.
 * @source lib/rbtree.c __rb_insert, __rb_erase_augmented, ____rb_erase_color; include/linux/rbtree.h
 */
import type { Arena } from "../engine/arena.ts";
import { VerifierError } from "../engine/errors.ts";

const RIGHT = 8;
const LEFT = 16;
const OWNER = 24;
const LEFTMOST = 8;
const BLACK = 1;
/** Steps that one operation may take: far more than a tree of all objects that memory holds needs. */
const MAX_STEPS = 4096;

/** The trees of one arena; nodes and roots are addresses. */
export class RbTrees {
  private readonly arena: Arena;
  private steps: number = 0;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  private get(at: number): number {
    if (++this.steps > MAX_STEPS || this.arena.allows(at, 4, true) !== true) throw corruptTree();
    return this.arena.dv.getUint32(at, true);
  }

  private set(at: number, value: number): void {
    if (this.arena.allows(at, 4, true) !== true) throw corruptTree();
    this.arena.dv.setUint32(at, value, true);
  }

  /** The root node, 0 when the tree is empty. */
  rootOf(root: number): number {
    this.steps = 0;
    return this.get(root);
  }

  /** The least node, 0 when the tree is empty. */
  first(root: number): number {
    this.steps = 0;
    return this.get(root + LEFTMOST);
  }

  left(node: number): number {
    return this.get(node + LEFT);
  }

  right(node: number): number {
    return this.get(node + RIGHT);
  }

  /** The root of the tree that a node is in, 0 when in none. */
  ownerOf(node: number): number {
    this.steps = 0;
    return this.get(node + OWNER);
  }

  /** Adds a node that is in no tree. @param less the node comes before another one */
  add(root: number, node: number, less: (node: number, other: number) => boolean): void {
    this.steps = 0;
    let parent = 0;
    let link = root;
    let leftmost = true;
    for (let at = this.get(link); at !== 0; at = this.get(link)) {
      parent = at;
      if (less(node, at)) link = at + LEFT;
      else {
        link = at + RIGHT;
        leftmost = false;
      }
    }
    this.set(node, parent);
    this.set(node + LEFT, 0);
    this.set(node + RIGHT, 0);
    this.set(node + OWNER, root);
    this.set(link, node);
    if (leftmost) this.set(root + LEFTMOST, node);
    this.insertColor(root, node);
  }

  /** Takes a node out of the tree that it is in. */
  remove(root: number, node: number): void {
    this.steps = 0;
    if (this.get(root + LEFTMOST) === node) this.set(root + LEFTMOST, this.next(node));
    this.erase(root, node);
    for (const off of [0, RIGHT, LEFT, OWNER]) this.set(node + off, 0);
  }

  private parent(node: number): number {
    return this.get(node) & ~3;
  }

  private isBlack(node: number): boolean {
    return (this.get(node) & BLACK) !== 0;
  }

  private setParentColor(node: number, parent: number, color: number): void {
    this.set(node, parent | color);
  }

  private next(node: number): number {
    let at = this.right(node);
    if (at !== 0) {
      for (let l = this.left(at); l !== 0; l = this.left(at)) at = l;
      return at;
    }
    let below = node;
    for (at = this.parent(node); at !== 0 && this.right(at) === below; at = this.parent(at)) below = at;
    return at;
  }

  private changeChild(old: number, node: number, parent: number, root: number): void {
    if (parent === 0) this.set(root, node);
    else if (this.left(parent) === old) this.set(parent + LEFT, node);
    else this.set(parent + RIGHT, node);
  }

  private rotateSetParents(old: number, node: number, root: number, color: number): void {
    const parent = this.parent(old);
    this.set(node, this.get(old));
    this.setParentColor(old, node, color);
    this.changeChild(old, node, parent, root);
  }

  private insertColor(root: number, inserted: number): void {
    let node = inserted;
    let parent = this.parent(node);
    for (;;) {
      if (parent === 0) {
        this.setParentColor(node, 0, BLACK);
        return;
      }
      if (this.isBlack(parent)) return;
      const gparent = this.parent(parent);
      // the two sides mirror each other
      const [near, far] = this.right(gparent) === parent ? [LEFT, RIGHT] : [RIGHT, LEFT];
      const uncle = this.get(gparent + near);
      if (uncle !== 0 && !this.isBlack(uncle)) {
        this.setParentColor(uncle, gparent, BLACK);
        this.setParentColor(parent, gparent, BLACK);
        node = gparent;
        parent = this.parent(node);
        this.setParentColor(node, parent, 0);
        continue;
      }
      let child = this.get(parent + near);
      if (node === child) {
        child = this.get(node + far);
        this.set(parent + near, child);
        this.set(node + far, parent);
        if (child !== 0) this.setParentColor(child, parent, BLACK);
        this.setParentColor(parent, node, 0);
        parent = node;
        child = this.get(node + near);
      }
      this.set(gparent + far, child);
      this.set(parent + near, gparent);
      if (child !== 0) this.setParentColor(child, gparent, BLACK);
      this.rotateSetParents(gparent, parent, root, 0);
      return;
    }
  }

  private erase(root: number, node: number): void {
    const child = this.right(node);
    const low = this.left(node);
    let rebalance = 0;
    if (low === 0 || child === 0) {
      const only = low === 0 ? child : low;
      const pc = this.get(node);
      const parent = pc & ~3;
      this.changeChild(node, only, parent, root);
      if (only !== 0) this.set(only, pc);
      else if ((pc & BLACK) !== 0) rebalance = parent;
    } else rebalance = this.eraseInner(root, node, child, low);
    if (rebalance !== 0) this.eraseColor(root, rebalance);
  }

  /** A node with two children: its successor takes its place. @returns the parent from which to rebalance, or 0 */
  private eraseInner(root: number, node: number, child: number, low: number): number {
    let successor = child;
    let parent: number;
    let child2: number;
    if (this.left(child) === 0) {
      parent = successor;
      child2 = this.right(successor);
    } else {
      do {
        parent = successor;
        successor = this.left(successor);
      } while (this.left(successor) !== 0);
      child2 = this.right(successor);
      this.set(parent + LEFT, child2);
      this.set(successor + RIGHT, child);
      this.setParentColor(child, successor, this.get(child) & BLACK);
    }
    this.set(successor + LEFT, low);
    this.setParentColor(low, successor, this.get(low) & BLACK);
    const pc = this.get(node);
    this.changeChild(node, successor, pc & ~3, root);
    let rebalance = 0;
    if (child2 !== 0) this.setParentColor(child2, parent, BLACK);
    else if (this.isBlack(successor)) rebalance = parent;
    this.set(successor, pc);
    return rebalance;
  }

  private eraseColor(root: number, from: number): void {
    let node = 0;
    let parent = from;
    for (;;) {
      const [near, far] = this.right(parent) !== node ? [LEFT, RIGHT] : [RIGHT, LEFT];
      let sibling = this.get(parent + far);
      if (!this.isBlack(sibling)) {
        const inner = this.get(sibling + near);
        this.set(parent + far, inner);
        this.set(sibling + near, parent);
        this.setParentColor(inner, parent, BLACK);
        this.rotateSetParents(parent, sibling, root, 0);
        sibling = inner;
      }
      let outer = this.get(sibling + far);
      if (outer === 0 || this.isBlack(outer)) {
        const inner = this.get(sibling + near);
        if (inner === 0 || this.isBlack(inner)) {
          this.setParentColor(sibling, parent, 0);
          if (!this.isBlack(parent)) {
            this.set(parent, this.get(parent) | BLACK);
            return;
          }
          node = parent;
          parent = this.parent(node);
          if (parent === 0) return;
          continue;
        }
        const moved = this.get(inner + far);
        this.set(sibling + near, moved);
        this.set(inner + far, sibling);
        this.set(parent + far, inner);
        if (moved !== 0) this.setParentColor(moved, sibling, BLACK);
        outer = sibling;
        sibling = inner;
      }
      const moved = this.get(sibling + near);
      this.set(parent + far, moved);
      this.set(sibling + near, parent);
      this.setParentColor(outer, sibling, BLACK);
      if (moved !== 0) this.set(moved, parent | (this.get(moved) & BLACK));
      this.rotateSetParents(parent, sibling, root, BLACK);
      return;
    }
  }
}

function corruptTree(): VerifierError {
  const message = "a bpf_rb_root or bpf_rb_node was written to by the program: it leads nowhere";
  return new VerifierError({ code: "OBJECT_INVALID", message });
}
