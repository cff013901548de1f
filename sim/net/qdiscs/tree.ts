/**
 * Adding, replacing, changing and deleting qdiscs, with the kernel's rules and words.
 * @source net/sched/sch_api.c __tc_modify_qdisc, __tc_get_qdisc, qdisc_graft, qdisc_leaf; net/sched/cls_api.c __tcf_qdisc_find,
 *         __tcf_qdisc_cl_find
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { FilterBlock } from "../tc/classify.ts";
import type { QdiscBase, QdiscDef } from "./base.ts";
import { TC_H_ROOT } from "./base.ts";
import { ClassfulQdisc, type QdiscClass } from "./classful.ts";
import type { EstimatorSpec } from "./estimator.ts";
import { attachDefaultQdisc, installRoot } from "./index.ts";
import type { QdiscOptions } from "./params.ts";

/** How `tc qdisc` asks: add = CREATE|EXCL, replace = CREATE|REPLACE, change = none, link = REPLACE. */
export type QdiscVerb = "add" | "replace" | "change" | "link";

/** What `tc qdisc` asks for. */
export interface QdiscRequest {
  readonly verb: QdiscVerb;
  /** null: `change` without a kind. */
  readonly def: QdiscDef | null;
  /** null: no TCA_OPTIONS; `change` changes nothing then. */
  readonly options: QdiscOptions | null;
  /** TC_H_ROOT, a class id, or 0: none given. */
  readonly parent: number;
  /** 0: none given. */
  readonly handle: number;
  /** `estimator`; absent for none. */
  readonly estimator?: EstimatorSpec | null;
}

/** Bits of the hash that the kernel keeps a device's qdiscs in. */
const QDISC_HASH_BITS = 4;
const DEFAULT_TX_QUEUE_LEN = 1000;
const GOLDEN_RATIO_32 = 0x61c88647;

/**
 * The qdiscs of a device that `tc qdisc show` shows, in its order: the root, then the kernel's hash, bucket by bucket, the newest first.
 * The default child of a class is invisible, those of mq are not.
 */
export function listQdiscs(dev: Netdev): readonly QdiscBase[] {
  const root = dev.rootQdisc as QdiscBase | null;
  if (root === null) return [];
  const below: QdiscBase[] = [];
  const visit = (q: QdiscBase): void => {
    if (!(q instanceof ClassfulQdisc)) return;
    for (const { child } of q.classes()) {
      if (child === null || (child.handle === 0 && q.kind !== "mq")) continue;
      below.push(child);
      visit(child);
    }
  };
  visit(root);
  return [root, ...below.sort((a, b) => bucketOf(a) - bucketOf(b) || b.serial - a.serial)];
}

/** hash_32 of the handle. */
function bucketOf(q: QdiscBase): number {
  return Math.imul(q.handle, GOLDEN_RATIO_32) >>> (32 - QDISC_HASH_BITS);
}

/** qdisc_lookup. @returns the qdisc with that handle (major number in the upper half), or undefined */
export function findQdisc(dev: Netdev, handle: number): QdiscBase | undefined {
  return handle === 0 ? undefined : listQdiscs(dev).find((q) => q.handle === handle);
}

/** The major number of a class id: the handle of its qdisc. */
export function majorOf(id: number): number {
  return (id & 0xffff0000) >>> 0;
}

