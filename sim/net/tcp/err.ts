/**
 * ICMP errors about segments that this host sent.
 *
 * @source net/ipv4/tcp_ipv4.c tcp_v4_err, tcp_v4_mtu_reduced, tcp_ld_RTO_revert; net/ipv6/tcp_ipv6.c tcp_v6_err; RFC 5927, RFC 6069
 */
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import {
  ICMP_DEST_UNREACH,
  ICMP_FRAG_NEEDED,
  ICMP_HOST_UNREACH,
  ICMP_NET_UNREACH,
  ICMP_PARAMETERPROB,
  ICMP_TIME_EXCEEDED,
} from "../ip/ipv4/header.ts";
import { ICMPV6_DEST_UNREACH, ICMPV6_PARAMPROB, ICMPV6_PKT_TOOBIG } from "../ip/ipv6/header.ts";
import { ERRNO } from "../netlink-error.ts";
import { TCP_CLOSE, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { icmpErrno } from "../sockets/icmp-errno.ts";
import { tcpMstampRefresh, usecsToJiffies } from "./clock.ts";
import { EPROTO, ICSK_TIME_RETRANS, JIFFY_NS, TCP_SYN_RECV, TCP_SYN_SENT } from "./const.ts";
import { tcpSyncMss } from "./mss.ts";
import { tcpSimpleRetransmit } from "./recovery.ts";
import { RequestSock } from "./request-sock.ts";
import { skPathMtu, skRoute } from "./route.ts";
import { resetXmitTimer } from "./rto.ts";
import { between } from "./seq.ts";
import type { TcpNet } from "./tcp-net.ts";
import { TcpSock } from "./tcp-sock.ts";
import { tcpRetransmitTimerNow } from "./timer.ts";
import { tcpDoneWithError } from "./validate.ts";

const EACCES = 13;

/** The socket that sent a quoted segment, or null. @param inner,th addresses of its headers */
function owner(net: TcpNet, v6: boolean, inner: number, th: number): TcpSock | null {
  const dv = net.stack.arena.dv;
  const w = (i: number): number => dv.getUint32(inner + i);
  const lport = dv.getUint16(th);
  const rport = dv.getUint16(th + 2);
  const e = v6
    ? net.ehash.lookup(AF_INET6, w(24), w(28), w(32), w(36), rport, w(8), w(12), w(16), w(20), lport, 0)
    : net.ehash.lookup(AF_INET, w(16), 0, 0, 0, rport, w(12), 0, 0, 0, lport, 0);
  return e instanceof TcpSock ? e : e instanceof RequestSock ? requestError(e, dv.getUint32(th + 4)) : null;
}

/** tcp_req_err: a SYN-ACK could not be delivered; noted only. */
function requestError(req: RequestSock, seq: number): null {
  if (seq !== req.sntIsn) req.net.stack.snmp.TcpExtOutOfWindowIcmps++;
  return null;
}

/** tcp_v4_err. @param inner address of the quoted IP header @param info MTU of ICMP_FRAG_NEEDED */
export function tcpErr(net: TcpNet, inner: number, type: number, code: number, _info: number): void {
  const { stack } = net;
  const dv = stack.arena.dv;
  const th = inner + (dv.getUint8(inner) & 15) * 4;
  const sk = owner(net, false, inner, th);
  if (sk === null || sk.state === TCP_CLOSE) return;
  const seq = dv.getUint32(th + 4);
  if (sk.state !== TCP_LISTEN && !between(seq, sk.sndUna, sk.sndNxt)) {
    stack.snmp.TcpExtOutOfWindowIcmps++;
    return;
  }
  let err: number = ERRNO.EHOSTUNREACH;
  if (type === ICMP_PARAMETERPROB) err = EPROTO;
  else if (type === ICMP_DEST_UNREACH) {
    if (code === ICMP_FRAG_NEEDED) {
      if (sk.state !== TCP_LISTEN) mtuReduced(sk);
      return;
    }
    err = icmpErrno(code);
    if (code === ICMP_NET_UNREACH || code === ICMP_HOST_UNREACH) ldRtoRevert(sk, seq);
  } else if (type !== ICMP_TIME_EXCEEDED) return;
  report(sk, err);
}

/** tcp_v6_err. @param th address of the quoted TCP header */
export function tcp6Err(net: TcpNet, inner: number, th: number, type: number, code: number): void {
  const { stack } = net;
  const sk = owner(net, true, inner, th);
  if (sk === null || sk.state === TCP_CLOSE) return;
  const seq = stack.arena.dv.getUint32(th + 4);
  if (sk.state !== TCP_LISTEN && !between(seq, sk.sndUna, sk.sndNxt)) {
    stack.snmp.TcpExtOutOfWindowIcmps++;
    return;
  }
  if (type === ICMPV6_PKT_TOOBIG) {
    if (sk.state !== TCP_LISTEN) mtuReduced(sk);
    return;
  }
  let err: number = EPROTO;
  if (type === ICMPV6_DEST_UNREACH) {
    err =
      [ERRNO.ENETUNREACH, EACCES, ERRNO.EHOSTUNREACH, ERRNO.EHOSTUNREACH, ERRNO.ECONNREFUSED, EACCES, EACCES][code] ??
      EPROTO;
    if (code === 0) ldRtoRevert(sk, seq);
  } else if (type !== ICMPV6_PARAMPROB) err = ERRNO.EHOSTUNREACH;
  report(sk, err);
}

/** An attempt to connect fails at once; a connection remembers the error for the time when it is given up. */
function report(sk: TcpSock, err: number): void {
  if (sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV) tcpDoneWithError(sk, err);
  else sk.skErrSoft = err;
}

/** tcp_v4_mtu_reduced: the path's MTU has been learned (icmp.ts); segments become smaller, and what was too big goes again. */
function mtuReduced(sk: TcpSock): void {
  const dst = skRoute(sk);
  if (dst === null) return;
  const mtu = skPathMtu(sk, dst);
  if (sk.icskPmtuCookie <= mtu) return;
  tcpMstampRefresh(sk);
  tcpSyncMss(sk, mtu);
  tcpSimpleRetransmit(sk);
}

/** tcp_ld_RTO_revert: RFC 6069, the network said why there is no answer: no backoff. */
function ldRtoRevert(sk: TcpSock, seq: number): void {
  if (seq !== sk.sndUna || sk.icskRetransmits === 0 || sk.icskBackoff === 0) return;
  const skb = sk.txq.rtxHead;
  if (skb === null) return;
  sk.icskBackoff--;
  const base = sk.srttUs !== 0 ? usecsToJiffies((sk.srttUs >> 3) + sk.rttvarUs) : 250;
  sk.icskRto = Math.min(base * 2 ** sk.icskBackoff, sk.icskRtoMax);
  tcpMstampRefresh(sk);
  const elapsed = Math.floor((sk.tcpClockCache - skb.mstampNs) / JIFFY_NS);
  const remaining = sk.icskRto - elapsed;
  if (remaining > 0) resetXmitTimer(sk, ICSK_TIME_RETRANS, remaining, sk.icskRtoMax);
  else tcpRetransmitTimerNow(sk);
}
