/**
 * Connection tracking: looking entries up, making them, changing them.
 *
 *     struct bpf_ct_opts, 12 or 16 bytes
 *      0 s32 netns_id   4 s32 error   8 u8 l4proto   9 u8 dir   10 u16 ct_zone_id   12 u8 ct_zone_dir   13 u8 reserved[3]
 *
 * @source net/netfilter/nf_conntrack_bpf.c, nf_nat_bpf.c. Costs: estimates
 * @differs network namespaces have no ids of each other, so only the current one (BPF_F_CURRENT_NETNS) can be named; packets are not
 *          tracked, so what is found is what programs put there; Linux writes `error` even when the size says that it is not there
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EAFNOSUPPORT, EINVAL, ENOENT, ENOMEM, ENONET, EPERM, EPROTO, ETIME } from "../../bpf/maps/errno.ts";
import { VerifierError } from "../../engine/errors.ts";
import { setupNat } from "../conntrack/nat.ts";
import { changedStatus, IPS_CONFIRMED, IPS_DYING, IPS_FIXED_TIMEOUT } from "../conntrack/status.ts";
import { BOTH_DIRECTIONS, type Conntrack, conntrackOf } from "../conntrack/table.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../ip/ipv4/header.ts";
import {
  TUPLE_BYTES,
  TUPLE_DST,
  TUPLE_DST_PORT,
  TUPLE_FAMILY,
  TUPLE_PROTOCOL,
  TUPLE_SRC,
  TUPLE_SRC_PORT,
} from "../kernel-structs/nf-conn.ts";
import type { NetEnv } from "../net-env.ts";

/** NF_BPF_CT_OPTS_SZ, and what it was before zones could be named. */
const OPTS_BYTES = 16;
const OLD_OPTS_BYTES = 12;
const OPTS_ERROR = 4;
const OPTS_L4PROTO = 8;
const OPTS_DIR = 9;
const OPTS_ZONE_ID = 10;
const OPTS_ZONE_DIR = 12;
const OPTS_RESERVED = 13;
const BPF_F_CURRENT_NETNS = -1;
/** sizeof of the halves of struct bpf_sock_tuple. */
const TUPLE4_BYTES = 12;
const TUPLE6_BYTES = 36;
/** Of an entry that a program has just made. */
const NEW_ENTRY_MS = 10_000;
/** At HZ=250. */
const MS_PER_JIFFY = 4;
const INT_MAX = 0x7fffffff;

const plain = {
  gplOnly: false,
  progKinds: ["sched_cls", "xdp"],
  mapKinds: null,
  changesPacket: false,
  since: "6.0",
} as const;
const entered = { ...plain, args: ["obj", "u32"], flags: ["TRUSTED_ARGS"], costNs: 3 } as const;
const asked = {
  ...plain,
  args: ["ctx", "mem", "size0", "mem_out", "size0"],
  ret: "obj_or_null",
  flags: ["ACQUIRE", "RET_NULL"],
} as const;

const jiffies = (env: NetEnv): number => env.jiffies() >>> 0;

/** Writes the error where there is room for it. */
function fails(env: NetEnv, opts: number, len: number, error: number): number {
  if (len >>> 0 >= OPTS_L4PROTO) env.kernel.arena.dv.setInt32(opts + OPTS_ERROR, -error, true);
  return 0;
}

/** What is wrong with the options by themselves. @returns an errno, 0 for nothing */
function checkOpts(env: NetEnv, opts: number, len: number): number {
  const { dv, u8 } = env.kernel.arena;
  if (len === OLD_OPTS_BYTES) return dv.getUint16(opts + OPTS_ZONE_ID, true) === 0 ? 0 : EINVAL;
  if (len !== OPTS_BYTES) return EINVAL;
  return (u8[opts + OPTS_RESERVED]! | u8[opts + OPTS_RESERVED + 1]! | u8[opts + OPTS_RESERVED + 2]!) === 0 ? 0 : EINVAL;
}

