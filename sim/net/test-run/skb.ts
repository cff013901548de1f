/**
 * Test runs of programs on socket buffers.
 *
 *     tc       the packet as eth_type_trans leaves it, received by `ifindex` or the loopback device, its MAC header in front
 *     others   the same without the MAC header; 14 zero bytes stand in its place afterwards
 *
 * The packet belongs to a socket with the packet's addresses: source is local, destination remote.
 *
 * @source net/bpf/test_run.c bpf_prog_test_run_skb, convert___skb_to_skb; limits and errors measured on Linux 6.18
 */
import { SK_BUFF_SIZE } from "../../bpf/prog-types/sk-buff.ts";
import type { Program } from "../../bpf/program.ts";
import { beginComplete, isComplete } from "../complete-csum.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6 } from "../ether.ts";
import type { Host } from "../host.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import { ERRNO } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { TestRunSocket } from "../sockets/bpf-sock.ts";
import { discard, enter, freshSkb, LOOPBACK_IFINDEX } from "./surroundings.ts";
import {
  BPF_F_TEST_SKB_CHECKSUM_COMPLETE,
  onlyGiven,
  type TestRun,
  type TestRunDef,
  type TestRunRequest,
  wholeContext,
} from "./test-run.ts";

const IPV4_HLEN = 20;
const IPV6_HLEN = 40;
/** A page less NET_SKB_PAD and struct skb_shared_info. */
const SKB_MAX = 4096 - 64 - 320;
const GSO_MAX_SEGS = 65535;
const WIRE_LEN_MAX = 65536;

/** Fields of struct __sk_buff that a caller may give, as [offset, bytes]; all else must be zero. */
const GIVEN: readonly (readonly [number, number])[] = [
  [8, 4], // mark
  [32, 4], // priority
  [36, 4], // ingress_ifindex
  [40, 4], // ifindex
  [48, 20], // cb
  [152, 8], // tstamp
  [160, 4], // wire_len
  [164, 4], // gso_segs
  [176, 4], // gso_size
  [184, 8], // hwtstamp
];
const OFF_IFINDEX = 40;
const OFF_FAMILY = 88;
const OFF_REMOTE_IP4 = 92;
const OFF_LOCAL_IP4 = 96;
const OFF_REMOTE_IP6 = 100;
const OFF_LOCAL_IP6 = 116;
const OFF_WIRE_LEN = 160;
const OFF_GSO_SEGS = 164;
/** Of these fields Skb holds nothing: they lie in the context only. */
const CTX_ONLY: readonly (readonly [number, number])[] = [
  [152, 8],
  [164, 4],
  [176, 4],
  [184, 8],
];
/** family to local_port: zero outside of test runs. */
const SOCKET_FIELDS: readonly [number, number] = [OFF_FAMILY, 52];

/** The record of the test runs of programs on socket buffers. */
export const skbTestRun: TestRunDef = {
  kinds: ["sched_cls", "sched_act", "socket_filter", "cgroup_skb", "lwt_in", "lwt_out", "lwt_xmit"],
  begin,
};

/**
 * The same for the one type that Linux has none for. A packet with a segment routing header is what End.BPF makes of it before its program
 * runs: with its next segment as destination.
 */
export const skbTestRunBeyondLinux: TestRunDef = { kinds: ["lwt_seg6local"], beyondLinux: true, begin };

