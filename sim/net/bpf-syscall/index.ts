/**
 * The commands of bpf(2) that a program may call, and the call itself.
 * @source kernel/bpf/syscall.c bpf_sys_bpf, __sys_bpf
 */
import { E2BIG, EINVAL } from "../../bpf/maps/errno.ts";
import { indexBy } from "../../engine/registry.ts";
import type { Host } from "../host.ts";
import { ATTR_BYTES, BpfAttr } from "./attr.ts";
import { btfLoad } from "./btf-load.ts";
import type { BpfCommand } from "./command.ts";
import { linkCreate, rawTracepointOpen } from "./link-create.ts";
import { mapCreate } from "./map-create.ts";
import { mapDelete, mapFreeze, mapUpdate } from "./map-elem.ts";
import { mapFdById } from "./map-fd.ts";
import { progLoad } from "./prog-load.ts";

const PAGE = 4096;

const commands: ReadonlyMap<number, BpfCommand> = indexBy(
  [mapCreate, mapUpdate, mapDelete, mapFreeze, mapFdById, progLoad, btfLoad, linkCreate, rawTracepointOpen],
  (c) => c.cmd,
  "commands of bpf(2)",
);

/**
 * bpf(2), called by a program.
 * @param address of `sizeBytes` readable bytes; a longer `union bpf_attr` than the kernel's is taken while its end is zero
 * @returns what the command answers; -EINVAL for those that programs may not call, -E2BIG
 */
export function bpfSyscall(host: Host, cmd: number, address: number, sizeBytes: number): number {
  const command = commands.get(cmd);
  if (command === undefined) return -EINVAL;
  const { arena } = host.kernel;
  if (sizeBytes > PAGE) return -E2BIG;
  for (let at = address + ATTR_BYTES; at < address + sizeBytes; at++) if (arena.u8[at] !== 0) return -E2BIG;
  const attr = new BpfAttr(arena, address, sizeBytes);
  return attr.isZeroFrom(command.endBytes) ? command.run(host, attr) : -EINVAL;
}
