/**
 * Congestion control modules: what TCP asks of them, and what it tells them.
 *
 * A module is one record in one file and one line in index.ts. Its state of a connection is an object of its own class, made by
 * `init` and kept in `sk.icskCaPriv`.
 *
 * @source include/net/tcp.h struct tcp_congestion_ops, struct rate_sample, struct ack_sample, enum tcp_ca_event
 */
import type { TcpSock } from "../tcp-sock.ts";

/** Events of cwndEvent. @source enum tcp_ca_event */
export const CA_EVENT_TX_START = 0;
export const CA_EVENT_CWND_RESTART = 1;
export const CA_EVENT_COMPLETE_CWR = 2;
export const CA_EVENT_LOSS = 3;
export const CA_EVENT_ECN_NO_CE = 4;
export const CA_EVENT_ECN_IS_CE = 5;

/** Flags of inAckEvent. @source enum tcp_ca_ack_event_flags */
export const CA_ACK_SLOWPATH = 1;
export const CA_ACK_WIN_UPDATE = 2;
export const CA_ACK_ECE = 4;

/** Flags of a module. */
export const TCP_CONG_NON_RESTRICTED = 1;
export const TCP_CONG_NEEDS_ECN = 2;

/** struct rate_sample: what an ACK says of the path. One object per host, filled anew by each ACK. @unit times: us, -1 for none */
export interface RateSample {
  /** Start of the sample's interval, us. */
  priorMstamp: number;
  /** tp->delivered and deliveredCe at that time, packets. */
  priorDelivered: number;
  priorDeliveredCe: number;
  /** Packets delivered over the interval; -1 when there is no valid sample. */
  delivered: number;
  deliveredCe: number;
  /** Length of the interval. */
  intervalUs: number;
  sndIntervalUs: number;
  rcvIntervalUs: number;
  /** RTT of the last segment delivered; -1 when none was measured. */
  rttUs: number;
  /** Newly marked lost, packets. */
  losses: number;
  /** Newly acknowledged or SACKed, packets. */
  ackedSacked: number;
  /** Packets in flight before this ACK. */
  priorInFlight: number;
  lastEndSeq: number;
  isAppLimited: boolean;
  isRetrans: boolean;
  isAckDelayed: boolean;
}

/** What pktsAcked is told. @unit pktsAcked, inFlight: packets; rttUs: us, -1 for none */
export interface AckSample {
  pktsAcked: number;
  rttUs: number;
  inFlight: number;
}

/** What `ss -i` prints beside the connection's own figures (INET_DIAG_VEGASINFO, DCTCPINFO, BBRINFO); null: nothing. */
export type CongestionInfo = readonly (readonly [name: string, value: number])[] | null;

/** The record of one congestion control. Calls that are null Linux leaves out as well. */
export interface CongestionOps {
  /** As TCP_CONGESTION names it. */
  readonly name: string;
  /** TCP_CONG_*. */
  readonly flags: number;
  /** Called when the connection is established, or the module is chosen later. */
  readonly init: ((sk: TcpSock) => void) | null;
  /** The connection ends, or chooses another module. */
  readonly release: ((sk: TcpSock) => void) | null;
  /** The slow start threshold after a loss, packets. */
  readonly ssthresh: (sk: TcpSock) => number;
  /** New cwnd after an ACK for `acked` packets; null only with congControl. */
  readonly congAvoid: ((sk: TcpSock, ack: number, acked: number) => void) | null;
  /** Takes over from congAvoid: sets cwnd and pacing rate after every ACK. */
  readonly congControl: ((sk: TcpSock, ack: number, flag: number, rs: RateSample) => void) | null;
  /** Called before icskCaState becomes the new state. */
  readonly setState: ((sk: TcpSock, newState: number) => void) | null;
  /** CA_EVENT_*. */
  readonly cwndEvent: ((sk: TcpSock, event: number) => void) | null;
  /** CA_ACK_*. */
  readonly inAckEvent: ((sk: TcpSock, flags: number) => void) | null;
  readonly pktsAcked: ((sk: TcpSock, sample: AckSample) => void) | null;
  /** The cwnd from before a reduction that was found to be wrong. */
  readonly undoCwnd: (sk: TcpSock) => number;
  /** Least number of segments of a TSO packet; null: net.ipv4.tcp_min_tso_segs. */
  readonly minTsoSegs: ((sk: TcpSock) => number) | null;
  /** Send buffer over cwnd; null: 2. */
  readonly sndbufExpand: ((sk: TcpSock) => number) | null;
  readonly getInfo: ((sk: TcpSock) => CongestionInfo) | null;
}
