/**
 * A TCP socket: its state under the kernel's names, and no logic. What applications call stands in tcp-socket.ts.
 *
 * Units: `...Us` microseconds, `...Ns` nanoseconds, `icskRto`, `icskAckAto` and the other timeouts of the kernel jiffies (4 ms), windows
 * and sizes bytes, `...Out` and cwnd packets. Sequence numbers are unsigned 32-bit.
 *
 * @source include/linux/tcp.h struct tcp_sock; include/net/inet_connection_sock.h struct inet_connection_sock; include/net/sock.h
 * @differs no TCP_FASTOPEN, TCP_MD5SIG, TCP_AO, AccECN, MPTCP, ULPs or repair mode
 */
import type { Family, IpAddr } from "../ip/address.ts";
import { AF_INET, ANY4, ANY6 } from "../ip/address.ts";
import type { Dst } from "../ip/dst.ts";
import { IPPROTO_TCP } from "../ip/ipv4/header.ts";
import { type Skb, SkbQueue } from "../skb.ts";
import { SOCK_STREAM, TCP_CLOSE } from "../sockets/bpf-sock.ts";
import { Socket } from "../sockets/socket.ts";
import type { CongestionOps } from "./cong/ca.ts";
import {
  HZ,
  TCP_CA_Open,
  TCP_DELACK_MAX,
  TCP_INFINITE_SSTHRESH,
  TCP_INIT_CWND,
  TCP_MSS_DEFAULT,
  TCP_RTO_MIN,
  TCP_TIMEOUT_INIT,
  TIMERS,
} from "./const.ts";
import type { EhashEntry } from "./ehash.ts";
import type { ListenQueue } from "./listen-queue.ts";
import { MinFilter } from "./min-filter.ts";
import { OptionsReceived } from "./options-received.ts";
import { SackBlock } from "./sack-block.ts";
import { SendRing } from "./send-ring.ts";
import { SockTimers } from "./sock-timers.ts";
import type { TcpNet } from "./tcp-net.ts";
import { TxSkbQueue } from "./tx-queue.ts";
import type { TxSkb } from "./tx-skb.ts";

/** A TCP socket's state. */
export class TcpSock extends Socket implements EhashEntry {
  readonly skType: number = SOCK_STREAM;
  readonly skProtocol: number = IPPROTO_TCP;
  declare localAddr: IpAddr;
  readonly net: TcpNet;
  readonly timers: SockTimers<TcpSock>;

