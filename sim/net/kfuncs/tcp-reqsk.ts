/**
 * SYN cookies of a program's own: an ACK is given a request for a connection along.
 *
 *     struct bpf_tcp_req_attrs, 20 bytes
 *      0 u32 rcv_tsval   4 u32 rcv_tsecr   8 u16 mss   10 u8 rcv_wscale   11 u8 snd_wscale   12 u8 ecn_ok   13 u8 wscale_ok
 *     14 u8 sack_ok     15 u8 tstamp_ok   16 u8 usec_ts_ok   17 reserved[3]
 *
 * @source net/core/filter.c bpf_sk_assign_tcp_reqsk. Cost: an estimate
 * @differs timestamps of connections are in ms; usec_ts_ok counts for the offset only
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EINVAL, ENETUNREACH } from "../../bpf/maps/errno.ts";
import { ETH_P_IP, ETH_P_IPV6 } from "../ether.ts";
import type { NetEnv } from "../net-env.ts";
import { SOCK_STREAM, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { BpfRequest } from "../tcp/bpf-request.ts";
import { tcpClockNs, tcpTimeStampRaw } from "../tcp/clock.ts";
import { TcpSock } from "../tcp/tcp-sock.ts";

const ATTRS_BYTES = 20;
const MIN_MSS4 = 536;
/** IPV6_MIN_MTU less both headers. */
const MIN_MSS6 = 1220;
const TCP_MAX_WSCALE = 14;

/** `bpf_sk_assign_tcp_reqsk`. */
export const skAssignTcpReqsk: KfuncDef<NetEnv> = {
  name: "bpf_sk_assign_tcp_reqsk",
  since: "6.9",
  args: ["ctx", "sock", "mem", "size0"],
  ret: "int",
  gplOnly: false,
  progKinds: ["sched_cls"],
  mapKinds: null,
  changesPacket: false,
  flags: ["TRUSTED_ARGS"],
  costNs: 60,
  call(env: NetEnv, _ctx: number, sk: number, at: number, size: number): number {
    const { u8, dv } = env.kernel.arena;
    const { skb } = env;
    if (size !== ATTRS_BYTES || (u8[at + 17]! | u8[at + 18]! | u8[at + 19]!) !== 0 || !skb.atIngress) return -EINVAL;
    const listener = env.sockets.at(sk);
    if (listener.host !== env.host) return -ENETUNREACH;
    if (skb.protocol !== ETH_P_IP && skb.protocol !== ETH_P_IPV6) return -EINVAL;
    if (!(listener instanceof TcpSock) || listener.skType !== SOCK_STREAM || listener.skState !== TCP_LISTEN)
      return -EINVAL;
    const { stack } = listener;
    const { sysctl } = stack;
    const mss = dv.getUint16(at + 8, true);
    const rcvWscale = u8[at + 10]!;
    const sndWscale = u8[at + 11]!;
    const wscaleOk = u8[at + 13]! !== 0;
    const sackOk = u8[at + 14]! !== 0;
    const tstampOk = u8[at + 15]! !== 0;
    if (mss < (skb.protocol === ETH_P_IP ? MIN_MSS4 : MIN_MSS6)) return -EINVAL;
    if (wscaleOk && (sysctl.tcpWindowScaling === 0 || Math.max(sndWscale, rcvWscale) > TCP_MAX_WSCALE)) return -EINVAL;
    if ((sackOk && sysctl.tcpSack === 0) || (tstampOk && sysctl.tcpTimestamps === 0)) return -EINVAL;
    const now = u8[at + 16]! === 0 ? tcpTimeStampRaw(stack) : Math.floor(tcpClockNs(stack) / 1000);
    const attrs = {
      mss,
      rcvTsval: dv.getUint32(at, true),
      tsOff: tstampOk ? (dv.getUint32(at + 4, true) - now) >>> 0 : 0,
      rcvWscale,
      sndWscale,
      ecnOk: u8[at + 12]! !== 0,
      wscaleOk,
      sackOk,
      tstampOk,
    };
    skb.orphan();
    skb.owner = new BpfRequest(listener, attrs);
    skb.ownerBytes = 0;
    skb.prefetched = true;
    return 0;
  },
};
