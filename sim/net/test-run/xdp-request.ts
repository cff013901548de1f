/**
 * What a test run of an XDP program may be asked for. In the context `data` is the length of the metadata at the front of the bytes,
 * `data_end` the number of those that lie in the first page (with metadata); ingress_ifindex 0 means the loopback device.
 *
 * @source net/bpf/test_run.c bpf_prog_test_run_xdp, xdp_convert_md_to_buff; limits and errors measured on Linux 6.18
 */
import type { Program } from "../../bpf/program.ts";
import { ETH_HLEN } from "../ether.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";
import { XDP_FRAG_BYTES } from "../skb.ts";
import { XDP_MD_BYTES } from "../xdp/xdp-context.ts";
import { LOOPBACK_IFINDEX } from "./surroundings.ts";
import { BPF_F_TEST_XDP_LIVE_FRAMES, type TestRunRequest, wholeContext } from "./test-run.ts";

/** A page less headroom and struct skb_shared_info: what the first page holds. */
export const LINEAR_MAX: number = 4096 - 256 - 320;
/** sizeof(struct xdp_page_head): what live frames have at the front of their page. */
export const PAGE_HEAD_BYTES = 112;
/** What XDP_PACKET_HEADROOM leaves for metadata beside struct xdp_frame. */
const META_MAX = 256 - 40;
const MAX_SKB_FRAGS = 17;
/** TEST_XDP_MAX_BATCH. */
const MAX_BATCH = 256;
/** Frames of a batch when nothing is said: NAPI_POLL_WEIGHT. */
const DEFAULT_BATCH = 64;

/** A request that Linux takes. */
export interface XdpRequest {
  readonly dev: Netdev;
  /** Receive queue of `dev`. */
  readonly queue: number;
  /** ingress_ifindex as it was given. */
  readonly ingress: number;
  /** bytes of metadata in front of the packet */
  readonly meta: number;
  /** bytes behind the first page */
  readonly frags: number;
  /** Frames of a batch; 0: no live frames. */
  readonly batch: number;
}

/** Reads a request. @returns it, or the positive errno with which Linux refuses it */
export function xdpRequest(host: Host, program: Program, request: TestRunRequest): XdpRequest | number {
  const { data } = request;
  const live = ((request.flags ?? 0) & BPF_F_TEST_XDP_LIVE_FRAMES) !== 0;
  const batch = request.batchSize ?? 0;
  if (program.attach === "xdp_devmap" || program.attach === "xdp_cpumap") return ERRNO.EINVAL;
  if (program.device !== null) return ERRNO.EINVAL;
  if (((request.flags ?? 0) & ~BPF_F_TEST_XDP_LIVE_FRAMES) !== 0) return ERRNO.EINVAL;
  if (live ? batch > MAX_BATCH : batch !== 0) return live ? ERRNO.E2BIG : ERRNO.EINVAL;
  const given = wholeContext(request.ctx, XDP_MD_BYTES);
  if (typeof given === "number") return given;
  const md = new DataView(given.buffer);
  const meta = md.getUint32(0, true);
  const end = md.getUint32(4, true);
  const ingress = md.getUint32(12, true);
  const queue = md.getUint32(16, true);
  const egress = md.getUint32(20, true);
  if (request.ctx !== undefined) {
    if (md.getUint32(8, true) !== 0 || end > data.length || meta > end) return ERRNO.EINVAL;
    if (live && (request.wantsData || request.wantsCtx)) return ERRNO.EINVAL;
    if (meta % 4 !== 0 || meta > META_MAX) return ERRNO.EINVAL;
  }
  const room = LINEAR_MAX + meta - (live ? PAGE_HEAD_BYTES : 0);
  const linear = Math.min(request.ctx === undefined ? data.length : end, room);
  if (live && data.length > linear) return ERRNO.EINVAL;
  if (data.length - meta < ETH_HLEN || egress !== 0) return ERRNO.EINVAL;
  if (ingress === 0 && queue !== 0) return ERRNO.EINVAL;
  const dev = host.devices[ingress === 0 ? LOOPBACK_IFINDEX : ingress];
  if (dev === undefined) return ERRNO.ENODEV;
  if (queue >= dev.rxQueueCount) return ERRNO.EINVAL;
  const frags = data.length - linear;
  if (frags > MAX_SKB_FRAGS * XDP_FRAG_BYTES) return ERRNO.ENOMEM;
  return { dev, queue, ingress, meta, frags, batch: live ? batch || DEFAULT_BATCH : 0 };
}
