/**
 * The IP layer's sysctls: names, defaults and where their values live. `conf.all` and `conf.default` act as on Linux: `default` is
 * what new devices start with, `all` joins the device's value as the row says.
 *
 * @source Documentation/networking/ip-sysctl.rst; net/ipv4/devinet.c devinet_conf_proc, IN_DEV_* macros
 */
import type { Host } from "../host.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { fillTcpDefaults, TCP_NOT_BUILT, TCP_ROWS, TCP_TRIPLES, type TcpSysctls } from "../tcp/sysctl.ts";

/** Global values as the packet path reads them. */
export interface IpSysctls extends TcpSysctls {
  ipForward: number;
  ipDefaultTtl: number;
  ipNoPmtuDisc: number;
  multipathHashPolicy: number;
  multipathUseNeigh: number;
  icmpEchoIgnoreAll: number;
  icmpEchoIgnoreBroadcasts: number;
  icmpRatelimitMs: number;
  icmpRatemask: number;
  icmpMsgsPerSec: number;
  icmpMsgsBurst: number;
  icmpErrorsUseInboundIfaddr: number;
  ipfragTimeS: number;
  ipfragHighThresh: number;
  ip6Forwarding: number;
  ip6MultipathHashPolicy: number;
  ip6AutoFlowlabels: number;
  icmp6RatelimitMs: number;
  ip6fragTimeS: number;
  ip6fragHighThresh: number;
  portRangeLow: number;
  portRangeHigh: number;
  rmemDefault: number;
  rmemMax: number;
  wmemDefault: number;
  wmemMax: number;
}

/** Values of one device, `all` or `default`. */
export interface IpConf {
  forwarding: number;
  rpFilter: number;
  acceptLocal: number;
  routeLocalnet: number;
  forwarding6: number;
  disableIpv6: number;
  hopLimit: number;
  keepAddrOnDown: number;
}

/** Values of one device's neighbour table. Units as the names say; Cs is a hundredth of a second. */
export interface NeighConf {
  baseReachableTimeMs: number;
  retransTimeMs: number;
  delayFirstProbeTimeS: number;
  ucastSolicit: number;
  mcastSolicit: number;
  unresQlenBytes: number;
  locktimeCs: number;
}

interface Row<K> {
  readonly name: string;
  readonly key: K;
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  /** May not be written. */
  readonly readonly?: boolean;
}

const GLOBAL: readonly Row<keyof IpSysctls>[] = [
  ...TCP_ROWS,
  { name: "net.ipv4.ip_forward", key: "ipForward", value: 0, min: 0 },
  { name: "net.ipv4.ip_default_ttl", key: "ipDefaultTtl", value: 64, min: 1, max: 255 },
  { name: "net.ipv4.ip_no_pmtu_disc", key: "ipNoPmtuDisc", value: 0, min: 0, max: 1 },
  { name: "net.ipv4.fib_multipath_hash_policy", key: "multipathHashPolicy", value: 0, min: 0, max: 1 },
  { name: "net.ipv4.fib_multipath_use_neigh", key: "multipathUseNeigh", value: 0, min: 0, max: 1 },
  { name: "net.ipv4.icmp_echo_ignore_all", key: "icmpEchoIgnoreAll", value: 0, min: 0, max: 1 },
  { name: "net.ipv4.icmp_echo_ignore_broadcasts", key: "icmpEchoIgnoreBroadcasts", value: 1, min: 0, max: 1 },
  { name: "net.ipv4.icmp_ratelimit", key: "icmpRatelimitMs", value: 1000, min: 0 },
  { name: "net.ipv4.icmp_ratemask", key: "icmpRatemask", value: 6168, min: 0 },
  { name: "net.ipv4.icmp_msgs_per_sec", key: "icmpMsgsPerSec", value: 1000, min: 0 },
  { name: "net.ipv4.icmp_msgs_burst", key: "icmpMsgsBurst", value: 50, min: 0 },
  { name: "net.ipv4.icmp_errors_use_inbound_ifaddr", key: "icmpErrorsUseInboundIfaddr", value: 0, min: 0, max: 1 },
  { name: "net.ipv4.ipfrag_time", key: "ipfragTimeS", value: 30, min: 0 },
  { name: "net.ipv4.ipfrag_high_thresh", key: "ipfragHighThresh", value: 4194304, min: 0 },
  { name: "net.ipv4.ip_local_port_range", key: "portRangeLow", value: 32768, min: 1, max: 65535 },
  { name: "net.ipv6.conf.all.forwarding", key: "ip6Forwarding", value: 0, min: 0 },
  { name: "net.ipv6.fib_multipath_hash_policy", key: "ip6MultipathHashPolicy", value: 0, min: 0, max: 1 },
  { name: "net.ipv6.auto_flowlabels", key: "ip6AutoFlowlabels", value: 1, min: 0, max: 1 },
  { name: "net.ipv6.icmp.ratelimit", key: "icmp6RatelimitMs", value: 100, min: 0 },
  { name: "net.ipv6.ip6frag_time", key: "ip6fragTimeS", value: 60, min: 0 },
  { name: "net.ipv6.ip6frag_high_thresh", key: "ip6fragHighThresh", value: 4194304, min: 0 },
  { name: "net.core.rmem_default", key: "rmemDefault", value: 212992, min: 2304 },
  { name: "net.core.rmem_max", key: "rmemMax", value: 4194304, min: 2304 },
  { name: "net.core.wmem_default", key: "wmemDefault", value: 212992, min: 4608 },
  { name: "net.core.wmem_max", key: "wmemMax", value: 4194304, min: 4608 },
];

