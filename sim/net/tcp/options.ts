/**
 * Options of the TCP header: which a segment has, how they are written, and how a peer's are read.
 *
 *     2 4 mss16     1 3 3 shift     4 2 sack-permitted     5 len (start32 end32)*     8 10 tsval32 tsecr32
 *
 * Written as Linux writes them: MSS; timestamp, with SACK-permitted in front in place of its padding; window scale; SACK blocks.
 *
 * @source net/ipv4/tcp_output.c tcp_options_write, tcp_syn_options, tcp_synack_options, tcp_established_options;
 *         net/ipv4/tcp_input.c tcp_parse_options, tcp_parse_aligned_timestamp; RFC 9293 section 3.2
 */
import type { Arena } from "../../engine/arena.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { tcpTimeStamp } from "./clock.ts";
import {
  MAX_TCP_OPTION_SPACE,
  TCP_MAX_WSCALE,
  TCPOLEN_SACK_BASE_ALIGNED,
  TCPOLEN_SACK_PERBLOCK,
  TCPOLEN_TSTAMP_ALIGNED,
} from "./const.ts";
import type { OptionsReceived } from "./options-received.ts";
import type { RequestSock } from "./request-sock.ts";
import type { TcpSock } from "./tcp-sock.ts";

const TCPOPT_EOL = 0;
const TCPOPT_NOP = 1;
const TCPOPT_MSS = 2;
const TCPOPT_WINDOW = 3;
const TCPOPT_SACK_PERM = 4;
const TCPOPT_SACK = 5;
const TCPOPT_TIMESTAMP = 8;
const TCPOLEN_MSS = 4;

/** struct tcp_out_options: what a segment will carry. One object, filled anew for each. */
export const outOptions = {
  /** Bytes, a multiple of 4. */
  size: 0,
  /** 0: none. */
  mss: 0,
  /** -1: none. */
  ws: -1,
  ts: false,
  sackAdvertise: false,
  numSackBlocks: 0,
  tsval: 0,
  tsecr: 0,
};

function clear(): void {
  outOptions.size = 0;
  outOptions.mss = 0;
  outOptions.ws = -1;
  outOptions.ts = false;
  outOptions.sackAdvertise = false;
  outOptions.numSackBlocks = 0;
}

/** tcp_syn_options. @param mss that we announce */
export function tcpSynOptions(sk: TcpSock, mss: number): void {
  const s = sk.stack.sysctl;
  clear();
  outOptions.mss = mss;
  let size = TCPOLEN_MSS;
  if (s.tcpTimestamps !== 0) {
    outOptions.ts = true;
    outOptions.tsval = (tcpTimeStamp(sk) + sk.tsoffset) >>> 0;
    outOptions.tsecr = sk.rxOpt.tsRecent;
    size += TCPOLEN_TSTAMP_ALIGNED;
  }
  if (s.tcpWindowScaling !== 0) {
    outOptions.ws = sk.rxOpt.rcvWscale;
    size += 4;
  }
  if (s.tcpSack !== 0) {
    outOptions.sackAdvertise = true;
    if (!outOptions.ts) size += 4;
  }
  outOptions.size = size;
}

/** tcp_synack_options. @param mss that we announce; tsval with its offset */
export function tcpSynackOptions(req: RequestSock, mss: number, tsval: number): void {
  clear();
  outOptions.mss = mss;
  let size = TCPOLEN_MSS;
  if (req.wscaleOk) {
    outOptions.ws = req.rcvWscale;
    size += 4;
  }
  if (req.tstampOk) {
    outOptions.ts = true;
    outOptions.tsval = tsval;
    outOptions.tsecr = req.tsRecent;
    size += TCPOLEN_TSTAMP_ALIGNED;
  }
  if (req.sackOk) {
    outOptions.sackAdvertise = true;
    if (!req.tstampOk) size += 4;
  }
  outOptions.size = size;
}

/** tcp_established_options: timestamp, and SACK blocks as many as fit. */
export function tcpEstablishedOptions(sk: TcpSock): void {
  clear();
  let size = 0;
  if (sk.rxOpt.tstampOk) {
    outOptions.ts = true;
    outOptions.tsval = (tcpTimeStamp(sk) + sk.tsoffset) >>> 0;
    outOptions.tsecr = sk.rxOpt.tsRecent;
    size = TCPOLEN_TSTAMP_ALIGNED;
  }
  const effSacks = sk.rxOpt.numSacks + (sk.rxOpt.dsack ? 1 : 0);
  if (effSacks > 0) {
    const room = MAX_TCP_OPTION_SPACE - size - TCPOLEN_SACK_BASE_ALIGNED;
    const n = Math.min(effSacks, Math.floor(room / TCPOLEN_SACK_PERBLOCK));
    outOptions.numSackBlocks = n;
    size += TCPOLEN_SACK_BASE_ALIGNED + n * TCPOLEN_SACK_PERBLOCK;
  }
  outOptions.size = size;
}

