/**
 * What the simulated kernel says of its configuration: the reference kernel's values, for the options that network programs and their
 * loaders ask about. An option that is not in the table counts as not set.
 */
import type { KernelConfig } from "../bpf/kernel-config.ts";
import { KERNEL_OPTIONS, KERNEL_RELEASE } from "./kernel-options.ts";

/** The configuration of every simulated host's kernel. @source Linux 6.18 on x86-64, /proc/config.gz */
export const kernelConfig: KernelConfig = {
  version: (KERNEL_RELEASE[0] << 16) | (KERNEL_RELEASE[1] << 8) | KERNEL_RELEASE[2],
  bpfCookie: true,
  // libbpf finds out by a kprobe on __x64_sys_bpf; the reference kernel has no kprobes
  syscallWrapper: false,
  options: new Map(
    KERNEL_OPTIONS.map((line): [string, string] => [
      line.slice(0, line.indexOf("=")),
      line.slice(line.indexOf("=") + 1),
    ]),
  ),
};
