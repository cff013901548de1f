/**
 * BPF_PROG_TYPE_SK_REUSEPORT: programs that choose among the sockets of a reuseport group.
 *
 *     0 data (8)   8 data_end (8)   16 len   20 eth_protocol (be16)   24 ip_protocol   28 bind_inany   32 hash   36 padding
 *    40 sk (8)    48 migrating_sk (8)
 */
import type { ProgTypeDef } from "../prog-type.ts";

/** The record of sk_reuseport. @source include/uapi/linux/bpf.h struct sk_reuseport_md; net/core/filter.c sk_reuseport_is_valid_access */
export const skReuseport: ProgTypeDef = {
  kind: "sk_reuseport",
  uapi: 21,
  ctxName: "sk_reuseport_md",
  ctxSize: 56,
  fields: [
    { name: "data", offset: 0, size: 8, writable: false, pointer: "data" },
    { name: "data_end", offset: 8, size: 8, writable: false, pointer: "data_end" },
    { name: "len", offset: 16, size: 4, writable: false, access: "narrow" },
    { name: "eth_protocol", offset: 20, size: 4, writable: false, access: "narrow", minRead: 2 },
    { name: "ip_protocol", offset: 24, size: 4, writable: false, access: "narrow" },
    { name: "bind_inany", offset: 28, size: 4, writable: false, access: "narrow" },
    { name: "hash", offset: 32, size: 4, writable: false },
    { name: "sk", offset: 40, size: 8, writable: false },
    { name: "migrating_sk", offset: 48, size: 8, writable: false },
  ],
  dataOffset: 0,
  dataEndOffset: 8,
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: false,
  attachKinds: ["sk_reuseport_select", "sk_reuseport_select_or_migrate"],
  attachRule: "default",
  retval: [],
};
