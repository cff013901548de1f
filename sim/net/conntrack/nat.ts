/**
 * The mapping of addresses that an entry gets before it goes into the table: the reply tuple becomes that of the mapped flow.
 * @source net/netfilter/nf_nat_core.c nf_nat_setup_info, get_unique_tuple, nf_nat_l4proto_unique_tuple
 */
import { ENOMEM } from "../../bpf/maps/errno.ts";
import { AF_INET } from "../ip/address.ts";
import { IPPROTO_UDP } from "../ip/ipv4/header.ts";
import {
  TUPLE_BYTES,
  TUPLE_DST,
  TUPLE_DST_PORT,
  TUPLE_FAMILY,
  TUPLE_PROTOCOL,
  TUPLE_SRC,
  TUPLE_SRC_PORT,
} from "../kernel-structs/nf-conn.ts";
import { IPS_DST_NAT, IPS_DST_NAT_DONE, IPS_SEQ_ADJUST, IPS_SRC_NAT, IPS_SRC_NAT_DONE } from "./status.ts";
import type { Conntrack } from "./table.ts";
import { copyTuple, invertTuple, tupleEqual } from "./tuple.ts";

/** enum nf_nat_manip_type. */
const NF_NAT_MANIP_SRC = 0;
const NF_NAT_MAX_ATTEMPTS = 128;
const USES_NAT = IPS_SRC_NAT | IPS_DST_NAT | IPS_SEQ_ADJUST;

/** Where a flow shall be mapped to (struct nf_nat_range2 of one address and one port at most). */
interface Range {
  /** Of the 16 bytes of the address. */
  readonly addr: number;
  /** Host order; -1: any. */
  readonly port: number;
}

/** What a search for a free mapping needs. */
interface Search {
  readonly table: Conntrack;
  readonly ct: number;
  readonly range: Range;
  readonly now: number;
  random16(): number;
}

/**
 * nf_nat_setup_info on an entry that is not in the table.
 * @param addr address of a union nf_inet_addr
 * @param port host order; 0 or less: any
 * @returns 0, or -ENOMEM when that side was mapped before
 */
export function setupNat(
  table: Conntrack,
  ct: number,
  addr: number,
  port: number,
  manip: number,
  now: number,
  random16: () => number,
): number {
  const { conns, arena } = table;
  const source = manip === NF_NAT_MANIP_SRC;
  const done = source ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE;
  if ((conns.status(ct) & done) !== 0) return -ENOMEM;
  const tuple = table.scratch;
  const current = table.scratch + TUPLE_BYTES;
  const reply = conns.tuple(ct, 1);
  invertTuple(arena, current, reply);
  chooseTuple(
    { table, ct, range: { addr, port: port > 0 ? port & 0xffff : -1 }, now, random16 },
    source,
    tuple,
    current,
  );
  let status = conns.status(ct) | done;
  if (!tupleEqual(arena, tuple, current)) {
    invertTuple(arena, reply, tuple);
    status |= source ? IPS_SRC_NAT : IPS_DST_NAT;
  }
  if (source) table.linkSource(ct);
  conns.setStatus(ct, status);
  return 0;
}

/** get_unique_tuple: puts into `tuple` what `current` becomes. */
function chooseTuple(s: Search, source: boolean, tuple: number, current: number): void {
  const { table, range } = s;
  const { arena } = table;
  if (source) {
    if (inRange(s, current)) {
      if (!isUsedUnchanged(s, current)) {
        copyTuple(arena, tuple, current);
        return;
      }
    } else if (likeOthersOfSource(s, tuple, current) && !isUsed(s, tuple)) return;
  }
  copyTuple(arena, tuple, current);
  arena.u8.copyWithin(tuple + (source ? TUPLE_SRC : TUPLE_DST), range.addr, range.addr + 16);
  const portAt = tuple + (source ? TUPLE_SRC_PORT : TUPLE_DST_PORT);
  // with a single port in the range a taken tuple is no reason to look for another
  if (range.port >= 0) {
    arena.dv.setUint16(portAt, range.port);
    return;
  }
  if (isUsed(s, tuple) && source) findPort(s, tuple, portAt);
}

/** nf_nat_l4proto_unique_tuple without a range of ports: one of those of the port's own kind, from a random one on. */
function findPort(s: Search, tuple: number, portAt: number): void {
  const { dv } = s.table.arena;
  const port = dv.getUint16(portAt);
  const min = port >= 1024 ? 1024 : port < 512 ? 1 : 600;
  const size = (port >= 1024 ? 65535 : port < 512 ? 511 : 1023) - min + 1;
  let attempts = Math.min(size, NF_NAT_MAX_ATTEMPTS);
  for (;;) {
    let off = s.random16();
    for (let i = 0; i < attempts; i++, off++) {
      dv.setUint16(portAt, min + ((off & 0xffff) % size));
      if (!isUsed(s, tuple)) return;
    }
    if (attempts >= size || attempts < 16) return;
    attempts >>>= 1;
  }
}

/** find_appropriate_src: the source as other flows of the same source were mapped. */
function likeOthersOfSource(s: Search, tuple: number, current: number): boolean {
  const { table, ct } = s;
  const { conns, arena } = table;
  const zone = conns.zoneId(ct, 0);
  for (
    let other = table.nextOfSource(current, zone, 0);
    other !== 0;
    other = table.nextOfSource(current, zone, other)
  ) {
    invertTuple(arena, tuple, conns.tuple(other, 1));
    arena.u8.copyWithin(tuple + TUPLE_DST, current + TUPLE_DST, current + TUPLE_BYTES);
    if (inRange(s, tuple)) return true;
  }
  return false;
}

/** nf_in_range: the source of a tuple is the range's address, and its port. */
function inRange(s: Search, tuple: number): boolean {
  const { u8, u32, dv } = s.table.arena;
  const words = u8[tuple + TUPLE_FAMILY] === AF_INET ? 1 : 4;
  const at = (tuple + TUPLE_SRC) >>> 2;
  for (let i = 0; i < words; i++) if (u32[at + i] !== dv.getUint32(s.range.addr + 4 * i, true)) return false;
  return s.range.port < 0 || dv.getUint16(tuple + TUPLE_SRC_PORT) === s.range.port;
}

/** nf_nat_used_tuple: the reply of a flow would be that of another. */
function isUsed(s: Search, tuple: number): boolean {
  const { table } = s;
  const reply = table.scratch + 2 * TUPLE_BYTES;
  invertTuple(table.arena, reply, tuple);
  return table.isTaken(reply, s.ct, s.now);
}

/**
 * nf_nat_used_tuple_new: likewise of a tuple that stays as it is. Of protocols whose clashes are resolved when packets are sent, the
 * same flow the other way round does not count.
 */
function isUsedUnchanged(s: Search, tuple: number): boolean {
  const { table, ct, now } = s;
  const { conns, arena } = table;
  if (!isUsed(s, tuple)) return false;
  if (arena.u8[tuple + TUPLE_PROTOCOL] !== IPPROTO_UDP || (conns.status(ct) & USES_NAT) !== 0) return true;
  const node = table.findGet(tuple, conns.zone(ct), conns.zoneDirs(ct), now);
  if (node === 0) return false;
  const other = node & ~1;
  const reverse =
    (node & 1) === 1 &&
    (conns.status(other) & USES_NAT) === 0 &&
    tupleEqual(arena, conns.tuple(other, 0), conns.tuple(ct, 1)) &&
    tupleEqual(arena, conns.tuple(other, 1), conns.tuple(ct, 0));
  table.put(other);
  return !reverse;
}
