/**
 * The receive window: how much a buffer is worth, what the first one is, what each segment announces.
 *
 * @source net/ipv4/tcp_output.c tcp_select_initial_window, tcp_select_window, __tcp_select_window; include/net/tcp.h
 *         tcp_win_from_space, tcp_space, tcp_receive_window; net/ipv4/tcp.c tcp_set_window_clamp
 */
import { ICSK_ACK_NOMEM, MAX_TCP_WINDOW, TCP_MAX_WSCALE, TCP_RMEM_TO_WIN_SCALE } from "./const.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** SOCK_MIN_RCVBUF / 2. */
const MIN_CLAMP = 1152;

/** tcp_win_from_space: how many bytes of window a buffer is worth. */
export function tcpWinFromSpace(sk: TcpSock, space: number): number {
  return Math.floor((space * sk.scalingRatio) / (1 << TCP_RMEM_TO_WIN_SCALE));
}

/** tcp_space_from_win. */
export function tcpSpaceFromWin(sk: TcpSock, win: number): number {
  return Math.floor((win * (1 << TCP_RMEM_TO_WIN_SCALE)) / sk.scalingRatio);
}

/** tcp_space: window that the free part of the buffer is worth. */
export function tcpSpace(sk: TcpSock): number {
  return tcpWinFromSpace(sk, sk.rcvBuf - sk.rmemAlloc);
}

/** tcp_full_space. */
export function tcpFullSpace(sk: TcpSock): number {
  return tcpWinFromSpace(sk, sk.rcvBuf);
}

/** tcp_receive_window: what is left of the window that was announced last. */
export function tcpReceiveWindow(sk: TcpSock): number {
  const win = (sk.rcvWup + sk.rcvWnd - sk.rcvNxt) | 0;
  return win < 0 ? 0 : win;
}

/** tcp_set_window_clamp. @returns false when 0 is refused, as the socket is no new one */
export function tcpSetWindowClamp(sk: TcpSock, val: number): boolean {
  const old = sk.windowClamp;
  const clamp = Math.max(MIN_CLAMP, val);
  if (clamp === old) return true;
  sk.windowClamp = clamp;
  if (clamp < old) sk.rcvSsthresh = Math.min(sk.rcvSsthresh, clamp);
  else sk.rcvSsthresh = Math.max(Math.min(sk.rcvWnd, clamp), sk.rcvSsthresh);
  return true;
}

/** The answers of tcpSelectInitialWindow. */
export const initialWindow = { rcvWnd: 0, windowClamp: 0, rcvWscale: 0 };

/**
 * tcp_select_initial_window: window, clamp and scale of a SYN or SYN-ACK, into `initialWindow`.
 * @param space of the buffer as window, bytes
 * @param mss what a full segment of the peer carries
 * @param clamp 0 for none
 */
export function tcpSelectInitialWindow(
  sk: TcpSock,
  space: number,
  mss: number,
  clamp: number,
  wscaleOk: boolean,
): void {
  const s = sk.stack.sysctl;
  const windowClamp = clamp === 0 ? 65535 << TCP_MAX_WSCALE : clamp;
  let room = Math.min(windowClamp, Math.max(space, 0));
  if (room > mss) room -= room % mss;
  const rcvWnd = Math.min(room, s.tcpWorkaroundSignedWindows !== 0 ? MAX_TCP_WINDOW : 65535);
  let scale = 0;
  if (wscaleOk) {
    // the scale that the buffer may come to need
    room = Math.min(Math.max(room, s.tcpRmemMax, s.rmemMax), windowClamp);
    scale = Math.min(Math.max(31 - Math.clz32(room) - 15, 0), TCP_MAX_WSCALE);
  }
  initialWindow.rcvWnd = rcvWnd;
  initialWindow.rcvWscale = scale;
  initialWindow.windowClamp = Math.min(65535 << scale, windowClamp);
}

/** __tcp_select_window: the window that the buffer allows, silly windows avoided. @unit bytes */
export function tcpSelectWindowRaw(sk: TcpSock): number {
  const allowed = tcpFullSpace(sk);
  const full = Math.min(sk.windowClamp, allowed);
  const wscale = sk.rxOpt.rcvWscale;
  let mss = sk.icskAckRcvMss;
  let free = tcpSpace(sk);
  if (mss > full) {
    mss = full;
    if (mss <= 0) return 0;
  }
  const shrink = sk.stack.sysctl.tcpShrinkWindow !== 0 && wscale > 0;
  if (shrink) free -= free & ((1 << wscale) - 1);
  if (free < full >> 1) {
    sk.icskAckQuick = 0;
    free -= free & ((1 << wscale) - 1);
    if (free < allowed >> 4 || free < mss || (shrink && free < 1 << wscale)) return 0;
  }
  if (shrink) return free > sk.rcvSsthresh ? alignUp(sk.rcvSsthresh, wscale) : free;
  if (free > sk.rcvSsthresh) free = sk.rcvSsthresh;
  if (wscale > 0) return alignUp(free, wscale);
  const window = sk.rcvWnd;
  if (window <= free - mss || window > free) return free - (free % mss);
  return mss === full && free > window + (full >> 1) ? free : window;
}

/** tcp_select_window: the window field of the segment that goes now, scaled. */
export function tcpSelectWindow(sk: TcpSock): number {
  const snmp = sk.stack.snmp;
  const s = sk.stack.sysctl;
  const wscale = sk.rxOpt.rcvWscale;
  const old = sk.rcvWnd;
  if ((sk.icskAckPending & ICSK_ACK_NOMEM) !== 0) {
    sk.predFlags = 0;
    sk.rcvWnd = 0;
    sk.rcvWup = sk.rcvNxt;
    return 0;
  }
  const current = tcpReceiveWindow(sk);
  let win = tcpSelectWindowRaw(sk);
  if (win < current && (s.tcpShrinkWindow === 0 || wscale === 0)) {
    // RFC 793: never shrink what was announced
    if (win === 0) snmp.TcpExtTCPWantZeroWindowAdv++;
    win = alignUp(current, wscale);
  }
  sk.rcvWnd = win;
  sk.rcvWup = sk.rcvNxt;
  if (wscale === 0 && s.tcpWorkaroundSignedWindows !== 0) win = Math.min(win, MAX_TCP_WINDOW);
  else win = Math.min(win, 65535 << wscale);
  win >>= wscale;
  if (win === 0) {
    sk.predFlags = 0;
    if (old !== 0) snmp.TcpExtTCPToZeroWindowAdv++;
  } else if (old === 0) snmp.TcpExtTCPFromZeroWindowAdv++;
  return win;
}

function alignUp(n: number, shift: number): number {
  const mask = (1 << shift) - 1;
  return (n + mask) & ~mask;
}
