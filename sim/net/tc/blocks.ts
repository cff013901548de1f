/** Shared blocks of a host: filters under a number, at several qdiscs (`ingress_block 22`). @source net/sched/cls_api.c tcf_block_get_ext, tcf_block_lookup */
import type { Host } from "../host.ts";
import { FilterBlock } from "./classify.ts";

const shared: WeakMap<Host, Map<number, FilterBlock>> = new WeakMap();

/** The block of a number, or undefined while no qdisc uses it. */
export function sharedBlock(host: Host, index: number): FilterBlock | undefined {
  return shared.get(host)?.get(index);
}

/** A block for a qdisc: the shared one of a number, made when missing, or with number 0 one of its own. */
export function blockFor(host: Host, index: number): FilterBlock {
  if (index === 0) return new FilterBlock(host);
  let blocks = shared.get(host);
  if (blocks === undefined) {
    blocks = new Map();
    shared.set(host, blocks);
  }
  let block = blocks.get(index);
  if (block === undefined) {
    block = new FilterBlock(host, index);
    blocks.set(index, block);
  }
  return block;
}

/** No qdisc uses the block any more: its number is free. */
export function forgetBlock(block: FilterBlock): void {
  if (block.index !== 0) shared.get(block.host)?.delete(block.index);
}
