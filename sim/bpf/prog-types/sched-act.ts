/** BPF_PROG_TYPE_SCHED_ACT: programs of tc actions. They see what those of classifiers see. */
import type { ProgTypeDef } from "../prog-type.ts";
import { schedCls } from "./sched-cls.ts";

/** The record of sched_act. @source net/core/filter.c tc_cls_act_verifier_ops */
export const schedAct: ProgTypeDef = { ...schedCls, kind: "sched_act", uapi: 4, attachKinds: [] };
