/** BPF_PROG_TYPE_LWT_IN: programs on packets that a route with `encap bpf in` takes in. */
import type { ProgTypeDef } from "../prog-type.ts";
import { lwtCommon } from "./lwt.ts";

/** The record of lwt_in. @source net/core/filter.c lwt_in_verifier_ops */
export const lwtIn: ProgTypeDef = { kind: "lwt_in", uapi: 10, ...lwtCommon };
