/** BPF_PROG_TYPE_LWT_XMIT: programs on packets that leave by a route with `encap bpf xmit`; they may change the packet. */
import type { ProgTypeDef } from "../prog-type.ts";
import { lwtCommon } from "./lwt.ts";

/** The record of lwt_xmit. @source net/core/filter.c lwt_xmit_verifier_ops */
export const lwtXmit: ProgTypeDef = { kind: "lwt_xmit", uapi: 12, ...lwtCommon, packetWritable: true };
