/**
 * bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf.
 * @source kernel/trace/bpf_trace.c, kernel/bpf/helpers.c. Costs: estimates; the kernel formats a line in about a microsecond
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { EINVAL } from "../maps/errno.ts";
import { readString } from "./arena-read.ts";
import { formatKernel } from "./format.ts";

/** MAX_BPRINTF_BUF: longest line with its NUL, bytes. */
export const LINE_BYTES = 1024;
/** MAX_BPRINTF_VARARGS. */
const MAX_ARGS = 12;

/** What all of them have. */
const plain = { gplOnly: true, progKinds: null, mapKinds: null, changesPacket: false, ret: "int" } as const;

/** `bpf_trace_printk`: at most three arguments. Answers the line's length, or -EINVAL. */
export const tracePrintk: HelperDef = {
  ...plain,
  id: 6,
  name: "trace_printk",
  since: "4.1",
  args: ["mem", "size", "u64", "u64", "u64"],
  costNs: 1000,
  call(env: BpfEnv, fmt: number, size: number, ...args: number[]): number {
    return print(env, fmt, size >>> 0, args);
  },
};

/** `bpf_trace_vprintk`: up to twelve arguments from memory. */
export const traceVprintk: HelperDef = {
  ...plain,
  id: 177,
  name: "trace_vprintk",
  since: "5.16",
  args: ["mem", "size", "mem_or_null", "size0"],
  costNs: 1000,
  call(env: BpfEnv, fmt: number, size: number, data: number, dataBytes: number): number {
    const args = argsFrom(env, data, dataBytes >>> 0);
    return args === null ? -EINVAL : print(env, fmt, size >>> 0, args);
  },
};

/**
 * `bpf_snprintf`: answers the whole text's length with its NUL, however much of it there was room for. The format is a string in
 * read-only map memory.
 */
export const snprintf: HelperDef = {
  ...plain,
  id: 165,
  name: "snprintf",
  since: "5.13",
  args: ["mem_out", "size0", "any", "mem_or_null", "size0"],
  costNs: 600,
  call(env: BpfEnv, str: number, strBytes: number, fmt: number, data: number, dataBytes: number): number {
    const args = argsFrom(env, data, dataBytes >>> 0);
    const arena = env.machine.arena;
    const format = readString(arena, fmt, 0, 0x7fffffff);
    if (args === null || format === null) return -EINVAL;
    const text = formatKernel(arena, format, args);
    if (typeof text === "number") return text;
    const room = strBytes >>> 0;
    if (room > 0) {
      const n = Math.min(text.length, room - 1);
      for (let i = 0; i < n; i++) arena.u8[str + i] = text.charCodeAt(i);
      arena.u8[str + n] = 0;
    }
    return text.length + 1;
  },
};

function print(env: BpfEnv, fmt: number, size: number, args: readonly number[]): number {
  const arena = env.machine.arena;
  const format = readString(arena, fmt, 0, size);
  if (format === null || format.length === size) return -EINVAL;
  const text = formatKernel(arena, format, args);
  if (typeof text === "number") return text;
  const line = (text.split("\0", 1)[0] ?? "").slice(0, LINE_BYTES - 1);
  env.tracePrintk(line.endsWith("\n") ? line.slice(0, -1) : line);
  return text.length;
}

/** The arguments of a format, 8 bytes each. @returns null when their number is wrong */
export function argsFrom(env: BpfEnv, data: number, bytes: number): number[] | null {
  if (bytes % 8 !== 0 || bytes > MAX_ARGS * 8 || (bytes > 0 && data === 0)) return null;
  const dv = env.machine.arena.dv;
  const args: number[] = [];
  for (let i = 0; i < bytes; i += 4) args.push(dv.getInt32(data + i, true));
  return args;
}
