/**
 * Why a packet ended. Kernel reasons keep their numbers; what Linux gives no skb reason for has a name of its own space:
 * the wire's, and native XDP's, whose vocabulary is that of the xdp: tracepoints.
 */
import { SKB_DROP_REASON } from "./skb-drop-reason.ts";

/** Reasons of netsim's own, above every kernel reason. */
export const NETSIM_REASON = {
  /** Lost on the link by its loss rate. */
  LINK_LOSS: 160,
  /** The link was down or the far end had no carrier. */
  LINK_DOWN: 161,
  /** Larger than the link's or device's MTU lets through. */
  LINK_MTU: 162,
  /** The NIC's receive ring had no free descriptor. */
  RX_RING_FULL: 163,
  /** The host was crashed or its device removed. */
  HOST_DOWN: 164,
  /** Native XDP verdict XDP_DROP. */
  XDP_DROP: 168,
  /** Native XDP verdict XDP_ABORTED; xdp:xdp_exception. */
  XDP_ABORTED: 169,
  /** Native XDP returned a code that is no action; xdp:xdp_exception. */
  XDP_INVALID_ACTION: 170,
  /** XDP_TX could not be queued; veth counts xdp_tx_errors. */
  XDP_TX_ERROR: 171,
  /** xdp:xdp_redirect_err, xdp_redirect_map_err. */
  XDP_REDIRECT_ERROR: 172,
  /** The target device did not take the frame; xdp:xdp_devmap_xmit drops. */
  XDP_XMIT_DROP: 173,
  /** A devmap program returned something else than XDP_PASS. */
  XDP_DEVMAP_DROP: 174,
  /** tc returned TC_ACT_STOLEN, QUEUED or TRAP: consumed, not counted as dropped by Linux. */
  TC_STOLEN: 176,
  /** A socket filter answered 0. */
  SOCKET_FILTER_DROP: 177,
  /** netem's loss. */
  NETEM_LOSS: 178,
  /** The queue of a cpumap entry was full; xdp:xdp_cpumap_enqueue drops. */
  XDP_CPUMAP_FULL: 179,
  /** A cpumap program dropped the frame; xdp:xdp_cpumap_kthread drops. */
  XDP_CPUMAP_DROP: 180,
} as const;

/** One more than the largest reason. */
export const REASON_COUNT = 192;

const NAMES: (string | undefined)[] = new Array<string | undefined>(REASON_COUNT).fill(undefined);
for (const [name, value] of Object.entries(SKB_DROP_REASON)) NAMES[value] = `SKB_DROP_REASON_${name}`;
for (const [name, value] of Object.entries(NETSIM_REASON)) NAMES[value] = name;

/** As reports print it: `SKB_DROP_REASON_TC_INGRESS`, `LINK_LOSS`. */
export function reasonName(reason: number): string {
  return NAMES[reason] ?? `REASON_${reason}`;
}

export { SKB_DROP_REASON };
