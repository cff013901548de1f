/**
 * Helpers of sock_ops programs: which events TCP calls them for, and options in TCP headers.
 *
 * bpf_sock_ops_cb_flags_set, bpf_load_hdr_opt, bpf_store_hdr_opt, bpf_reserve_hdr_opt
 *
 * @source net/core/filter.c, bpf_sock_ops_load_hdr_opt and the like, bpf_search_tcp_opt
 * @differs no TCP has saved a SYN, so BPF_LOAD_HDR_OPT_TCP_SYN finds none (-ENOENT)
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOMSG, ENOSPC, EOPNOTSUPP, EPERM } from "../../bpf/maps/errno.ts";
import type { NetEnv } from "../net-env.ts";

/** Of struct bpf_sock_ops. */
const OFF_OP = 0;
const OFF_IS_FULLSOCK = 72;
const OFF_CB_FLAGS = 84;
const OFF_SKB_DATA = 192;
const OFF_SKB_DATA_END = 200;

const HDR_OPT_LEN_CB = 14;
const WRITE_HDR_OPT_CB = 15;
const ALL_CB_FLAGS = 0x7f;
const LOAD_TCP_SYN = 1;

const TCP_HLEN = 20;
const TCPOPT_EOL = 0;
const TCPOPT_NOP = 1;
/** The kinds for experiments: a magic of 2 or 4 bytes follows the length. */
const TCPOPT_EXP = 254;
const TCPOPT_EXP2 = 253;

const plain = {
  ret: "int",
  gplOnly: false,
  progKinds: ["sock_ops"] as const,
  mapKinds: null,
  changesPacket: false,
};

/** `bpf_sock_ops_cb_flags_set`. @returns the flags that the kernel does not know */
export const sockOpsCbFlagsSet: HelperDef<NetEnv> = {
  ...plain,
  ret: "int",
  id: 59,
  name: "sock_ops_cb_flags_set",
  since: "4.16",
  args: ["ctx", "u32"],
  costNs: 3,
  call: (env: NetEnv, ctx: number, flags: number): number => {
    const { dv } = env.kernel.arena;
    if (dv.getUint32(ctx + OFF_OP, true) > WRITE_HDR_OPT_CB) return -EOPNOTSUPP;
    if (dv.getUint32(ctx + OFF_IS_FULLSOCK, true) === 0) return -EINVAL;
    dv.setUint32(ctx + OFF_CB_FLAGS, flags & ALL_CB_FLAGS, true);
    return flags & ~ALL_CB_FLAGS;
  },
};

/** bpf_search_tcp_opt's second answer: the list of options has an end in it. */
let endOfOptions = false;

/**
 * bpf_search_tcp_opt.
 * @param magic,magicLen bytes that must follow the option's length
 * @returns the option's address, or -errno
 */
function searchOption(
  u8: Uint8Array,
  from: number,
  end: number,
  kind: number,
  magic: number,
  magicLen: number,
): number {
  endOfOptions = false;
  for (let p = from; p < end; ) {
    const k = u8[p]!;
    if (k === TCPOPT_EOL) {
      endOfOptions = true;
      return -ENOMSG;
    }
    if (k === TCPOPT_NOP) {
      p++;
      continue;
    }
    if (end - p < 2 || end - p < u8[p + 1]! || u8[p + 1]! < 2) return -EFAULT;
    const size = u8[p + 1]!;
    if (k === kind) {
      if (magicLen > size - 2) return -ENOMSG;
      let same = true;
      for (let i = 0; i < magicLen; i++) if (u8[p + 2 + i] !== u8[magic + i]) same = false;
      if (same) return p;
    }
    p += size;
  }
  return -ENOMSG;
}

