/**
 * Filters and chains of a block: adding, changing, deleting and finding them, with the kernel's rules and words.
 *
 * @source net/sched/cls_api.c tc_new_tfilter, tc_del_tfilter, tc_get_tfilter, tc_ctl_chain, tcf_auto_prio, tcf_chain_tp_find
 */
import { ETH_P_ALL } from "../ether.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { TC_ACT_EXT_VAL_MASK } from "./act.ts";
import type { ChainTemplate, FilterBlock, ListedFilter, TcfChain, TcfProto } from "./classify.ts";
import { classifierDef } from "./cls/index.ts";

/** `tc filter` verbs: add = CREATE|EXCL, replace = CREATE, change = neither. */
export type FilterVerb = "add" | "replace" | "change";

/** Where a filter is, or shall be. */
export interface FilterPlace {
  /** Chain number, 0 by default. */
  readonly chain: number;
  /** 0: not said. */
  readonly pref: number;
  /** Ethertype in host order; 0: not said. */
  readonly protocol: number;
  /** 0: not said. */
  readonly handle: number;
  /** null: not said. */
  readonly kind: string | null;
}

const AUTO_PREF = 49152;
const AUTO_PREF_FLOOR = 32768;

/**
 * tc_new_tfilter.
 * @param options what the classifier's parser made, null when the command gave none
 * @param dev the device of the command, null for a shared block
 * @throws NetlinkError, ObjectError CLASSIC_INVALID for a classic program that Linux refuses with EINVAL
 */
export function changeFilter(
  block: FilterBlock,
  verb: FilterVerb,
  place: FilterPlace,
  options: unknown,
  dev: Netdev | null,
): ListedFilter {
  const create = verb !== "change";
  if (place.pref === 0 && !create) {
    throw new NetlinkError(ERRNO.ENOENT, "Invalid filter command with priority of zero");
  }
  const chain = chainFor(block, place.chain);
  try {
    const { proto, fresh } = protoFor(chain, place, create);
    try {
      const old = proto.get(place.handle);
      if (old === null && !create) throw needCreate("filter");
      if (old !== null && verb === "add") throw new NetlinkError(ERRNO.EEXIST, "Filter already exists");
      if (chain.template !== null && chain.template.kind !== proto.kind) {
        throw new NetlinkError(ERRNO.EINVAL, "Chain template is set to a different filter kind");
      }
      const filter = proto.change({ handle: place.handle, old, options, replace: verb !== "add", dev });
      if (fresh) {
        block.setProtos(
          chain,
          [...chain.protos, proto].sort((a, b) => a.pref - b.pref),
        );
      }
      return { proto, filter };
    } catch (error) {
      if (fresh) proto.destroy();
      throw error;
    }
  } finally {
    block.dropIdleChain(chain);
  }
}

/** tcf_chain_tp_find, tcf_proto_create. */
function protoFor(
  chain: TcfChain,
  place: FilterPlace,
  create: boolean,
): { readonly proto: TcfProto; readonly fresh: boolean } {
  const found = place.pref === 0 ? undefined : findProto(chain, place.pref, place.protocol);
  if (found !== undefined) {
    requireKind(found, place.kind);
    return { proto: found, fresh: false };
  }
  if (place.kind === null || place.protocol === 0) {
    throw new NetlinkError(ERRNO.EINVAL, "Filter kind and protocol must be specified");
  }
  if (!create) throw needCreate("filter");
  const pref = place.pref === 0 ? autoPref(chain) : place.pref;
  const def = classifierDef(place.kind);
  if (def === undefined) throw new NetlinkError(ERRNO.ENOENT, "TC classifier not found");
  return { proto: def.create(chain, pref, place.protocol), fresh: true };
}

function findProto(chain: TcfChain, pref: number, protocol: number): TcfProto | undefined {
  const found = chain.protos.find((p) => p.pref === pref);
  if (found !== undefined && protocol !== 0 && found.protocol !== protocol) {
    throw new NetlinkError(ERRNO.EINVAL, "Protocol mismatch for filter with specified priority");
  }
  return found;
}

function requireKind(proto: TcfProto, kind: string | null): void {
  if (kind !== null && kind !== proto.kind) {
    throw new NetlinkError(ERRNO.EINVAL, "Specified filter kind does not match existing one");
  }
}

function needCreate(what: "filter" | "chain"): NetlinkError {
  const message = what === "filter" ? "RTM_NEWTFILTER" : "RTM_NEWCHAIN";
  return new NetlinkError(ERRNO.ENOENT, `Need both ${message} and NLM_F_CREATE to create a new ${what}`);
}

/** tcf_auto_prio: one below the lowest preference of the automatic range in use. */
function autoPref(chain: TcfChain): number {
  const first = chain.protos.find((p) => p.pref >= AUTO_PREF_FLOOR);
  if (first === undefined) return AUTO_PREF;
  if (first.pref === AUTO_PREF_FLOOR) {
    throw new NetlinkError(ERRNO.ENOSPC, "Lowest ID from auto-alloc range already in use");
  }
  return first.pref - 1;
}

