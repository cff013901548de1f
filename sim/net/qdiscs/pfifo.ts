/** `pfifo`: first in, first out, up to a limit of packets. @source net/sched/sch_fifo.c */
import type { QdiscDef } from "./base.ts";
import { fifoDef } from "./fifo.ts";

/** The record of `pfifo`. */
export const pfifo: QdiscDef = fifoDef("pfifo");
