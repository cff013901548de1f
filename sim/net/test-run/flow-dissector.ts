/**
 * Test runs of flow dissectors: the packet with its MAC header; the answer's bytes are the struct bpf_flow_keys that the program filled.
 *
 *     struct bpf_flow_keys, 56 bytes
 *       0 u16 nhoff   2 u16 thoff   4 u16 addr_proto   6 u8 is_frag   7 u8 is_first_frag   8 u8 is_encap   9 u8 ip_proto
 *      10 be16 n_proto   12 be16 sport   14 be16 dport   16 addresses (32)   48 u32 flags   52 be32 flow_label
 *
 * @source net/bpf/test_run.c bpf_prog_test_run_flow_dissector; net/core/flow_dissector.c bpf_flow_dissect
 */
import { FLOW_KEYS_BYTES } from "../../bpf/prog-types/flow-dissector.ts";
import { SK_BUFF_FLOW_KEYS, SK_BUFF_SIZE } from "../../bpf/prog-types/sk-buff.ts";
import type { Program } from "../../bpf/program.ts";
import { ETH_HLEN } from "../ether.ts";
import type { Host } from "../host.ts";
import { ERRNO } from "../netlink-error.ts";
import { discard, enter, freshSkb, LOOPBACK_IFINDEX } from "./surroundings.ts";
import {
  asksForMore,
  onlyGiven,
  type TestRun,
  type TestRunDef,
  type TestRunRequest,
  wholeContext,
} from "./test-run.ts";

const PAGE = 4096;
const OFF_N_PROTO = 10;
const OFF_FLAGS = 48;

/** The record of flow dissectors' test runs. */
export const flowDissectorTestRun: TestRunDef = { kinds: ["flow_dissector"], begin };

function begin(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  const { data } = request;
  if (asksForMore(request) || data.length < ETH_HLEN || data.length > PAGE) return ERRNO.EINVAL;
  const given = wholeContext(request.ctx, FLOW_KEYS_BYTES);
  if (typeof given === "number") return given;
  if (!onlyGiven(given, [[OFF_FLAGS, 4]])) return ERRNO.EINVAL;

  const kernel = host.kernel;
  const { arena } = kernel;
  const dev = host.devices[LOOPBACK_IFINDEX]!;
  const keys = arena.allocRegion({
    sizeBytes: FLOW_KEYS_BYTES,
    strideBytes: FLOW_KEYS_BYTES,
    valueBytes: FLOW_KEYS_BYTES,
    writable: true,
    label: "flow_keys",
  });
  const skb = keys === 0 ? null : freshSkb(host, data.length);
  if (skb === null) return ERRNO.ENOMEM;
  arena.u8.set(data, skb.data);
  skb.dev = dev;
  const contexts = kernel.env.skbContexts;
  const depth = contexts.depth++;
  const ctx = contexts.at(depth);
  contexts.fill(ctx, skb, dev, 0);
  arena.u32[(ctx + SK_BUFF_FLOW_KEYS) >>> 2] = keys;
  const entered = enter(host, program, request, skb, dev, ctx);
  let retval = 0;
  return {
    run: (times) => {
      for (let i = 0; i < times; i++) {
        arena.u8.fill(0, keys, keys + FLOW_KEYS_BYTES);
        arena.dv.setUint16(keys, ETH_HLEN, true);
        arena.dv.setUint16(keys + 2, ETH_HLEN, true);
        arena.u8.set(data.subarray(12, 14), keys + OFF_N_PROTO);
        arena.u8.set(given.subarray(OFF_FLAGS, OFF_FLAGS + 4), keys + OFF_FLAGS);
        retval = entered.run(1);
        const nhoff = clamp(arena.dv.getUint16(keys, true), ETH_HLEN, data.length);
        arena.dv.setUint16(keys, nhoff, true);
        arena.dv.setUint16(keys + 2, clamp(arena.dv.getUint16(keys + 2, true), nhoff, data.length), true);
      }
    },
    end: () => {
      const out = arena.u8.slice(keys, keys + FLOW_KEYS_BYTES);
      entered.leave();
      arena.u8.fill(0, ctx, ctx + SK_BUFF_SIZE);
      contexts.depth = depth;
      discard(host, skb);
      arena.freeRegion(keys);
      return { retval, data: out, ctx: given };
    },
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
