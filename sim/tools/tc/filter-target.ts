/** The block of filters that a command means. @source net/sched/cls_api.c __tcf_qdisc_find, __tcf_qdisc_cl_find, __tcf_block_find */
import type { Host } from "../../net/host.ts";
import type { Netdev } from "../../net/netdev.ts";
import { ERRNO, NetlinkError } from "../../net/netlink-error.ts";
import { TC_H_ROOT } from "../../net/qdiscs/base.ts";
import { filterBlockOf } from "../../net/qdiscs/tree.ts";
import { sharedBlock } from "../../net/tc/blocks.ts";
import type { FilterBlock } from "../../net/tc/classify.ts";
import { clsactOf, hookBlock } from "../../net/tc/control.ts";
import { type FilterWords, PARENT_EGRESS, PARENT_INGRESS } from "./filter-words.ts";

/** Major number of clsact and ingress. */
const CLSACT_MAJOR = 0xffff;

/** A block and where it hangs. */
export interface FilterTarget {
  readonly block: FilterBlock;
  /** null for a shared block. */
  readonly dev: Netdev | null;
  /** Handle of the qdisc, 0 for a shared block. */
  readonly qdisc: number;
}

/** @param dev null when the command names none. @throws NetlinkError with the kernel's extack */
export function filterTarget(host: Host, dev: Netdev | null, f: FilterWords): FilterTarget {
  if (f.block !== 0) {
    const block = sharedBlock(host, f.block);
    if (block === undefined) throw new NetlinkError(ERRNO.EINVAL, "Block of given index was not found");
    return { block, dev: null, qdisc: 0 };
  }
  if (dev === null) throw new NetlinkError(ERRNO.ENODEV);
  const block = blockAt(dev, f.parent);
  if (block.index !== 0) {
    throw new NetlinkError(
      ERRNO.EOPNOTSUPP,
      "This filter block is shared. Please use the block index to manipulate the filters",
    );
  }
  return { block, dev, qdisc: f.parent === 0 ? 0 : (f.parent & 0xffff0000) >>> 0 };
}

/** The block at a parent, shared or not. @throws NetlinkError */
export function blockAt(dev: Netdev, parent: number): FilterBlock {
  if (parent >>> 16 !== CLSACT_MAJOR || parent === TC_H_ROOT) {
    // noqueue and its like have no classes
    if (parent === 0 && dev.rootQdisc === null) throw new NetlinkError(ERRNO.EINVAL, "Qdisc not classful");
    return filterBlockOf(dev, parent);
  }
  const kind = clsactOf(dev)?.kind;
  if (kind === undefined) throw new NetlinkError(ERRNO.EINVAL, "Parent Qdisc doesn't exists");
  if (kind === "clsact" && parent !== PARENT_INGRESS && parent !== PARENT_EGRESS) {
    if ((parent & 0xffff) === 0) throw new NetlinkError(ERRNO.EINVAL);
    throw new NetlinkError(ERRNO.ENOENT, "Specified class doesn't exist");
  }
  return hookBlock(dev, parent === PARENT_EGRESS ? "egress" : "ingress")!;
}