/** RTM_NEWQDISC. @throws NetlinkError with the kernel's extack */
export function modifyQdisc(dev: Netdev, req: QdiscRequest): void {
  const create = req.verb === "add" || req.verb === "replace";
  const replace = req.verb === "replace" || req.verb === "link";
  let q: QdiscBase | undefined;
  if (req.parent === 0) {
    if (req.handle === 0) throw new NetlinkError(ERRNO.EINVAL, "Handle cannot be zero");
    q = findQdisc(dev, req.handle);
    if (q === undefined) throw new NetlinkError(ERRNO.ENOENT, "Specified qdisc not found");
    changeQdisc(q, req);
    return;
  }
  if (req.parent === TC_H_ROOT) q = (dev.rootQdisc as QdiscBase | null) ?? undefined;
  else q = leafOf(dev, req.parent, "Failed to find specified qdisc");
  if (q !== undefined && q.handle === 0) q = undefined;

  if (q === undefined || req.handle === 0 || q.handle !== req.handle) {
    if (req.handle !== 0) {
      if (q !== undefined && !replace) throw new NetlinkError(ERRNO.EEXIST, "NLM_F_REPLACE needed to override");
      if ((req.handle & 0xffff) !== 0) throw new NetlinkError(ERRNO.EINVAL, "Invalid minor handle");
      if (findQdisc(dev, req.handle) === undefined) {
        createAndGraft(dev, req, create);
        return;
      }
      throw new NetlinkError(ERRNO.EINVAL, "Cannot move an existing qdisc to a different parent");
    }
    if (q === undefined) {
      createAndGraft(dev, req, create);
      return;
    }
    // another kind without a handle is grafted in its place by all but link, also by change
    if (req.def !== null && req.def.kind !== q.kind && req.verb !== "link") {
      createAndGraft(dev, req, true);
      return;
    }
  }
  changeQdisc(q, req);
}

/** RTM_DELQDISC. @throws NetlinkError with the kernel's extack */
export function deleteQdisc(dev: Netdev, parent: number, handle: number, kind: string | null): void {
  let q: QdiscBase | undefined;
  if (parent === TC_H_ROOT) q = (dev.rootQdisc as QdiscBase | null) ?? undefined;
  else if (parent !== 0) q = leafOf(dev, parent, "Failed to find qdisc with specified classid");
  else {
    q = findQdisc(dev, handle);
    if (q === undefined) throw new NetlinkError(ERRNO.ENOENT, "Failed to find qdisc with specified handle");
  }
  // noqueue is a qdisc with handle 0 for the kernel
  if (q === undefined && parent === TC_H_ROOT) {
    if (handle !== 0) throw new NetlinkError(ERRNO.EINVAL, "Invalid handle");
    if (kind !== null && kind !== "noqueue") {
      throw new NetlinkError(ERRNO.EINVAL, "Invalid qdisc name: must match existing qdisc");
    }
    throw new NetlinkError(ERRNO.ENOENT, "Cannot delete qdisc with handle of zero");
  }
  if (q === undefined) throw new NetlinkError(ERRNO.ENOENT, "Cannot find specified qdisc on specified device");
  if (parent !== 0 && handle !== 0 && q.handle !== handle) throw new NetlinkError(ERRNO.EINVAL, "Invalid handle");
  if (kind !== null && kind !== q.kind) {
    throw new NetlinkError(ERRNO.EINVAL, "Invalid qdisc name: must match existing qdisc");
  }
  if (parent === 0) throw new NetlinkError(ERRNO.EINVAL, "Classid cannot be zero");
  if (q.handle === 0) throw new NetlinkError(ERRNO.ENOENT, "Cannot delete qdisc with handle of zero");
  if (parent === TC_H_ROOT) {
    destroyRoot(dev);
    attachDefaultQdisc(dev);
    return;
  }
  classOf(dev, parent).graft(null).destroy();
}

/** Forgets the root of a device that is reset or goes away, with all below it. */
export function destroyRoot(dev: Netdev): void {
  (dev.rootQdisc as QdiscBase | null)?.destroy();
  // also the packets that drivers gave back
  for (const txq of dev.txQueues) {
    if (txq.requeued === null) continue;
    dev.host.kernel.kfreeSkb(txq.requeued, dev, SKB_DROP_REASON.QUEUE_PURGE);
    txq.requeued = null;
  }
}

/**
 * The filters that hang at a qdisc or class.
 * @param parent a class id (`1:10`), a handle (`1:`), or 0 for the root qdisc
 * @throws NetlinkError with the kernel's extack
 */
