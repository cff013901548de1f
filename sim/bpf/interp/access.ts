/** The access rules of the compiled check function, stated once more. */
import type { Insn } from "../isa/insn.ts";
import { CELL_CTX, FRAME_BYTES, LEVEL_BYTES } from "../jit/cells.ts";
import { FAULT } from "../jit/emitter.ts";
import { ctxFieldOf } from "../prog-types/ctx-access.ts";
import { cell, type Frame, fail } from "./frame.ts";

/**
 * Checks an access.
 * @returns the address as a number
 * @throws VerifierError when it lies in nothing that the program may reach
 */
export function checkAccess(frame: Frame, insn: Insn, address: bigint, size: number, write: boolean): number {
  if (address < 1n << 31n && size < 2 ** 31) {
    const addr = Number(address);
    const inRegion = frame.machine.arena.allows(addr, size, write);
    if (inRegion === true) return addr;
    if (inRegion === null && (inStack(frame, addr, size) || inPacket(frame, addr, size, write))) return addr;
    if (inRegion === null && inContext(frame, insn, addr, size, write)) return addr;
  }
  fail(frame, insn, write ? FAULT.write : FAULT.read, address, size);
}

function inStack(frame: Frame, addr: number, size: number): boolean {
  const lowest = frame.fp - FRAME_BYTES;
  const top = lowest - (lowest % LEVEL_BYTES) + LEVEL_BYTES;
  return addr >= lowest && addr + size <= top;
}

function inPacket(frame: Frame, addr: number, size: number, write: boolean): boolean {
  const { def } = frame.program.linked;
  const { dv } = frame.machine.arena;
  const ctx = cell(frame.machine, CELL_CTX);
  if (def.dataOffset < 0 || (write && !def.packetWritable)) return false;
  const data = dv.getUint32(ctx + def.dataOffset, true);
  const meta = def.dataMetaOffset < 0 ? data : Math.min(data, dv.getUint32(ctx + def.dataMetaOffset, true));
  return addr >= meta && addr + size <= dv.getUint32(ctx + def.dataEndOffset, true);
}

function inContext(frame: Frame, insn: Insn, addr: number, size: number, write: boolean): boolean {
  const { def, attach } = frame.program.linked;
  const ctx = cell(frame.machine, CELL_CTX);
  if (addr < ctx || addr + size > ctx + def.ctxSize) return false;
  if (ctxFieldOf(def, attach, addr - ctx, size, write) !== null) return true;
  fail(frame, insn, FAULT.ctxAccess, BigInt(addr - ctx), size | (write ? 0x100 : 0));
}
