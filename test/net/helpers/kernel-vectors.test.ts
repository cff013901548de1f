/**
 * Every case that oracle/record.mjs asked of a real kernel by BPF_PROG_RUN, asked of netsim's helpers: the answer of each call, what
 * the packet is after it, and the packet's bytes at the end.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { HelperDef } from "../../../sim/bpf/helper.ts";
import type { BpfMap } from "../../../sim/bpf/map.ts";
import { ethTypeTrans } from "../../../sim/net/eth-type-trans.ts";
import { netHelpers } from "../../../sim/net/helpers/index.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { NetEnv } from "../../../sim/net/net-env.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import type { Skb } from "../../../sim/net/skb.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { makeMap, testKernel, words } from "../kit.ts";

type Arg = number | string;
interface Result {
  readonly ret: number;
  readonly len?: number;
  readonly protocol?: number;
  readonly vlanPresent?: number;
  readonly vlanTci?: number;
  readonly vlanProto?: number;
  readonly pktType?: number;
  readonly linear?: number;
  readonly meta?: number;
  readonly out?: number;
  readonly buf?: string;
}
interface Case {
  readonly hook: "tc" | "xdp";
  readonly packet: string;
  readonly steps: readonly (readonly [string, ...Arg[]])[];
  readonly after: string;
  readonly results: readonly Result[];
}

const vectors = JSON.parse(readFileSync(new URL("./vectors.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly cases: readonly Case[];
};
const helpers: ReadonlyMap<string, HelperDef<NetEnv>> = new Map(netHelpers.map((h) => [h.name, h]));

/** Helper of an operation, and the shape of its arguments: w word, q 64 bits, in/out buffer with its length, m the MTU cell. */
const CALLS: Readonly<Record<string, readonly [helper: string, shape: string]>> = {
  "tc adjust_room": ["skb_adjust_room", "wwq"],
  "tc change_tail": ["skb_change_tail", "wq"],
  "tc change_head": ["skb_change_head", "wq"],
  "tc change_proto": ["skb_change_proto", "wq"],
  "tc vlan_push": ["skb_vlan_push", "ww"],
  "tc vlan_pop": ["skb_vlan_pop", ""],
  "tc l3_csum_replace": ["l3_csum_replace", "wqqq"],
  "tc l4_csum_replace": ["l4_csum_replace", "wqqq"],
  "tc store_bytes": ["skb_store_bytes", "wiq"],
  "tc load_bytes": ["skb_load_bytes", "wo"],
  "tc load_bytes_relative": ["skb_load_bytes_relative", "wow"],
  "tc pull_data": ["skb_pull_data", "w"],
  "tc change_type": ["skb_change_type", "w"],
  "tc ecn_set_ce": ["skb_ecn_set_ce", ""],
  "tc csum_level": ["csum_level", "q"],
  "tc csum_update": ["csum_update", "w"],
  "tc redirect": ["redirect", "!wq"],
  "tc redirect_peer": ["redirect_peer", "!wq"],
  "tc redirect_neigh": ["redirect_neigh", "!wiq"],
  "tc check_mtu": ["check_mtu", "wmwq"],
  "tc set_tstamp": ["skb_set_tstamp", "qw"],
  "tc socket_uid": ["get_socket_uid", ""],
  "tc socket_cookie": ["get_socket_cookie", ""],
  "tc cgroup_classid": ["get_cgroup_classid", ""],
  "tc route_realm": ["get_route_realm", ""],
  "tc clone_redirect": ["clone_redirect", "wq"],
  "xdp adjust_head": ["xdp_adjust_head", "w"],
  "xdp adjust_tail": ["xdp_adjust_tail", "w"],
  "xdp adjust_meta": ["xdp_adjust_meta", "w"],
  "xdp load_bytes": ["xdp_load_bytes", "wo"],
  "xdp store_bytes": ["xdp_store_bytes", "wi"],
  "xdp buff_len": ["xdp_get_buff_len", ""],
  "xdp redirect": ["redirect", "!wq"],
  "xdp redirect_map": ["redirect_map", "!Mwq"],
  "xdp check_mtu": ["check_mtu", "wmwq"],
};

let kernel: Kernel;
let host: Host;
let lo: Netdev;
let ports: BpfMap;
let scratch: number;
let xdpCtx: number;

beforeAll(() => {
  kernel = testKernel();
  host = addHost(kernel, "h");
  lo = host.devices[1]!;
  ports = makeMap(host, "devmap", 4);
  ports.write(words(1), words(1), 0);
  scratch = kernel.arena.alloc(128, 64);
  xdpCtx = kernel.arena.alloc(24, 64);
});

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
}