export function filterBlockOf(dev: Netdev, parent: number): FilterBlock {
  const q = parent === 0 ? ((dev.rootQdisc as QdiscBase | null) ?? undefined) : findQdisc(dev, majorOf(parent));
  if (q === undefined) throw new NetlinkError(ERRNO.EINVAL, "Parent Qdisc doesn't exists");
  if (!(q instanceof ClassfulQdisc)) throw new NetlinkError(ERRNO.EINVAL, "Qdisc not classful");
  if ((parent & 0xffff) === 0) return q.blockOf(null);
  const cl = q.findClass(parent);
  if (cl === undefined) throw new NetlinkError(ERRNO.ENOENT, "Specified class doesn't exist");
  return q.blockOf(cl);
}

function classOf(dev: Netdev, classid: number): QdiscClass {
  const q = findQdisc(dev, majorOf(classid));
  const cl = q instanceof ClassfulQdisc ? q.findClass(classid) : undefined;
  if (cl === undefined) throw new NetlinkError(ERRNO.ENOENT, "Specified class not found");
  return cl;
}

function leafOf(dev: Netdev, classid: number, missing: string): QdiscBase | undefined {
  const parent = findQdisc(dev, majorOf(classid));
  if (parent === undefined) throw new NetlinkError(ERRNO.ENOENT, missing);
  if (!(parent instanceof ClassfulQdisc)) {
    throw new NetlinkError(ERRNO.EOPNOTSUPP, "Parent qdisc is not classful");
  }
  return classOf(dev, classid).child ?? undefined;
}

function requireKind(q: QdiscBase, def: QdiscDef | null): void {
  if (def === null || def.kind === q.kind) return;
  throw new NetlinkError(ERRNO.EINVAL, "Invalid qdisc name: must match existing qdisc");
}

function changeQdisc(q: QdiscBase, req: QdiscRequest): void {
  if (req.verb === "add") throw new NetlinkError(ERRNO.EEXIST, "Exclusivity flag on, cannot modify");
  requireKind(q, req.def);
  if (req.options !== null) q.change(req.options);
  if (req.estimator != null && q.kind !== "mq") q.setEstimator(req.estimator);
}

function createAndGraft(dev: Netdev, req: QdiscRequest, create: boolean): void {
  if (!create) {
    throw new NetlinkError(ERRNO.ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
  }
  if (req.def === null) throw new NetlinkError(ERRNO.ENOENT, "Specified qdisc kind is unknown");
  // a device that needs no queue gets a length for the one it is given (qdisc_create)
  if (dev.ops.noQueue && dev.txQueueLen === 0) dev.txQueueLen = DEFAULT_TX_QUEUE_LEN;
  const handle = req.handle !== 0 ? req.handle : freeHandle(dev);
  const parent = req.parent === TC_H_ROOT ? undefined : findQdisc(dev, majorOf(req.parent));
  const ofMq = parent?.kind === "mq";
  const txq = ofMq ? dev.txQueues[(req.parent & 0xffff) - 1]! : (parent?.txq ?? dev.txQueues[0]!);
  const site = { dev, txq, handle, parent: req.parent, upper: ofMq ? null : (parent ?? null) };
  const fresh = req.def.create(req.options ?? {}, site);
  if (req.estimator != null) {
    if (fresh.kind === "mq") {
      throw new NetlinkError(ERRNO.EOPNOTSUPP, "Cannot attach rate estimator to a multi-queue root qdisc");
    }
    fresh.setEstimator(req.estimator);
  }
  if (parent === undefined) {
    destroyRoot(dev);
    installRoot(dev, fresh);
  } else classOf(dev, req.parent).graft(fresh).destroy();
}

/** qdisc_alloc_handle */
function freeHandle(dev: Netdev): number {
  for (;;) {
    const handle = dev.host.allocQdiscHandle();
    if (findQdisc(dev, handle) === undefined) return handle;
  }
}
