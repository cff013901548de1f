/**
 * Token buckets for ICMP messages: one per destination, shared by all that is sent there, and one for all.
 *
 * @source net/ipv4/inetpeer.c inet_peer_xrlim_allow; net/ipv4/route.c ip_error, ip_rt_send_redirect; net/ipv4/icmp.c icmp_global_allow
 */

/** Tokens a destination can save up, in units of the time between messages (XRLIM_BURST_FACTOR). */
const BURST_FACTOR = 6;
/** net.ipv4.route.error_cost and error_burst. */
const ERROR_COST_NS = 1e9;
const ERROR_BURST_NS = 5e9;
/** net.ipv4.route.redirect_load, redirect_number, redirect_silence. */
const REDIRECT_LOAD_NS = 20e6;
const REDIRECT_NUMBER = 9;
const REDIRECT_SILENCE_NS = 20.48e9;
/** A new peer has saved up a minute. */
const INITIAL_NS = 60e9;

interface Peer {
  tokensNs: number;
  lastNs: number;
  redirects: number;
}

/** inet_peer: what is known of the hosts that messages were sent to. */
export class PeerLimit<K> {
  private readonly peers: Map<K, Peer> = new Map();

  private peer(key: K, nowNs: number): Peer {
    let p = this.peers.get(key);
    if (p === undefined) {
      p = { tokensNs: 0, lastNs: nowNs - INITIAL_NS, redirects: 0 };
      this.peers.set(key, p);
    }
    return p;
  }

  /** inet_peer_xrlim_allow. @param everyNs time between messages in the long run @returns whether one may be sent now */
  allow(key: K, everyNs: number, nowNs: number): boolean {
    return take(this.peer(key, nowNs), everyNs, BURST_FACTOR * everyNs, nowNs);
  }

  /** ip_error's own limit for errors of routing. */
  errorAllowed(key: K, nowNs: number): boolean {
    return take(this.peer(key, nowNs), ERROR_COST_NS, ERROR_BURST_NS, nowNs);
  }

  /** Redirects: the pause doubles each time, after the ninth there is silence until the sender has been quiet for 20 s. */
  redirectAllowed(key: K, nowNs: number): boolean {
    const p = this.peer(key, nowNs);
    if (nowNs > p.lastNs + REDIRECT_SILENCE_NS) {
      p.tokensNs = 0;
      p.redirects = 0;
    }
    if (p.redirects >= REDIRECT_NUMBER) {
      p.lastNs = nowNs;
      return false;
    }
    if (p.redirects > 0 && nowNs <= p.lastNs + REDIRECT_LOAD_NS * 2 ** p.redirects) return false;
    p.lastNs = nowNs;
    p.redirects++;
    return true;
  }
}

function take(p: Peer, costNs: number, burstNs: number, nowNs: number): boolean {
  p.tokensNs = Math.min(p.tokensNs + nowNs - p.lastNs, burstNs);
  p.lastNs = nowNs;
  if (p.tokensNs < costNs) return false;
  p.tokensNs -= costNs;
  return true;
}

/** icmp_msgs_per_sec with icmp_msgs_burst. */
export class GlobalLimit {
  private credit: number = -1;
  private lastNs: number = 0;

  /** @returns whether one message may be sent now; takes its token */
  allow(perSec: number, burst: number, nowNs: number): boolean {
    if (this.credit < 0) this.credit = burst;
    else this.credit = Math.min(burst, this.credit + ((nowNs - this.lastNs) * perSec) / 1e9);
    this.lastNs = nowNs;
    if (this.credit < 1) return false;
    this.credit -= 1;
    return true;
  }
}