/** `bpf_load_hdr_opt`: the buffer says which option is wanted, and gets it. @returns its length, -ENOSPC when it was cut */
export const loadHdrOpt: HelperDef<NetEnv> = {
  ...plain,
  ret: "int",
  id: 142,
  name: "load_hdr_opt",
  since: "5.10",
  args: ["ctx", "mem_out", "size", "u64"],
  costNs: 15,
  call: (env: NetEnv, ctx: number, buf: number, len: number, flags: number, flagsHi: number): number => {
    const { dv, u8 } = env.kernel.arena;
    const op = dv.getUint32(ctx + OFF_OP, true);
    if (op > WRITE_HDR_OPT_CB) return -EOPNOTSUPP;
    if (len < 2 || (flags & ~LOAD_TCP_SYN) !== 0 || flagsHi !== 0) return -EINVAL;
    const kind = u8[buf]!;
    const size = u8[buf + 1]!;
    if (size > len || kind === TCPOPT_NOP || kind === TCPOPT_EOL) return -EINVAL;
    const experimental = kind === TCPOPT_EXP || kind === TCPOPT_EXP2;
    if (experimental ? size !== 4 && size !== 6 : size !== 0) return -EINVAL;
    if ((flags & LOAD_TCP_SYN) !== 0) return -ENOENT;
    const data = dv.getUint32(ctx + OFF_SKB_DATA, true);
    if (data === 0 || op === HDR_OPT_LEN_CB) return -EPERM;
    const end = dv.getUint32(ctx + OFF_SKB_DATA_END, true);
    const found = searchOption(u8, data + TCP_HLEN, end, kind, buf + 2, experimental ? size - 2 : 0);
    if (found < 0) return found;
    const bytes = u8[found + 1]!;
    u8.copyWithin(buf, found, found + Math.min(bytes, len));
    return bytes > len ? -ENOSPC : bytes;
  },
};

/** `bpf_store_hdr_opt`: behind the options that are there. */
export const storeHdrOpt: HelperDef<NetEnv> = {
  ...plain,
  ret: "int",
  id: 143,
  name: "store_hdr_opt",
  since: "5.10",
  args: ["ctx", "mem", "size", "u64"],
  costNs: 15,
  call: (env: NetEnv, ctx: number, from: number, len: number, flags: number, flagsHi: number): number => {
    const { dv, u8 } = env.kernel.arena;
    if (dv.getUint32(ctx + OFF_OP, true) !== WRITE_HDR_OPT_CB) return -EPERM;
    if (len < 2 || flags !== 0 || flagsHi !== 0) return -EINVAL;
    const kind = u8[from]!;
    const size = u8[from + 1]!;
    if (size > len || kind === TCPOPT_NOP || kind === TCPOPT_EOL) return -EINVAL;
    if (size > env.optionRoom) return -ENOSPC;
    const experimental = kind === TCPOPT_EXP || kind === TCPOPT_EXP2;
    if (experimental && size < 4) return -EINVAL;
    const end = dv.getUint32(ctx + OFF_SKB_DATA_END, true);
    const first = dv.getUint32(ctx + OFF_SKB_DATA, true) + TCP_HLEN;
    const found = searchOption(u8, first, end, kind, from + 2, experimental ? 2 : 0);
    if (found >= 0) return -EEXIST;
    if (found !== -ENOMSG) return found;
    if (endOfOptions) return -ENOSPC;
    u8.copyWithin(end, from, from + size);
    env.optionRoom -= size;
    dv.setUint32(ctx + OFF_SKB_DATA_END, end + size, true);
    return 0;
  },
};

/** `bpf_reserve_hdr_opt`: so many bytes of options will be written later. */
export const reserveHdrOpt: HelperDef<NetEnv> = {
  ...plain,
  ret: "int",
  id: 144,
  name: "reserve_hdr_opt",
  since: "5.10",
  args: ["ctx", "u32", "u64"],
  costNs: 3,
  call: (env: NetEnv, ctx: number, len: number, flags: number, flagsHi: number): number => {
    if (env.kernel.arena.dv.getUint32(ctx + OFF_OP, true) !== HDR_OPT_LEN_CB) return -EPERM;
    const bytes = len >>> 0;
    if (flags !== 0 || flagsHi !== 0 || bytes < 2) return -EINVAL;
    if (bytes > env.optionRoom) return -ENOSPC;
    env.optionRoom -= bytes;
    return 0;
  },
};
