/**
 * BPF_PROG_TYPE_FLOW_DISSECTOR: programs that read addresses and ports out of a packet. Of struct __sk_buff they see the packet and
 * `flow_keys`, the address of a struct bpf_flow_keys of 56 bytes, which they read and write.
 */
import type { ProgTypeDef } from "../prog-type.ts";
import { SK_BUFF_FLOW_KEYS, skBuffContext, skBuffPacket } from "./sk-buff.ts";

/** sizeof(struct bpf_flow_keys). */
export const FLOW_KEYS_BYTES = 56;

/** The record of flow_dissector. @source net/core/filter.c flow_dissector_is_valid_access */
export const flowDissector: ProgTypeDef = {
  kind: "flow_dissector",
  uapi: 22,
  ...skBuffContext,
  fields: [...skBuffPacket, { name: "flow_keys", offset: SK_BUFF_FLOW_KEYS, size: 8, writable: false }],
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: false,
  attachKinds: ["flow_dissector"],
  attachRule: "none",
  retval: [],
};
