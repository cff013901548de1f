/**
 * The types of the simulated kernel: `kernel.btf` beside this file, read when a program or a command first asks. What is in it is
 * listed in test/kernel/btf/types.txt and recorded from a running kernel by `npm run btf`.
 */
import { readFileSync } from "node:fs";
import { createKernelTypes, type KernelTypes } from "../../bpf/core/kernel-types.ts";

/** The types of every simulated host's kernel. @source Linux 6.18 on x86-64, /sys/kernel/btf/vmlinux */
export const kernelTypes: KernelTypes = createKernelTypes("kernel.btf", kernelBtfBytes);

/**
 * The bytes of `kernel.btf`.
 * @layout a BTF file: header, types, strings
 */
export function kernelBtfBytes(): Uint8Array {
  return readFileSync(new URL("kernel.btf", import.meta.url));
}
