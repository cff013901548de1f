/** Classic programs on a host: checked, translated and loaded, without an id, as on Linux. */
import { decodeClassic, requireClassic } from "../bpf/cbpf/check.ts";
import type { ClassicProgram } from "../bpf/cbpf/insn.ts";
import { kernelBytes } from "../bpf/cbpf/kernel-size.ts";
import { type ClassicKind, translateClassic } from "../bpf/cbpf/translate.ts";
import type { Program } from "../bpf/program.ts";
import type { Kernel } from "./kernel.ts";

/**
 * bpf_prog_create: a live program. It has no id and bpftool does not list it.
 * @throws ObjectError CLASSIC_INVALID where Linux says EINVAL
 */
export function loadClassic(kernel: Kernel, program: ClassicProgram, kind: ClassicKind): Program {
  const spec = translateClassic(program, kind, "bytecode");
  return kernel.machine.loadProgram(spec, { kind, id: 0, license: "GPL", maps: new Map() });
}

/**
 * What a socket's filter is charged for, bytes.
 * @throws ObjectError CLASSIC_INVALID
 */
export function classicFilterBytes(program: ClassicProgram): number {
  requireClassic(program);
  return kernelBytes(program.insns.map(decodeClassic));
}
