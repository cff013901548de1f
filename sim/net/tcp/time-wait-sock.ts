/** What is left of a connection in TIME_WAIT, or orphaned in FIN_WAIT2. @source include/net/inet_timewait_sock.h; include/linux/tcp.h struct tcp_timewait_sock */
import type { Family, IpAddr } from "../ip/address.ts";
import { TCP_TIME_WAIT } from "./const.ts";
import type { EhashEntry } from "./ehash.ts";
import type { MiniSock } from "./mini-sock.ts";
import { SockTimers } from "./sock-timers.ts";
import type { TcpNet } from "./tcp-net.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** A socket's remains. */
export class TimeWaitSock implements EhashEntry {
  readonly net: TcpNet;
  readonly family: Family;
  readonly state: number = TCP_TIME_WAIT;
  /** TCP_FIN_WAIT2 or TCP_TIME_WAIT. */
  substate: number;
  readonly localAddr: IpAddr;
  readonly localPort: number;
  readonly remoteAddr: IpAddr;
  readonly remotePort: number;
  readonly boundIfindex: number;
  readonly skReuse: boolean;
  readonly reuseport: boolean;
  ehash: number = 0;
  ehashNext: EhashEntry | null = null;
  inEhash: boolean = false;
  readonly mark: number;
  readonly priority: number;
  readonly tos: number;
  readonly txhash: number;
  readonly rcvWscale: number;
  rcvNxt: number;
  readonly sndNxt: number;
  readonly rcvWnd: number;
  tsRecent: number;
  tsRecentStamp: number;
  readonly tsOffset: number;
  lastOowAckTime: number = 0;
  /** When it came to be, ns (tw_entry_stamp). */
  readonly entryNs: number;
  /** As programs see it; null before a program met it. */
  mini: MiniSock | null = null;
  readonly timers: SockTimers<TimeWaitSock>;

  constructor(sk: TcpSock, substate: number, rcvWnd: number) {
    this.net = sk.net;
    this.family = sk.family;
    this.substate = substate;
    this.localAddr = sk.localAddr;
    this.localPort = sk.localPort;
    this.remoteAddr = sk.remoteAddr!;
    this.remotePort = sk.remotePort;
    this.boundIfindex = sk.boundIfindex;
    this.skReuse = sk.skReuse;
    this.reuseport = sk.reuseport;
    this.mark = sk.mark;
    this.priority = sk.priority;
    this.tos = sk.tos;
    this.txhash = sk.skTxhash;
    this.rcvWscale = sk.rxOpt.rcvWscale;
    this.rcvNxt = sk.rcvNxt;
    this.sndNxt = sk.sndNxt;
    this.rcvWnd = rcvWnd;
    this.tsRecent = sk.rxOpt.tsRecent;
    this.tsRecentStamp = sk.rxOpt.tsRecentStamp;
    this.tsOffset = sk.tsoffset;
    this.entryNs = sk.stack.kernel.engine.nowNs;
    this.timers = new SockTimers(sk.stack.kernel.engine, sk.net.events.timeWait, this, 1);
  }
}
