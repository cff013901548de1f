/**
 * Qdiscs with classes, and what a class is: grafting, changing, deleting. `tree.ts` and `class-tree.ts` call this on
 * behalf of `tc qdisc` and `tc class`.
 * @source include/net/sch_generic.h struct Qdisc_class_ops; net/sched/sch_api.c tc_ctl_tclass, qdisc_graft
 */
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { QdiscStats } from "../qdisc.ts";
import type { FilterBlock } from "../tc/classify.ts";
import { QdiscBase, type QdiscSite } from "./base.ts";
import type { EstimatorSpec, RateEstimator } from "./estimator.ts";
import type { QdiscOptions } from "./params.ts";

/** A class: one of the places below a classful qdisc. Each kind adds its own state. */
export abstract class QdiscClass {
  readonly classid: number;
  /** The qdisc below it; null for inner classes and for classes that stand for a flow. */
  child: QdiscBase | null = null;
  /** `tc class add ... estimator`, null without one. */
  estimator: RateEstimator | null = null;

  constructor(classid: number) {
    this.classid = classid;
  }

  /** As `tc class show` has it: TC_H_ROOT, the qdisc's handle, or a class. */
  abstract get parent(): number;
  /**
   * Puts a qdisc below it, and what was there is emptied on its way out (qdisc_replace).
   * @param child null: what the kind has there by default
   * @returns the one that was there
   * @throws NetlinkError
   */
  abstract graft(child: QdiscBase | null): QdiscBase;
  /** qlen_notify: its qdisc has become empty by other means than dequeueing. */
  qlenNotify(): void {}
  /** The part of `tc class show` behind the leaf. @param details as `tc -d` has it */
  print(_details: boolean): string {
    return "";
  }
  /** tc shows sent bytes and packets; false for flows, which only count what waits. */
  readonly countsSent: boolean = true;
  /** The counters of `tc -s class show`, null for kinds whose classes count nothing. */
  stats(): QdiscStats | null {
    return null;
  }
  /** What `tc -s` prints below them, lines with newlines. */
  printXstats(): string {
    return "";
  }
}

/** What `tc class add|change|replace` asks of a qdisc. */
export interface ClassRequest {
  /** 0: none was given. */
  readonly classid: number;
  /** TC_H_ROOT, the qdisc's handle, a class, or 0: none was given. */
  readonly parent: number;
  /** null: no words behind the kind, or no kind. */
  readonly options: QdiscOptions | null;
  readonly estimator: EstimatorSpec | null;
}

/** The base of kinds with classes. */
export abstract class ClassfulQdisc extends QdiscBase {
  /** In the order of `tc class show`. */
  abstract classes(): readonly QdiscClass[];
  abstract findClass(classid: number): QdiscClass | undefined;

  /**
   * Makes a class or changes one.
   * @returns a warning of the kernel (extack of a request that succeeded), or ""
   * @throws NetlinkError
   */
  changeClass(_req: ClassRequest): string {
    throw new NetlinkError(ERRNO.EOPNOTSUPP);
  }
  /** @throws NetlinkError EOPNOTSUPP for kinds whose classes are fixed, EBUSY while it is in use */
  deleteClass(_classid: number): void {
    throw new NetlinkError(ERRNO.EOPNOTSUPP);
  }
  /** tcf_block of the qdisc (`cl` null) or of a class. @throws NetlinkError where the kind takes no filters */
  blockOf(_cl: QdiscClass | null): FilterBlock {
    throw new NetlinkError(ERRNO.EOPNOTSUPP, "Class doesn't support blocks");
  }

  override qlenNotify(classid: number): void {
    this.findClass(classid)?.qlenNotify();
  }

  override destroy(): void {
    super.destroy();
    for (const cl of this.classes()) cl.child?.destroy();
  }

  /** qdisc_replace: the new one stands there already. */
  protected retire(old: QdiscBase): QdiscBase {
    old.purgeQueue();
    return old;
  }

  /** Where a default child of a class stands. */
  protected siteOf(classid: number): QdiscSite {
    return { dev: this.dev, txq: this.txq, handle: 0, parent: classid, upper: this };
  }
}
