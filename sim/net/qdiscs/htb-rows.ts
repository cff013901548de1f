/**
 * Which classes of htb may send: the rows of those that send on their own, level by level, the feeds of those that borrow, and the
 * queues of those that wait for tokens.
 * @source net/sched/sch_htb.c htb_activate_prios, htb_deactivate_prios, htb_change_class_mode, htb_do_events, htb_lookup_leaf
 */
import {
  HTB_CAN_SEND,
  HTB_CANT_SEND,
  HTB_MAX_DEPTH,
  HTB_MAY_BORROW,
  HTB_PRIOS,
  type HtbClass,
  type HtbFeed,
  htbFeeds,
} from "./htb-class.ts";

/** htb_sched's hlevel, row_mask and near_ev_cache. */
export class HtbRows {
  /** By level and priority. */
  private rows: readonly (readonly HtbFeed[])[] = makeRows();
  /** Bits of the priorities whose row is not empty, by level. */
  readonly rowMask: Int32Array = new Int32Array(HTB_MAX_DEPTH);
  /** By level, the first to wake first. */
  private readonly waiting: readonly HtbClass[][] = Array.from({ length: HTB_MAX_DEPTH }, () => []);
  /** Time of the next change of a mode, by level; the past: unknown. */
  readonly nextEventNs: Float64Array = new Float64Array(HTB_MAX_DEPTH);
  /** Path of htb_lookup_leaf through the feeds. */
  private readonly path: HtbFeed[] = [];

  row(level: number, prio: number): HtbFeed {
    return this.rows[level]![prio]!;
  }

  /** htb_reset: nobody is active or waits. */
  clear(): void {
    this.rows = makeRows();
    this.rowMask.fill(0);
    for (const queue of this.waiting) {
      for (const cl of queue) cl.wakeNs = -1;
      queue.length = 0;
    }
  }

  /** htb_activate: a leaf has got something to send. */
  activate(cl: HtbClass): void {
    if (cl.activity !== 0) return;
    cl.activity = 1 << cl.prio;
    this.link(cl);
  }

  /** htb_deactivate: a leaf has nothing any more. */
  deactivate(cl: HtbClass): void {
    if (cl.activity === 0) return;
    this.unlink(cl);
    cl.activity = 0;
  }

  /** htb_change_class_mode. @returns the time until its next change, ns; meaningless for one that can send */
  changeMode(cl: HtbClass, elapsedNs: number): number {
    const mode = cl.modeAfter(elapsedNs);
    if (mode !== cl.mode) {
      if (cl.activity === 0) cl.mode = mode;
      else {
        if (cl.mode !== HTB_CANT_SEND) this.unlink(cl);
        cl.mode = mode;
        if (mode !== HTB_CANT_SEND) this.link(cl);
      }
    }
    return mode === HTB_CAN_SEND ? 0 : cl.waitAfter(elapsedNs, mode);
  }

  /** htb_add_to_wait_tree */
  wait(cl: HtbClass, delayNs: number, nowNs: number): void {
    cl.wakeNs = nowNs + (delayNs === 0 ? 1 : delayNs);
    if (this.nextEventNs[cl.level]! > cl.wakeNs) this.nextEventNs[cl.level] = cl.wakeNs;
    const queue = this.waiting[cl.level]!;
    let i = queue.length;
    queue.push(cl);
    while (i > 0 && queue[i - 1]!.wakeNs > cl.wakeNs) {
      queue[i] = queue[i - 1]!;
      i--;
    }
    queue[i] = cl;
  }

  /** Takes a class out of the queue that it waits in. */
  stopWaiting(cl: HtbClass): void {
    if (cl.wakeNs < 0) return;
    const queue = this.waiting[cl.level]!;
    queue.splice(queue.indexOf(cl), 1);
    cl.wakeNs = -1;
  }

  firstWaiting(level: number): HtbClass | null {
    return this.waiting[level]![0] ?? null;
  }

  /** htb_lookup_leaf: follows the pointers from a row down to the leaf whose turn it is. */
  lookupLeaf(row: HtbFeed, prio: number): HtbClass | null {
    if (row.isEmpty) return null;
    const path = this.path;
    path.length = 1;
    path[0] = row;
    for (;;) {
      const at = path[path.length - 1]!;
      at.recover();
      const cl = at.ptr;
      if (cl === null) {
        // right end: begin anew, and go up and on
        at.ptr = at.first;
        if (path.length > 1) {
          path.pop();
          const up = path[path.length - 1]!;
          if (up.ptr === null) return null;
          up.advance();
        }
      } else {
        if (cl.level === 0) return cl;
        const feed = cl.feeds[prio]!;
        if (feed.isEmpty) return null;
        path.push(feed);
      }
    }
  }

  /** htb_activate_prios: into the feeds of those it borrows from, or into its row. */
  private link(leaf: HtbClass): void {
    let cl = leaf;
    let mask = cl.activity;
    for (let up = cl.above; cl.mode === HTB_MAY_BORROW && up !== null && mask !== 0; up = cl.above) {
      const before = mask;
      for (let prio = 0; prio < HTB_PRIOS; prio++) {
        if ((before & (1 << prio)) === 0) continue;
        const feed = up.feeds[prio]!;
        // the class above is active at that priority already
        if (!feed.isEmpty) mask &= ~(1 << prio);
        feed.add(cl);
      }
      up.activity |= mask;
      cl = up;
    }
    if (cl.mode !== HTB_CAN_SEND || mask === 0) return;
    this.rowMask[cl.level]! |= mask;
    for (let prio = 0; prio < HTB_PRIOS; prio++) if ((mask & (1 << prio)) !== 0) this.row(cl.level, prio).add(cl);
  }

  /** htb_deactivate_prios: cl.mode is still the one in which it was linked. */
  private unlink(leaf: HtbClass): void {
    let cl = leaf;
    let mask = cl.activity;
    for (let up = cl.above; cl.mode === HTB_MAY_BORROW && up !== null && mask !== 0; up = cl.above) {
      const before = mask;
      mask = 0;
      for (let prio = 0; prio < HTB_PRIOS; prio++) {
        if ((before & (1 << prio)) === 0) continue;
        const feed = up.feeds[prio]!;
        if (feed.ptr === cl) {
          feed.lastId = cl.classid;
          feed.ptr = null;
        }
        feed.remove(cl);
        if (feed.isEmpty) mask |= 1 << prio;
      }
      up.activity &= ~mask;
      cl = up;
    }
    if (cl.mode !== HTB_CAN_SEND || mask === 0) return;
    for (let prio = 0; prio < HTB_PRIOS; prio++) {
      if ((mask & (1 << prio)) === 0) continue;
      const row = this.row(cl.level, prio);
      if (row.ptr === cl) row.advance();
      row.remove(cl);
      if (row.isEmpty) this.rowMask[cl.level]! &= ~(1 << prio);
    }
  }
}

function makeRows(): readonly (readonly HtbFeed[])[] {
  return Array.from({ length: HTB_MAX_DEPTH }, htbFeeds);
}
