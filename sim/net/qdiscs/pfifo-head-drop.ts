/** `pfifo_head_drop`: first in, first out; a full queue drops its oldest packet. @source net/sched/sch_fifo.c pfifo_tail_enqueue */
import type { QdiscDef } from "./base.ts";
import { fifoDef } from "./fifo.ts";

/** The record of `pfifo_head_drop`. */
export const pfifoHeadDrop: QdiscDef = fifoDef("pfifo_head_drop");