/** tcp_options_write: puts `outOptions` at an address. @param sk whose SACK blocks they are; null: none */
export function tcpOptionsWrite(arena: Arena, at: number, sk: TcpSock | null): void {
  const dv = arena.dv;
  const o = outOptions;
  let p = at;
  if (o.mss !== 0) {
    dv.setUint32(p, (TCPOPT_MSS << 24) | (TCPOLEN_MSS << 16) | o.mss);
    p += 4;
  }
  if (o.ts) {
    const first = o.sackAdvertise ? (TCPOPT_SACK_PERM << 8) | 2 : (TCPOPT_NOP << 8) | TCPOPT_NOP;
    dv.setUint32(p, (first << 16) | (TCPOPT_TIMESTAMP << 8) | 10);
    dv.setUint32(p + 4, o.tsval);
    dv.setUint32(p + 8, o.tsecr);
    p += 12;
  } else if (o.sackAdvertise) {
    dv.setUint32(p, (TCPOPT_NOP << 24) | (TCPOPT_NOP << 16) | (TCPOPT_SACK_PERM << 8) | 2);
    p += 4;
  }
  if (o.ws >= 0) {
    dv.setUint32(p, (TCPOPT_NOP << 24) | (TCPOPT_WINDOW << 16) | (3 << 8) | o.ws);
    p += 4;
  }
  if (o.numSackBlocks === 0 || sk === null) return;
  const bytes = 2 + o.numSackBlocks * TCPOLEN_SACK_PERBLOCK;
  dv.setUint32(p, (TCPOPT_NOP << 24) | (TCPOPT_NOP << 16) | (TCPOPT_SACK << 8) | bytes);
  p += 4;
  // a duplicate comes first
  let block = sk.rxOpt.dsack ? -1 : 0;
  for (let i = 0; i < o.numSackBlocks; i++, block++) {
    const b = block < 0 ? sk.duplicateSack : sk.selectiveAcks[block]!;
    dv.setUint32(p, b.startSeq);
    dv.setUint32(p + 4, b.endSeq);
    p += TCPOLEN_SACK_PERBLOCK;
  }
  sk.rxOpt.dsack = false;
}

/** What tcpParseOptions found of the MSS option: 0 for none. */
export const parsed = { mss: 0 };

/**
 * tcp_parse_options: reads the options of the segment at `th` into rxOpt. Of what only a SYN may have, nothing is taken else.
 * @param estab the connection is established: only what it agreed on counts
 */
export function tcpParseOptions(
  stack: IpStack,
  th: number,
  syn: boolean,
  opt: OptionsReceived,
  estab: boolean,
  tsoffset: number,
): void {
  const { u8, dv } = stack.arena;
  const s = stack.sysctl;
  const end = th + (u8[th + 12]! >> 4) * 4;
  opt.sawTstamp = false;
  opt.sackAt = 0;
  opt.sackCount = 0;
  parsed.mss = 0;
  for (let p = th + 20; p < end; ) {
    const kind = u8[p]!;
    if (kind === TCPOPT_EOL) return;
    if (kind === TCPOPT_NOP) {
      p++;
      continue;
    }
    const size = p + 1 < end ? u8[p + 1]! : 0;
    if (size < 2 || p + size > end) return;
    switch (kind) {
      case TCPOPT_MSS:
        if (size === TCPOLEN_MSS && syn && !estab) {
          const mss = dv.getUint16(p + 2);
          if (mss !== 0) parsed.mss = opt.userMss !== 0 && opt.userMss < mss ? opt.userMss : mss;
        }
        break;
      case TCPOPT_WINDOW:
        if (size === 3 && syn && !estab && s.tcpWindowScaling !== 0) {
          opt.wscaleOk = true;
          opt.sndWscale = Math.min(u8[p + 2]!, TCP_MAX_WSCALE);
        }
        break;
      case TCPOPT_TIMESTAMP:
        if (size === 10 && (estab ? opt.tstampOk : s.tcpTimestamps !== 0)) {
          opt.sawTstamp = true;
          opt.rcvTsval = dv.getUint32(p + 2);
          opt.rcvTsecr = dv.getUint32(p + 6);
          if (estab && opt.rcvTsecr !== 0) opt.rcvTsecr = (opt.rcvTsecr - tsoffset) >>> 0;
        }
        break;
      case TCPOPT_SACK_PERM:
        if (size === 2 && syn && !estab && s.tcpSack !== 0) opt.sackOk = true;
        break;
      case TCPOPT_SACK:
        if (size >= 10 && (size - 2) % TCPOLEN_SACK_PERBLOCK === 0 && opt.sackOk) {
          opt.sackAt = p + 2;
          opt.sackCount = (size - 2) / TCPOLEN_SACK_PERBLOCK;
        }
        break;
      default:
    }
    p += size;
  }
}

/**
 * tcp_fast_parse_options: as tcpParseOptions of an established connection, at once when there is nothing, or only an aligned timestamp.
 * @returns whether there was a timestamp
 */
export function tcpFastParseOptions(sk: TcpSock, th: number): boolean {
  const { u8, dv } = sk.stack.arena;
  const opt = sk.rxOpt;
  const doff = u8[th + 12]! >> 4;
  if (doff === 5) {
    opt.sawTstamp = false;
    opt.sackCount = 0;
    return false;
  }
  if (opt.tstampOk && doff === 8 && dv.getUint32(th + 20) === 0x0101080a) {
    opt.sawTstamp = true;
    opt.sackCount = 0;
    opt.rcvTsval = dv.getUint32(th + 24);
    opt.rcvTsecr = dv.getUint32(th + 28);
    if (opt.rcvTsecr !== 0) opt.rcvTsecr = (opt.rcvTsecr - sk.tsoffset) >>> 0;
    return true;
  }
  tcpParseOptions(sk.stack, th, false, opt, true, sk.tsoffset);
  return opt.sawTstamp;
}
