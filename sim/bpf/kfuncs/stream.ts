/**
 * Text for a program's own streams.
 * @source kernel/bpf/stream.c bpf_stream_vprintk_impl. Cost: an estimate, as of bpf_trace_vprintk
 */
import type { BpfEnv } from "../env.ts";
import type { KfuncDef } from "../helper.ts";
import { readString } from "../helpers/arena-read.ts";
import { formatKernel } from "../helpers/format.ts";
import { argsFrom, LINE_BYTES } from "../helpers/print.ts";
import { EINVAL, ENOENT } from "../maps/errno.ts";
import { streamOf } from "../streams.ts";

/** `bpf_stream_vprintk_impl`: answers 0, -ENOENT for a stream that there is not, -EINVAL, -ENOSPC when too much waits to be read. */
export const streamVprintk: KfuncDef = {
  name: "bpf_stream_vprintk_impl",
  since: "6.17",
  args: ["u32", "any", "mem_or_null", "size0", "prog"],
  ret: "int",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  flags: ["TRUSTED_ARGS"],
  costNs: 1000,
  call(env: BpfEnv, id: number, fmt: number, data: number, dataBytes: number, program: number): number {
    const { machine } = env;
    const caller = machine.programOfIndex(program);
    const stream = caller === undefined ? null : streamOf(caller, id);
    if (stream === null) return -ENOENT;
    const args = argsFrom(env, data, dataBytes >>> 0);
    const format = readString(machine.arena, fmt, 0, 0x7fffffff);
    if (args === null || format === null) return -EINVAL;
    const text = formatKernel(machine.arena, format, args);
    return typeof text === "number" ? text : stream.push(text.slice(0, LINE_BYTES - 1));
  },
};
