/**
 * What sched_cls and sched_act programs see of an skb: the same for both.
 *
 * @source net/core/filter.c tc_cls_act_is_valid_access
 */
import type { CtxField } from "../prog-type.ts";
import { SK_BUFF_DATA_META, skBuffFields, skBuffPacket } from "./sk-buff.ts";

const WRITABLE: ReadonlySet<string> = new Set(["mark", "tc_index", "priority", "cb", "queue_mapping"]);

/** Context fields of the two tc program types. */
export const tcFields: readonly CtxField[] = [
  ...skBuffFields(WRITABLE),
  { name: "tc_classid", offset: 72, size: 4, writable: true, access: "narrow" },
  ...skBuffPacket,
  { name: "data_meta", offset: SK_BUFF_DATA_META, size: 4, writable: false, pointer: "data_meta" },
  { name: "tstamp", offset: 152, size: 8, writable: true },
  { name: "wire_len", offset: 160, size: 4, writable: false, access: "narrow" },
  { name: "tstamp_type", offset: 180, size: 1, writable: false },
  { name: "hwtstamp", offset: 184, size: 8, writable: false },
];