function chainFor(block: FilterBlock, index: number): TcfChain {
  if (index > TC_ACT_EXT_VAL_MASK) {
    throw new NetlinkError(ERRNO.EINVAL, "Specified chain index exceeds upper limit");
  }
  return block.chain(index);
}

/** tc_del_tfilter. Without preference: all filters of the chain. @throws NetlinkError */
export function deleteFilters(block: FilterBlock, place: FilterPlace): void {
  if (place.pref === 0 && (place.protocol !== 0 || place.handle !== 0 || place.kind !== null)) {
    throw new NetlinkError(ERRNO.ENOENT, "Cannot flush filters with protocol, handle or kind set");
  }
  if (place.chain > TC_ACT_EXT_VAL_MASK) {
    throw new NetlinkError(ERRNO.EINVAL, "Specified chain index exceeds upper limit");
  }
  const chain = block.chains.get(place.chain);
  if (chain === undefined) {
    if (place.pref === 0) return;
    throw new NetlinkError(ERRNO.ENOENT, "Cannot find specified filter chain");
  }
  if (place.pref === 0) {
    const { protos } = chain;
    block.setProtos(chain, []);
    for (const proto of protos) proto.destroy();
  } else deleteIn(block, chain, place);
  block.dropIdleChain(chain);
}

function deleteIn(block: FilterBlock, chain: TcfChain, place: FilterPlace): void {
  const proto = existing(chain, place);
  if (place.handle !== 0) {
    const filter = proto.get(place.handle);
    if (filter === null) throw new NetlinkError(ERRNO.ENOENT, "Specified filter handle not found");
    proto.delete(filter);
    if (!proto.isEmpty()) return;
  }
  block.setProtos(
    chain,
    chain.protos.filter((p) => p !== proto),
  );
  proto.destroy();
}

function existing(chain: TcfChain, place: FilterPlace): TcfProto {
  const proto = findProto(chain, place.pref, place.protocol);
  if (proto === undefined) {
    throw new NetlinkError(ERRNO.ENOENT, "Filter with specified priority/protocol not found");
  }
  requireKind(proto, place.kind);
  return proto;
}

/** tc_get_tfilter. @throws NetlinkError */
export function getFilter(block: FilterBlock, place: FilterPlace): ListedFilter {
  if (place.pref === 0) throw new NetlinkError(ERRNO.ENOENT, "Invalid filter command with priority of zero");
  if (place.chain > TC_ACT_EXT_VAL_MASK) {
    throw new NetlinkError(ERRNO.EINVAL, "Specified chain index exceeds upper limit");
  }
  const chain = block.chains.get(place.chain);
  if (chain === undefined) throw new NetlinkError(ERRNO.EINVAL, "Cannot find specified filter chain");
  const proto = existing(chain, place);
  const filter = proto.get(place.handle);
  if (filter === null) throw new NetlinkError(ERRNO.ENOENT, "Specified filter handle not found");
  return { proto, filter };
}

/** `tc chain add`. @throws NetlinkError */
export function addChain(block: FilterBlock, index: number, template: ChainTemplate | null): void {
  if (index > TC_ACT_EXT_VAL_MASK) {
    throw new NetlinkError(ERRNO.EINVAL, "Specified chain index exceeds upper limit");
  }
  const there = block.chains.get(index);
  if (there !== undefined && !there.heldByActionsOnly) {
    throw new NetlinkError(ERRNO.EEXIST, "Filter chain already exists");
  }
  if (template !== null) {
    const def = classifierDef(template.kind);
    if (def === undefined) throw new NetlinkError(ERRNO.ENOENT, "TC classifier not found");
    if (def.template !== true) {
      throw new NetlinkError(ERRNO.EOPNOTSUPP, "Chain templates are not supported with specified classifier");
    }
  }
  const chain = block.chain(index);
  chain.explicit = true;
  chain.template = template;
}

/** `tc chain del`: with its filters. @throws NetlinkError */
export function deleteChain(block: FilterBlock, index: number): void {
  const chain = existingChain(block, index);
  const { protos } = chain;
  block.setProtos(chain, []);
  chain.explicit = false;
  chain.template = null;
  for (const proto of protos) proto.destroy();
  block.dropIdleChain(chain);
}

/** `tc chain get`. @throws NetlinkError */
export function existingChain(block: FilterBlock, index: number): TcfChain {
  if (index > TC_ACT_EXT_VAL_MASK) {
    throw new NetlinkError(ERRNO.EINVAL, "Specified chain index exceeds upper limit");
  }
  const chain = block.chains.get(index);
  if (chain === undefined || chain.heldByActionsOnly) {
    throw new NetlinkError(ERRNO.EINVAL, "Cannot find specified filter chain");
  }
  return chain;
}

/** A place that names nothing but a chain. */
export function anywhere(chain: number = 0): FilterPlace {
  return { chain, pref: 0, protocol: 0, handle: 0, kind: null };
}

/** A filter for all protocols unless one is named. */
export function protocolOrAll(protocol: number): number {
  return protocol === 0 ? ETH_P_ALL : protocol;
}