const CONF: readonly (Row<keyof IpConf> & { readonly family: 4 | 6 })[] = [
  { family: 4, name: "forwarding", key: "forwarding", value: 0, min: 0 },
  { family: 4, name: "rp_filter", key: "rpFilter", value: 0, min: 0, max: 2 },
  { family: 4, name: "accept_local", key: "acceptLocal", value: 0, min: 0, max: 1 },
  { family: 4, name: "route_localnet", key: "routeLocalnet", value: 0, min: 0, max: 1 },
  { family: 6, name: "forwarding", key: "forwarding6", value: 0, min: 0 },
  { family: 6, name: "disable_ipv6", key: "disableIpv6", value: 0, min: 0, max: 1 },
  { family: 6, name: "hop_limit", key: "hopLimit", value: 64, min: 1, max: 255 },
  { family: 6, name: "keep_addr_on_down", key: "keepAddrOnDown", value: 0, min: -1, max: 1 },
];

const NEIGH: readonly (Row<keyof NeighConf> & { readonly v6?: number })[] = [
  { name: "base_reachable_time_ms", key: "baseReachableTimeMs", value: 30000, min: 1 },
  { name: "retrans_time_ms", key: "retransTimeMs", value: 1000, min: 1 },
  { name: "delay_first_probe_time", key: "delayFirstProbeTimeS", value: 5, min: 0 },
  { name: "ucast_solicit", key: "ucastSolicit", value: 3, min: 0 },
  { name: "mcast_solicit", key: "mcastSolicit", value: 3, min: 0 },
  { name: "unres_qlen_bytes", key: "unresQlenBytes", value: 212992, min: 0 },
  // in hundredths of a second: 1 s for ARP; ND has none
  { name: "locktime", key: "locktimeCs", value: 100, v6: 0, min: 0 },
];

/** Values with their defaults. */
export function defaultSysctls(): IpSysctls {
  const out: Record<string, number> = {};
  for (const r of GLOBAL) out[r.key] = r.value;
  fillTcpDefaults(out);
  out.portRangeHigh = 60999;
  return out as unknown as IpSysctls;
}

/** Values of a device as Linux starts with them. */
export function defaultConf(): IpConf {
  const out: Record<string, number> = {};
  for (const r of CONF) out[r.key] = r.value;
  return out as unknown as IpConf;
}

/** Values of a device's neighbour table as Linux starts with them. */
export function defaultNeighConf(family: 4 | 6): NeighConf {
  const out: Record<string, number> = {};
  for (const r of NEIGH) out[r.key] = family === 6 && r.v6 !== undefined ? r.v6 : r.value;
  return out as unknown as NeighConf;
}

