/** Fields of contexts that programs may touch and that are the same on every run. @source include/uapi/linux/bpf.h */
import type { CaseKind } from "./case.ts";

/** A field of a context. */
export interface Field {
  readonly off: number;
  readonly size: 4 | 8;
  readonly write: boolean;
  /**
   * Bytes of it that may be read in parts, 0: none. Where Linux holds fewer bytes than the field has, a part as large as those or
   * beyond them reads the whole of them (convert_ctx_accesses shifts only what is smaller than the target).
   */
  readonly narrow: number;
}

const read =
  (narrow: number) =>
  (off: number): Field => ({ off, size: 4, write: false, narrow });
const write =
  (narrow: number) =>
  (off: number): Field => ({ off, size: 4, write: true, narrow });
const CB = [48, 52, 56, 60, 64];

const SKB_READ = [
  // len, ingress_ifindex, ifindex, napi_id
  ...[0, 36, 40, 84].map(read(4)),
  // protocol, vlan_tci, vlan_proto, gso_segs, gso_size
  ...[16, 24, 28, 164, 176].map(read(2)),
  // pkt_type, vlan_present
  ...[4, 20].map(read(0)),
];

const FIELDS: Readonly<Record<CaseKind, readonly Field[]>> = {
  xdp: [
    { off: 12, size: 4, write: false, narrow: 0 },
    { off: 16, size: 4, write: false, narrow: 0 },
  ],
  sched_cls: [
    ...SKB_READ,
    // mark, priority
    ...[8, 32].map(write(4)),
    // queue_mapping, tc_index, tc_classid
    ...[12, 44, 72].map(write(2)),
    ...CB.map(write(4)),
    read(0)(160),
    { off: 152, size: 8, write: true, narrow: 0 },
    { off: 48, size: 8, write: true, narrow: 8 },
  ],
  socket_filter: [...SKB_READ, ...[8, 32].map(read(4)), ...[12, 44].map(read(2)), ...CB.map(write(4))],
};

/** Fields of a type's context. */
export function ctxFields(kind: CaseKind): readonly Field[] {
  return FIELDS[kind];
}

/** Offsets of the packet's bounds in a context; null where a program cannot reach it. */
export const PACKET_FIELDS: Readonly<
  Record<CaseKind, { readonly data: number; readonly end: number; readonly meta: number } | null>
> = {
  xdp: { data: 0, end: 4, meta: 8 },
  sched_cls: { data: 76, end: 80, meta: 140 },
  socket_filter: null,
};
