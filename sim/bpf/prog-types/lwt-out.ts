/** BPF_PROG_TYPE_LWT_OUT: programs on packets of this host that take a route with `encap bpf out`. */
import type { ProgTypeDef } from "../prog-type.ts";
import { lwtCommon } from "./lwt.ts";

/** The record of lwt_out. @source net/core/filter.c lwt_out_verifier_ops */
export const lwtOut: ProgTypeDef = { kind: "lwt_out", uapi: 11, ...lwtCommon };
