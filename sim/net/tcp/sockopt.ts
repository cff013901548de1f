/**
 * Options of TCP sockets by level and number, as setsockopt(2) and bpf_setsockopt set them and getsockopt(2) reads them.
 *
 *     SOL_SOCKET: SO_REUSEADDR, SO_KEEPALIVE, SO_SNDBUF, SO_RCVBUF, SO_REUSEPORT, SO_RCVLOWAT, SO_MAX_PACING_RATE
 *     SOL_TCP: TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2, TCP_DEFER_ACCEPT,
 *              TCP_WINDOW_CLAMP, TCP_QUICKACK, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT
 *
 * @source net/ipv4/tcp.c do_tcp_setsockopt, do_tcp_getsockopt; net/core/sock.c sk_setsockopt
 * @differs others are refused (ENOPROTOOPT)
 */
import { ERRNO } from "../netlink-error.ts";
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { enterPingpongMode, exitPingpongMode, inetCskAckScheduled, inPingpongMode } from "./ack-state.ts";
import { tcpJiffies } from "./clock.ts";
import { findCongestion } from "./cong/index.ts";
import {
  ENOPROTOOPT,
  HZ,
  ICSK_ACK_PUSHED,
  TCP_CLOSE_WAIT,
  TCP_NAGLE_CORK,
  TCP_NAGLE_OFF,
  TCP_NAGLE_PUSH,
} from "./const.ts";
import { tcpInitCongestionControl } from "./init-transfer.ts";
import { tcpPushPendingFrames } from "./output.ts";
import { tcpCleanupRbuf } from "./recv.ts";
import { secsToRetrans, TIMEOUT_INIT_S } from "./synack.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { resetKeepaliveTimer, tcpSetKeepalive } from "./timer.ts";
import { tcpSetWindowClamp } from "./window.ts";

const SOL_SOCKET = 1;
const SOL_TCP = 6;
const SO_REUSEADDR = 2;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_KEEPALIVE = 9;
const SO_REUSEPORT = 15;
const SO_RCVLOWAT = 18;
const TCP_NODELAY = 1;
const TCP_MAXSEG = 2;
const TCP_CORK = 3;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_SYNCNT = 7;
const TCP_LINGER2 = 8;
const TCP_DEFER_ACCEPT = 9;
const TCP_WINDOW_CLAMP = 10;
const TCP_QUICKACK = 12;
const TCP_USER_TIMEOUT = 18;
const TCP_NOTSENT_LOWAT = 25;
const MAX_TCP_WINDOW = 32767;
const EINVAL = ERRNO.EINVAL;

/** setsockopt with a whole number. @returns 0, or -errno */
export function tcpSetsockopt(sk: TcpSock, level: number, name: number, value: number): number {
  if (level === SOL_SOCKET) return setSocketLevel(sk, name, value);
  return level === SOL_TCP ? setTcpLevel(sk, name, value) : -ENOPROTOOPT;
}

