/** BPF_PROG_TYPE_SCHED_CLS: programs of tc classifiers and tcx. */
import type { ProgTypeDef } from "../prog-type.ts";
import { SK_BUFF_DATA, SK_BUFF_DATA_END, SK_BUFF_DATA_META, SK_BUFF_SIZE } from "./sk-buff.ts";
import { tcFields } from "./tc.ts";

/** The record of sched_cls. @source net/core/filter.c tc_cls_act_verifier_ops */
export const schedCls: ProgTypeDef = {
  kind: "sched_cls",
  uapi: 3,
  ctxName: "__sk_buff",
  ctxSize: SK_BUFF_SIZE,
  fields: tcFields,
  dataOffset: SK_BUFF_DATA,
  dataEndOffset: SK_BUFF_DATA_END,
  dataMetaOffset: SK_BUFF_DATA_META,
  packetWritable: true,
  legacyLoads: true,
};