/** bpf_nf_ct_tuple_parse, in the original direction, and the namespace. @returns an errno, 0 when the tuple stands at `to` */
function parseTuple(env: NetEnv, to: number, from: number, len: number, opts: number): number {
  const { u8, u16, dv } = env.kernel.arena;
  const protocol = u8[opts + OPTS_L4PROTO]!;
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return EPROTO;
  const v4 = len === TUPLE4_BYTES;
  if (!v4 && len !== TUPLE6_BYTES) return EAFNOSUPPORT;
  const bytes = v4 ? 4 : 16;
  u8.fill(0, to, to + TUPLE_BYTES);
  u16[(to + TUPLE_FAMILY) >>> 1] = v4 ? AF_INET : AF_INET6;
  u8.copyWithin(to + TUPLE_SRC, from, from + bytes);
  u8.copyWithin(to + TUPLE_DST, from + bytes, from + 2 * bytes);
  u8.copyWithin(to + TUPLE_SRC_PORT, from + 2 * bytes, from + 2 * bytes + 2);
  u8.copyWithin(to + TUPLE_DST_PORT, from + 2 * bytes + 2, from + 2 * bytes + 4);
  u8[to + TUPLE_PROTOCOL] = protocol;
  return dv.getInt32(opts, true) >= 0 ? ENONET : 0;
}

/** The zone's directions, written back when the program left them open. */
function zoneDirs(env: NetEnv, opts: number, len: number): number {
  if (len !== OPTS_BYTES) return BOTH_DIRECTIONS;
  const { u8 } = env.kernel.arena;
  if (u8[opts + OPTS_ZONE_DIR] === 0) u8[opts + OPTS_ZONE_DIR] = BOTH_DIRECTIONS;
  return u8[opts + OPTS_ZONE_DIR]!;
}

function lookup(env: NetEnv, _ctx: number, tuple: number, tupleLen: number, opts: number, len: number): number {
  const wrong = checkOpts(env, opts, len);
  if (wrong !== 0) return fails(env, opts, len, wrong);
  const { dv, u8 } = env.kernel.arena;
  const protocol = u8[opts + OPTS_L4PROTO]!;
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return fails(env, opts, len, EPROTO);
  if (dv.getInt32(opts, true) < BPF_F_CURRENT_NETNS) return fails(env, opts, len, EINVAL);
  const table = conntrackOf(env.host);
  const error = parseTuple(env, table.scratch, tuple, tupleLen, opts);
  if (error !== 0) return fails(env, opts, len, error);
  const dirs = zoneDirs(env, opts, len);
  const node = table.findGet(table.scratch, dv.getUint16(opts + OPTS_ZONE_ID, true), dirs, jiffies(env));
  if (node === 0) return fails(env, opts, len, ENOENT);
  u8[opts + OPTS_DIR] = node & 1;
  return node & ~1;
}

function alloc(env: NetEnv, _ctx: number, tuple: number, tupleLen: number, opts: number, len: number): number {
  const wrong = checkOpts(env, opts, len);
  if (wrong !== 0) return fails(env, opts, len, wrong);
  const { dv } = env.kernel.arena;
  if (dv.getInt32(opts, true) < BPF_F_CURRENT_NETNS) return fails(env, opts, len, EINVAL);
  const table = conntrackOf(env.host);
  const error = parseTuple(env, table.scratch, tuple, tupleLen, opts);
  if (error !== 0) return fails(env, opts, len, error);
  const dirs = zoneDirs(env, opts, len);
  const ct = table.alloc(table.scratch, dv.getUint16(opts + OPTS_ZONE_ID, true), dirs, jiffies(env));
  if (ct === 0) return fails(env, opts, len, ENOMEM);
  setTimeout(env, table, ct, NEW_ENTRY_MS);
  return ct;
}

/** __nf_ct_set_timeout. */
function setTimeout(env: NetEnv, table: Conntrack, ct: number, ms: number): void {
  // msecs_to_jiffies takes what is negative as an int for as long as can be
  const left = ms < 0 ? INT_MAX : Math.ceil(ms / MS_PER_JIFFY);
  const { conns } = table;
  conns.setTimeout(ct, (conns.status(ct) & IPS_CONFIRMED) !== 0 ? jiffies(env) + left : left);
}

/**
 * The table of an entry that a program passed.
 * @param confirmed whether it must be in the table (struct nf_conn) or not yet (struct nf_conn___init)
 * @throws VerifierError when it is none, or of the other kind
 */
function tableOf(env: NetEnv, ct: number, confirmed: boolean): Conntrack {
  const table = conntrackOf(env.host);
  const is = table.has(ct);
  if (is && ((table.conns.status(ct) & IPS_CONFIRMED) !== 0) === confirmed) return table;
  const wanted = confirmed ? "nf_conn" : "nf_conn___init";
  const what = is ? `a pointer to STRUCT ${confirmed ? "nf_conn___init" : "nf_conn"}` : "none";
  const message = `expected pointer to STRUCT ${wanted} but R1 has ${what}`;
  throw new VerifierError({ code: "CONNTRACK_ARGUMENT", message });
}