  // struct sock
  /** sk_state; changed by tcpSetState only. */
  state: number = TCP_CLOSE;
  skErr: number = 0;
  skErrSoft: number = 0;
  /** RCV_SHUTDOWN, SEND_SHUTDOWN. */
  skShutdown: number = 0;
  /** SOCK_DEAD: no application holds it any more. */
  dead: boolean = false;
  /** SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE. */
  skReuse: boolean = false;
  override reuseport: boolean = false;
  keepOpen: boolean = false;
  /** SO_LINGER: seconds, -1 while off. */
  lingerS: number = -1;
  /** SO_RCVLOWAT. */
  rcvLowat: number = 1;
  /** SO_RCVBUF, SO_SNDBUF were set by the application (SOCK_RCVBUF_LOCK, SOCK_SNDBUF_LOCK). */
  rcvBufLock: boolean = false;
  sndBufLock: boolean = false;
  /** The application found the send buffer full (SOCK_NOSPACE). */
  noSpace: boolean = false;
  /** sk_wmem_queued: truesize of what is in the send queue. */
  wmemQueued: number = 0;
  /** sk_wmem_alloc: truesize of packets between here and the wire, and whether sending waits for it (TSQ_THROTTLED). */
  wmemAlloc: number = 0;
  tsqThrottled: boolean = false;
  /** sk_rmem_alloc. */
  rmemAlloc: number = 0;
  /** sk_pacing_rate, sk_max_pacing_rate; Infinity is none. @unit bytes a second */
  skPacingRate: number = Number.POSITIVE_INFINITY;
  skMaxPacingRate: number = Number.POSITIVE_INFINITY;
  /** sk_pacing_status: 0 none, 1 SK_PACING_NEEDED (by TCP itself), 2 SK_PACING_FQ. */
  skPacingStatus: number = 0;
  /** sk_pacing_shift. */
  skPacingShift: number = 10;
  /** Route of the connection, good while its generation stands. */
  skDst: Dst | null = null;
  skDstGeneration: number = 0;
  /** sk_txhash; 0 until the connection has one. */
  skTxhash: number = 0;
  /** IP_TOS, IPV6_TCLASS; IP_TTL, IPV6_UNICAST_HOPS (-1: the host's). */
  tos: number = 0;
  ttl: number = -1;
  /** inet_id: IP identification of the next segment. */
  inetId: number = 0;
  /** The flow label of IPv6, kept while the txhash stands; -1: not computed. */
  flowLabel: number = -1;
  /** Kept by the table of connections (ehash.ts). */
  ehash: number = 0;
  ehashNext: EhashEntry | null = null;
  inEhash: boolean = false;
  /** It holds its port. */
  inBhash: boolean = false;
  /** The port was asked for by number (SOCK_BINDPORT_LOCK): it stays after the connection fails. */
  bindPortLock: boolean = false;
  /** bind gave it an address (SOCK_BINDADDR_LOCK). */
  bindAddrLock: boolean = false;

  // struct inet_connection_sock
  /** Queues of a listening socket, null in others. */
  listenQueue: ListenQueue | null = null;
  /** The listener that the connection came by, until it is accepted. */
  parent: TcpSock | null = null;
  /** The next one that waits to be accepted. */
  acceptNext: TcpSock | null = null;
  icskRto: number = TCP_TIMEOUT_INIT;
  icskRtoMin: number = TCP_RTO_MIN;
  icskRtoMax: number = 120 * HZ;
  icskDelackMax: number = TCP_DELACK_MAX;
  icskPmtuCookie: number = 0;
  icskCaOps: CongestionOps;
  /** The module's own state. */
  icskCaPriv: unknown = null;
  icskCaState: number = TCP_CA_Open;
  icskCaInitialized: boolean = false;
  icskCaSetsockopt: boolean = false;
  icskRetransmits: number = 0;
  /** ICSK_TIME_*. */
  icskPending: number = 0;
  icskBackoff: number = 0;
  icskSynRetries: number = 0;
  icskProbesOut: number = 0;
  /** When the first unanswered zero window probe went, jiffies; 0: none. */
  icskProbesTstamp: number = 0;
  icskUserTimeout: number = 0;
  icskExtHdrLen: number = 0;
  /** ICSK_ACK_*. */
  icskAckPending: number = 0;
  icskAckQuick: number = 0;
  icskAckPingpong: number = 0;
  icskAckRetry: number = 0;
  icskAckAto: number = 0;
  icskAckLrcvtime: number = 0;
  icskAckRcvMss: number = 0;
  icskAckLastSegSize: number = 0;
  icskMtupEnabled: boolean = false;
  icskMtupSearchHigh: number = 0;
  icskMtupSearchLow: number = 0;
  icskMtupProbeSize: number = 0;

