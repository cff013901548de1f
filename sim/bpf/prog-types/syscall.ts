/**
 * BPF_PROG_TYPE_SYSCALL: programs that user space runs as they are, on a buffer of its own of up to 64 KiB. Every byte of it may be
 * read and written; that the caller gave as many as the program touches is checked when it is run.
 */
import type { ProgTypeDef } from "../prog-type.ts";

/** Largest buffer that a caller may give. */
export const SYSCALL_CTX_MAX = 65535;

/** The record of syscall. @source kernel/bpf/syscall.c syscall_prog_is_valid_access */
export const syscall: ProgTypeDef = {
  kind: "syscall",
  uapi: 31,
  ctxName: "void",
  ctxSize: SYSCALL_CTX_MAX,
  fields: [{ name: "ctx", offset: 0, size: SYSCALL_CTX_MAX, writable: true, access: "any" }],
  dataOffset: -1,
  dataEndOffset: -1,
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: false,
  attachKinds: [],
  attachRule: "none",
  retval: [],
};
