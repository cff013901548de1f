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
  /** The field holds a packet pointer (zero-extended to its width) and may only be read whole. */
  readonly pointer?: "data" | "data_end" | "data_meta";
  /**
   * Which parts may be accessed: "whole" (the default) only all of it; "narrow" aligned parts may be read; "start" likewise, but only
   * those at its beginning; "any" aligned parts of up to 8 bytes may be read and, when writable, written.
   */
  readonly access?: "whole" | "narrow" | "start" | "any";
  /** Fewest bytes that may be read and written, 1 when absent. */
  readonly minRead?: number;
  readonly minWrite?: number;
  /** Accessible only to programs loaded for one of these attach types. */
  readonly attach?: readonly AttachKind[];
}

/** Which values a program may return. @source kernel/bpf/verifier.c check_return_code */
export interface RetvalRange {
  readonly min: number;
  readonly max: number;
  /** Only programs loaded for one of these attach types; absent: those that no other row names. */
  readonly attach?: readonly AttachKind[];
}

/** The record of one program type. */
export interface ProgTypeDef {
  readonly kind: ProgKind;
  /** `enum bpf_prog_type`. */
  readonly uapi: number;
  /** Name of the context type in the UAPI header. */
  readonly ctxName: string;
  /** bytes; where the caller gives a context of any size, the largest that there is */
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
  /** Attach types that programs may be loaded for. */
  readonly attachKinds: readonly AttachKind[];
  /**
   * "none": null and any other will do, the kernel does not look; "default": null means the first of attachKinds; "named": one of
   * attachKinds must be given.
   * @source kernel/bpf/syscall.c bpf_prog_load_check_attach, bpf_prog_load_fixup_attach_type
   */
  readonly attachRule: "none" | "default" | "named";
  /** Empty: any value. */
  readonly retval: readonly RetvalRange[];
}

/** The values that a program of a type and attach type may return; null: any. */
export function retvalRange(def: ProgTypeDef, attach: AttachKind | null): RetvalRange | null {
  let found: RetvalRange | null = null;
  for (const range of def.retval) {
    if (range.attach === undefined) found ??= range;
    else if (attach !== null && range.attach.includes(attach)) found = range;
  }
  return found;
}
