/** Sysctls that are not the IP layer's: `kernel.*`. @source kernel/bpf/syscall.c bpf_syscall_table */
import type { Host } from "./host.ts";

/** One of them. */
export interface KernelSysctl {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  get(host: Host): number;
  set(host: Host, value: number): void;
}

const KERNEL_SYSCTLS: readonly KernelSysctl[] = [
  {
    name: "kernel.bpf_stats_enabled",
    min: 0,
    max: 1,
    get: (host) => (host.bpf.statsEnabled ? 1 : 0),
    set: (host, value) => {
      host.bpf.statsEnabled = value === 1;
    },
  },
];

/** Their names. */
export const kernelSysctlNames: readonly string[] = KERNEL_SYSCTLS.map((s) => s.name);

/** The one of a name, with dots or slashes; undefined when there is none. */
export function findKernelSysctl(name: string): KernelSysctl | undefined {
  const dotted = name.replaceAll("/", ".");
  return KERNEL_SYSCTLS.find((s) => s.name === dotted);
}
