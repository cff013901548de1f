/**
 * The moment at which a connection is established.
 *
 * @source net/ipv4/tcp_input.c tcp_init_transfer; net/ipv4/tcp_metrics.c tcp_init_metrics; net/ipv4/tcp_cong.c
 *         tcp_init_congestion_control
 * @differs nothing is remembered of earlier connections to the peer (net.ipv4.tcp_no_metrics_save)
 */
import { tcpJiffies } from "./clock.ts";
import { JIFFY_NS, TCP_TIMEOUT_FALLBACK } from "./const.ts";
import { tcpInitCwnd } from "./cwnd.ts";
import { tcpInitBufferSpace } from "./rcv-buf.ts";
import { skRoute } from "./route.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** tcp_init_transfer. */
export function tcpInitTransfer(sk: TcpSock): void {
  skRoute(sk);
  if (sk.srttUs === 0) {
    // RFC 6298 section 5.7: no valid measurement from the handshake
    sk.rttvarUs = TCP_TIMEOUT_FALLBACK * (JIFFY_NS / 1000);
    sk.mdevUs = sk.rttvarUs;
    sk.mdevMaxUs = sk.rttvarUs;
    sk.icskRto = TCP_TIMEOUT_FALLBACK;
  }
  // RFC 5681: one segment when the SYN was lost more than once
  sk.sndCwnd = sk.totalRetrans > 1 && sk.undoMarker !== 0 ? 1 : tcpInitCwnd(sk);
  sk.sndCwndStamp = tcpJiffies(sk.stack);
  if (!sk.icskCaInitialized) tcpInitCongestionControl(sk);
  tcpInitBufferSpace(sk);
}

/** tcp_init_congestion_control. */
export function tcpInitCongestionControl(sk: TcpSock): void {
  sk.priorSsthresh = 0;
  sk.icskCaOps.init?.(sk);
  sk.icskCaInitialized = true;
}
