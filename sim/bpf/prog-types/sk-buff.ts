/**
 * `struct __sk_buff`, the context of every program type that gets an skb.
 *
 *     0 len            4 pkt_type      8 mark        12 queue_mapping  16 protocol      20 vlan_present
 *    24 vlan_tci      28 vlan_proto   32 priority    36 ingress_ifindex 40 ifindex      44 tc_index
 *    48 cb[5]         68 hash         72 tc_classid  76 data           80 data_end      84 napi_id
 *    88 family        92 remote_ip4   96 local_ip4  100 remote_ip6[4] 116 local_ip6[4] 132 remote_port
 *   136 local_port   140 data_meta   144 flow_keys (8) 152 tstamp (8)  160 wire_len    164 gso_segs
 *   168 sk (8)       176 gso_size    180 tstamp_type (1, then 3 of padding) 184 hwtstamp (8)
 *
 * @source include/uapi/linux/bpf.h; net/core/filter.c bpf_skb_is_valid_access
 */
import type { CtxField, ProgTypeDef } from "../prog-type.ts";

/** sizeof(struct __sk_buff). */
export const SK_BUFF_SIZE = 192;
export const SK_BUFF_DATA = 76;
export const SK_BUFF_DATA_END = 80;
export const SK_BUFF_DATA_META = 140;
export const SK_BUFF_FLOW_KEYS = 144;

/** The fields that every type reads, `writable` decides which may be stored to. Packet pointers and sockets' are not among them. */
export function skBuffFields(writable: ReadonlySet<string>): CtxField[] {
  const narrow = (name: string, offset: number): CtxField => ({
    name,
    offset,
    size: 4,
    writable: writable.has(name),
    access: "narrow",
  });
  return [
    narrow("len", 0),
    narrow("pkt_type", 4),
    narrow("mark", 8),
    narrow("queue_mapping", 12),
    narrow("protocol", 16),
    narrow("vlan_present", 20),
    narrow("vlan_tci", 24),
    narrow("vlan_proto", 28),
    narrow("priority", 32),
    narrow("ingress_ifindex", 36),
    narrow("ifindex", 40),
    narrow("tc_index", 44),
    { name: "cb", offset: 48, size: 20, writable: writable.has("cb"), access: "any" },
    narrow("hash", 68),
    narrow("napi_id", 84),
    narrow("gso_segs", 164),
    { name: "sk", offset: 168, size: 8, writable: false },
    narrow("gso_size", 176),
  ];
}

/** `data` and `data_end`, for the types that read packets directly. */
export const skBuffPacket: readonly CtxField[] = [
  { name: "data", offset: SK_BUFF_DATA, size: 4, writable: false, pointer: "data" },
  { name: "data_end", offset: SK_BUFF_DATA_END, size: 4, writable: false, pointer: "data_end" },
];

/** Addresses and ports of the socket that the packet belongs to. */
export const skBuffSocket: readonly CtxField[] = [
  { name: "family", offset: 88, size: 4, writable: false, access: "narrow" },
  { name: "remote_ip4", offset: 92, size: 4, writable: false },
  { name: "local_ip4", offset: 96, size: 4, writable: false },
  ...[0, 1, 2, 3].map((i) => ({ name: `remote_ip6[${i}]`, offset: 100 + 4 * i, size: 4, writable: false })),
  ...[0, 1, 2, 3].map((i) => ({ name: `local_ip6[${i}]`, offset: 116 + 4 * i, size: 4, writable: false })),
  { name: "remote_port", offset: 132, size: 4, writable: false, access: "narrow" },
  { name: "local_port", offset: 136, size: 4, writable: false, access: "narrow" },
];

/** What the records of all types with this context have in common. */
export const skBuffContext: Pick<ProgTypeDef, "ctxName" | "ctxSize" | "dataOffset" | "dataEndOffset"> = {
  ctxName: "__sk_buff",
  ctxSize: SK_BUFF_SIZE,
  dataOffset: SK_BUFF_DATA,
  dataEndOffset: SK_BUFF_DATA_END,
};
