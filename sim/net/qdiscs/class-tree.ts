/**
 * Adding, changing and deleting classes, with the kernel's rules and words.
 * @source net/sched/sch_api.c tc_ctl_tclass, tclass_del_notify
 * @differs Linux does not look at the kind that a request for a class names; here it must be that of the qdisc
 */
import type { Netdev } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { type QdiscDef, TC_H_ROOT } from "./base.ts";
import { ClassfulQdisc, type ClassRequest } from "./classful.ts";
import { qdiscDef } from "./index.ts";
import { findQdisc, majorOf } from "./tree.ts";

/** How `tc class` asks: add = CREATE|EXCL, replace = CREATE, change = none. */
export type ClassVerb = "add" | "replace" | "change";

/**
 * RTM_NEWTCLASS.
 * @param req ids as the user gave them; parts that were left out are completed here
 * @param def the kind, null when none was named
 * @returns the kernel's warning about a request that it granted, or ""
 * @throws NetlinkError
 */
export function modifyClass(dev: Netdev, verb: ClassVerb, def: QdiscDef | null, req: ClassRequest): string {
  const { q, parent, classid } = locate(dev, req.parent, req.classid);
  const exists = classid !== 0 && q.findClass(classid) !== undefined;
  if (!exists && verb === "change") throw new NetlinkError(ERRNO.ENOENT);
  if (exists && verb === "add") throw new NetlinkError(ERRNO.EEXIST);
  if (def !== null && def.kind !== q.kind) {
    throw new NetlinkError(qdiscDef(q.kind)?.classes === undefined ? ERRNO.EOPNOTSUPP : ERRNO.EINVAL);
  }
  return q.changeClass({ ...req, classid, parent });
}

/** RTM_DELTCLASS. @throws NetlinkError */
export function deleteClass(dev: Netdev, parentid: number, id: number): void {
  const { q, classid } = locate(dev, parentid, id);
  if (classid === 0 || q.findClass(classid) === undefined) throw new NetlinkError(ERRNO.ENOENT);
  q.deleteClass(classid);
}

/** The qdisc that a class id or its parent names; `0:Y` is completed, and without both it is the root's. */
function locate(
  dev: Netdev,
  parentid: number,
  id: number,
): { readonly q: ClassfulQdisc; readonly parent: number; readonly classid: number } {
  let qid = majorOf(id);
  let parent = parentid;
  if (parent !== TC_H_ROOT) {
    const major = majorOf(parent);
    if (qid !== 0 && major !== 0 && qid !== major) throw new NetlinkError(ERRNO.EINVAL);
    if (qid === 0) qid = major;
  }
  if (qid === 0) qid = dev.rootQdisc?.handle ?? 0;
  if (parent !== TC_H_ROOT && parent !== 0) parent = withMajor(qid, parent);
  const q = findQdisc(dev, qid);
  if (q === undefined) throw new NetlinkError(ERRNO.ENOENT);
  if (!(q instanceof ClassfulQdisc)) throw new NetlinkError(ERRNO.EINVAL);
  let classid = id;
  if (classid !== 0) classid = withMajor(qid, classid);
  else if (parent === TC_H_ROOT) classid = qid;
  return { q, parent, classid };
}

/** TC_H_MAKE */
function withMajor(major: number, id: number): number {
  return (major | (id & 0xffff)) >>> 0;
}
