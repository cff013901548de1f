/**
 * Options of sockets that programs may read and set, by level and number.
 *
 *     SOL_SOCKET: SO_SNDBUF, SO_RCVBUF, SO_PRIORITY, SO_MARK, SO_BINDTOIFINDEX, SO_BINDTODEVICE (set only)
 *     SOL_IP: IP_TOS        SOL_IPV6: IPV6_TCLASS
 *     SOL_TCP: TCP_CONGESTION (set only), TCP_NODELAY, TCP_MAXSEG, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT,
 *              TCP_WINDOW_CLAMP, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT, TCP_BPF_IW, TCP_BPF_SNDCWND_CLAMP, TCP_BPF_DELACK_MAX, TCP_BPF_RTO_MIN
 *
 * @source net/core/filter.c sol_socket_sockopt, sol_ip_sockopt, sol_ipv6_sockopt, sol_tcp_sockopt; net/core/sock.c sk_setsockopt
 * @differs SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_RCVLOWAT, SO_MAX_PACING_RATE, SO_TXREHASH and IPV6_AUTOFLOWLABEL are refused as
 *          options that programs may not touch (-EINVAL); SO_PRIORITY does not override what the type of service says
 */

import { EINVAL, ENODEV } from "../../bpf/maps/errno.ts";
import type { Arena } from "../../engine/arena.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import { TCP_DELACK_MAX, TCP_RTO_MIN } from "../tcp/const.ts";
import { tcpGetsockopt, tcpSetCongestion, tcpSetsockopt } from "../tcp/sockopt.ts";
import { TcpSock } from "../tcp/tcp-sock.ts";
import { RawSocket } from "./raw.ts";
import type { Socket } from "./socket.ts";
import { UdpSocket } from "./udp.ts";

const SOL_IP = 0;
const SOL_SOCKET = 1;
const SOL_IPV6 = 41;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_PRIORITY = 12;
const SO_BINDTODEVICE = 25;
const SO_MARK = 36;
const SO_BINDTOIFINDEX = 62;
const IP_TOS = 1;
const IPV6_TCLASS = 67;
const SOL_TCP = 6;
const TCP_CONGESTION = 13;
const TCP_BPF_IW = 1001;
const TCP_BPF_SNDCWND_CLAMP = 1002;
const TCP_BPF_DELACK_MAX = 1003;
const TCP_BPF_RTO_MIN = 1004;
/** TCP_NODELAY, MAXSEG, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, WINDOW_CLAMP, USER_TIMEOUT, NOTSENT_LOWAT. */
const BPF_TCP: ReadonlySet<number> = new Set([1, 2, 4, 5, 6, 7, 10, 18, 25]);
const TCP_TIMEOUT_MIN = 2;
const JIFFY_US = 4000;
const INT_BYTES = 4;
const IFNAMSIZ = 16;

/**
 * bpf_setsockopt.
 * @param addr,len the value's bytes in the arena
 * @returns 0, or -errno
 */
export function setSockopt(arena: Arena, s: Socket, level: number, name: number, addr: number, len: number): number {
  const err = set(arena, s, level, name, addr, len);
  if (err === 0) s.refreshView();
  return err;
}

function set(arena: Arena, s: Socket, level: number, name: number, addr: number, len: number): number {
  if (level === SOL_SOCKET && name === SO_BINDTODEVICE) return bindToDevice(arena, s, addr, len);
  if (level === SOL_TCP && name === TCP_CONGESTION && s instanceof TcpSock) {
    return tcpSetCongestion(s, textAt(arena, addr, len));
  }
  if (len !== INT_BYTES) return -EINVAL;
  const value = arena.dv.getInt32(addr, true);
  if (level === SOL_TCP) return s instanceof TcpSock ? setTcp(s, name, value) : -EINVAL;
  if (level === SOL_SOCKET) return setSocketLevel(s, name, value);
  if (!isTosOption(s, level, name)) return -EINVAL;
  if (level === SOL_IPV6 && (value < -1 || value > 255)) return -EINVAL;
  const tos = level === SOL_IPV6 && value === -1 ? 0 : value & 0xff;
  if (s instanceof UdpSocket || s instanceof RawSocket || s instanceof TcpSock) s.tos = tos;
  return 0;
}