  // struct tcp_sock: sending
  readonly txq: TxSkbQueue = new TxSkbQueue();
  readonly sendRing: SendRing;
  sndUna: number = 0;
  sndNxt: number = 0;
  writeSeq: number = 0;
  pushedSeq: number = 0;
  sndSml: number = 0;
  sndWl1: number = 0;
  sndWnd: number = 0;
  maxWindow: number = 0;
  sndUp: number = 0;
  mssCache: number = TCP_MSS_DEFAULT;
  advmss: number = TCP_MSS_DEFAULT;
  tcpHeaderLen: number = 20;
  nonagle: number = 0;
  sndCwnd: number = TCP_INIT_CWND;
  sndSsthresh: number = TCP_INFINITE_SSTHRESH;
  sndCwndCnt: number = 0;
  sndCwndClamp: number = 0xffffffff;
  sndCwndUsed: number = 0;
  sndCwndStamp: number = 0;
  packetsOut: number = 0;
  retransOut: number = 0;
  lostOut: number = 0;
  sackedOut: number = 0;
  maxPacketsOut: number = 0;
  cwndUsageSeq: number = 0;
  isCwndLimited: boolean = false;
  totalRetrans: number = 0;
  /** Retransmission timeouts of the connection. */
  totalRto: number = 0;
  bytesSent: number = 0;
  bytesAcked: number = 0;
  bytesRetrans: number = 0;
  segsOut: number = 0;
  dataSegsOut: number = 0;
  lsndtime: number = 0;
  tsoffset: number = 0;
  /** Of the last segment, rounded: tcp_clock_cache (ns) and tcp_mstamp (us). */
  tcpClockCache: number = 0;
  tcpMstamp: number = 0;
  /** Time at which pacing lets the next segment go, ns. */
  tcpWstampNs: number = 0;
  highSeq: number = 0;
  ecnFlags: number = 0;
  rcvEcnCe: boolean = false;
  lastOowAckTime: number = 0;
  notsentLowat: number = 0;

  // round trip time
  srttUs: number = 0;
  mdevUs: number = 0;
  mdevMaxUs: number = 0;
  rttvarUs: number = 0;
  rttSeq: number = 0;
  /** The smallest RTT of the last tcp_min_rtt_wlen seconds, us. */
  readonly rttMin: MinFilter = new MinFilter();

  // loss recovery
  reordering: number = 3;
  reordSeen: number = 0;
  priorCwnd: number = 0;
  priorSsthresh: number = 0;
  undoMarker: number = 0;
  undoRetrans: number = 0;
  /** TSval of the first retransmission since the last ACK, 0: none; in SYN_SENT the time of the first SYN. @unit ms */
  retransStamp: number = 0;
  /** Segments up to here that are marked lost wait for retransmission (tp->retransmit_skb_hint and friends). */
  retransmitSkbHint: TxSkb | null = null;
  lostSkbHint: TxSkb | null = null;
  lostCntHint: number = 0;
  highestSack: TxSkb | null = null;
  readonly recvSackCache: SackBlock[] = SackBlock.array(4);
  prrDelivered: number = 0;
  prrOut: number = 0;
  frto: boolean = false;
  isSackReneg: boolean = false;
  /** tsorted_sent_queue: segments by time of their last transmission. */
  tsortedHead: TxSkb | null = null;
  tsortedTail: TxSkb | null = null;
  rackMstamp: number = 0;
  rackRttUs: number = 0;
  rackEndSeq: number = 0;
  rackLastDelivered: number = 0;
  rackReoWndSteps: number = 1;
  rackReoWndPersist: number = 0;
  rackDsackSeen: boolean = false;
  rackAdvanced: boolean = false;
  tlpHighSeq: number = 0;
  tlpRetrans: boolean = false;
  dupackCounter: number = 0;
  dsackDups: number = 0;
  dupackUndo: number = 0;

  // delivery rate (rate.ts)
  delivered: number = 0;
  deliveredCe: number = 0;
  lost: number = 0;
  appLimited: number = 0;
  firstTxMstamp: number = 0;
  deliveredMstamp: number = 0;
  rateDelivered: number = 0;
  rateIntervalUs: number = 0;
  rateAppLimited: boolean = false;

