/**
 * TCP's sysctls, net.ipv4.tcp_*: names, defaults, bounds. IPv6 uses the same.
 *
 * @source net/ipv4/sysctl_net_ipv4.c; Documentation/networking/ip-sysctl.rst
 */

/** Values as the kernel's table holds them; units as the names of the rows say on Linux. */
export interface TcpSysctls {
  tcpAbortOnOverflow: number;
  tcpAppWin: number;
  tcpAutocorking: number;
  tcpBaseMss: number;
  tcpCompSackDelayNs: number;
  tcpCompSackNr: number;
  tcpCompSackSlackNs: number;
  tcpDsack: number;
  tcpEarlyRetrans: number;
  tcpEcn: number;
  tcpEcnFallback: number;
  tcpFinTimeoutS: number;
  tcpFrto: number;
  tcpInvalidRatelimitMs: number;
  tcpKeepaliveIntvlS: number;
  tcpKeepaliveProbes: number;
  tcpKeepaliveTimeS: number;
  tcpLimitOutputBytes: number;
  tcpMaxReordering: number;
  tcpMaxSynBacklog: number;
  tcpMaxTwBuckets: number;
  tcpMinRttWlenS: number;
  tcpMinSndMss: number;
  tcpMinTsoSegs: number;
  tcpModerateRcvbuf: number;
  tcpNotsentLowat: number;
  tcpOrphanRetries: number;
  tcpPacingCaRatio: number;
  tcpPacingSsRatio: number;
  tcpPingpongThresh: number;
  tcpRecovery: number;
  tcpReordering: number;
  tcpRetransCollapse: number;
  tcpRetries1: number;
  tcpRetries2: number;
  tcpRfc1337: number;
  tcpRmemMin: number;
  tcpRmemDefault: number;
  tcpRmemMax: number;
  tcpRtoMaxMs: number;
  tcpRtoMinUs: number;
  tcpSack: number;
  tcpShrinkWindow: number;
  tcpSlowStartAfterIdle: number;
  tcpStdurg: number;
  tcpSynLinearTimeouts: number;
  tcpSynRetries: number;
  tcpSynackRetries: number;
  tcpSyncookies: number;
  tcpThinLinearTimeouts: number;
  tcpTimestamps: number;
  tcpTsoRttLog: number;
  tcpTsoWinDivisor: number;
  tcpTwReuse: number;
  tcpTwReuseDelayMs: number;
  tcpWindowScaling: number;
  tcpWmemMin: number;
  tcpWmemDefault: number;
  tcpWmemMax: number;
  tcpWorkaroundSignedWindows: number;
  somaxconn: number;
}

/** One sysctl of a whole number. */
interface TcpRow {
  readonly name: string;
  readonly key: keyof TcpSysctls;
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
}

const u8 = { min: 0, max: 255 } as const;
const flag = { min: 0, max: 255 } as const;

