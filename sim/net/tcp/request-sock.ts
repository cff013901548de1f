/** A connection that a listener was asked for and that has not been confirmed. @source include/net/request_sock.h, include/linux/tcp.h struct tcp_request_sock */
import type { Family, IpAddr } from "../ip/address.ts";
import { TCP_NEW_SYN_RECV } from "./const.ts";
import type { EhashEntry } from "./ehash.ts";
import type { MiniSock } from "./mini-sock.ts";
import { SockTimers } from "./sock-timers.ts";
import type { TcpNet } from "./tcp-net.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** A half-open connection. */
export class RequestSock implements EhashEntry {
  readonly net: TcpNet;
  readonly listener: TcpSock;
  readonly family: Family;
  readonly state: number = TCP_NEW_SYN_RECV;
  readonly localAddr: IpAddr;
  readonly localPort: number;
  readonly remoteAddr: IpAddr;
  readonly remotePort: number;
  /** Device of the listener, or of a link-local peer. */
  readonly boundIfindex: number;
  ehash: number = 0;
  ehashNext: EhashEntry | null = null;
  inEhash: boolean = false;
  /** Their initial sequence number and ours. */
  rcvIsn: number = 0;
  sntIsn: number = 0;
  /** What of theirs was received so far: rcvIsn + 1. */
  rcvNxt: number = 0;
  /** MSS that we may send; theirs, or the least. */
  mss: number = 0;
  mark: number = 0;
  /** TOS of their SYN. */
  tos: number = 0;
  tsRecent: number = 0;
  tsOff: number = 0;
  tstampOk: boolean = false;
  sackOk: boolean = false;
  wscaleOk: boolean = false;
  sndWscale: number = 0;
  rcvWscale: number = 0;
  ecnOk: boolean = false;
  /** Window of our SYN-ACK, and its clamp; 0 before the first. */
  rskRcvWnd: number = 0;
  rskWindowClamp: number = 0;
  /** SYN-ACKs that timed out, and that were sent again. */
  numTimeout: number = 0;
  numRetrans: number = 0;
  /** TCP_DEFER_ACCEPT: their ACK has come, and was not taken. */
  acked: boolean = false;
  /** It was never entered: its state is in a SYN cookie. */
  isCookie: boolean = false;
  /** When the last SYN-ACK went, us. */
  sntSynack: number = 0;
  /** Timestamps of the first and the last SYN-ACK, without offset; -1: none yet. */
  sntTsvalFirst: number = -1;
  sntTsvalLast: number = 0;
  /** The last ACK that was sent out of turn, jiffies (last_oow_ack_time). */
  lastOowAckTime: number = 0;
  txhash: number = 0;
  /** As programs see it; null before a program met it. */
  mini: MiniSock | null = null;
  readonly timers: SockTimers<RequestSock>;

  constructor(
    net: TcpNet,
    listener: TcpSock,
    localAddr: IpAddr,
    localPort: number,
    remoteAddr: IpAddr,
    remotePort: number,
    boundIfindex: number,
  ) {
    this.net = net;
    this.listener = listener;
    this.family = listener.family;
    this.localAddr = localAddr;
    this.localPort = localPort;
    this.remoteAddr = remoteAddr;
    this.remotePort = remotePort;
    this.boundIfindex = boundIfindex;
    this.timers = new SockTimers(net.stack.kernel.engine, net.events.request, this, 1);
  }
}
