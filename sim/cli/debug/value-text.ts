/** Registers, stack and memory of a stopped program, with pointers by what they point to. */
import type { CallFrame } from "../../bpf/interp/execution.ts";
import type { DebugSession } from "./session.ts";

const FRAME_BYTES = 512;

/** `r1 = 0x2a4010  packet+14`, one line a register; those that changed since `before` are marked. */
export function registersText(session: DebugSession, before: readonly bigint[] | null): string {
  const { regs } = session.frame;
  return regs.map((_, n) => registerText(session, n, before)).join("");
}

/** One register. */
export function registerText(session: DebugSession, n: number, before: readonly bigint[] | null): string {
  const value = session.frame.regs[n]!;
  const mark = before !== null && before[n] !== value ? "*" : " ";
  return `${mark}${`r${n}`.padStart(3)} = ${valueText(session, value)}\n`;
}

/** A 64-bit value: what it points to, or the number in decimal where that is not plain. */
export function valueText(session: DebugSession, value: bigint): string {
  const hex = `0x${value.toString(16)}`;
  const points = pointerText(session, value);
  if (points !== null) return `${hex}  ${points}`;
  const signed = BigInt.asIntN(64, value);
  return value < 10n ? hex : `${hex}  ${signed}`;
}

/** What an address belongs to, null when it is none of the program's. */
function pointerText(session: DebugSession, value: bigint): string | null {
  if (value < 65536n || value >= 1n << 31n) return null;
  const addr = Number(value);
  const { kernel } = session.chosen.host;
  const { machine, arena } = kernel;
  for (let depth = session.frames.length - 1; depth >= 0; depth--) {
    const { fp } = session.frames[depth]!;
    if (addr > fp - FRAME_BYTES && addr <= fp)
      return `stack${depth === session.frames.length - 1 ? "" : ` of #${session.frames.length - 1 - depth}`}${offset(addr - fp)}`;
  }
  const { ctx, skb } = kernel.env;
  const { def } = session.frame.program.linked;
  if (addr >= ctx && addr < ctx + def.ctxSize) return `ctx${offset(addr - ctx)}`;
  const map = machine.mapOfHandle(addr);
  if (map !== undefined) return `map ${map.spec.name}`;
  if (def.dataOffset >= 0 && addr >= skb.head && addr <= skb.data + skb.len) return `packet${offset(addr - skb.data)}`;
  const region = arena.regionAt(addr);
  if (region === undefined || addr - region.addr >= region.sizeBytes) return null;
  const off = addr - region.addr;
  const element = Math.floor(off / region.strideBytes);
  const which = region.sizeBytes > region.strideBytes ? ` of element ${element}` : "";
  return `${region.label}${which}${offset(off - element * region.strideBytes)}`;
}

function offset(n: number): string {
  return n === 0 ? "" : n > 0 ? `+${n}` : String(n);
}

/** The words of a frame's stack that are not zero, the highest first. */
export function stackText(session: DebugSession, frame: CallFrame): string {
  const { arena } = session.chosen.host.kernel;
  let out = "";
  for (let off = -8; off >= -FRAME_BYTES; off -= 8) {
    const value = arena.u64[(frame.fp + off) >>> 3]!;
    if (value !== 0n) out += `  r10${String(off).padEnd(5)} ${valueText(session, value)}\n`;
  }
  return out === "" ? "the frame holds zeros only\n" : out;
}
