/**
 * police: a token bucket that says of each packet whether it conforms to a rate or exceeds it.
 *
 *     bytes    one bucket for the rate, a second one of the size of an MTU for the peak rate
 *     packets  one bucket of packets (pkts_rate)
 *     mtu      larger packets exceed
 *
 * @source net/sched/act_police.c tcf_police_act, tcf_police_init; tc-police(8)
 */
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { bufferFromBytes, PLAIN_RATE, RateConfig, type RateTerms } from "../../tc-units.ts";
import { TC_ACT_EXT_VAL_MASK, TC_ACT_GOTO_CHAIN, TC_ACT_OK, TC_ACT_SHOT } from "../act.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import type { TcfResult } from "../classify.ts";

/** `action police ...`; rates in bytes/s or packets/s, 0 for none. */
export interface PoliceOptions {
  readonly exceed: number;
  readonly conform: number;
  readonly rateBytes: number;
  readonly burstBytes: number;
  readonly peakBytes: number;
  readonly avrateBytes: number;
  /** Largest packet that may conform; 0xffffffff for any. */
  readonly mtu: number;
  readonly terms: RateTerms;
  readonly pktsRate: number;
  readonly pktsBurst: number;
}

/** A live policer. Its verdict is the one for packets that exceed. */
export class Police extends TcAction {
  conform: number = TC_ACT_OK;
  rateBytes: number = 0;
  peakBytes: number = 0;
  mtu: number = 0;
  terms: RateTerms = PLAIN_RATE;
  burstNs: number = 0;
  pktsRate: number = 0;
  pktsBurstNs: number = 0;
  private rate: RateConfig | null = null;
  private peak: RateConfig | null = null;
  private pktNs: number = 0;
  /** Tokens as time to send, ns. */
  private toksNs: number = 0;
  private ptoksNs: number = 0;
  private mtuPtoksNs: number = 0;
  private pktToksNs: number = 0;
  private lastNs: number = 0;

  /** @throws never; the parameters were checked */
  configure(o: PoliceOptions, fresh: boolean): void {
    this.conform = o.conform;
    this.rateBytes = o.rateBytes;
    this.peakBytes = o.peakBytes;
    this.mtu = o.mtu;
    this.terms = o.terms;
    this.rate = o.rateBytes === 0 ? null : new RateConfig(o.rateBytes, o.terms);
    this.peak = o.peakBytes === 0 ? null : new RateConfig(o.peakBytes, o.terms);
    this.burstNs = o.rateBytes === 0 ? 0 : bufferFromBytes(o.rateBytes, o.burstBytes);
    this.toksNs = this.burstNs;
    this.mtuPtoksNs = this.peak === null ? 0 : this.peak.lenToNs(o.mtu);
    this.ptoksNs = this.mtuPtoksNs;
    this.pktsRate = o.pktsRate;
    this.pktsBurstNs = o.pktsRate === 0 ? 0 : bufferFromBytes(o.pktsRate, o.pktsBurst);
    this.pktToksNs = this.pktsBurstNs;
    this.pktNs = o.pktsRate === 0 ? 0 : new RateConfig(o.pktsRate).lenToNs(1);
    if (fresh) this.lastNs = this.host.kernel.engine.nowNs;
  }

  override act(skb: Skb, _dev: Netdev, res: TcfResult): number {
    this.used(res);
    const len = res.pktLen;
    const withMac = skb.atIngress ? len + skb.macLen : len;
    if (withMac <= this.mtu && this.conforms(len)) {
      if (this.conform === TC_ACT_SHOT) this.stats.drops++;
      return this.conform;
    }
    this.stats.overlimits++;
    if (this.verdict === TC_ACT_SHOT) this.stats.drops++;
    return this.verdict;
  }

  /** Takes the tokens when there are enough. */
  private conforms(len: number): boolean {
    const nowNs = this.host.kernel.engine.nowNs;
    const passedNs = nowNs - this.lastNs;
    if (this.rate !== null) {
      const earned = Math.min(passedNs, this.burstNs);
      let ptoks = 0;
      if (this.peak !== null) {
        ptoks = Math.min(earned + this.ptoksNs, this.mtuPtoksNs) - this.peak.lenToNs(len);
      }
      const toks = Math.min(earned + this.toksNs, this.burstNs) - this.rate.lenToNs(len);
      if (toks < 0 || ptoks < 0) return false;
      this.lastNs = nowNs;
      this.toksNs = toks;
      this.ptoksNs = ptoks;
      return true;
    }
    if (this.pktsRate === 0) return true;
    const toks = Math.min(Math.min(passedNs, this.pktsBurstNs) + this.pktToksNs, this.pktsBurstNs) - this.pktNs;
    if (toks < 0) return false;
    this.lastNs = nowNs;
    this.pktToksNs = toks;
    return true;
  }
}

/** The record of `police`. */
export const police: ActionDef = {
  kind: "police",
  source: "net/sched/act_police.c; tc-police(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as PoliceOptions;
    // an average needs an estimator on the filter, which no command can ask for here
    if (o.avrateBytes !== 0) throw new NetlinkError(ERRNO.EINVAL);
    if ((o.conform & ~TC_ACT_EXT_VAL_MASK) === TC_ACT_GOTO_CHAIN) {
      throw new NetlinkError(ERRNO.EINVAL, "goto chain not allowed on fallback");
    }
    checkVerdict(o.exceed, proto);
    // actions of a kind are of its class
    const action = old === null ? new Police(host, "police", index) : (old as Police);
    setVerdict(action, o.exceed, proto);
    action.configure(o, old === null);
    return action;
  },
};
