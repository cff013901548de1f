/** TCP's numbers. @source include/net/tcp.h, include/net/tcp_states.h, include/net/inet_connection_sock.h, include/uapi/linux/tcp.h */

/** sk->sk_state; ESTABLISHED, CLOSE and LISTEN stand in sockets/bpf-sock.ts. */
export const TCP_SYN_SENT = 2;
export const TCP_SYN_RECV = 3;
export const TCP_FIN_WAIT1 = 4;
export const TCP_FIN_WAIT2 = 5;
export const TCP_TIME_WAIT = 6;
export const TCP_CLOSE_WAIT = 8;
export const TCP_LAST_ACK = 9;
export const TCP_CLOSING = 11;
export const TCP_NEW_SYN_RECV = 12;

/** Flags of a segment, as in byte 13 of its header. */
export const TCPHDR_FIN = 0x01;
export const TCPHDR_SYN = 0x02;
export const TCPHDR_RST = 0x04;
export const TCPHDR_PSH = 0x08;
export const TCPHDR_ACK = 0x10;
export const TCPHDR_URG = 0x20;
export const TCPHDR_ECE = 0x40;
export const TCPHDR_CWR = 0x80;

/** A jiffy at CONFIG_HZ 250, ns. */
export const JIFFY_NS = 4_000_000;
/** Jiffies a second. */
export const HZ = 250;

/** Timeouts, jiffies. */
export const TCP_TIMEOUT_INIT: number = HZ;
export const TCP_TIMEOUT_FALLBACK: number = 3 * HZ;
export const TCP_RTO_MIN: number = HZ / 5;
export const TCP_DELACK_MIN: number = HZ / 25;
export const TCP_DELACK_MAX: number = HZ / 5;
export const TCP_ATO_MIN: number = HZ / 25;
export const TCP_RESOURCE_PROBE_INTERVAL: number = HZ / 2;
/** TCP_TIMEWAIT_LEN, tcp_fin_timeout's default. */
export const TCP_TIMEWAIT_LEN: number = 60 * HZ;
/** Seconds after which a peer's timestamp is too old to judge by. */
export const TCP_PAWS_24DAYS: number = 60 * 60 * 24 * 24;
export const TCP_PAWS_MSL = 60;
export const TCP_PAWS_WINDOW = 1;

export const TCP_MSS_DEFAULT = 536;
export const TCP_MIN_MSS = 88;
export const TCP_INIT_CWND = 10;
export const TCP_INFINITE_SSTHRESH = 0x7fffffff;
export const TCP_MAX_QUICKACKS = 16;
/** TCP_DEFAULT_SCALING_RATIO of 1 << TCP_RMEM_TO_WIN_SCALE: half of the buffer is window. */
export const TCP_RMEM_TO_WIN_SCALE = 8;
export const TCP_DEFAULT_SCALING_RATIO = 128;
export const TCP_MAX_WSCALE = 14;
export const MAX_TCP_WINDOW = 32767;
export const TCP_NUM_SACKS = 4;

/** Bytes of the header and of its options, padded where Linux pads them. */
export const TCP_HLEN = 20;
export const MAX_TCP_OPTION_SPACE = 40;
export const TCPOLEN_TSTAMP_ALIGNED = 12;
export const TCPOLEN_SACK_BASE_ALIGNED = 4;
export const TCPOLEN_SACK_PERBLOCK = 8;

/** icsk_ca_state. */
export const TCP_CA_Open = 0;
export const TCP_CA_Disorder = 1;
export const TCP_CA_CWR = 2;
export const TCP_CA_Recovery = 3;
export const TCP_CA_Loss = 4;

/** icsk_pending: what the retransmit timer stands for. */
export const ICSK_TIME_NONE = 0;
export const ICSK_TIME_RETRANS = 1;
export const ICSK_TIME_PROBE0 = 3;
export const ICSK_TIME_LOSS_PROBE = 5;
export const ICSK_TIME_REO_TIMEOUT = 6;

/** icsk_ack.pending. */
export const ICSK_ACK_SCHED = 1;
export const ICSK_ACK_TIMER = 2;
export const ICSK_ACK_PUSHED = 4;
export const ICSK_ACK_PUSHED2 = 8;
export const ICSK_ACK_NOW = 16;
export const ICSK_ACK_NOMEM = 32;

/** tp->nonagle. */
export const TCP_NAGLE_OFF = 1;
export const TCP_NAGLE_CORK = 2;
export const TCP_NAGLE_PUSH = 4;

/** tp->ecn_flags. */
export const TCP_ECN_OK = 1;
export const TCP_ECN_QUEUE_CWR = 2;
export const TCP_ECN_DEMAND_CWR = 4;
export const TCP_ECN_SEEN = 8;

/** sk->sk_shutdown. */
export const RCV_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;

/** TxSkb.sacked. @source enum tcp_skb_cb_sacked_flags */
export const TCPCB_SACKED_ACKED = 0x01;
export const TCPCB_SACKED_RETRANS = 0x02;
export const TCPCB_LOST = 0x04;
export const TCPCB_TAGBITS = 0x07;
export const TCPCB_REPAIRED = 0x10;
export const TCPCB_EVER_RETRANS = 0x80;
export const TCPCB_RETRANS = 0x92;

/** Timers of a connection; the numbers are SockTimers' columns. */
export const TIMER_RETRANS = 0;
export const TIMER_DELACK = 1;
export const TIMER_KEEPALIVE = 2;
export const TIMER_PACING = 3;
export const TIMER_COMPRESSED_ACK = 4;
export const TIMERS = 5;

/** errnos that only TCP answers. @source include/uapi/asm-generic/errno.h */
export const EPIPE = 32;
export const EPROTO = 71;
export const ENOPROTOOPT = 92;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const EISCONN = 106;
export const ENOTCONN = 107;
export const ETIMEDOUT = 110;
export const EALREADY = 114;
export const EINPROGRESS = 115;