/** sol_tcp_sockopt, bpf_sol_tcp_setsockopt. */
function setTcp(s: TcpSock, name: number, value: number): number {
  if (BPF_TCP.has(name)) return tcpSetsockopt(s, SOL_TCP, name, value);
  const jiffies = Math.ceil(value / JIFFY_US);
  switch (name) {
    case TCP_BPF_IW:
      if (value <= 0 || s.dataSegsOut > 0) return -EINVAL;
      s.sndCwnd = value;
      return 0;
    case TCP_BPF_SNDCWND_CLAMP:
      if (value <= 0) return -EINVAL;
      s.sndCwndClamp = value;
      s.sndSsthresh = value;
      return 0;
    case TCP_BPF_DELACK_MAX:
      if (value <= 0 || jiffies > TCP_DELACK_MAX || jiffies < TCP_TIMEOUT_MIN) return -EINVAL;
      s.icskDelackMax = jiffies;
      return 0;
    case TCP_BPF_RTO_MIN:
      if (value <= 0 || jiffies > TCP_RTO_MIN || jiffies < TCP_TIMEOUT_MIN) return -EINVAL;
      s.icskRtoMin = jiffies;
      return 0;
    default:
      return -EINVAL;
  }
}

function setSocketLevel(s: Socket, name: number, value: number): number {
  switch (name) {
    case SO_SNDBUF:
      s.setSndBuf(value >>> 0);
      return 0;
    case SO_RCVBUF:
      s.setRcvBuf(value >>> 0);
      return 0;
    case SO_PRIORITY:
      s.priority = value >>> 0;
      return 0;
    case SO_MARK:
      s.mark = value >>> 0;
      return 0;
    case SO_BINDTOIFINDEX:
      if (value < 0) return -EINVAL;
      s.boundIfindex = value;
      return 0;
    default:
      return -EINVAL;
  }
}

/** A name of at most 15 bytes. */
function textAt(arena: Arena, addr: number, len: number): string {
  const bytes = arena.u8.subarray(addr, addr + Math.min(len, IFNAMSIZ - 1));
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}

/** SO_BINDTODEVICE: the name of a device, or nothing to be bound to none. */
function bindToDevice(arena: Arena, s: Socket, addr: number, len: number): number {
  const name = textAt(arena, addr, len);
  const dev = s.host.devByName.get(name);
  if (name !== "" && dev === undefined) return -ENODEV;
  s.boundIfindex = dev?.ifindex ?? 0;
  return 0;
}

/**
 * bpf_getsockopt.
 * @param addr,len where the value goes; zeros when there is none
 * @returns 0, or -errno
 */
export function getSockopt(arena: Arena, s: Socket, level: number, name: number, addr: number, len: number): number {
  const value = len === INT_BYTES ? optionOf(s, level, name) : null;
  if (value === null) {
    arena.u8.fill(0, addr, addr + len);
    return -EINVAL;
  }
  arena.dv.setUint32(addr, value, true);
  return 0;
}

function optionOf(s: Socket, level: number, name: number): number | null {
  if (level === SOL_TCP) return s instanceof TcpSock && BPF_TCP.has(name) ? tcpGetsockopt(s, level, name) : null;
  if (level !== SOL_SOCKET) {
    if (!isTosOption(s, level, name)) return null;
    return s instanceof UdpSocket || s instanceof RawSocket || s instanceof TcpSock ? s.tos : 0;
  }
  switch (name) {
    case SO_SNDBUF:
      return s.memory.sndBuf;
    case SO_RCVBUF:
      return s.memory.rcvBuf;
    case SO_PRIORITY:
      return s.priority;
    case SO_MARK:
      return s.mark;
    case SO_BINDTOIFINDEX:
      return s.boundIfindex;
    default:
      return null;
  }
}

/** IP_TOS of an IPv4 socket, IPV6_TCLASS of an IPv6 one. */
function isTosOption(s: Socket, level: number, name: number): boolean {
  if (level === SOL_IP) return s.skFamily === AF_INET && name === IP_TOS;
  return level === SOL_IPV6 && s.skFamily === AF_INET6 && name === IPV6_TCLASS;
}
