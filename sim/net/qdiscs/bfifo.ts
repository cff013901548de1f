/** `bfifo`: first in, first out, up to a limit of bytes. @source net/sched/sch_fifo.c */
import type { QdiscDef } from "./base.ts";
import { fifoDef } from "./fifo.ts";

/** The record of `bfifo`. */
export const bfifo: QdiscDef = fifoDef("bfifo");