/** `bpf_xdp_ct_lookup`. */
export const xdpCtLookup: KfuncDef<NetEnv> = {
  ...asked,
  name: "bpf_xdp_ct_lookup",
  since: "5.18",
  costNs: 40,
  call: lookup,
};

/** `bpf_skb_ct_lookup`. */
export const skbCtLookup: KfuncDef<NetEnv> = { ...xdpCtLookup, name: "bpf_skb_ct_lookup" };

/** `bpf_xdp_ct_alloc`. */
export const xdpCtAlloc: KfuncDef<NetEnv> = { ...asked, name: "bpf_xdp_ct_alloc", costNs: 60, call: alloc };

/** `bpf_skb_ct_alloc`. */
export const skbCtAlloc: KfuncDef<NetEnv> = { ...xdpCtAlloc, name: "bpf_skb_ct_alloc" };

/** `bpf_ct_insert_entry`: null when the table has the flow already; the entry is gone then. */
export const ctInsertEntry: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_ct_insert_entry",
  args: ["obj"],
  ret: "obj_or_null",
  flags: ["ACQUIRE", "RET_NULL", "RELEASE"],
  costNs: 60,
  call(env: NetEnv, ct: number): number {
    const table = tableOf(env, ct, false);
    const { conns } = table;
    conns.setTimeout(ct, conns.timeout(ct) + jiffies(env));
    conns.setStatus(ct, conns.status(ct) | IPS_CONFIRMED);
    if (table.insert(ct)) return ct;
    table.free(ct);
    return 0;
  },
};

/** `bpf_ct_release`. */
export const ctRelease: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_ct_release",
  since: "5.18",
  args: ["obj"],
  ret: "void",
  flags: ["RELEASE"],
  costNs: 5,
  call(env: NetEnv, ct: number): number {
    tableOf(env, ct, true).put(ct);
    return 0;
  },
};

/** `bpf_ct_set_timeout`: ms, of an entry that is not in the table. */
export const ctSetTimeout: KfuncDef<NetEnv> = {
  ...entered,
  name: "bpf_ct_set_timeout",
  ret: "void",
  call(env: NetEnv, ct: number, ms: number): number {
    setTimeout(env, tableOf(env, ct, false), ct, ms);
    return 0;
  },
};

/** `bpf_ct_change_timeout`: ms from now on. */
export const ctChangeTimeout: KfuncDef<NetEnv> = {
  ...entered,
  name: "bpf_ct_change_timeout",
  ret: "int",
  call(env: NetEnv, ct: number, ms: number): number {
    const table = tableOf(env, ct, true);
    const status = table.conns.status(ct);
    if ((status & IPS_FIXED_TIMEOUT) !== 0) return -EPERM;
    setTimeout(env, table, ct, ms);
    return (status & IPS_DYING) !== 0 ? -ETIME : 0;
  },
};

function changeStatus(table: Conntrack, ct: number, wanted: number): number {
  const status = changedStatus(table.conns.status(ct), wanted);
  if (status < 0) return status;
  table.conns.setStatus(ct, status);
  return 0;
}

/** `bpf_ct_set_status`: of an entry that is not in the table. */
export const ctSetStatus: KfuncDef<NetEnv> = {
  ...entered,
  name: "bpf_ct_set_status",
  ret: "int",
  call: (env: NetEnv, ct: number, status: number): number => changeStatus(tableOf(env, ct, false), ct, status),
};

/** `bpf_ct_change_status`. */
export const ctChangeStatus: KfuncDef<NetEnv> = {
  ...entered,
  name: "bpf_ct_change_status",
  ret: "int",
  call: (env: NetEnv, ct: number, status: number): number => changeStatus(tableOf(env, ct, true), ct, status),
};

/** `bpf_ct_set_nat_info`: where source or destination are mapped to. */
export const ctSetNatInfo: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_ct_set_nat_info",
  since: "6.1",
  args: ["obj", "mem_fixed", "u32", "u32"],
  fixed: 16,
  ret: "int",
  flags: ["TRUSTED_ARGS"],
  costNs: 60,
  call: (env: NetEnv, ct: number, addr: number, port: number, manip: number): number =>
    setupNat(tableOf(env, ct, false), ct, addr, port, manip, jiffies(env), () => env.prandomU32() & 0xffff),
};