/** Sysctls of one number. */
export const TCP_ROWS: readonly TcpRow[] = [
  { name: "net.core.somaxconn", key: "somaxconn", value: 4096, min: 0 },
  { name: "net.ipv4.tcp_abort_on_overflow", key: "tcpAbortOnOverflow", value: 0, ...flag },
  { name: "net.ipv4.tcp_app_win", key: "tcpAppWin", value: 31, min: 0, max: 31 },
  { name: "net.ipv4.tcp_autocorking", key: "tcpAutocorking", value: 1, ...flag },
  { name: "net.ipv4.tcp_base_mss", key: "tcpBaseMss", value: 1024 },
  { name: "net.ipv4.tcp_comp_sack_delay_ns", key: "tcpCompSackDelayNs", value: 1000000, min: 0 },
  { name: "net.ipv4.tcp_comp_sack_nr", key: "tcpCompSackNr", value: 44, ...u8 },
  { name: "net.ipv4.tcp_comp_sack_slack_ns", key: "tcpCompSackSlackNs", value: 100000, min: 0 },
  { name: "net.ipv4.tcp_dsack", key: "tcpDsack", value: 1, ...flag },
  { name: "net.ipv4.tcp_early_retrans", key: "tcpEarlyRetrans", value: 3, min: 0, max: 4 },
  { name: "net.ipv4.tcp_ecn", key: "tcpEcn", value: 2, min: 0, max: 2 },
  { name: "net.ipv4.tcp_ecn_fallback", key: "tcpEcnFallback", value: 1, min: 0, max: 1 },
  { name: "net.ipv4.tcp_fin_timeout", key: "tcpFinTimeoutS", value: 60, min: 0 },
  { name: "net.ipv4.tcp_frto", key: "tcpFrto", value: 2, ...u8 },
  { name: "net.ipv4.tcp_invalid_ratelimit", key: "tcpInvalidRatelimitMs", value: 500, min: 0 },
  { name: "net.ipv4.tcp_keepalive_intvl", key: "tcpKeepaliveIntvlS", value: 75, min: 0 },
  { name: "net.ipv4.tcp_keepalive_probes", key: "tcpKeepaliveProbes", value: 9, ...u8 },
  { name: "net.ipv4.tcp_keepalive_time", key: "tcpKeepaliveTimeS", value: 7200, min: 0 },
  { name: "net.ipv4.tcp_limit_output_bytes", key: "tcpLimitOutputBytes", value: 4194304 },
  { name: "net.ipv4.tcp_max_reordering", key: "tcpMaxReordering", value: 300 },
  { name: "net.ipv4.tcp_max_syn_backlog", key: "tcpMaxSynBacklog", value: 2048 },
  { name: "net.ipv4.tcp_max_tw_buckets", key: "tcpMaxTwBuckets", value: 131072 },
  { name: "net.ipv4.tcp_min_rtt_wlen", key: "tcpMinRttWlenS", value: 300, min: 0, max: 86400 },
  { name: "net.ipv4.tcp_min_snd_mss", key: "tcpMinSndMss", value: 48, min: 48, max: 65535 },
  { name: "net.ipv4.tcp_min_tso_segs", key: "tcpMinTsoSegs", value: 2, min: 1, max: 255 },
  { name: "net.ipv4.tcp_moderate_rcvbuf", key: "tcpModerateRcvbuf", value: 1, ...flag },
  { name: "net.ipv4.tcp_notsent_lowat", key: "tcpNotsentLowat", value: 4294967295, min: 0, max: 4294967295 },
  { name: "net.ipv4.tcp_orphan_retries", key: "tcpOrphanRetries", value: 0, ...u8 },
  { name: "net.ipv4.tcp_pacing_ca_ratio", key: "tcpPacingCaRatio", value: 120, min: 0, max: 1000 },
  { name: "net.ipv4.tcp_pacing_ss_ratio", key: "tcpPacingSsRatio", value: 200, min: 0, max: 1000 },
  { name: "net.ipv4.tcp_pingpong_thresh", key: "tcpPingpongThresh", value: 1, min: 1, max: 255 },
  { name: "net.ipv4.tcp_recovery", key: "tcpRecovery", value: 1, ...u8 },
  { name: "net.ipv4.tcp_reordering", key: "tcpReordering", value: 3 },
  { name: "net.ipv4.tcp_retrans_collapse", key: "tcpRetransCollapse", value: 1, ...flag },
  { name: "net.ipv4.tcp_retries1", key: "tcpRetries1", value: 3, min: 0, max: 255 },
  { name: "net.ipv4.tcp_retries2", key: "tcpRetries2", value: 15, ...u8 },
  { name: "net.ipv4.tcp_rfc1337", key: "tcpRfc1337", value: 0, ...flag },
  { name: "net.ipv4.tcp_rto_max_ms", key: "tcpRtoMaxMs", value: 120000, min: 1000, max: 120000 },
  { name: "net.ipv4.tcp_rto_min_us", key: "tcpRtoMinUs", value: 200000, min: 1 },
  { name: "net.ipv4.tcp_sack", key: "tcpSack", value: 1, ...flag },
  { name: "net.ipv4.tcp_shrink_window", key: "tcpShrinkWindow", value: 0, min: 0, max: 1 },
  { name: "net.ipv4.tcp_slow_start_after_idle", key: "tcpSlowStartAfterIdle", value: 1, ...flag },
  { name: "net.ipv4.tcp_stdurg", key: "tcpStdurg", value: 0, ...flag },
  { name: "net.ipv4.tcp_syn_linear_timeouts", key: "tcpSynLinearTimeouts", value: 4, min: 0, max: 127 },
  { name: "net.ipv4.tcp_syn_retries", key: "tcpSynRetries", value: 6, min: 1, max: 127 },
  { name: "net.ipv4.tcp_synack_retries", key: "tcpSynackRetries", value: 5, ...u8 },
  { name: "net.ipv4.tcp_syncookies", key: "tcpSyncookies", value: 1, ...u8 },
  { name: "net.ipv4.tcp_thin_linear_timeouts", key: "tcpThinLinearTimeouts", value: 0, ...flag },
  { name: "net.ipv4.tcp_timestamps", key: "tcpTimestamps", value: 1, ...u8 },
  { name: "net.ipv4.tcp_tso_rtt_log", key: "tcpTsoRttLog", value: 9, ...u8 },
  { name: "net.ipv4.tcp_tso_win_divisor", key: "tcpTsoWinDivisor", value: 3, ...u8 },
  { name: "net.ipv4.tcp_tw_reuse", key: "tcpTwReuse", value: 2, min: 0, max: 2 },
  { name: "net.ipv4.tcp_tw_reuse_delay", key: "tcpTwReuseDelayMs", value: 1000, min: 1, max: 60000 },
  { name: "net.ipv4.tcp_window_scaling", key: "tcpWindowScaling", value: 1, ...flag },
  {
    name: "net.ipv4.tcp_workaround_signed_windows",
    key: "tcpWorkaroundSignedWindows",
    value: 0,
    ...flag,
  },
];

