/**
 * SYN cookies for programs: bpf_tcp_raw_gen_syncookie_ipv4/ipv6, bpf_tcp_raw_check_syncookie_ipv4/ipv6, and those that work for a
 * listening socket, bpf_tcp_gen_syncookie and bpf_tcp_check_syncookie.
 *
 * @source net/core/filter.c, the functions of these names; net/ipv4/tcp_input.c tcp_parse_mss_option
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EACCES, EINVAL, ENOENT } from "../../bpf/maps/errno.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import { AF_INET } from "../ip/address.ts";
import type { NetEnv } from "../net-env.ts";
import { ERRNO } from "../netlink-error.ts";
import { TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { checkCookie, cookieMss, makeCookie } from "../sockets/syn-cookie.ts";
import { hasRecentOverflow } from "../tcp/check-req.ts";
import { tcpJiffies } from "../tcp/clock.ts";
import { TCP_HLEN, TCPHDR_ACK, TCPHDR_FIN, TCPHDR_RST, TCPHDR_SYN } from "../tcp/const.ts";
import { TcpSock } from "../tcp/tcp-sock.ts";

const EPROTONOSUPPORT = ERRNO.EPROTONOSUPPORT;
const IPV4_HLEN = 20;
const IPV6_HLEN = 40;
/** What a SYN without the option means. @source include/net/tcp.h TCP_MSS_DEFAULT; IPV6_MIN_MTU less both headers */
const MSS_DEFAULT4 = 536;
const MSS_DEFAULT6 = 1220;

const TCPOPT_EOL = 0;
const TCPOPT_NOP = 1;
const TCPOPT_MSS = 2;
const TCPOLEN_MSS = 4;

const plain = {
  gplOnly: true,
  progKinds: ["xdp", ...TC_KINDS] as const,
  mapKinds: null,
  changesPacket: false,
  // an estimate: two siphashes of some 20 ns each
  costNs: 45,
};

/** tcp_parse_mss_option. @returns 0 without one */
function mssOption(u8: Uint8Array, th: number): number {
  const end = th + (u8[th + 12]! >>> 4) * 4;
  for (let p = th + TCP_HLEN; p < end; ) {
    const kind = u8[p]!;
    if (kind === TCPOPT_EOL) return 0;
    if (kind === TCPOPT_NOP) {
      p++;
      continue;
    }
    const size = p + 1 < end ? u8[p + 1]! : 0;
    if (size < 2 || p + size > end) return 0;
    if (kind === TCPOPT_MSS && size === TCPOLEN_MSS) return (u8[p + 2]! << 8) | u8[p + 3]!;
    p += size;
  }
  return 0;
}

/** A cookie in the low word and its MSS in the high one, or a negative number of 64 bits. */
function generate(env: NetEnv, v6: boolean, ip: number, th: number, thLen: number): number {
  const { arena } = env.kernel;
  if (thLen < TCP_HLEN || thLen !== (arena.u8[th + 12]! >>> 4) * 4) {
    env.machine.setReturnHigh(-1);
    return -EINVAL;
  }
  const asked = mssOption(arena.u8, th);
  const mss = asked !== 0 ? asked : v6 ? MSS_DEFAULT6 : MSS_DEFAULT4;
  env.machine.setReturnHigh(cookieMss(v6, mss));
  return makeCookie(env.host, arena, v6, ip, th, mss, env.ktimeNs());
}

/** `bpf_tcp_raw_gen_syncookie_ipv4`. */
export const tcpRawGenSyncookieIpv4: HelperDef<NetEnv> = {
  ...plain,
  id: 204,
  name: "tcp_raw_gen_syncookie_ipv4",
  since: "6.0",
  args: ["mem_fixed_ro", "mem", "size0"],
  fixed: IPV4_HLEN,
  ret: "u64",
  call: (env: NetEnv, ip: number, th: number, thLen: number): number => generate(env, false, ip, th, thLen),
};

/** `bpf_tcp_raw_gen_syncookie_ipv6`. */
export const tcpRawGenSyncookieIpv6: HelperDef<NetEnv> = {
  ...tcpRawGenSyncookieIpv4,
  id: 205,
  name: "tcp_raw_gen_syncookie_ipv6",
  fixed: IPV6_HLEN,
  call: (env: NetEnv, ip: number, th: number, thLen: number): number => generate(env, true, ip, th, thLen),
};

/** `bpf_tcp_raw_check_syncookie_ipv4`. */
export const tcpRawCheckSyncookieIpv4: HelperDef<NetEnv> = {
  ...plain,
  id: 206,
  name: "tcp_raw_check_syncookie_ipv4",
  since: "6.0",
  args: ["mem_fixed_ro", "mem_fixed_ro"],
  fixed: [IPV4_HLEN, TCP_HLEN],
  ret: "int",
  call: (env: NetEnv, ip: number, th: number): number =>
    checkCookie(env.host, env.kernel.arena, false, ip, th, env.ktimeNs()) > 0 ? 0 : -EACCES,
};