function begin(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  const { data } = request;
  const flags = request.flags ?? 0;
  if ((flags & ~BPF_F_TEST_SKB_CHECKSUM_COMPLETE) !== 0) return ERRNO.EINVAL;
  if ((request.cpu ?? 0) !== 0 || (request.batchSize ?? 0) !== 0) return ERRNO.EINVAL;
  if (data.length < ETH_HLEN || data.length > SKB_MAX) return ERRNO.EINVAL;
  const given = wholeContext(request.ctx, SK_BUFF_SIZE);
  if (typeof given === "number") return given;
  const fields = new DataView(given.buffer);
  if (!onlyGiven(given, GIVEN)) return ERRNO.EINVAL;
  const ifindex = fields.getUint32(OFF_IFINDEX, true);
  const dev = host.devices[ifindex === 0 ? LOOPBACK_IFINDEX : ifindex];
  if (dev === undefined) return ERRNO.ENODEV;

  const kernel = host.kernel;
  const skb = freshSkb(host, data.length);
  if (skb === null) return ERRNO.ENOMEM;
  kernel.arena.u8.set(data, skb.data);
  ethTypeTrans(skb, dev);
  // the receive path sets it, which a test run does not go through
  skb.macLen = 0;
  const l2 = program.kind === "sched_cls" || program.kind === "sched_act";
  const wireLen = fields.getUint32(OFF_WIRE_LEN, true);
  const len = l2 ? data.length : data.length - ETH_HLEN;
  const header = skb.protocol === ETH_P_IP ? IPV4_HLEN : skb.protocol === ETH_P_IPV6 ? IPV6_HLEN : 0;
  const refused =
    data.length - ETH_HLEN < header ||
    (wireLen !== 0 && (wireLen < len || wireLen > WIRE_LEN_MAX)) ||
    fields.getUint32(OFF_GSO_SEGS, true) > GSO_MAX_SEGS;
  if (refused) {
    discard(host, skb);
    return ERRNO.EINVAL;
  }
  if (!l2) skb.pull(ETH_HLEN);
  takeFields(skb, fields);
  if ((flags & BPF_F_TEST_SKB_CHECKSUM_COMPLETE) !== 0) beginComplete(kernel.arena, skb);
  skb.owner = new TestRunSocket(host, skb);
  const contexts = kernel.env.skbContexts;
  const depth = contexts.depth++;
  const ctx = contexts.at(depth);
  contexts.fill(ctx, skb, dev, wireLen === 0 ? len : wireLen);
  for (const [offset, bytes] of CTX_ONLY) kernel.arena.u8.set(given.subarray(offset, offset + bytes), ctx + offset);
  fillSocket(host, ctx, skb);
  const { seg6 } = kernel.env;
  if (program.kind === "lwt_seg6local") seg6.begin(kernel.arena, skb);
  const entered = enter(host, program, request, skb, dev, ctx);
  let retval = 0;
  return {
    run: (times) => {
      retval = entered.run(times);
    },
    end: () => {
      // the header's length is written when it is looked at
      if (program.kind === "lwt_seg6local") seg6.isValid(kernel.arena, skb);
      seg6.offset = -1;
      const after = kernel.arena.u8.slice(ctx, ctx + SK_BUFF_SIZE);
      const out = new Uint8Array(SK_BUFF_SIZE);
      for (const [offset, bytes] of GIVEN) out.set(after.subarray(offset, offset + bytes), offset);
      for (const [offset, bytes] of [...CTX_ONLY, SOCKET_FIELDS]) {
        kernel.arena.u8.fill(0, ctx + offset, ctx + offset + bytes);
      }
      const left = kernel.arena.u8.slice(skb.data, skb.data + skb.len);
      let frame = left;
      if (!l2) {
        frame = new Uint8Array(ETH_HLEN + left.length);
        frame.set(left, ETH_HLEN);
      }
      const summed = (flags & BPF_F_TEST_SKB_CHECKSUM_COMPLETE) === 0 || isComplete(kernel.arena, skb);
      entered.leave();
      contexts.depth = depth;
      discard(host, skb);
      if (!summed) return ERRNO.EBADMSG;
      return { retval, data: frame, ctx: out };
    },
  };
}

function takeFields(skb: Skb, fields: DataView): void {
  skb.mark = fields.getUint32(8, true);
  skb.priority = fields.getUint32(32, true);
  skb.skbIif = fields.getUint32(36, true);
  skb.cb0 = fields.getUint32(48, true);
  skb.cb1 = fields.getUint32(52, true);
  skb.cb2 = fields.getUint32(56, true);
  skb.cb3 = fields.getUint32(60, true);
  skb.cb4 = fields.getUint32(64, true);
}

/** family and addresses of the packet's socket, for programs that read them; its ports are 0. */
function fillSocket(host: Host, ctx: number, skb: Skb): void {
  const { u8, u32 } = host.kernel.arena;
  const header = skb.networkHeader;
  if (skb.protocol === ETH_P_IP) {
    u32[(ctx + OFF_FAMILY) >>> 2] = AF_INET;
    u8.copyWithin(ctx + OFF_LOCAL_IP4, header + 12, header + 16);
    u8.copyWithin(ctx + OFF_REMOTE_IP4, header + 16, header + 20);
  } else if (skb.protocol === ETH_P_IPV6) {
    u32[(ctx + OFF_FAMILY) >>> 2] = AF_INET6;
    u8.copyWithin(ctx + OFF_LOCAL_IP6, header + 8, header + 24);
    u8.copyWithin(ctx + OFF_REMOTE_IP6, header + 24, header + 40);
  }
}
