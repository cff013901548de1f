/** BPF_PROG_TYPE_LWT_SEG6LOCAL: programs of seg6local routes with action End.BPF. */
import type { ProgTypeDef } from "../prog-type.ts";
import { lwtCommon } from "./lwt.ts";

/** The record of lwt_seg6local. @source net/core/filter.c lwt_seg6local_verifier_ops */
export const lwtSeg6local: ProgTypeDef = { kind: "lwt_seg6local", uapi: 19, ...lwtCommon };