/** Sysctls of three numbers: least, first, most. */
export const TCP_TRIPLES: readonly {
  readonly name: string;
  readonly keys: readonly [keyof TcpSysctls, keyof TcpSysctls, keyof TcpSysctls];
  readonly values: readonly [number, number, number];
}[] = [
  {
    name: "net.ipv4.tcp_rmem",
    keys: ["tcpRmemMin", "tcpRmemDefault", "tcpRmemMax"],
    values: [4096, 131072, 33554432],
  },
  { name: "net.ipv4.tcp_wmem", keys: ["tcpWmemMin", "tcpWmemDefault", "tcpWmemMax"], values: [4096, 16384, 4194304] },
];

/** What Linux has here and this TCP has not, and why a write to it is refused. */
export const TCP_NOT_BUILT: ReadonlySet<string> = new Set(
  [
    "adv_win_scale",
    "ao_info",
    "backlog_ack_defer",
    "challenge_ack_limit",
    "child_ehash_entries",
    "early_demux",
    "ecn_option",
    "ecn_option_beacon",
    "ehash_entries",
    "fack",
    "fastopen",
    "fastopen_blackhole_timeout_sec",
    "fastopen_key",
    "fwmark_accept",
    "l3mdev_accept",
    "low_latency",
    "max_orphans",
    "mem",
    "migrate_req",
    "mtu_probe_floor",
    "mtu_probing",
    "no_metrics_save",
    "no_ssthresh_metrics_save",
    "plb_cong_thresh",
    "plb_enabled",
    "plb_idle_rehash_rounds",
    "plb_rehash_rounds",
    "plb_suspend_rto_sec",
    "probe_interval",
    "probe_threshold",
    "reflect_tos",
  ].map((n) => `net.ipv4.tcp_${n}`),
);

/** Puts every value at its default. */
export function fillTcpDefaults(out: Record<string, number>): void {
  for (const r of TCP_ROWS) out[r.key] = r.value;
  for (const t of TCP_TRIPLES) for (let i = 0; i < 3; i++) out[t.keys[i]!] = t.values[i]!;
}