  // receiving
  /** In order, not yet read. */
  readonly receiveQueue: SkbQueue = new SkbQueue();
  /** Out of order, by sequence number (out_of_order_queue). */
  readonly oooQueue: Skb[] = [];
  rcvNxt: number = 0;
  copiedSeq: number = 0;
  rcvWup: number = 0;
  rcvWnd: number = 0;
  rcvSsthresh: number = 0;
  windowClamp: number = 0;
  scalingRatio: number = 128;
  /** TCP_WINDOW_CLAMP, 0: none. */
  userWindowClamp: number = 0;
  rcvTstamp: number = 0;
  bytesReceived: number = 0;
  segsIn: number = 0;
  dataSegsIn: number = 0;
  rcvOoopack: number = 0;
  rcvRttUs: number = 0;
  rcvRttSeq: number = 0;
  rcvRttTime: number = 0;
  rcvRttLastTsecr: number = 0;
  rcvqSpaceSpace: number = 0;
  rcvqSpaceSeq: number = 0;
  rcvqSpaceTime: number = 0;
  readonly rxOpt: OptionsReceived = new OptionsReceived();
  readonly selectiveAcks: SackBlock[] = SackBlock.array(4);
  readonly duplicateSack: SackBlock = new SackBlock();
  /** ACKs held back by SACK compression. */
  compressedAck: number = 0;
  compressedAckRcvNxt: number = 0;
  urgData: number = 0;
  urgSeq: number = 0;
  /** predFlags: header prediction, the word of data offset, flags and window; 0: off. */
  predFlags: number = 0;

  // options of the application
  keepaliveTime: number = 0;
  keepaliveIntvl: number = 0;
  keepaliveProbes: number = 0;
  linger2: number = 0;
  /** TCP_DEFER_ACCEPT as a number of SYN-ACKs. */
  deferAccept: number = 0;
  /** The application will be told at the end of this instant, and of what. */
  wakePending: boolean = false;
  readReady: boolean = false;
  writeReady: boolean = false;
  stateChanged: boolean = false;
  acceptReady: boolean = false;

  constructor(net: TcpNet, family: Family) {
    const stack = net.stack;
    super(stack, family);
    this.net = net;
    this.localAddr = family === AF_INET ? ANY4 : ANY6;
    this.timers = new SockTimers(stack.kernel.engine, net.events.timer, this, TIMERS);
    this.sendRing = new SendRing(stack.arena);
    this.icskCaOps = stack.congestion;
  }

  override get inet(): boolean {
    return true;
  }

  /** It listens, or is in the table of connections. */
  override get hashed(): boolean {
    return this.inEhash || this.listenQueue !== null;
  }

  override get skState(): number {
    return this.state;
  }

  override get memory(): {
    readonly rmem: number;
    readonly wmem: number;
    readonly rcvBuf: number;
    readonly sndBuf: number;
  } {
    return { rmem: this.rmemAlloc, wmem: this.wmemQueued, rcvBuf: this.rcvBuf, sndBuf: this.sndBuf };
  }

  override setRcvBuf(bytes: number): void {
    super.setRcvBuf(bytes);
    this.rcvBufLock = true;
  }

  override setSndBuf(bytes: number): void {
    super.setSndBuf(bytes);
    this.sndBufLock = true;
  }

  /** tcp_packets_in_flight. */
  get packetsInFlight(): number {
    return this.packetsOut - this.sackedOut - this.lostOut + this.retransOut;
  }

  /** tcp_wfree: a packet has left the host; what TCP small queues held back may go. */
  override onSkbFree(skb: Skb): void {
    this.wmemAlloc -= skb.ownerBytes;
    if (!this.tsqThrottled) return;
    this.tsqThrottled = false;
    const engine = this.stack.kernel.engine;
    engine.schedule(engine.nowNs, this.net.events.tsq, this, 0);
  }

  /** The last of the socket: maps and views forget it. Its queues are empty. */
  releaseSock(): void {
    super.close();
  }

  /** TCP hands out bytes, not packets. */
  protected handOver(): boolean {
    return false;
  }
}
