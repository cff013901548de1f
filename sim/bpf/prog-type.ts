/**
 * Program types: what a program is called with and where it may be attached. One file per type stands in prog-types/,
 * one line each in its index.
 */
import type { AttachKind } from "./attach-kinds.ts";

/** The kernel's program types that netsim runs, in the kernel's spelling without BPF_PROG_TYPE_. */
export type ProgKind =
  | "socket_filter"
  | "sched_cls"
  | "sched_act"
  | "xdp"
  | "cgroup_skb"
  | "lwt_in"
  | "lwt_out"
  | "lwt_xmit"
  | "sock_ops"
  | "cgroup_sock_addr"
  | "lwt_seg6local"
  | "sk_reuseport"
  | "flow_dissector"
  | "ext"
  | "sk_lookup"
  | "syscall";

/** One field of a program's context as the UAPI header has it. */
export interface CtxField {
  readonly name: string;
  /** bytes from the context's start */
  readonly offset: number;
  /** bytes; 4 for nearly all */
  readonly size: number;
  readonly writable: boolean;
  /** The field holds a packet pointer (32 bits wide, zero-extended) and may only be read whole. */
  readonly pointer?: "data" | "data_end" | "data_meta";
  /**
   * Which parts may be accessed: "whole" (the default) only all of it; "narrow" aligned parts may be read; "any" aligned
   * parts of up to 8 bytes may be read and, when writable, written.
   */
  readonly access?: "whole" | "narrow" | "any";
  /** Readable only by programs loaded for this attach type. */
  readonly attach?: AttachKind;
}

/** The record of one program type. */
export interface ProgTypeDef {
  readonly kind: ProgKind;
  /** `enum bpf_prog_type`. */
  readonly uapi: number;
  /** Name of the context type in the UAPI header. */
  readonly ctxName: string;
  /** bytes */
  readonly ctxSize: number;
  readonly fields: readonly CtxField[];
  /** Offsets of the packet bounds within the context, -1 where the type has none. */
  readonly dataOffset: number;
  readonly dataEndOffset: number;
  readonly dataMetaOffset: number;
  /** Programs may store through packet pointers. */
  readonly packetWritable: boolean;
  /** LD_ABS and LD_IND are allowed. */
  readonly legacyLoads: boolean;
}