/** What a sysctl's name stands for; the stack finds the record by scope. */
export type SysctlTarget =
  | { readonly kind: "global"; readonly key: keyof IpSysctls; readonly row: SysctlBounds }
  | { readonly kind: "port_range" }
  | { readonly kind: "triple"; readonly keys: readonly [keyof IpSysctls, keyof IpSysctls, keyof IpSysctls] }
  | { readonly kind: "congestion" }
  | { readonly kind: "congestion_available" }
  | { readonly kind: "not_built" }
  | { readonly kind: "conf"; readonly dev: string; readonly key: keyof IpConf; readonly row: SysctlBounds }
  | {
      readonly kind: "neigh";
      readonly dev: string;
      readonly family: 4 | 6;
      readonly key: keyof NeighConf;
      readonly row: SysctlBounds;
    };

/** Bounds of a value, ends included. */
export interface SysctlBounds {
  readonly min?: number;
  readonly max?: number;
}

/** @returns what the name stands for, or null for a name that is not the IP layer's */
export function parseSysctlName(name: string): SysctlTarget | null {
  const n = name.replaceAll("/", ".");
  if (n === "net.ipv4.ip_local_port_range") return { kind: "port_range" };
  if (n === "net.ipv4.tcp_congestion_control") return { kind: "congestion" };
  if (n === "net.ipv4.tcp_available_congestion_control") return { kind: "congestion_available" };
  const triple = TCP_TRIPLES.find((t) => t.name === n);
  if (triple !== undefined) return { kind: "triple", keys: triple.keys };
  if (TCP_NOT_BUILT.has(n)) return { kind: "not_built" };
  const g = GLOBAL.find((r) => r.name === n);
  if (g !== undefined) return { kind: "global", key: g.key, row: g };
  const conf = /^net\.ipv([46])\.conf\.(.+)\.([a-z0-9_]+)$/.exec(n);
  if (conf !== null) {
    const r = CONF.find((x) => x.family === Number(conf[1]) && x.name === conf[3]);
    return r === undefined ? null : { kind: "conf", dev: conf[2]!, key: r.key, row: r };
  }
  const neigh = /^net\.ipv([46])\.neigh\.(.+)\.([a-z0-9_]+)$/.exec(n);
  if (neigh !== null) {
    const r = NEIGH.find((x) => x.name === neigh[3]);
    const family = neigh[1] === "4" ? 4 : 6;
    return r === undefined ? null : { kind: "neigh", dev: neigh[2]!, family, key: r.key, row: r };
  }
  return null;
}

/** Every name with the given devices, sorted: `sysctl -a`. */
export function sysctlNames(devices: readonly string[]): readonly string[] {
  const scopes = ["all", "default", ...devices];
  const names = GLOBAL.map((r) => r.name);
  names.push("net.ipv4.tcp_congestion_control", "net.ipv4.tcp_available_congestion_control");
  names.push(...TCP_TRIPLES.map((t) => t.name));
  for (const s of scopes) {
    for (const r of CONF) names.push(`net.ipv${r.family}.conf.${s}.${r.name}`);
    if (s === "all") continue;
    for (const r of NEIGH) names.push(`net.ipv4.neigh.${s}.${r.name}`, `net.ipv6.neigh.${s}.${r.name}`);
  }
  return [...new Set(names)].sort();
}

/**
 * Parses a value. @throws NetlinkError EINVAL for no number or one out of bounds, as a write to /proc/sys answers
 */
export function parseSysctlValue(text: string, row: SysctlBounds): number {
  const t = text.trim();
  if (!/^-?\d+$/.test(t)) throw new NetlinkError(ERRNO.EINVAL);
  const v = Number(t);
  if ((row.min !== undefined && v < row.min) || (row.max !== undefined && v > row.max)) {
    throw new NetlinkError(ERRNO.EINVAL);
  }
  return v;
}

/** Keeps the host's table of sysctls by name in step, for listings. */
export function recordSysctl(host: Host, name: string, value: number | string): void {
  host.sysctls.set(name, String(value));
}
