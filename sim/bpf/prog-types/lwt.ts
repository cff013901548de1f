/**
 * What programs of lightweight tunnels see of an skb: the same for all four types, from the network header on.
 *
 * @source net/core/filter.c lwt_is_valid_access, lwt_in_verifier_ops, lwt_out_verifier_ops, lwt_seg6local_verifier_ops
 */
import type { ProgTypeDef } from "../prog-type.ts";
import { skBuffContext, skBuffFields, skBuffPacket } from "./sk-buff.ts";

/** The part of their records that they share; only lwt_xmit overrides that packets are not written. */
export const lwtCommon: Omit<ProgTypeDef, "kind" | "uapi"> = {
  ...skBuffContext,
  fields: [...skBuffFields(new Set(["mark", "priority", "cb"])), ...skBuffPacket],
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: false,
  attachKinds: [],
  attachRule: "none",
  retval: [],
};