function setSocketLevel(sk: TcpSock, name: number, value: number): number {
  switch (name) {
    case SO_REUSEADDR:
      sk.skReuse = value !== 0;
      return 0;
    case SO_REUSEPORT:
      sk.reuseport = value !== 0;
      return 0;
    case SO_KEEPALIVE:
      tcpSetKeepalive(sk, value !== 0);
      return 0;
    case SO_SNDBUF:
      sk.setSndBuf(value >>> 0);
      return 0;
    case SO_RCVBUF:
      sk.setRcvBuf(value >>> 0);
      return 0;
    case SO_RCVLOWAT:
      sk.rcvLowat = value < 0 ? 2147483647 : value || 1;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

function setTcpLevel(sk: TcpSock, name: number, value: number): number {
  const bad = (low: number, high: number): boolean => value < low || value > high;
  switch (name) {
    case TCP_MAXSEG:
      if (value !== 0 && bad(88, MAX_TCP_WINDOW)) return -EINVAL;
      sk.rxOpt.userMss = value;
      return 0;
    case TCP_NODELAY:
      if (value !== 0) {
        sk.nonagle |= TCP_NAGLE_OFF | TCP_NAGLE_PUSH;
        tcpPushPendingFrames(sk);
      } else sk.nonagle &= ~TCP_NAGLE_OFF;
      return 0;
    case TCP_CORK:
      if (value !== 0) sk.nonagle |= TCP_NAGLE_CORK;
      else {
        sk.nonagle &= ~TCP_NAGLE_CORK;
        if ((sk.nonagle & TCP_NAGLE_OFF) !== 0) sk.nonagle |= TCP_NAGLE_PUSH;
        tcpPushPendingFrames(sk);
      }
      return 0;
    case TCP_KEEPIDLE:
      return bad(1, 32767) ? -EINVAL : setKeepIdle(sk, value * HZ);
    case TCP_KEEPINTVL:
      if (bad(1, 32767)) return -EINVAL;
      sk.keepaliveIntvl = value * HZ;
      return 0;
    case TCP_KEEPCNT:
      if (bad(1, 127)) return -EINVAL;
      sk.keepaliveProbes = value;
      return 0;
    case TCP_SYNCNT:
      if (bad(1, 127)) return -EINVAL;
      sk.icskSynRetries = value;
      return 0;
    case TCP_LINGER2:
      sk.linger2 = value < 0 ? -1 : value > 120 ? 120 * HZ : value * HZ;
      return 0;
    case TCP_DEFER_ACCEPT:
      sk.deferAccept = secsToRetrans(value, TIMEOUT_INIT_S, sk.icskRtoMax / HZ);
      return 0;
    case TCP_WINDOW_CLAMP:
      return setWindowClamp(sk, value);
    case TCP_QUICKACK:
      setQuickAck(sk, value);
      return 0;
    case TCP_USER_TIMEOUT:
      if (value < 0) return -EINVAL;
      sk.icskUserTimeout = value;
      return 0;
    case TCP_NOTSENT_LOWAT:
      sk.notsentLowat = value >>> 0;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

/** tcp_sock_set_keepidle_locked. */
function setKeepIdle(sk: TcpSock, jiffies: number): number {
  sk.keepaliveTime = jiffies;
  if (sk.keepOpen && sk.state !== TCP_CLOSE && sk.state !== TCP_LISTEN) {
    const now = tcpJiffies(sk.stack);
    const elapsed = Math.min(now - sk.icskAckLrcvtime, now - sk.rcvTstamp);
    resetKeepaliveTimer(sk, jiffies > elapsed ? jiffies - elapsed : 0);
  }
  return 0;
}

function setWindowClamp(sk: TcpSock, value: number): number {
  if (value === 0) {
    if (sk.state !== TCP_CLOSE) return -EINVAL;
    sk.userWindowClamp = 0;
    sk.windowClamp = 0;
    return 0;
  }
  tcpSetWindowClamp(sk, value);
  sk.userWindowClamp = sk.windowClamp;
  return 0;
}

/** __tcp_sock_set_quickack. */
function setQuickAck(sk: TcpSock, value: number): void {
  if (value === 0) {
    enterPingpongMode(sk);
    return;
  }
  exitPingpongMode(sk);
  if ((sk.state !== TCP_ESTABLISHED && sk.state !== TCP_CLOSE_WAIT) || !inetCskAckScheduled(sk)) return;
  sk.icskAckPending |= ICSK_ACK_PUSHED;
  tcpCleanupRbuf(sk, 1);
  if ((value & 1) === 0) enterPingpongMode(sk);
}

/** tcp_set_congestion_control: TCP_CONGESTION. @returns 0, or -ENOENT */
export function tcpSetCongestion(sk: TcpSock, name: string): number {
  const module = findCongestion(name);
  if (module === null) return -ERRNO.ENOENT;
  if (module === sk.icskCaOps) {
    sk.icskCaSetsockopt = true;
    return 0;
  }
  if (sk.icskCaInitialized) sk.icskCaOps.release?.(sk);
  sk.icskCaOps = module;
  sk.icskCaPriv = null;
  sk.icskCaSetsockopt = true;
  if (sk.state === TCP_CLOSE || sk.state === TCP_LISTEN) sk.icskCaInitialized = false;
  else tcpInitCongestionControl(sk);
  return 0;
}

/** getsockopt of a whole number. @returns the value, or null when there is no such option */
export function tcpGetsockopt(sk: TcpSock, level: number, name: number): number | null {
  const flag = (b: boolean): number => (b ? 1 : 0);
  const s = sk.stack.sysctl;
  if (level === SOL_SOCKET) {
    if (name === SO_REUSEADDR) return flag(sk.skReuse);
    if (name === SO_REUSEPORT) return flag(sk.reuseport);
    if (name === SO_KEEPALIVE) return flag(sk.keepOpen);
    if (name === SO_SNDBUF) return sk.sndBuf;
    if (name === SO_RCVBUF) return sk.rcvBuf;
    return name === SO_RCVLOWAT ? sk.rcvLowat : null;
  }
  if (level !== SOL_TCP) return null;
  switch (name) {
    case TCP_MAXSEG:
      if (sk.state === TCP_CLOSE || sk.state === TCP_LISTEN)
        return sk.rxOpt.userMss !== 0 ? sk.rxOpt.userMss : sk.mssCache;
      return sk.mssCache;
    case TCP_NODELAY:
      return flag((sk.nonagle & TCP_NAGLE_OFF) !== 0);
    case TCP_CORK:
      return flag((sk.nonagle & TCP_NAGLE_CORK) !== 0);
    case TCP_KEEPIDLE:
      return (sk.keepaliveTime !== 0 ? sk.keepaliveTime : s.tcpKeepaliveTimeS * HZ) / HZ;
    case TCP_KEEPINTVL:
      return (sk.keepaliveIntvl !== 0 ? sk.keepaliveIntvl : s.tcpKeepaliveIntvlS * HZ) / HZ;
    case TCP_KEEPCNT:
      return sk.keepaliveProbes !== 0 ? sk.keepaliveProbes : s.tcpKeepaliveProbes;
    case TCP_SYNCNT:
      return sk.icskSynRetries !== 0 ? sk.icskSynRetries : s.tcpSynRetries;
    case TCP_LINGER2:
      return sk.linger2 >= 0 ? (sk.linger2 !== 0 ? sk.linger2 / HZ : s.tcpFinTimeoutS) : -1;
    case TCP_WINDOW_CLAMP:
      return sk.windowClamp;
    case TCP_QUICKACK:
      return flag(!inPingpongMode(sk));
    case TCP_USER_TIMEOUT:
      return sk.icskUserTimeout;
    case TCP_NOTSENT_LOWAT:
      return sk.notsentLowat | 0;
    default:
      return null;
  }
}
