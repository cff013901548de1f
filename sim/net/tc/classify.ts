/**
 * Classification: blocks of chains of filters, as classful qdiscs and the clsact hook ask them.
 *
 *     FilterBlock (tcf_block)   what hangs at a qdisc, a class or an end of clsact; may be shared by number
 *       TcfChain                numbered; a packet begins in chain 0, `goto chain N` sends it to another
 *         TcfProto              one classifier instance for each preference, in their order
 *
 * @source net/sched/cls_api.c tcf_classify, __tcf_classify; include/net/sch_generic.h struct tcf_block, tcf_chain, tcf_proto
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { ETH_P_ALL } from "../ether.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import { TC_ACT_EXT_VAL_MASK, TC_ACT_GOTO_CHAIN, TC_ACT_RECLASSIFY, TC_ACT_SHOT, TC_ACT_UNSPEC } from "./act.ts";

/** max_reclassify_loop of __tcf_classify. */
const MAX_RECLASSIFY_LOOP = 16;

/** What a classification found. A caller keeps one and passes it in again and again. */
export class TcfResult {
  /** Class that the filter names, 0 when none; unsigned. */
  classid: number = 0;
  /** qdisc_skb_cb's pkt_len, what statistics count: without the MAC header at ingress. */
  pktLen: number = 0;
  /** Why the verdict is TC_ACT_SHOT, where tc has a reason of its own; 0 otherwise. */
  dropReason: number = 0;
  /** Where `goto chain` leads; read right after an action has answered TC_ACT_GOTO_CHAIN. */
  gotoChain: TcfChain | null = null;
}

/** One filter as `tc filter show` lists it: a node of a classifier. Each classifier adds its own fields. */
export interface TcfFilter {
  /** Unsigned; how it reads depends on the classifier. */
  readonly handle: number;
  /** The class that it names, 0 for none; a class that a filter names cannot be deleted. */
  readonly classid?: number;
}

/** A filter with the classifier instance it belongs to. */
export interface ListedFilter {
  readonly proto: TcfProto;
  readonly filter: TcfFilter;
}

/** What the user asks of a classifier. Each classifier narrows `options` to its own type. */
export interface FilterChange {
  /** 0: the classifier chooses. */
  readonly handle: number;
  /** The filter that has this handle already, null when there is none. */
  readonly old: TcfFilter | null;
  readonly options: unknown;
  /** `tc filter replace` and `change`: actions given by index may be overwritten (TCA_ACT_FLAGS_REPLACE). */
  readonly replace: boolean;
  /** The device whose filter it is; null for one of a shared block. */
  readonly dev: Netdev | null;
}

/** An instance of a classifier: all filters of one preference of a chain. */
export abstract class TcfProto {
  readonly kind: string;
  readonly chain: TcfChain;
  readonly pref: number;
  /** Ethertype in host order, ETH_P_ALL for all. */
  readonly protocol: number;

  constructor(kind: string, chain: TcfChain, pref: number, protocol: number) {
    this.kind = kind;
    this.chain = chain;
    this.pref = pref;
    this.protocol = protocol;
  }

  /** @returns TC_ACT_UNSPEC when nothing matches or the actions say `continue`, else the verdict */
  abstract classify(skb: Skb, dev: Netdev, res: TcfResult): number;
  /** The filter of a handle, or null. */
  abstract get(handle: number): TcfFilter | null;
  /** Makes or changes a filter. @throws NetlinkError */
  abstract change(change: FilterChange): TcfFilter;
  /** Takes a filter out. @throws NetlinkError */
  abstract delete(filter: TcfFilter): void;
  /** In the order of `tc filter show`. */
  abstract list(): readonly TcfFilter[];
  /** Nothing is left that would keep the instance. */
  abstract isEmpty(): boolean;
  /** Gives back what its filters hold. */
  abstract destroy(): void;
}

/** The record of one classifier. */
export interface ClassifierDef {
  readonly kind: string;
  /** Kernel file and man page. */
  readonly source: string;
  /** `tc chain add ... KIND ...` may fix what its filters look at (tmplt_create). */
  readonly template?: boolean;
  /** An empty instance. */
  create(chain: TcfChain, pref: number, protocol: number): TcfProto;
}

/** A numbered list of classifier instances. */
export class TcfChain {
  readonly block: FilterBlock;
  readonly index: number;
  /** By preference. */
  protos: readonly TcfProto[] = [];
  /** `tc chain add` made it: it stays without filters. */
  explicit: boolean = false;
  /** Kind of filter that `tc chain add` fixed for it, with its own description, or null. */
  template: ChainTemplate | null = null;
  /** Actions that lead here by `goto chain`. */
  actionRefs: number = 0;

  constructor(block: FilterBlock, index: number) {
    this.block = block;
    this.index = index;
  }

  /** tcf_chain_held_by_acts_only: it is there for actions to point at, and not shown. */
  get heldByActionsOnly(): boolean {
    return !this.explicit && this.protos.length === 0;
  }
}

/** What `tc chain add ... flower ...` says of the filters to come. */
export interface ChainTemplate {
  readonly kind: string;
  readonly options: unknown;
}

/** Whoever asks a block: a hook that is idle while the block is empty. */
export interface BlockUser {
  /** The device of the qdisc. */
  readonly dev: Netdev;
  /** tcf_chain0_head_change: the block has become empty, or is empty no more. */
  blockChanged(): void;
}

