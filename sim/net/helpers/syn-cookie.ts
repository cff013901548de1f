/**
 * SYN cookies for programs: bpf_tcp_raw_gen_syncookie_ipv4/ipv6, bpf_tcp_raw_check_syncookie_ipv4/ipv6, and those that work for a
 * listening socket, bpf_tcp_gen_syncookie and bpf_tcp_check_syncookie.
 *
 * @source net/core/filter.c, the functions of these names; net/ipv4/tcp_input.c tcp_parse_mss_option
 * @differs there is no TCP: no socket listens, so the helpers that work for one refuse every socket (-EINVAL)
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EACCES, EINVAL } from "../../bpf/maps/errno.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import type { NetEnv } from "../net-env.ts";
import { checkCookie, cookieMss, makeCookie } from "../sockets/syn-cookie.ts";

const TCP_HLEN = 20;
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

/** `bpf_tcp_check_syncookie`. */
export const tcpCheckSyncookie: HelperDef<NetEnv> = {
  ...plain,
  id: 100,
  name: "tcp_check_syncookie",
  since: "5.2",
  args: ["sock", "mem", "size", "mem", "size"],
  ret: "int",
  call: (env: NetEnv, sk: number): number => {
    env.sockets.at(sk);
    return -EINVAL;
  },
};

/** `bpf_tcp_gen_syncookie`. */
export const tcpGenSyncookie: HelperDef<NetEnv> = {
  ...tcpCheckSyncookie,
  id: 110,
  name: "tcp_gen_syncookie",
  since: "5.3",
};
