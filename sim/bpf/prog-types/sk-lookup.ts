/**
 * BPF_PROG_TYPE_SK_LOOKUP: programs that choose the socket of a new connection or datagram.
 *
 *     0 sk (8; for BPF_PROG_RUN cookie)  8 family  12 protocol  16 remote_ip4  20 remote_ip6[4]  36 remote_port (be16, 2 of padding)
 *    40 local_ip4   44 local_ip6[4]  60 local_port (host order)  64 ingress_ifindex  68 padding
 */
import type { CtxField, ProgTypeDef } from "../prog-type.ts";

/** sizeof(struct bpf_sk_lookup). */
export const SK_LOOKUP_BYTES = 72;

const word = (name: string, offset: number): CtxField => ({ name, offset, size: 4, writable: false, access: "narrow" });

/** The record of sk_lookup. @source include/uapi/linux/bpf.h struct bpf_sk_lookup; net/core/filter.c sk_lookup_is_valid_access */
export const skLookup: ProgTypeDef = {
  kind: "sk_lookup",
  uapi: 30,
  ctxName: "bpf_sk_lookup",
  ctxSize: SK_LOOKUP_BYTES,
  fields: [
    { name: "sk", offset: 0, size: 8, writable: false },
    word("family", 8),
    word("protocol", 12),
    word("remote_ip4", 16),
    ...[0, 1, 2, 3].map((i) => word(`remote_ip6[${i}]`, 20 + 4 * i)),
    word("remote_port", 36),
    word("local_ip4", 40),
    ...[0, 1, 2, 3].map((i) => word(`local_ip6[${i}]`, 44 + 4 * i)),
    word("local_port", 60),
    word("ingress_ifindex", 64),
  ],
  dataOffset: -1,
  dataEndOffset: -1,
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: false,
  attachKinds: ["sk_lookup"],
  attachRule: "named",
  retval: [{ min: 0, max: 1 }],
};