/** Filters of a qdisc, of a class, of an end of clsact, or of a numbered shared block. */
export class FilterBlock {
  readonly host: Host;
  /** Number of a shared block (`ingress_block 22`), 0 for a block of its own. */
  readonly index: number;
  /** By number. */
  readonly chains: Map<number, TcfChain> = new Map();
  /** What the block hangs at. */
  private users: readonly BlockUser[] = [];
  /** The devices of the qdiscs that it hangs at, by ifindex; for mirred's `blockid`. */
  ports: readonly Netdev[] = [];
  /** What the u32 instances of the block share (tc_u_common), for cls/u32.ts. */
  u32: unknown = null;
  private chain0: TcfChain | null = null;

  constructor(host: Host, index: number = 0) {
    this.host = host;
    this.index = index;
  }

  /** Whether a packet has anything to ask here. */
  get isEmpty(): boolean {
    return this.chain0 === null || this.chain0.protos.length === 0;
  }

  /**
   * tcf_classify: asks the filters of chain 0 in order of preference, and follows `goto chain` and `reclassify`.
   * @param dev the device that the qdisc or hook belongs to
   * @param res gets the class; `pktLen` is set here
   * @returns TC_ACT_UNSPEC: nothing matched. TC_ACT_OK (and RECLASSIFY, PIPE, which mean the same then): res.classid is the class.
   *          TC_ACT_SHOT: the caller drops the packet. TC_ACT_STOLEN, QUEUED, TRAP: the caller frees it and reports success.
   *          TC_ACT_REDIRECT: the caller calls skbDoRedirect (clsact only). TC_ACT_CONSUMED: the packet is gone already.
   */
  classify(skb: Skb, dev: Netdev, res: TcfResult): number {
    res.classid = 0;
    res.dropReason = 0;
    res.pktLen = skb.atIngress ? skb.len - skb.macLen : skb.len;
    if (this.chain0 === null) return TC_ACT_UNSPEC;
    const first = this.chain0.protos;
    let protos = first;
    let limit = 0;
    for (let i = 0; i < protos.length; i++) {
      const tp = protos[i]!;
      if (tp.protocol !== ETH_P_ALL && tp.protocol !== (skb.vlanPresent ? skb.vlanProto : skb.protocol)) continue;
      const verdict = tp.classify(skb, dev, res);
      if (verdict === TC_ACT_RECLASSIFY || (verdict & ~TC_ACT_EXT_VAL_MASK) === TC_ACT_GOTO_CHAIN) {
        if (limit++ >= MAX_RECLASSIFY_LOOP) {
          res.dropReason = SKB_DROP_REASON.TC_RECLASSIFY_LOOP;
          return TC_ACT_SHOT;
        }
        protos = verdict === TC_ACT_RECLASSIFY ? first : res.gotoChain!.protos;
        i = -1;
      } else if (verdict >= 0) return verdict;
    }
    return TC_ACT_UNSPEC;
  }

  /** The chain of a number, made when missing. */
  chain(index: number): TcfChain {
    let chain = this.chains.get(index);
    if (chain === undefined) {
      chain = new TcfChain(this, index);
      this.chains.set(index, chain);
      if (index === 0) this.chain0 = chain;
    }
    return chain;
  }

  /** tcf_block_get: something asks this block from now on. */
  attach(user: BlockUser): void {
    this.setUsers([...this.users, user]);
    user.blockChanged();
  }

  /** tcf_block_put. @returns whether nothing asks it any more: its filters are gone then */
  detach(user: BlockUser): boolean {
    this.setUsers(this.users.filter((u) => u !== user));
    if (this.users.length > 0) return false;
    this.flush();
    return true;
  }

  private setUsers(users: readonly BlockUser[]): void {
    this.users = users;
    this.ports = [...new Set(users.map((u) => u.dev))].sort((a, b) => a.ifindex - b.ifindex);
  }

  /** Puts another list of instances in place and tells the users. */
  setProtos(chain: TcfChain, protos: readonly TcfProto[]): void {
    chain.protos = protos;
    if (chain.index === 0) for (const user of this.users) user.blockChanged();
  }

  /** Forgets a chain that nothing holds any more. */
  dropIdleChain(chain: TcfChain): void {
    if (!chain.heldByActionsOnly || chain.actionRefs > 0) return;
    this.chains.delete(chain.index);
    if (chain.index === 0) this.chain0 = null;
  }

  /** All filters in the order of `tc filter show`: by chain in the order of their making, by preference, as the classifier lists them. */
  list(): readonly ListedFilter[] {
    const out: ListedFilter[] = [];
    for (const chain of this.chains.values()) {
      for (const proto of chain.protos) for (const filter of proto.list()) out.push({ proto, filter });
    }
    return out;
  }

  /** The qdisc or class goes away: all filters go (tcf_block_flush_all_chains). */
  flush(): void {
    for (const chain of [...this.chains.values()]) {
      const { protos } = chain;
      this.setProtos(chain, []);
      chain.explicit = false;
      chain.template = null;
      for (const proto of protos) proto.destroy();
    }
    for (const chain of [...this.chains.values()]) this.dropIdleChain(chain);
  }
}
