/**
 * Adding, replacing, changing and deleting qdiscs, with the kernel's rules and words.
 * @source net/sched/sch_api.c __tc_modify_qdisc, __tc_get_qdisc, qdisc_graft
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { QdiscBase, QdiscDef } from "./base.ts";
import { TC_H_ROOT } from "./base.ts";
import { attachDefaultQdisc, installRoot } from "./index.ts";
import type { QdiscOptions } from "./params.ts";

/** How `tc qdisc` asks: add = CREATE|EXCL, replace = CREATE|REPLACE, change = none, link = REPLACE. */
export type QdiscVerb = "add" | "replace" | "change" | "link";

/** What `tc qdisc` asks for. */
export interface QdiscRequest {
  readonly verb: QdiscVerb;
  /** null: `change` without a kind. */
  readonly def: QdiscDef | null;
  readonly options: QdiscOptions;
  /** TC_H_ROOT or a class id. */
  readonly parent: number;
  /** 0: none given. */
  readonly handle: number;
}

/** Every qdisc of a device, root first, then its descendants in order. */
export function listQdiscs(dev: Netdev): readonly QdiscBase[] {
  const out: QdiscBase[] = [];
  const visit = (q: QdiscBase): void => {
    out.push(q);
    const classes = q.kind === "mq" ? [...q.classes()].reverse() : q.classes();
    // a default child (handle 0) of a shaper is invisible, those of mq are shown
    for (const { child } of classes) if (child !== null && (child.handle !== 0 || q.kind === "mq")) visit(child);
  };
  if (dev.rootQdisc !== null) visit(dev.rootQdisc as QdiscBase);
  return out;
}

/** @returns the qdisc with that handle (major number in the upper half), or undefined */
function findQdisc(dev: Netdev, handle: number): QdiscBase | undefined {
  return handle === 0 ? undefined : listQdiscs(dev).find((q) => q.handle === handle);
}

/** RTM_NEWQDISC. @throws NetlinkError with the kernel's extack */
export function modifyQdisc(dev: Netdev, req: QdiscRequest): void {
  const create = req.verb === "add" || req.verb === "replace";
  const excl = req.verb === "add";
  const replace = req.verb === "replace" || req.verb === "link";
  let q: QdiscBase | undefined;
  if (req.parent === TC_H_ROOT) q = (dev.rootQdisc as QdiscBase | null) ?? undefined;
  else q = leafOf(dev, req.parent);
  if (q !== undefined && q.handle === 0) q = undefined;

  if (q === undefined || req.handle === 0 || q.handle !== req.handle) {
    if (req.handle !== 0) {
      if (q !== undefined && !replace) throw new NetlinkError(ERRNO.EEXIST, "NLM_F_REPLACE needed to override");
      if ((req.handle & 0xffff) !== 0) throw new NetlinkError(ERRNO.EINVAL, "Invalid minor handle");
      const named = findQdisc(dev, req.handle);
      if (named === undefined) {
        createAndGraft(dev, req, create);
        return;
      }
      if (excl) throw new NetlinkError(ERRNO.EEXIST, "Exclusivity flag on, cannot override");
      if (req.def !== null && req.def.kind !== named.kind) {
        throw new NetlinkError(ERRNO.EINVAL, "Invalid qdisc name: must match existing qdisc");
      }
      named.change(req.options);
      return;
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
  if (excl) throw new NetlinkError(ERRNO.EEXIST, "Exclusivity flag on, cannot modify");
  if (req.def !== null && req.def.kind !== q.kind) {
    throw new NetlinkError(ERRNO.EINVAL, "Invalid qdisc name: must match existing qdisc");
  }
  q.change(req.options);
}

/** RTM_DELQDISC. @throws NetlinkError with the kernel's extack */
export function deleteQdisc(dev: Netdev, parent: number, handle: number, kind: string | null): void {
  let q: QdiscBase | undefined;
  if (parent === TC_H_ROOT) q = (dev.rootQdisc as QdiscBase | null) ?? undefined;
  else if (parent !== 0) q = leafOf(dev, parent);
  else {
    q = findQdisc(dev, handle);
    if (q === undefined) throw new NetlinkError(ERRNO.ENOENT, "Failed to find qdisc with specified handle");
  }
  // noqueue is a qdisc with handle 0 for the kernel
  if (q === undefined && parent === TC_H_ROOT) {
    throw new NetlinkError(ERRNO.ENOENT, handle !== 0 ? "Invalid handle" : "Cannot delete qdisc with handle of zero");
  }
  if (q === undefined) throw new NetlinkError(ERRNO.ENOENT, "Cannot find specified qdisc on specified device");
  if (handle !== 0 && q.handle !== handle) throw new NetlinkError(ERRNO.EINVAL, "Invalid handle");
  if (kind !== null && kind !== q.kind) throw new NetlinkError(ERRNO.EINVAL, "Specified qdisc name is not found");
  if (q.handle === 0) throw new NetlinkError(ERRNO.ENOENT, "Cannot delete qdisc with handle of zero");
  if (q.parent === TC_H_ROOT) {
    resetRoot(dev);
    attachDefaultQdisc(dev);
    return;
  }
  findQdisc(dev, majorOf(q.parent))!.graft(q.parent & 0xffff, null);
  q.reset();
}

function majorOf(id: number): number {
  return (id & 0xffff0000) >>> 0;
}

function leafOf(dev: Netdev, classid: number): QdiscBase | undefined {
  const parent = findQdisc(dev, majorOf(classid));
  if (parent === undefined) throw new NetlinkError(ERRNO.ENOENT, "Failed to find specified qdisc");
  const cls = parent.classes().find((c) => c.minor === (classid & 0xffff));
  if (cls === undefined) throw new NetlinkError(ERRNO.ENOENT, "Specified class not found");
  return cls.child ?? undefined;
}

function createAndGraft(dev: Netdev, req: QdiscRequest, create: boolean): void {
  if (!create) {
    throw new NetlinkError(ERRNO.ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
  }
  if (req.def === null) throw new NetlinkError(ERRNO.ENOENT, "Specified qdisc kind is unknown");
  const handle = req.handle !== 0 ? req.handle : dev.host.allocQdiscHandle();
  if (req.parent === TC_H_ROOT) {
    const fresh = req.def.create(req.options, { dev, txq: dev.txQueues[0]!, handle, parent: TC_H_ROOT });
    resetRoot(dev);
    installRoot(dev, fresh);
    return;
  }
  const parent = findQdisc(dev, majorOf(req.parent))!;
  const minor = req.parent & 0xffff;
  const txq = parent.kind === "mq" ? dev.txQueues[minor - 1]! : parent.txq;
  const fresh = req.def.create(req.options, { dev, txq, handle, parent: req.parent });
  const old = parent.graft(minor, fresh);
  if (old === undefined) throw new NetlinkError(ERRNO.ENOENT, "Specified class not found");
  old?.reset();
}

/** Frees what the old root holds, the packets that drivers gave back included. */
function resetRoot(dev: Netdev): void {
  (dev.rootQdisc as QdiscBase | null)?.reset();
  for (const txq of dev.txQueues) {
    if (txq.requeued === null) continue;
    dev.host.kernel.kfreeSkb(txq.requeued, dev, SKB_DROP_REASON.QUEUE_PURGE);
    txq.requeued = null;
  }
}
