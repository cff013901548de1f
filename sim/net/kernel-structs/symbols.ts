/**
 * The kernel's symbols by name: per-CPU variables of kernel.btf, and the functions that programs call. A function's address leads to
 * no memory: programs compare it with 0 and with other addresses.
 * @source kernel/bpf/verifier.c check_pseudo_btf_id; libbpf resolves symbols without a type from /proc/kallsyms
 * @differs /proc/kallsyms of Linux has every symbol; symbols of functions that netsim lacks are absent
 */
import type { Arena } from "../../engine/arena.ts";
import type { PerCpuMemory } from "./per-cpu.ts";

/** Names of the functions that programs may call. */
export interface KernelFunctions {
  readonly kfuncs: ReadonlySet<string>;
  /** With their `bpf_`. */
  readonly helpers: ReadonlySet<string>;
}

/** The table of a simulation. */
export class KernelSymbols {
  private readonly arena: Arena;
  private readonly perCpu: PerCpuMemory;
  private readonly functions: KernelFunctions;
  private readonly known: Map<string, number> = new Map();
  private readonly code: Map<string, number> = new Map();

  constructor(arena: Arena, perCpu: PerCpuMemory, functions: KernelFunctions) {
    this.arena = arena;
    this.perCpu = perCpu;
    this.functions = functions;
  }

  /** An address that stands for a function's code: the same for the same name, and nothing lies there. */
  codeAddress(name: string): number {
    let at = this.code.get(name);
    if (at === undefined) {
      at = this.arena.alloc(8);
      this.code.set(name, at);
    }
    return at;
  }

  /**
   * Address of a symbol.
   * @param typed it was declared with a type, and is looked for in BTF; helpers have none there
   * @returns undefined when the kernel has no such symbol
   */
  address(name: string, typed: boolean): number | undefined {
    const { kfuncs, helpers } = this.functions;
    if (typed && helpers.has(name)) return undefined;
    let at = this.known.get(name);
    if (at === undefined) {
      const isFunction = kfuncs.has(name) || helpers.has(name);
      at = isFunction ? this.arena.alloc(8) : this.perCpu.variable(name);
      if (at === 0) return undefined;
      this.known.set(name, at);
    }
    return at;
  }
}
