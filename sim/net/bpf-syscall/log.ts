/**
 * The log buffer that loading programs and types takes.
 * @source kernel/bpf/log.c bpf_verifier_log_attr_valid, bpf_vlog_init
 * @differs it is always memory of user space, and a simulated process has none that a program could name: where a log is asked for the
 *          answer is -EFAULT
 */
import { EFAULT, EINVAL } from "../../bpf/maps/errno.ts";
import type { BpfAttr } from "./attr.ts";

/** BPF_LOG_LEVEL, BPF_LOG_STATS and BPF_LOG_FIXED. */
const LOG_MASK = 15;
const LOG_MOST = 0x3fffffff;

/** @param at offsets of buffer, size and level. @returns 0, or the -errno that is answered for them */
export function logError(
  attr: BpfAttr,
  at: { readonly buf: number; readonly size: number; readonly level: number },
): number {
  const size = attr.u32(at.size);
  const level = attr.u32(at.level);
  const given = !attr.isZero(at.buf);
  if (given !== size > 0 || (given && level === 0) || (level & ~LOG_MASK) !== 0 || size > LOG_MOST) return -EINVAL;
  return given ? -EFAULT : 0;
}