/** `bpf_tcp_raw_check_syncookie_ipv6`. */
export const tcpRawCheckSyncookieIpv6: HelperDef<NetEnv> = {
  ...tcpRawCheckSyncookieIpv4,
  id: 207,
  name: "tcp_raw_check_syncookie_ipv6",
  fixed: [IPV6_HLEN, TCP_HLEN],
  call: (env: NetEnv, ip: number, th: number): number =>
    checkCookie(env.host, env.kernel.arena, true, ip, th, env.ktimeNs()) > 0 ? 0 : -EACCES,
};

/** The listening TCP socket behind a pointer, or null. */
function listenerAt(env: NetEnv, sk: number): TcpSock | null {
  const sock = env.sockets.at(sk);
  return sock instanceof TcpSock && sock.state === TCP_LISTEN ? sock : null;
}

/** Which protocol a header is of, for a socket: 4 or 6, or -errno. */
function versionFor(env: NetEnv, sock: TcpSock, ip: number, ipLen: number): number {
  if (ipLen < IPV4_HLEN) return -EINVAL;
  const version = env.kernel.arena.u8[ip]! >> 4;
  // IPv6 sockets take IPv6 only
  if (version === 4) return sock.family === AF_INET ? 4 : -EINVAL;
  if (version !== 6) return -EPROTONOSUPPORT;
  return ipLen < IPV6_HLEN || sock.family === AF_INET ? -EINVAL : 6;
}

/** `bpf_tcp_check_syncookie`: whether an ACK answers a cookie of a listening socket. */
export const tcpCheckSyncookie: HelperDef<NetEnv> = {
  ...plain,
  id: 100,
  name: "tcp_check_syncookie",
  since: "5.2",
  args: ["sock", "mem", "size", "mem", "size"],
  ret: "int",
  call: (env: NetEnv, sk: number, ip: number, ipLen: number, th: number, thLen: number): number => {
    const sock = listenerAt(env, sk);
    if (sock === null || thLen < TCP_HLEN) return -EINVAL;
    const { sysctl } = sock.stack;
    if (sysctl.tcpSyncookies === 0) return -EINVAL;
    const { arena } = env.kernel;
    if ((arena.u8[th + 13]! & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN)) !== TCPHDR_ACK) return -ENOENT;
    if (ipLen < IPV4_HLEN) return -EINVAL;
    if (!hasRecentOverflow(sock)) return -ENOENT;
    const version = versionFor(env, sock, ip, ipLen);
    if (version < 0) return version;
    return checkCookie(env.host, arena, version === 6, ip, th, env.ktimeNs()) > 0 ? 0 : -ENOENT;
  },
};

/** `bpf_tcp_gen_syncookie`: the cookie that a listening socket would answer a SYN with, and its MSS in the high word. */
export const tcpGenSyncookie: HelperDef<NetEnv> = {
  ...tcpCheckSyncookie,
  id: 110,
  name: "tcp_gen_syncookie",
  since: "5.3",
  ret: "u64",
  call: (env: NetEnv, sk: number, ip: number, ipLen: number, th: number, thLen: number): number => {
    const { arena, machine } = env.kernel;
    machine.setReturnHigh(-1);
    const sock = listenerAt(env, sk);
    if (sock === null || thLen < TCP_HLEN || thLen !== (arena.u8[th + 12]! >>> 4) * 4) return -EINVAL;
    const { sysctl, snmp } = sock.stack;
    if (sysctl.tcpSyncookies === 0) return -ENOENT;
    const flags = TCPHDR_SYN | TCPHDR_ACK | TCPHDR_FIN | TCPHDR_RST;
    if ((arena.u8[th + 13]! & flags) !== TCPHDR_SYN) return -EINVAL;
    const version = versionFor(env, sock, ip, ipLen);
    if (version < 0) return version;
    const q = sock.listenQueue!;
    // tcp_get_syncookie_mss
    if (sysctl.tcpSyncookies !== 2 && !q.reqskQueueIsFull) return -ENOENT;
    snmp.TcpExtTCPReqQFullDoCookies++;
    if (q.acceptqIsFull) {
      snmp.TcpExtListenOverflows++;
      return -ENOENT;
    }
    const v6 = version === 6;
    const asked = mssOption(arena.u8, th);
    const user = sock.rxOpt.userMss;
    const mss = asked === 0 ? (v6 ? MSS_DEFAULT6 : MSS_DEFAULT4) : user !== 0 && user < asked ? user : asked;
    q.synqOverflowStamp = tcpJiffies(sock.stack);
    machine.setReturnHigh(cookieMss(v6, mss));
    return makeCookie(env.host, arena, v6, ip, th, mss, env.ktimeNs());
  },
};
