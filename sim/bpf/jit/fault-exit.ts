/**
 * How compiled code leaves when an access check fails. A call of the check function within a loop would keep V8 from unrolling it; so
 * the function's code stands in one block, a failed inline check branches out of that with the number of what it was about, and the
 * check function is called once, behind the block.
 *
 *     block (result i32)
 *       ...  i32.const EXIT  <failed?>  br_if out of all  drop  ...
 *     end
 *     EXIT >= 0: slot << 5 | where << 3 | write << 2 | log2 of the size; the address is in a local      an access
 *     EXIT < 0:  ~slot                                                                                 a loop that ran too long
 */
import type { Insn } from "../isa/insn.ts";
import { type Emitter, FAULT, FAULT_PARAMS } from "./emitter.ts";
import { I32, I64, W } from "./wasm-op.ts";

/** What an address may lie in: anything; anything but the stack; the packet. */
export const IN_ANYTHING = 0;
export const NOT_IN_STACK = 1;
export const IN_PACKET = 2;

/** An access of constant size, made by an instruction. */
export interface Access {
  readonly insn: Insn;
  /** It begins this far from what the register holds. */
  readonly reg: number;
  readonly off: number;
  readonly size: number;
  readonly write: boolean;
}

/** Who asks for what, as the check function takes it: write in bit 0, where it may lie in bits 1 and 2, then the slot. */
function accessMeta(insn: Insn, write: boolean, where: number): number {
  return (insn.slot << 3) | (where << 1) | (write ? 1 : 0);
}

/** Emits an inline check. @param failed pushes an i32: not 0 when the access must not be done */
export function emitChecked(e: Emitter, access: Access, where: number, failed: () => void): void {
  const { code } = e;
  const { insn, reg, off, size, write } = access;
  const log2 = LOG2_OF_SIZE[size];
  if (log2 === undefined) {
    failed();
    code.open(W.if);
    emitCheckCall(e, insn, reg, off, size, write, where);
    code.end();
    return;
  }
  code.i32((accessMeta(insn, write, where) << 2) | log2);
  pushAddress(e, reg, off);
  code.set(e.local(BAD_ADDRESS, I64));
  failed();
  code.brIf(code.depth);
  code.op(W.drop);
}

const LOG2_OF_SIZE: Readonly<Record<number, number>> = { 1: 0, 2: 1, 4: 2, 8: 3 };
const BAD_ADDRESS = "outside";

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
export function pushAddress(e: Emitter, reg: number, off: number): void {
  e.reg(reg);
  if (off === 0) return;
  e.code.i64(off);
  e.code.op(W.i64_add);
}

/** At the start of each turn of a loop: leaves when the run has become too long. */
export function emitTurnCheck(e: Emitter, insn: Insn): void {
  const { code } = e;
  code.i32(~insn.slot);
  code.get(e.acct);
  code.op(W.i32_wrap_i64);
  code.i32(e.program.maxInsns);
  code.op(W.i32_gt_u);
  code.brIf(code.depth);
  code.op(W.drop);
}

/** Whether the function needs the block around its code, and the end behind it. */
export function hasExits(e: Emitter): boolean {
  return e.loops || e.uses(BAD_ADDRESS);
}

/** Ends the block around the function's code; EXIT is on the stack. */
export function emitExits(e: Emitter): void {
  const { code } = e;
  const exit = e.local("t32", I32);
  code.op(W.end);
  code.set(exit);
  if (e.loops) {
    code.get(exit);
    code.i32(0);
    code.op(W.i32_lt_s);
    code.open(W.if);
    for (const word of [e.program.maxInsns, 0, 0]) code.i32(word);
    code.get(exit);
    code.i32(-1);
    code.op(W.i32_xor);
    code.i32(FAULT.tooLong);
    code.callImport(e.import("fault", FAULT_PARAMS, []));
    code.op(W.unreachable);
    code.end();
  }
  if (!e.uses(BAD_ADDRESS)) {
    code.op(W.unreachable);
    return;
  }
  const address = e.local(BAD_ADDRESS, I64);
  const size = (): void => {
    code.i32(1);
    code.get(exit);
    code.i32(3);
    code.op(W.i32_and, W.i32_shl);
  };
  code.get(address);
  size();
  code.get(exit);
  code.i32(2);
  code.op(W.i32_shr_u);
  code.get(e.frame);
  code.callLocal(e.shared.accessFn);
  // the program may reach what is there, though not by a pointer to something else
  code.get(address);
  code.op(W.i32_wrap_i64);
  code.i32(0);
  size();
  code.get(exit);
  code.i32(5);
  code.op(W.i32_shr_u);
  code.i32(FAULT.outsideWrite);
  code.i32(FAULT.outsideRead);
  code.get(exit);
  code.i32(4);
  code.op(W.i32_and, W.select);
  code.callImport(e.import("fault", FAULT_PARAMS, []));
  code.op(W.unreachable);
}
