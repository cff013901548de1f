/**
 * What a TCP socket tells about itself: TCP_INFO, and what `ss -ti` prints.
 * @source net/ipv4/tcp.c tcp_get_info; include/uapi/linux/tcp.h struct tcp_info
 */
import { TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { tcpJiffies } from "./clock.ts";
import { TCP_ECN_OK, TCP_ECN_SEEN } from "./const.ts";
import { tcpMinRtt } from "./rto.ts";
import type { TcpSock } from "./tcp-sock.ts";

const JIFFY_US = 4000;
const JIFFY_MS = 4;

/** struct tcp_info under its names without `tcpi_`. @unit times: us, `last...` ms; rates: bytes a second, -1 for none */
export interface TcpInfo {
  readonly state: number;
  readonly caState: number;
  readonly retransmits: number;
  readonly probes: number;
  readonly backoff: number;
  /** The connection has timestamps, SACK, window scaling, ECN; a packet was seen that is ECN capable. */
  readonly timestamps: boolean;
  readonly sack: boolean;
  readonly wscale: boolean;
  readonly ecn: boolean;
  readonly ecnSeen: boolean;
  readonly sndWscale: number;
  readonly rcvWscale: number;
  readonly deliveryRateAppLimited: boolean;
  readonly rto: number;
  readonly ato: number;
  readonly sndMss: number;
  readonly rcvMss: number;
  readonly unacked: number;
  readonly sacked: number;
  readonly lost: number;
  readonly retrans: number;
  readonly lastDataSent: number;
  readonly lastDataRecv: number;
  readonly lastAckRecv: number;
  readonly pmtu: number;
  readonly rcvSsthresh: number;
  readonly rtt: number;
  readonly rttvar: number;
  readonly sndSsthresh: number;
  readonly sndCwnd: number;
  readonly advmss: number;
  readonly reordering: number;
  readonly rcvRtt: number;
  readonly rcvSpace: number;
  readonly totalRetrans: number;
  readonly pacingRate: number;
  readonly maxPacingRate: number;
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  readonly segsOut: number;
  readonly segsIn: number;
  readonly notsentBytes: number;
  readonly minRtt: number;
  readonly dataSegsIn: number;
  readonly dataSegsOut: number;
  readonly deliveryRate: number;
  readonly delivered: number;
  readonly deliveredCe: number;
  readonly bytesSent: number;
  readonly bytesRetrans: number;
  readonly dsackDups: number;
  readonly reordSeen: number;
  readonly rcvOoopack: number;
  readonly sndWnd: number;
  readonly rcvWnd: number;
}

/** tcp_compute_delivery_rate. */
function deliveryRate(sk: TcpSock): number {
  if (sk.rateDelivered === 0 || sk.rateIntervalUs === 0) return 0;
  return Math.floor((sk.rateDelivered * sk.mssCache * 1e6) / sk.rateIntervalUs);
}

/** tcp_get_info. A listener says how many wait and how many may in `unacked` and `sacked`. */
export function tcpGetInfo(sk: TcpSock): TcpInfo {
  const opt = sk.rxOpt;
  const now = tcpJiffies(sk.stack);
  const q = sk.state === TCP_LISTEN ? sk.listenQueue : null;
  const minRtt = tcpMinRtt(sk);
  const rate = (r: number): number => (r === Number.POSITIVE_INFINITY ? -1 : r);
  return {
    state: sk.state,
    caState: sk.icskCaState,
    retransmits: sk.icskRetransmits,
    probes: sk.icskProbesOut,
    backoff: sk.icskBackoff,
    timestamps: opt.tstampOk,
    sack: opt.sackOk,
    wscale: opt.wscaleOk,
    ecn: (sk.ecnFlags & TCP_ECN_OK) !== 0,
    ecnSeen: (sk.ecnFlags & TCP_ECN_SEEN) !== 0,
    sndWscale: opt.wscaleOk ? opt.sndWscale : 0,
    rcvWscale: opt.wscaleOk ? opt.rcvWscale : 0,
    deliveryRateAppLimited: sk.rateAppLimited,
    rto: q === null ? sk.icskRto * JIFFY_US : 0,
    ato: q === null ? sk.icskAckAto * JIFFY_US : 0,
    sndMss: sk.mssCache,
    rcvMss: sk.icskAckRcvMss,
    unacked: q === null ? sk.packetsOut : q.ackBacklog,
    sacked: q === null ? sk.sackedOut : q.maxAckBacklog,
    lost: sk.lostOut,
    retrans: sk.retransOut,
    lastDataSent: (now - sk.lsndtime) * JIFFY_MS,
    lastDataRecv: (now - sk.icskAckLrcvtime) * JIFFY_MS,
    lastAckRecv: (now - sk.rcvTstamp) * JIFFY_MS,
    pmtu: sk.icskPmtuCookie,
    rcvSsthresh: sk.rcvSsthresh,
    rtt: sk.srttUs >> 3,
    rttvar: sk.mdevUs >> 2,
    sndSsthresh: sk.sndSsthresh,
    sndCwnd: sk.sndCwnd,
    advmss: sk.advmss,
    reordering: sk.reordering,
    rcvRtt: Math.floor(sk.rcvRttUs / 8),
    rcvSpace: sk.rcvqSpaceSpace,
    totalRetrans: sk.totalRetrans,
    pacingRate: rate(sk.skPacingRate),
    maxPacingRate: rate(sk.skMaxPacingRate),
    bytesAcked: sk.bytesAcked,
    bytesReceived: sk.bytesReceived,
    segsOut: sk.segsOut,
    segsIn: sk.segsIn,
    notsentBytes: Math.max(0, (sk.writeSeq - sk.sndNxt) | 0),
    minRtt: minRtt === 0xffffffff ? -1 : minRtt,
    dataSegsIn: sk.dataSegsIn,
    dataSegsOut: sk.dataSegsOut,
    deliveryRate: deliveryRate(sk),
    delivered: sk.delivered,
    deliveredCe: sk.deliveredCe,
    bytesSent: sk.bytesSent,
    bytesRetrans: sk.bytesRetrans,
    dsackDups: sk.dsackDups,
    reordSeen: sk.reordSeen,
    rcvOoopack: sk.rcvOoopack,
    sndWnd: sk.sndWnd,
    rcvWnd: sk.rcvWnd,
  };
}
