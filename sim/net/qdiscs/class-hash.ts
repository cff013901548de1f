/** Classes by id, in the order in which the kernel walks them. @source net/sched/sch_api.c qdisc_class_hash_insert, qdisc_class_hash_grow; include/net/sch_generic.h qdisc_class_hash */

/** A hash table of chains; the newest class is the first of its chain. */
export class ClassHash<T extends { readonly classid: number }> {
  private readonly byId: Map<number, T> = new Map();
  private chains: T[][] = [[], [], [], []];

  get(classid: number): T | undefined {
    return this.byId.get(classid);
  }

  get size(): number {
    return this.byId.size;
  }

  insert(cl: T): void {
    this.byId.set(cl.classid, cl);
    this.chains[hash(cl.classid, this.chains.length - 1)]!.unshift(cl);
    // qdisc_class_hash_grow: above three quarters
    if (this.byId.size * 4 > this.chains.length * 3) this.grow();
  }

  remove(cl: T): void {
    this.byId.delete(cl.classid);
    const chain = this.chains[hash(cl.classid, this.chains.length - 1)]!;
    chain.splice(chain.indexOf(cl), 1);
  }

  /** In the order of `tc class show`. */
  list(): readonly T[] {
    return this.chains.flat();
  }

  private grow(): void {
    const all = this.list();
    const n = this.chains.length * 2;
    this.chains = Array.from({ length: n }, () => []);
    for (const cl of all) this.chains[hash(cl.classid, n - 1)]!.unshift(cl);
  }
}

function hash(classid: number, mask: number): number {
  let id = classid;
  id ^= id >>> 8;
  id ^= id >>> 4;
  return id & mask;
}
