/**
 * Where an access goes and how it is checked.
 *
 *     stack plus constant          at compile time
 *     context plus constant        at compile time, by the program type's field table
 *     map value plus constant      at compile time, but for a null test where none was made before
 *     a map's only value (.bss)    inline against its address and size
 *     packet                       inline against the context's live data and data_end; not again where an earlier check covers it
 *     everything else              by the module's check function (access-check.ts)
 */
import type { Insn } from "../isa/insn.ts";
import { ctxFieldOf } from "../prog-types/ctx-access.ts";
import { FRAME_BYTES } from "./cells.ts";
import { Emitter, FAULT } from "./emitter.ts";
import type { ValueKind } from "./kinds.ts";
import { I32, I64, W } from "./wasm-op.ts";

/** How to reach the bytes: an i32 address is on the stack, to be used with this immediate offset. */
export type Reach = { readonly offset: number } | null;

/** What an address may lie in: anything; anything but the stack; the packet. */
export const IN_ANYTHING = 0;
const NOT_IN_STACK = 1;
export const IN_PACKET = 2;

/** Who asks for what, as the check function takes it: write in bit 0, where it may lie in bits 1 and 2, then the slot. */
function accessMeta(insn: Insn, write: boolean, where: number): number {
  return (insn.slot << 3) | (where << 1) | (write ? 1 : 0);
}

/**
 * Emits the checks of an access of constant size and pushes its address.
 * @returns null when the access can only fail: then the code after it is unreachable and needs no address
 */
export function emitReach(e: Emitter, insn: Insn, reg: number, off: number, size: number, write: boolean): Reach {
  const { code, program } = e;
  const kind = e.kind(reg);
  if (kind.t === "stack") {
    const at = kind.off + off;
    if (at >= -FRAME_BYTES && at + size <= 0) {
      code.get(e.frame);
      return { offset: Emitter.frameOffset(at) };
    }
  }
  if (!e.shared.checks) return emitPlain(e, reg, off);
  switch (kind.t) {
    case "stack":
      pushAddress(e, reg, off);
      e.fault(insn, write ? FAULT.write : FAULT.read, size);
      return null;
    case "ctx": {
      const at = kind.off + off;
      if (ctxFieldOf(program.def, program.attach, at, size, write) !== null) {
        code.get(e.ctx);
        return { offset: at };
      }
      code.i64(at);
      e.fault(insn, FAULT.ctxAccess, size | (write ? 0x100 : 0));
      return null;
    }
    case "packet":
      if (!write || program.def.packetWritable) return emitPacket(e, insn, reg, off, size, write);
      break;
    case "value": {
      const allowed = write ? kind.writable : kind.readable;
      if (kind.off === null && kind.only >= 0 && allowed && size <= kind.size) {
        emitOnlyValueCheck(e, insn, reg, off, size, write, kind);
        return emitPlain(e, reg, off);
      }
      if (kind.off === null || kind.off + off < 0 || kind.off + off + size > kind.size || !allowed) break;
      if (kind.nullable) {
        e.reg(reg);
        code.i64(kind.off);
        code.op(W.i64_eq);
        code.open(W.if);
        emitCheckCall(e, insn, reg, off, size, write, NOT_IN_STACK);
        code.end();
        e.state[reg] = { ...kind, nullable: false };
      }
      return emitPlain(e, reg, off);
    }
    default:
      break;
  }
  emitCheckCall(e, insn, reg, off, size, write, kind.t === "any" || kind.t === "const" ? IN_ANYTHING : NOT_IN_STACK);
  return emitPlain(e, reg, off);
}

/** Checks an access to a value whose address is an import: the distance from there is below what the size leaves. */
function emitOnlyValueCheck(
  e: Emitter,
  insn: Insn,
  reg: number,
  off: number,
  size: number,
  write: boolean,
  kind: ValueKind,
): void {
  const { code } = e;
  pushAddress(e, reg, off);
  code.global(e.shared.module.importGlobal(`base:${kind.only}`, I32, false));
  code.op(W.i64_extend_i32_u, W.i64_sub);
  code.i64(kind.size - size);
  code.op(W.i64_gt_u);
  code.open(W.if);
  emitCheckCall(e, insn, reg, off, size, write, NOT_IN_STACK);
  code.end();
}

/** Calls the check function for [reg + off, + size). */
export function emitCheckCall(
  e: Emitter,
  insn: Insn,
  reg: number,
  off: number,
  size: number | "on stack",
  write: boolean,
  where: number,
): void {
  const { code } = e;
  if (size !== "on stack") {
    pushAddress(e, reg, off);
    code.i32(size);
  }
  code.i32(accessMeta(insn, write, where));
  code.get(e.frame);
  code.callLocal(e.shared.accessFn);
}

/** Pushes reg + off as an i64. */
function pushAddress(e: Emitter, reg: number, off: number): void {
  e.reg(reg);
  if (off === 0) return;
  e.code.i64(off);
  e.code.op(W.i64_add);
}

function emitPlain(e: Emitter, reg: number, off: number): Reach {
  e.word(reg);
  if (off >= 0) return { offset: off };
  e.code.i32(off);
  e.code.op(W.i32_add);
  return { offset: 0 };
}

function emitPacket(e: Emitter, insn: Insn, reg: number, off: number, size: number, write: boolean): Reach {
  const { code, program } = e;
  const { at, lo, hi } = e.places.of(reg);
  const beginKnown = at + off >= lo;
  const endKnown = at + off + size <= hi;
  const address = e.local("ea", I64);
  if (!beginKnown || !endKnown) {
    pushAddress(e, reg, off);
    if (!beginKnown && !endKnown) code.tee(address);
  }
  if (!beginKnown) {
    code.get(e.ctx);
    code.memory(W.i64_load32_u, program.def.dataOffset);
    code.op(W.i64_lt_s);
    if (!endKnown) code.get(address);
  }
  if (!endKnown) {
    code.get(e.ctx);
    code.memory(W.i64_load32_u, program.def.dataEndOffset);
    code.i64(size);
    code.op(W.i64_sub, W.i64_gt_s);
    if (!beginKnown) code.op(W.i32_or);
  }
  if (!beginKnown || !endKnown) {
    code.open(W.if);
    emitCheckCall(e, insn, reg, off, size, write, IN_PACKET);
    code.end();
  }
  e.places.learn(reg, off, size);
  return emitPlain(e, reg, off);
}
