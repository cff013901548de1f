/**
 * bpf_snprintf_btf: a value of one of the kernel's types as text.
 *
 *     struct btf_ptr: 0 u64 ptr, 8 u32 type_id (of kernel.btf), 12 u32 flags (unused)
 *
 * @source kernel/trace/bpf_trace.c bpf_snprintf_btf, bpf_btf_printf_prepare; kernel/bpf/btf.c btf_type_snprintf_show. Cost: an estimate
 */
import { BTF_F_ALL, showValue } from "../../bpf/btf/show.ts";
import type { HelperDef } from "../../bpf/helper.ts";
import { readable } from "../../bpf/helpers/arena-read.ts";
import { EFAULT, EINVAL, ENOENT, ERANGE } from "../../bpf/maps/errno.ts";
import type { NetEnv } from "../net-env.ts";

const BTF_PTR_BYTES = 16;
/** High word of the lowest address of the kernel. */
const KERNEL_HIGH = 0xffff8000;

/** `bpf_snprintf_btf`. */
export const snprintfBtf: HelperDef<NetEnv> = {
  id: 149,
  name: "snprintf_btf",
  since: "5.10",
  args: ["mem_out", "size", "mem", "size", "u64"],
  ret: "int",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  costNs: 1000,
  call(env: NetEnv, to: number, size: number, ptr: number, ptrBytes: number, flags: number, flagsHi: number): number {
    const { arena } = env.kernel;
    if (flagsHi !== 0 || (flags & ~BTF_F_ALL) !== 0 || ptrBytes !== BTF_PTR_BYTES) return -EINVAL;
    const typeId = arena.dv.getInt32(ptr + 8, true);
    if (typeId === 0) return -EINVAL;
    const { btf } = env.structs;
    if (typeId < 0 || typeId >= btf.types.length) return -ENOENT;
    const hi = arena.dv.getUint32(ptr + 4, true);
    const memory = {
      read: (at: number, bytes: number): Uint8Array | null =>
        readable(arena, at, hi, bytes) ? arena.u8.slice(at, at + bytes) : null,
    };
    const text = showValue(btf, typeId, arena.dv.getUint32(ptr, true), memory, flags);
    // what a program cannot have of the kernel's addresses is out of range, not missing
    if (text === null) return hi >>> 0 >= KERNEL_HIGH ? -EFAULT : -ERANGE;
    const shown = Math.min(text.length, (size >>> 0) - 1);
    for (let i = 0; i < shown; i++) arena.u8[to + i] = text.charCodeAt(i);
    arena.u8[to + shown] = 0;
    return text.length;
  },
};
