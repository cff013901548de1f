/**
 * What bench/jit.ts measures: bundled programs in the state of their recorded cases, and programs that do one thing each
 * (jit-programs.c, jit-helpers.c, jit-tc.c), compiled when they are needed. One packet each.
 *
 * Neither side restores the packet between runs. So the packets are those that a program leaves as they are: what it does with
 * them is the same each time. Bundled programs that change every packet (encapsulation, NAT, VLAN tags) are seen on a path that
 * decides late not to; xdp_events is not here, as its ring runs full. The programs of our own undo what they do.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseObject } from "../sim/bpf/object/parse-object.ts";
import type { ProgKind } from "../sim/bpf/prog-type.ts";
import type { ObjectSpec } from "../sim/bpf/spec.ts";
import {
  bundledObject,
  objectUrl,
  type Preset,
  packetHex,
  type RecordedCase,
  vectors,
} from "../test/kernel/replay-kit.ts";

/** A program, its maps' contents, its packet. */
export interface Subject {
  /** `object: what it costs time with`. */
  readonly what: string;
  readonly path: string;
  readonly object: ObjectSpec;
  readonly kind: ProgKind;
  readonly program: string;
  readonly cpus: number;
  readonly maps: readonly Preset[];
  readonly setup: RecordedCase["setup"];
  /** Hex digits. */
  readonly packet: string;
  readonly ctx: string;
}

/** Bundled object, recorded case, packet, and what it costs time with. */
const BUNDLED: readonly (readonly [object: string, name: string, packet: string, what: string])[] = [
  ["xdp_pass", "every packet", "ipv4_tcp_syn", "nothing"],
  ["xdp_drop", "every packet", "ipv4_tcp_syn", "nothing"],
  ["xdp_actions", "code 2", "ipv4_tcp_syn", "array lookup"],
  ["xdp_proto_count", "every packet", "ipv4_tcp_syn", "parse, per-CPU array"],
  ["xdp_proto_count", "every packet", "ipv6_udp", "parse IPv6, per-CPU array"],
  ["xdp_legacy_count", "every packet", "ipv4_tcp_syn", "atomic add"],
  ["xdp_blocklist", "network and host", "ipv4_tcp_syn", "LPM trie, IPv4"],
  ["xdp_blocklist", "network and host", "ipv6_udp", "LPM trie, IPv6"],
  ["xdp_ratelimit", "burst of three", "ipv4_udp", "LRU hash, clock"],
  ["xdp_router", "forwarding host", "ipv4_to_no_route", "fib lookup"],
  ["xdp_l2_redirect", "known address", "ipv4_tcp_syn", "hash, redirect_map"],
  ["xdp_vlan", "pop", "ipv4_tcp_syn", "parse"],
  ["xdp_l4lb", "an empty ring", "ipv4_tcp_syn", "hash and LRU, jhash, arrays"],
  ["xdp_l4lb", "no services", "ipv4_udp", "parse, hash miss"],
  ["xdp_decap", "every packet", "ipv4_udp", "parse"],
  ["xdp_tailcall", "every packet", "ipv4_tcp_syn", "two tail calls"],
  ["tc_actions", "code 0", "ipv4_tcp_syn", "array lookups"],
  ["tc_mark", "ingress", "ipv4_udp", "hash, context writes"],
  ["tc_nat_lb", "no services", "ipv4_tcp_syn", "two hash misses"],
  ["tc_redirect", "egress", "ipv4_tcp_syn", "hash, redirect"],
  ["tc_meta", "no metadata", "ipv4_tcp_syn", "parse"],
  ["sock_ip_only", "every packet", "ipv4_tcp_syn", "LD_ABS"],
  ["sock_proto_bytes", "every packet", "ipv4_tcp_syn", "LD_ABS, context reads"],
];

const fill = (map: string, count: number, ...values: string[]): Preset => ({
  op: "fill",
  map,
  start: 0,
  count,
  values,
});
const U64 = "0100000000000000";
/** 10.0.0.0/8 to 10.1.2.3/32, and neighbours: what a small routing table looks like to one of its keys. */
const ROUTES: readonly Preset[] = [
  ["08", "0a000000"],
  ["10", "0a010000"],
  ["18", "0a010200"],
  ["20", "0a010203"],
  ["10", "0a020000"],
  ["18", "0a018000"],
  ["0c", "ac100000"],
  ["00", "00000000"],
].map(([bits, addr]) => ({ op: "map", map: "routes", key: `${bits}000000${addr}`, value: "01000000" }));

/** A program and what its maps hold. */
type Row = readonly [program: string, what: string, ...maps: Preset[]];

