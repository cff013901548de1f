/**
 * Test runs of XDP programs: one page with 256 bytes of headroom; what does not fit lies in fragments of a page each.
 *
 * @source net/bpf/test_run.c bpf_prog_test_run_xdp
 */
import type { Program } from "../../bpf/program.ts";
import { LabError } from "../../engine/errors.ts";
import type { Host } from "../host.ts";
import { ERRNO } from "../netlink-error.ts";
import { XDP_FRAG_BYTES } from "../skb.ts";
import { cpuXdp } from "../xdp/cpu-xdp.ts";
import { packetToXdp, XDP_MD_BYTES } from "../xdp/xdp-context.ts";
import { discard, enter, freshSkb } from "./surroundings.ts";
import type { TestRun, TestRunDef, TestRunRequest } from "./test-run.ts";
import { LINEAR_MAX, xdpRequest } from "./xdp-request.ts";

/** The record of XDP's test runs. */
export const xdpTestRun: TestRunDef = { kinds: ["xdp"], begin };

function begin(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  const asked = xdpRequest(host, program, request);
  if (typeof asked === "number") return asked;
  if (asked.batch > 0) throw liveFrames();
  const { dev, queue, ingress, meta, frags } = asked;
  const { data } = request;
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
  const message = "BPF_F_TEST_XDP_LIVE_FRAMES sends the frames on for real, which takes simulated time";
  return new LabError([{ code: "TEST_RUN_LIVE", message, fix: "call liveTestRun, or attach the program to a device" }]);
}
