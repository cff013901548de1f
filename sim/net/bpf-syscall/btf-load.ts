/**
 * BPF_BTF_LOAD.
 * @source kernel/bpf/syscall.c bpf_btf_load; kernel/bpf/btf.c btf_new_fd, btf_parse; errno asked of Linux 6.18
 * @differs fewer things are refused than btf_check_all_metas refuses; nothing is logged
 */
import { parseBtf } from "../../bpf/btf/parse-btf.ts";
import { E2BIG, EBADF, EFAULT, EINVAL } from "../../bpf/maps/errno.ts";
import { ObjectError } from "../../engine/errors.ts";
import type { Host } from "../host.ts";
import type { BpfAttr } from "./attr.ts";
import type { BpfCommand } from "./command.ts";
import { logError } from "./log.ts";

const AT = { btf: 0, log: { buf: 8, size: 20, level: 24 }, btfSize: 16, btfFlags: 32 } as const;
const BTF_MAX_SIZE = 16 * 1024 * 1024;
const BPF_F_TOKEN_FD = 1 << 16;
/** Bytes of struct btf_header. */
const HEADER_BYTES = 24;

/** The record of BPF_BTF_LOAD. */
export const btfLoad: BpfCommand = {
  name: "BTF_LOAD",
  cmd: 18,
  endBytes: 40,
  run(host: Host, attr: BpfAttr): number {
    const flags = attr.u32(AT.btfFlags);
    if ((flags & ~BPF_F_TOKEN_FD) !== 0) return -EINVAL;
    if (flags !== 0) return -EBADF;
    const size = attr.u32(AT.btfSize);
    if (size > BTF_MAX_SIZE) return -E2BIG;
    const log = logError(attr, AT.log);
    if (log !== 0) return log;
    const bytes = attr.read(AT.btf, size);
    if (bytes === null) return -EFAULT;
    if (!fillsAll(bytes)) return -EINVAL;
    try {
      const { btf, strings } = parseBtf(bytes, { file: "BPF_BTF_LOAD" });
      return host.bpf.fds.open({ kind: "btf", btf, strings });
    } catch (error) {
      if (error instanceof ObjectError) return -EINVAL;
      throw error;
    }
  },
};

/** Types, then strings, and nothing else; the strings begin and end with a NUL. @source kernel/bpf/btf.c btf_parse_hdr, btf_parse_str_sec */
function fillsAll(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u32 = (at: number): number => view.getUint32(at, true);
  const strings = u32(4) + u32(16);
  const follows = u32(8) === 0 && u32(16) === u32(12) && strings + u32(20) === bytes.length;
  return follows && u32(20) > 0 && bytes[strings] === 0 && bytes[bytes.length - 1] === 0;
}
