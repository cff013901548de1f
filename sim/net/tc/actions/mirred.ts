/**
 * mirred: sends the packet, or a copy, out of another device or into it, or to all devices of a shared block.
 *
 * @source net/sched/act_mirred.c tcf_mirred_act, tcf_mirred_to_dev, tcf_blockcast; tc-mirred(8)
 * @differs a packet that is redirected where it leaves goes itself, where Linux sends a clone and frees the packet; a drop behind
 *          `ingress` is not seen as an overlimit, since netif_receive_skb answers nothing here
 */
import type { Host } from "../../host.ts";
import type { Kernel } from "../../kernel.ts";
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { TC_ACT_CONSUMED, TC_ACT_QUEUED, TC_ACT_SHOT, TC_ACT_STOLEN, TC_ACT_TRAP } from "../act.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import { sharedBlock } from "../blocks.ts";
import type { TcfResult } from "../classify.ts";
import { sendsMacHeader } from "../redirect.ts";

/** tcf_mirred's m_eaction. @source include/uapi/linux/tc_act/tc_mirred.h */
export const TCA_EGRESS_REDIR = 1;
export const TCA_EGRESS_MIRROR = 2;
export const TCA_INGRESS_REDIR = 3;
export const TCA_INGRESS_MIRROR = 4;

/** MIRRED_NEST_LIMIT. */
const NEST_LIMIT = 4;

/** `action mirred ...`. */
export interface MirredOptions {
  readonly verdict: number;
  /** TCA_EGRESS_REDIR ..., 0: not said. */
  readonly eaction: number;
  /** 0: not said. */
  readonly ifindex: number;
  /** Number of a shared block in place of a device, 0: none. */
  readonly blockId: number;
}

/** How deep mirred runs within mirred now, by kernel. */
class Nesting {
  level: number = 0;
}
const nestings: WeakMap<Kernel, Nesting> = new WeakMap();

function nestingOf(kernel: Kernel): Nesting {
  let n = nestings.get(kernel);
  if (n === undefined) {
    n = new Nesting();
    nestings.set(kernel, n);
  }
  return n;
}

/** A live mirred. */
export class Mirred extends TcAction {
  eaction: number = 0;
  ifindex: number = 0;
  blockId: number = 0;
  private readonly nesting: Nesting;

  constructor(host: Host, index: number) {
    super(host, "mirred", index);
    this.nesting = nestingOf(host.kernel);
  }

  override act(skb: Skb, dev: Netdev, res: TcfResult): number {
    const { nesting } = this;
    if (nesting.level >= NEST_LIMIT) return TC_ACT_SHOT;
    this.used(res);
    const { classid, pktLen } = res;
    nesting.level++;
    const verdict = this.blockId !== 0 ? this.toBlock(skb, dev) : this.toTarget(skb, dev);
    nesting.level--;
    // where the packet went, the same result may have served
    res.classid = classid;
    res.pktLen = pktLen;
    return verdict;
  }

  private get isRedirect(): boolean {
    return this.eaction === TCA_EGRESS_REDIR || this.eaction === TCA_INGRESS_REDIR;
  }

  private toTarget(skb: Skb, dev: Netdev): number {
    const target = this.host.devices[this.ifindex];
    if (target === undefined) {
      this.stats.overlimits++;
      return this.isRedirect ? TC_ACT_SHOT : this.verdict;
    }
    return this.toDev(skb, dev, target, this.isRedirect);
  }

  /** tcf_blockcast: a copy to every device of the block but the one it came by; the last one of a redirect gets the packet. */
  private toBlock(skb: Skb, dev: Netdev): number {
    const block = sharedBlock(this.host, this.blockId);
    const redirect = this.isRedirect;
    if (block === undefined) {
      this.stats.overlimits++;
      return redirect ? TC_ACT_SHOT : this.verdict;
    }
    let last: Netdev | null = null;
    const ports = block.ports;
    for (let i = 0; i < ports.length; i++) {
      const port = ports[i]!;
      if (port === dev) continue;
      if (last !== null) this.toDev(skb, dev, last, false);
      last = port;
    }
    if (last !== null) return this.toDev(skb, dev, last, redirect);
    return redirect ? TC_ACT_SHOT : this.verdict;
  }

  /** tcf_mirred_to_dev. */
  private toDev(skb: Skb, dev: Netdev, target: Netdev, redirect: boolean): number {
    const { kernel } = this.host;
    const verdict = this.verdict;
    if (!target.up || !target.carrier) return this.cannotDo(redirect);
    const reinsert = redirect && (verdict === TC_ACT_STOLEN || verdict === TC_ACT_QUEUED || verdict === TC_ACT_TRAP);
    const toSend = reinsert ? skb : kernel.pool.clone(skb, kernel.engine.nowNs);
    if (toSend === null) return this.cannotDo(redirect);
    const atIngress = skb.atIngress;
    const wantIngress = this.eaction === TCA_INGRESS_REDIR || this.eaction === TCA_INGRESS_MIRROR;
    // what leaves by another device does not fill the sender's socket any more: a clone on Linux
    if (reinsert && !atIngress) toSend.orphan();
    if (wantIngress && !atIngress) toSend.dst = null;
    if (!sendsMacHeader(target)) toSend.pull(toSend.networkHeader - toSend.data);
    toSend.skbIif = dev.ifindex;
    toSend.dev = target;
    if (redirect) {
      toSend.redirected = true;
      toSend.fromIngress = atIngress;
    }
    let err = 0;
    if (!wantIngress) err = kernel.paths.devQueueXmit(toSend);
    else if (!atIngress) err = kernel.paths.netifRx(toSend);
    else kernel.paths.netifReceiveSkb(toSend);
    if (err !== 0) this.stats.overlimits++;
    return reinsert ? TC_ACT_CONSUMED : verdict;
  }

  private cannotDo(redirect: boolean): number {
    this.stats.overlimits++;
    return redirect ? TC_ACT_SHOT : this.verdict;
  }
}

/** The record of `mirred`. */
export const mirred: ActionDef = {
  kind: "mirred",
  source: "net/sched/act_mirred.c; tc-mirred(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as MirredOptions;
    if (o.blockId !== 0 && o.ifindex !== 0) {
      throw new NetlinkError(ERRNO.EINVAL, "act_mirred: Cannot specify Block ID and dev simultaneously");
    }
    if (o.eaction < TCA_EGRESS_REDIR || o.eaction > TCA_INGRESS_MIRROR) {
      throw new NetlinkError(ERRNO.EINVAL, "act_mirred: Unknown mirred option");
    }
    if (old === null && o.ifindex === 0 && o.blockId === 0) {
      throw new NetlinkError(ERRNO.EINVAL, "act_mirred: Must specify device or block");
    }
    checkVerdict(o.verdict, proto);
    if (o.ifindex !== 0 && host.devices[o.ifindex] === undefined) throw new NetlinkError(ERRNO.ENODEV);
    // actions of a kind are of its class
    const action = old === null ? new Mirred(host, index) : (old as Mirred);
    setVerdict(action, o.verdict, proto);
    action.eaction = o.eaction;
    if (o.ifindex !== 0) {
      action.ifindex = o.ifindex;
      action.blockId = 0;
    } else if (o.blockId !== 0) {
      action.blockId = o.blockId;
      action.ifindex = 0;
    }
    return action;
  },
};
