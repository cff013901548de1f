/** `tc filter show` and `tc chain show`. @source iproute2 tc/tc_filter.c tc_filter_list; net/sched/cls_api.c tc_dump_tfilter, tc_dump_chain */

import { NetlinkError } from "../../net/netlink-error.ts";
import { sharedBlock } from "../../net/tc/blocks.ts";
import type { FilterBlock, TcfChain } from "../../net/tc/classify.ts";
import { findDevice, type ToolFlags, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { chainRecord, chainRecords, type FilterSite } from "./filter-show.ts";
import { blockAt } from "./filter-target.ts";
import { type FilterWords, takeFilterWords } from "./filter-words.ts";
import { type PrintObject, printObjects } from "./print.ts";

/** What a command has said of where filters are, as far as it is not to be repeated. */
export function siteOf(f: FilterWords): FilterSite {
  return { device: null, block: 0, parent: null, pref: f.pref, protocol: f.protocol, chain: f.chain };
}

/** `tc filter show`. */
export function listFiltersOf(session: ToolSession, words: Words, flags: ToolFlags, usage: string): string {
  return list(session, words, flags, usage, (chain, site) => chainRecords(session.host, chain, site, flags));
}

/** `tc chain show`. A chain's parent is the qdisc, whatever end of it was asked for. */
export function listChainsOf(session: ToolSession, words: Words, flags: ToolFlags, usage: string): string {
  return list(session, words, flags, usage, (chain, site, f) => {
    const qdisc = site.block !== 0 || f.block !== 0 ? null : (f.parent & 0xffff0000) >>> 0;
    const parent = qdisc === f.parent ? site.parent : qdisc;
    return [chainRecord(session.host, chain, { ...site, parent }, flags)];
  });
}

function list(
  session: ToolSession,
  words: Words,
  flags: ToolFlags,
  usage: string,
  print: (chain: TcfChain, site: FilterSite, f: FilterWords) => readonly PrintObject[],
): string {
  const f = takeFilterWords(words, "show", usage);
  const block = blockToList(session, f);
  if (block === null) return flags.json ? printObjects([], flags) : "";
  // filters of a shared block are shown as the block's, also where a device was asked
  const own = f.block === 0 && block.index === 0;
  const parent = own && f.parent === 0 ? rootHandle(session, f) : null;
  const site: FilterSite = { ...siteOf(f), block: f.block === 0 ? block.index : 0, parent };
  const out: PrintObject[] = [];
  for (const chain of block.chains.values()) {
    if (chain.heldByActionsOnly || (f.chain !== null && f.chain !== chain.index)) continue;
    out.push(...print(chain, site, f));
  }
  return printObjects(out, flags);
}

/** Without a parent the root qdisc's filters are listed, and its handle with them. */
function rootHandle(session: ToolSession, f: FilterWords): number | null {
  return f.device === null ? null : (findDevice(session.host, f.device).rootQdisc?.handle ?? null);
}

/** null when there is nothing to list: the kernel says nothing then. */
function blockToList(session: ToolSession, f: FilterWords): FilterBlock | null {
  if (f.block !== 0) {
    const block = sharedBlock(session.host, f.block);
    if (block === undefined) throw new ToolError(1, `Cannot find block "${f.block}"\n`);
    return block;
  }
  if (f.device === null) return null;
  const dev = findDevice(session.host, f.device);
  try {
    return blockAt(dev, f.parent);
  } catch (error) {
    if (error instanceof NetlinkError) return null;
    throw error;
  }
}
