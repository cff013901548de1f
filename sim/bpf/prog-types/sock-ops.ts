/**
 * BPF_PROG_TYPE_SOCK_OPS: programs of a cgroup that TCP calls at events of its sockets.
 *
 *     0 op                 4 args[4], reply = args[0]   20 family              24 remote_ip4        28 local_ip4
 *    32 remote_ip6[4]     48 local_ip6[4]               64 remote_port (be32)  68 local_port        72 is_fullsock
 *    76 snd_cwnd          80 srtt_us                    84 bpf_sock_ops_cb_flags  88 state          92 rtt_min
 *    96 snd_ssthresh     100 rcv_nxt                   104 snd_nxt            108 snd_una          112 mss_cache
 *   116 ecn_flags        120 rate_delivered            124 rate_interval_us   128 packets_out      132 retrans_out
 *   136 total_retrans    140 segs_in                   144 data_segs_in       148 segs_out         152 data_segs_out
 *   156 lost_out         160 sacked_out                164 sk_txhash          168 bytes_received (8)  176 bytes_acked (8)
 *   184 sk (8)           192 skb_data (8)              200 skb_data_end (8)   208 skb_len          212 skb_tcp_flags
 *   216 skb_hwtstamp (8)
 */
import type { CtxField, ProgTypeDef } from "../prog-type.ts";

/** Words from offset 0 on, in their order. */
const WORDS =
  "op reply args[1] args[2] args[3] family remote_ip4 local_ip4 " +
  "remote_ip6[0] remote_ip6[1] remote_ip6[2] remote_ip6[3] local_ip6[0] local_ip6[1] local_ip6[2] local_ip6[3] " +
  "remote_port local_port is_fullsock snd_cwnd srtt_us bpf_sock_ops_cb_flags state rtt_min snd_ssthresh rcv_nxt snd_nxt snd_una " +
  "mss_cache ecn_flags rate_delivered rate_interval_us packets_out retrans_out total_retrans segs_in data_segs_in segs_out " +
  "data_segs_out lost_out sacked_out sk_txhash";
const WRITABLE: ReadonlySet<string> = new Set(["reply", "sk_txhash"]);

const words: readonly CtxField[] = WORDS.split(" ").map((name, i) => ({
  name,
  offset: 4 * i,
  size: 4,
  writable: WRITABLE.has(name),
}));

const double = (name: string, offset: number): CtxField => ({ name, offset, size: 8, writable: false });

/** The record of sock_ops. @source include/uapi/linux/bpf.h struct bpf_sock_ops; net/core/filter.c sock_ops_is_valid_access */
export const sockOps: ProgTypeDef = {
  kind: "sock_ops",
  uapi: 13,
  ctxName: "bpf_sock_ops",
  ctxSize: 224,
  fields: [
    ...words,
    double("bytes_received", 168),
    double("bytes_acked", 176),
    double("sk", 184),
    { ...double("skb_data", 192), pointer: "data" },
    { ...double("skb_data_end", 200), pointer: "data_end" },
    { name: "skb_len", offset: 208, size: 4, writable: false },
    { name: "skb_tcp_flags", offset: 212, size: 4, writable: false, access: "start" },
    double("skb_hwtstamp", 216),
  ],
  dataOffset: 192,
  dataEndOffset: 200,
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: false,
  attachKinds: ["cgroup_sock_ops"],
  attachRule: "none",
  retval: [{ min: 0, max: 1 }],
};
