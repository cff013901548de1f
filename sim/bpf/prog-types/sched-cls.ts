/** BPF_PROG_TYPE_SCHED_CLS: programs of tc classifiers, tcx and netkit. */
import type { ProgTypeDef } from "../prog-type.ts";
import { SK_BUFF_DATA_META, skBuffContext } from "./sk-buff.ts";
import { tcFields } from "./tc.ts";

/** The record of sched_cls. @source net/core/filter.c tc_cls_act_verifier_ops */
export const schedCls: ProgTypeDef = {
  kind: "sched_cls",
  uapi: 3,
  ...skBuffContext,
  fields: tcFields,
  dataMetaOffset: SK_BUFF_DATA_META,
  packetWritable: true,
  legacyLoads: true,
  attachKinds: ["tcx_ingress", "tcx_egress", "netkit_primary", "netkit_peer"],
  attachRule: "none",
  retval: [],
};