function hex(from: number, to: number): string {
  return Buffer.from(kernel.arena.u8.slice(from, to)).toString("hex");
}

/** A packet as BPF_PROG_RUN makes it, with the environment set for a run. */
function enter(c: Case): Skb {
  const bytes = fromHex(c.packet);
  const skb = kernel.allocSkb(bytes.length)!;
  kernel.arena.u8.set(bytes, skb.data);
  ethTypeTrans(skb, lo);
  const env = kernel.env;
  env.host = host;
  env.currentCpu = host.cpus[0]!;
  env.dev = lo;
  env.skb = skb;
  if (c.hook === "tc") {
    // BPF_PROG_RUN's packets belong to a socket
    skb.owner = { cookie: 1, onSkbFree: () => {} };
    env.ctx = env.skbContexts.at(0);
    env.skbContexts.fill(env.ctx, skb, lo, skb.len);
  } else {
    env.ctx = xdpCtx;
    kernel.arena.u32.set([skb.data, skb.data + skb.len, skb.data, 1, 0, 0], xdpCtx >>> 2);
  }
  return skb;
}

function call(c: Case, step: readonly [string, ...Arg[]]): { ret: number; out: number; buf: string } {
  const [op, ...given] = step;
  const entry = CALLS[`${c.hook} ${op}`];
  if (entry === undefined) throw new Error(`no such operation: ${c.hook} ${op}`);
  const [name, shape] = entry;
  const words: number[] = shape.startsWith("!") ? [] : [kernel.env.ctx];
  let out = 0;
  let outLen = 0;
  let mtu = false;
  kernel.arena.u8.fill(0, scratch, scratch + 128);
  for (const kind of shape.replace("!", "")) {
    if (kind === "M") {
      words.push(ports.handle);
      continue;
    }
    const arg = given.shift()!;
    if (kind === "w") words.push(Number(BigInt.asIntN(32, BigInt(arg))));
    else if (kind === "q") {
      words.push(Number(BigInt.asIntN(32, BigInt(arg))), Number(BigInt.asIntN(32, BigInt(arg) >> 32n)));
    } else if (kind === "i") {
      const bytes = fromHex(String(arg));
      kernel.arena.u8.set(bytes, scratch);
      words.push(scratch, bytes.length);
    } else if (kind === "o") {
      outLen = Number(arg);
      words.push(scratch, outLen);
    } else {
      mtu = true;
      kernel.arena.dv.setUint32(scratch, Number(arg), true);
      words.push(scratch);
    }
  }
  const ret = helpers.get(name)!.call(kernel.env, ...words);
  if (mtu) out = kernel.arena.dv.getUint32(scratch, true);
  return { ret, out, buf: hex(scratch, scratch + outLen).replace(/(00)+$/, "") };
}

describe(`network helpers answer as Linux ${vectors.kernel} does`, () => {
  const rows = vectors.cases.map((c, i) => ({ c, title: `${i}: ${c.hook} ${JSON.stringify(c.steps)}`.slice(0, 140) }));
  it.each(rows)("$title", ({ c }) => {
    const skb = enter(c);
    c.steps.forEach((step, i) => {
      const got = call(c, step);
      const want = c.results[i]!;
      const w = kernel.arena.u32;
      const ctx = kernel.env.ctx >>> 2;
      const common = { ret: got.ret, out: got.out, buf: got.buf };
      const wanted = { ret: want.ret, out: want.out ?? 0, buf: want.buf ?? "" };
      if (c.hook === "xdp") {
        expect({ ...common, len: w[ctx + 1]! - w[ctx]!, meta: w[ctx]! - w[ctx + 2]! }).toEqual({
          ...wanted,
          len: want.len ?? 0,
          meta: want.meta ?? 0,
        });
        expect(w[ctx]).toBe(skb.data);
        return;
      }
      expect({
        ...common,
        len: w[ctx],
        pktType: w[ctx + 1],
        protocol: w[ctx + 4],
        vlanPresent: w[ctx + 5],
        vlanTci: w[ctx + 6],
        vlanProto: w[ctx + 7],
        linear: w[ctx + 20]! - w[ctx + 19]!,
      }).toEqual({
        ...wanted,
        len: want.len ?? 0,
        pktType: want.pktType ?? 0,
        protocol: want.protocol ?? 0,
        vlanPresent: want.vlanPresent ?? 0,
        vlanTci: want.vlanTci ?? 0,
        vlanProto: want.vlanProto ?? 0,
        linear: want.linear ?? 0,
      });
    });
    // what comes back of an XDP run begins at the metadata
    expect(hex(skb.data - skb.metaLen, skb.data + skb.len)).toBe(c.after);
    skb.owner = null;
    kernel.pool.release(skb);
  });
});
