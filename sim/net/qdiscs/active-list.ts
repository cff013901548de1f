/** The round of classes that have packets: a list in which a class stands once, and from which it can be taken anywhere. */

/** What may stand in the list. */
export interface Active<T> {
  before: T | null;
  after: T | null;
  isActive: boolean;
}

/** list_head of the kernel, as drr and ets use it. */
export class ActiveList<T extends Active<T>> {
  first: T | null = null;
  private last: T | null = null;

  /** list_add_tail; one that is there already stays where it is. */
  add(cl: T): void {
    if (cl.isActive) return;
    cl.isActive = true;
    cl.before = this.last;
    if (this.last === null) this.first = cl;
    else this.last.after = cl;
    this.last = cl;
  }

  /** list_del_init: may be called for one that is not there. */
  remove(cl: T): void {
    if (!cl.isActive) return;
    if (cl.before === null) this.first = cl.after;
    else cl.before.after = cl.after;
    if (cl.after === null) this.last = cl.before;
    else cl.after.before = cl.before;
    cl.before = null;
    cl.after = null;
    cl.isActive = false;
  }

  /** list_move_tail */
  moveToEnd(cl: T): void {
    this.remove(cl);
    this.add(cl);
  }
}
