/**
 * Where an access goes and how it is checked.
 *
 *     stack plus constant          at compile time
 *     context plus constant        at compile time, by the program type's field table
 *     map value plus constant      at compile time, but for a null test where none was made before
 *     map value plus anything      inline against its address, which is an import (.bss) or was kept when it was looked up, and its size
 *     packet                       inline against the context's live data and data_end; not where what is known covers it
 *     everything else              by the module's check function (access-check.ts)
 *
 * Where an inline check fails the function is left for its end (fault-exit.ts): the way there costs loops nothing.
 */
import type { Insn } from "../isa/insn.ts";
import { ctxFieldOf } from "../prog-types/ctx-access.ts";
import { FRAME_BYTES } from "./cells.ts";
import { Emitter, FAULT } from "./emitter.ts";
import {
  type Access,
  emitCheckCall,
  emitChecked,
  IN_ANYTHING,
  IN_PACKET,
  NOT_IN_STACK,
  pushAddress,
} from "./fault-exit.ts";
import type { ValueKind } from "./kinds.ts";
import { I32, W } from "./wasm-op.ts";

/** How to reach the bytes: an i32 address is on the stack, to be used with this immediate offset. */
export type Reach = { readonly offset: number } | null;

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
  if (kind.t === "ctx" && ctxFieldOf(program.def, program.attach, kind.off + off, size, write) !== null) {
    code.get(e.ctx);
    return { offset: kind.off + off };
  }
  if (!e.shared.checks) return emitPlain(e, reg, off);
  switch (kind.t) {
    case "stack":
      pushAddress(e, reg, off);
      e.fault(insn, write ? FAULT.write : FAULT.read, size);
      return null;
    case "ctx":
      code.i64(kind.off + off);
      e.fault(insn, FAULT.ctxAccess, size | (write ? 0x100 : 0));
      return null;
    case "packet":
      if (write && !program.def.packetWritable) break;
      emitPacketCheck(e, { insn, reg, off, size, write });
      return emitPlain(e, reg, off);
    case "value":
      if (!emitValueCheck(e, { insn, reg, off, size, write }, kind)) break;
      return emitPlain(e, reg, off);
    default:
      break;
  }
  const where = kind.t === "any" || kind.t === "const" || kind.t === "scalar" ? IN_ANYTHING : NOT_IN_STACK;
  emitCheckCall(e, insn, reg, off, size, write, where);
  return emitPlain(e, reg, off);
}

function emitPlain(e: Emitter, reg: number, off: number): Reach {
  e.word(reg);
  if (off >= 0) return { offset: off };
  e.code.i32(off);
  e.code.op(W.i32_add);
  return { offset: 0 };
}

/** @returns false, nothing emitted, when it is not known where the value lies or the access can only fail */
function emitValueCheck(e: Emitter, access: Access, kind: ValueKind): boolean {
  const { reg, off, size } = access;
  if (!(access.write ? kind.writable : kind.readable) || size > kind.size) return false;
  if (kind.off !== null) {
    if (kind.off + off < 0 || kind.off + off + size > kind.size) return false;
    if (kind.nullable) {
      emitChecked(e, access, NOT_IN_STACK, () => {
        e.reg(reg);
        e.code.i64(kind.off!);
        e.code.op(W.i64_eq);
      });
    }
    return true;
  }
  const kept = kind.id >= 0 && !kind.nullable ? e.keptLookup(kind.id) : -1;
  if (kind.only < 0 && kept < 0) return false;
  // the distance from the value's address is at most what the size leaves
  emitChecked(e, access, NOT_IN_STACK, () => {
    pushAddress(e, reg, off);
    if (kind.only >= 0) {
      e.code.global(e.shared.module.importGlobal(`base:${kind.only}`, I32, false));
      e.code.op(W.i64_extend_i32_u);
    } else e.code.get(kept);
    e.code.op(W.i64_sub);
    e.code.i64(kind.size - size);
    e.code.op(W.i64_gt_u);
  });
  return true;
}

function emitPacketCheck(e: Emitter, access: Access): void {
  const { code, program } = e;
  const { reg, off, size } = access;
  const place = e.state.places.of(reg);
  const beginKnown = place !== undefined && place.at + off >= place.lo;
  const endKnown = place !== undefined && place.at + off + size <= place.hi;
  if (beginKnown && endKnown) return;
  emitChecked(e, access, IN_PACKET, () => {
    if (!beginKnown) {
      pushAddress(e, reg, off);
      code.get(e.ctx);
      code.memory(W.i64_load32_u, program.def.dataOffset);
      code.op(W.i64_lt_s);
    }
    if (!endKnown) {
      pushAddress(e, reg, off);
      code.get(e.ctx);
      code.memory(W.i64_load32_u, program.def.dataEndOffset);
      code.i64(size);
      code.op(W.i64_sub, W.i64_gt_s);
      if (!beginKnown) code.op(W.i32_or);
    }
  });
}
