/**
 * BPF_PROG_TYPE_SOCKET_FILTER: programs on sockets. They see the packet through LD_ABS, LD_IND and bpf_skb_load_bytes only;
 * `data` and `data_end` stand in the context for the machine and are not theirs to read.
 */
import type { ProgTypeDef } from "../prog-type.ts";
import { skBuffContext, skBuffFields } from "./sk-buff.ts";

/** The record of socket_filter. @source net/core/filter.c sk_filter_is_valid_access */
export const socketFilter: ProgTypeDef = {
  kind: "socket_filter",
  uapi: 1,
  ...skBuffContext,
  fields: skBuffFields(new Set(["cb"])),
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: true,
  attachKinds: [],
  attachRule: "none",
  retval: [],
};