/** Programs of jit-programs.c. */
const PROGRAMS: readonly Row[] = [
  ["hash_hit", "hash hit", fill("hash", 1024, U64)],
  ["hash_miss", "hash miss", fill("hash", 1024, U64)],
  ["hash_update", "hash update of an existing key", fill("hash", 1024, U64)],
  ["hash_insert_delete", "hash insert and delete", fill("hash", 1024, U64)],
  ["percpu_hash", "per-CPU hash hit", fill("percpu", 256, U64)],
  ["lru_hit", "LRU hit", fill("lru", 256, U64)],
  ["lru_update", "LRU update of an existing key", fill("lru", 256, U64)],
  ["lru_evict", "LRU insert, which evicts", fill("lru", 256, U64)],
  ["lpm", "LPM trie, four prefixes deep", ...ROUTES],
  ["atomics", "three atomics"],
  ["csum_helper", "bpf_csum_diff of 2 x 40 bytes"],
  ["csum_loop", "checksum of 60 bytes in a loop"],
  ["adjust_head", "xdp_adjust_head twice"],
  ["adjust_tail", "xdp_adjust_tail twice"],
  ["bpf_to_bpf", "40 calls of functions"],
  ["jhash", "jhash of 48 bytes"],
  ["alu64", "64-bit arithmetic, 100 rounds"],
  ["division", "96 divisions"],
  ["sorting", "sort 16 numbers"],
  ["switching", "large switch, 32 times"],
  ["maglev", "Maglev, encapsulation, checksum"],
  ["katran_like", "hash, LRU, counters, encapsulation"],
];

/** Programs of jit-helpers.c. */
const HELPERS: readonly Row[] = [
  ["queue_push_pop", "push to a queue and pop"],
  ["stack_push_pop", "push to a stack and pop"],
  ["array_update", "array update of 16 bytes"],
  ["lpm_update", "LPM trie update of an existing prefix", ...ROUTES],
  ["lru_percpu", "per-CPU LRU update of an existing key"],
  ["xdp_bytes", "xdp_load_bytes and store of 20 bytes"],
  ["adjust_meta", "xdp_adjust_meta twice"],
  ["random", "random number"],
  ["clock", "clock"],
];

/** Programs of jit-tc.c. */
const TC: readonly Row[] = [
  ["skb_bytes", "skb_load_bytes and store of 20 bytes"],
  ["csum_replace", "l3_csum_replace and l4_csum_replace twice"],
  ["pull_data", "skb_pull_data"],
];

/** The sources beside this file whose programs do one thing each. */
const OWN: readonly { readonly file: string; readonly kind: ProgKind; readonly rows: readonly Row[] }[] = [
  { file: "jit-programs", kind: "xdp", rows: PROGRAMS },
  { file: "jit-helpers", kind: "xdp", rows: HELPERS },
  { file: "jit-tc", kind: "sched_cls", rows: TC },
];

/** The bundled programs' rows. */
export function bundledSubjects(): Subject[] {
  const all = vectors();
  return BUNDLED.map(([object, name, packet, what]) => {
    const vector = all.find((v) => v.object === `${object}.o`);
    const one = vector?.cases.find((c) => c.name === name);
    const run = one?.runs.find((r) => r.packet === packet);
    if (vector === undefined || one === undefined || run === undefined) {
      throw new Error(`no recorded run of ${object}, case "${name}", packet ${packet}`);
    }
    return {
      what: `${object}: ${what}`,
      path: fileURLToPath(objectUrl(vector.object)),
      object: bundledObject(vector.object),
      kind: vector.kind,
      program: one.program,
      cpus: vector.cpus,
      maps: one.maps,
      setup: one.setup,
      packet: packetHex.get(packet)!,
      ctx: run.ctx,
    };
  });
}

/** The rows of our own programs. @param folder where the objects go. @throws Error with the compiler's text */
export function ownSubjects(folder: string): Subject[] {
  const packet = packetHex.get("ipv4_udp")!;
  return OWN.flatMap(({ file, kind, rows }) => {
    const path = compile(file, folder);
    const object = parseObject(readFileSync(path), `${file}.o`);
    const { ctx } = bundledSubjects().find((s) => s.kind === kind && s.packet === packet)!;
    return rows.map(([program, what, ...maps]) => {
      return { what: `${program}: ${what}`, path, object, kind, program, cpus: 2, maps, setup: [], packet, ctx };
    });
  });
}

/** @returns the object's path */
function compile(file: string, folder: string): string {
  const path = `${folder}/${file}.o`;
  const source = fileURLToPath(new URL(`../bench/${file}.c`, objectUrl("")));
  const headers = `-I/usr/include/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
  const clang = process.env.CLANG ?? "clang-19";
  const args = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", headers, "-c", source, "-o", path];
  const done = spawnSync(clang, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.error?.message ?? done.stderr);
  return path;
}
