/**
 * Test runs of XDP programs: one page with 256 bytes of headroom; what does not fit lies in fragments of a page each. In the context
 * `data` is the length of the metadata at the front of the bytes, `data_end` the number of those that lie in the first page (with
 * metadata); ingress_ifindex 0 means the loopback device.
 *
 * @source net/bpf/test_run.c bpf_prog_test_run_xdp, xdp_convert_md_to_buff; limits and errors measured on Linux 6.18
 */
import type { Program } from "../../bpf/program.ts";
import { LabError } from "../../engine/errors.ts";
import { ETH_HLEN } from "../ether.ts";
import type { Host } from "../host.ts";
import { ERRNO } from "../netlink-error.ts";
import { XDP_FRAG_BYTES } from "../skb.ts";
import { cpuXdp } from "../xdp/cpu-xdp.ts";
import { packetToXdp, XDP_MD_BYTES } from "../xdp/xdp-context.ts";
import { discard, enter, freshSkb, LOOPBACK_IFINDEX } from "./surroundings.ts";
import {
  BPF_F_TEST_XDP_LIVE_FRAMES,
  type TestRun,
  type TestRunDef,
  type TestRunRequest,
  wholeContext,
} from "./test-run.ts";

/** A page less headroom and struct skb_shared_info. */
const LINEAR_MAX = 4096 - 256 - 320;
/** What XDP_PACKET_HEADROOM leaves for metadata beside struct xdp_frame. */
const META_MAX = 256 - 40;
const MAX_SKB_FRAGS = 17;
/** TEST_XDP_MAX_BATCH. */
const MAX_BATCH = 256;
/** sizeof(struct xdp_page_head): what live frames have at the front of their page. */
const PAGE_HEAD_BYTES = 192;

/** The record of XDP's test runs. */
export const xdpTestRun: TestRunDef = { kinds: ["xdp"], begin };

function begin(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  const { data } = request;
  const live = ((request.flags ?? 0) & BPF_F_TEST_XDP_LIVE_FRAMES) !== 0;
  const batch = request.batchSize ?? 0;
  if (program.attach === "xdp_devmap" || program.attach === "xdp_cpumap") return ERRNO.EINVAL;
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
  if (live) throw liveFrames();

  const kernel = host.kernel;
  // room for all that the program may append: to the page's end, and to that of the last fragment
  const pages = Math.ceil(frags / XDP_FRAG_BYTES);
  const skb = freshSkb(host, LINEAR_MAX + pages * XDP_FRAG_BYTES);
  if (skb === null) return ERRNO.ENOMEM;
  skb.len = data.length - meta;
  skb.dev = dev;
  skb.metaLen = meta;
  skb.fragsLen = frags;
  kernel.arena.u8.set(data, skb.data - meta);
  const x = cpuXdp(host.cpu());
  const ctx = x.context();
  const depth = x.depth++;
  packetToXdp(kernel.arena.u32, ctx, skb);
  kernel.arena.u32.set([dev.ifindex, queue, 0], (ctx + 12) >>> 2);
  const entered = enter(host, program, request, skb, dev, ctx);
  let retval = 0;
  return {
    run: (times) => {
      retval = entered.run(times);
    },
    end: () => {
      const out = new Uint8Array(XDP_MD_BYTES);
      const view = new DataView(out.buffer);
      view.setUint32(0, skb.metaLen, true);
      view.setUint32(4, skb.metaLen + skb.len - skb.fragsLen, true);
      view.setUint32(12, ingress, true);
      view.setUint32(16, queue, true);
      const bytes = kernel.arena.u8.slice(skb.data - skb.metaLen, skb.data + skb.len);
      entered.leave();
      x.depth = depth;
      discard(host, skb);
      return { retval, data: bytes, ctx: out };
    },
  };
}

function liveFrames(): LabError {
  const message = "BPF_F_TEST_XDP_LIVE_FRAMES sends the frames on for real, and netsim's test runs do not";
  return new LabError([
    { code: "TEST_RUN_LIVE", message, fix: "attach the program to a device and send traffic to it" },
  ]);
}
