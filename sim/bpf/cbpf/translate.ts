/**
 * Classic BPF to eBPF, as the kernel does it: A is r0, X is r7, the context is in r6, M[] lies on the stack, and conditions become one
 * or two eBPF jumps. A load beyond the packet and a division by an X of 0 end the program with 0.
 *
 * @source net/core/filter.c bpf_convert_filter, convert_bpf_extensions
 * @differs packet loads are LD_ABS and LD_IND, which Linux expands further (convert_bpf_ld_abs); metadata comes from __sk_buff's
 *          fields, where Linux reads struct sk_buff
 */
import { assertNever, BugError } from "../../engine/errors.ts";
import type { ProgKind } from "../prog-type.ts";
import { skBuffFields } from "../prog-types/sk-buff.ts";
import type { ProgramSpec } from "../spec.ts";
import type { AncillaryRow } from "./ancillary.ts";
import { decodeClassic, requireClassic } from "./check.ts";
import type { ClassicAluOp, ClassicInsn, ClassicJumpOp, ClassicProgram, ClassicReg } from "./insn.ts";
import { isOneJump } from "./kernel-size.ts";

/** Program types that classic programs run as. */
export type ClassicKind = Extract<ProgKind, "socket_filter" | "sched_cls">;

const A = 0;
const TMP = 2;
const CTX = 6;
const X = 7;
const FP = 10;

// opcodes of eBPF: class, operation, source
const LDX_W = 0x61;
const LDX_H = 0x69;
const STX_W = 0x63;
const ALU32_K = 0x04;
const ALU32_X = 0x0c;
const ALU32_NEG = 0x84;
const MOV32_K = 0xb4;
const MOV32_X = 0xbc;
const MOV64_X = 0xbf;
const XOR32_X = 0xac;
const TO_BE = 0xdc;
const JMP_K = 0x05;
const JMP_X = 0x0d;
const JA = 0x05;
const JNE_K = 0x55;
const CALL = 0x85;
const EXIT = 0x95;
const LD_ABS: Readonly<Record<1 | 2 | 4, number>> = { 1: 0x30, 2: 0x28, 4: 0x20 };
const LD_IND: Readonly<Record<1 | 2 | 4, number>> = { 1: 0x50, 2: 0x48, 4: 0x40 };

const ALU_OP: Readonly<Record<ClassicAluOp, number>> = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  xor: 0xa0,
};
const JUMP_OP: Readonly<Record<ClassicJumpOp, number>> = { eq: 0x10, gt: 0x20, ge: 0x30, set: 0x40 };
/** Jumps for the opposite: ne, le, lt. There is none of `set`. */
const OPPOSITE_OP: Readonly<Record<ClassicJumpOp, number>> = { eq: 0x50, gt: 0xb0, ge: 0xa0, set: 0x40 };

const fieldOffset: ReadonlyMap<string, number> = new Map(skBuffFields(new Set()).map((f) => [f.name, f.offset]));

/** Bytes of one eBPF program in the making. */
class Output {
  private bytes: Uint8Array = new Uint8Array(1024);
  private dv: DataView = new DataView(this.bytes.buffer);
  /** Slots written. */
  length: number = 0;
  /** Jumps that wait for their target: slot, classic instruction. */
  readonly jumps: { readonly slot: number; readonly target: number }[] = [];

  emit(opcode: number, dst: number, src: number, off: number, imm: number): void {
    const at = this.length * 8;
    if (at === this.bytes.length) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.bytes);
      this.bytes = larger;
      this.dv = new DataView(larger.buffer);
    }
    this.dv.setUint8(at, opcode);
    this.dv.setUint8(at + 1, dst | (src << 4));
    this.dv.setInt16(at + 2, off, true);
    this.dv.setInt32(at + 4, imm | 0, true);
    this.length++;
  }

  jump(opcode: number, dst: number, src: number, imm: number, target: number): void {
    this.jumps.push({ slot: this.length, target });
    this.emit(opcode, dst, src, 0, imm);
  }

  /** @param starts first slot of each classic instruction */
  finish(starts: Int32Array): Uint8Array {
    for (const { slot, target } of this.jumps) this.dv.setInt16(slot * 8 + 2, starts[target]! - slot - 1, true);
    return this.bytes.slice(0, this.length * 8);
  }
}

/**
 * Translates a program. It is checked first.
 * @param name of the program for messages and listings
 * @throws ObjectError CLASSIC_INVALID when the kernel would refuse it
 */
export function translateClassic(program: ClassicProgram, kind: ClassicKind, name: string): ProgramSpec {
  requireClassic(program);
  const out = new Output();
  out.emit(XOR32_X, A, A, 0, 0);
  out.emit(XOR32_X, X, X, 0, 0);
  out.emit(MOV64_X, CTX, 1, 0, 0);
  const starts = new Int32Array(program.insns.length);
  program.insns.forEach((f, at) => {
    starts[at] = out.length;
    translate(out, decodeClassic(f, at), at);
  });
  return {
    name,
    section: kind,
    kind,
    attach: null,
    frags: false,
    insns: out.finish(starts),
    relocations: [],
    funcs: [{ insn: 0, name }],
    lines: [],
    classic: program,
  };
}

function translate(out: Output, insn: ClassicInsn, at: number): void {
  switch (insn.kind) {
    case "packet":
      if (insn.indirect) out.emit(LD_IND[insn.size], 0, X, 0, insn.offset);
      else out.emit(LD_ABS[insn.size], 0, 0, 0, insn.offset);
      return;
    case "header_length":
      headerLength(out, insn.offset);
      return;
    case "ancillary":
      ancillary(out, insn.row);
      return;
    case "imm":
      out.emit(MOV32_K, regOf(insn.to), 0, 0, insn.k);
      return;
    case "len":
      out.emit(LDX_W, regOf(insn.to), CTX, fieldOffset.get("len")!, 0);
      return;
    case "load_mem":
      out.emit(LDX_W, regOf(insn.to), FP, cellOffset(insn.cell), 0);
      return;
    case "store_mem":
      out.emit(STX_W, FP, regOf(insn.from), cellOffset(insn.cell), 0);
      return;
    case "alu":
      arithmetic(out, insn);
      return;
    case "neg":
      out.emit(ALU32_NEG, A, 0, 0, 0);
      return;
    case "move":
      if (insn.to === "x") out.emit(MOV64_X, X, A, 0, 0);
      else out.emit(MOV64_X, A, X, 0, 0);
      return;
    case "goto":
      out.jump(JA, 0, 0, 0, insn.target);
      return;
    case "branch":
      branch(out, insn, at);
      return;
    case "ret":
      if (insn.what === "x") throw new BugError("CLASSIC_RET_X", "`ret x` passed the check");
      if (insn.what === "k") out.emit(MOV32_K, A, 0, 0, insn.k);
      out.emit(EXIT, 0, 0, 0, 0);
      return;
    default:
      assertNever(insn);
  }
}

function regOf(reg: ClassicReg): number {
  return reg === "a" ? A : X;
}

function cellOffset(cell: number): number {
  return -4 * (cell + 1);
}

/** A is kept in X while the byte is loaded, and is what the program answers when there is no such byte: 0 all the same. */
function headerLength(out: Output, offset: number): void {
  out.emit(MOV64_X, X, A, 0, 0);
  out.emit(LD_ABS[1], 0, 0, 0, offset);
  out.emit(ALU32_K | ALU_OP.and, A, 0, 0, 15);
  out.emit(ALU32_K | ALU_OP.lsh, A, 0, 0, 2);
  out.emit(MOV64_X, TMP, X, 0, 0);
  out.emit(MOV64_X, X, A, 0, 0);
  out.emit(MOV64_X, A, TMP, 0, 0);
}

function ancillary(out: Output, { source }: AncillaryRow): void {
  switch (source.from) {
    case "field":
      out.emit(source.be16 ? LDX_H : LDX_W, A, CTX, fieldOffset.get(source.name)!, 0);
      if (source.be16) out.emit(TO_BE, A, 0, 0, 16);
      return;
    case "helper":
      out.emit(MOV64_X, 1, CTX, 0, 0);
      out.emit(MOV64_X, 2, A, 0, 0);
      out.emit(MOV64_X, 3, X, 0, 0);
      out.emit(CALL, 0, 0, 0, source.id);
      return;
    case "xor":
      out.emit(XOR32_X, A, X, 0, 0);
      return;
    default:
      assertNever(source);
  }
}

function arithmetic(out: Output, insn: Extract<ClassicInsn, { kind: "alu" }>): void {
  if (!insn.x) {
    out.emit(ALU32_K | ALU_OP[insn.op], A, 0, 0, insn.k);
    return;
  }
  if (insn.op === "div" || insn.op === "mod") {
    out.emit(MOV32_X, X, X, 0, 0);
    out.emit(JNE_K, X, 0, 2, 0);
    out.emit(XOR32_X, A, A, 0, 0);
    out.emit(EXIT, 0, 0, 0, 0);
  }
  out.emit(ALU32_X | ALU_OP[insn.op], A, X, 0, 0);
}

function branch(out: Output, insn: Extract<ClassicInsn, { kind: "branch" }>, at: number): void {
  let src = insn.x ? X : -1;
  // immediates of eBPF are signed: larger ones are compared by way of a register
  if (!insn.x && insn.k > 0x7fffffff) {
    out.emit(MOV32_K, TMP, 0, 0, insn.k);
    src = TMP;
  }
  const jump = (op: number, target: number): void => {
    if (src < 0) out.jump(JMP_K | op, A, 0, insn.k, target);
    else out.jump(JMP_X | op, A, src, 0, target);
  };
  if (insn.no === at + 1) jump(JUMP_OP[insn.op], insn.yes);
  else if (isOneJump(insn, at)) jump(OPPOSITE_OP[insn.op], insn.no);
  else {
    jump(JUMP_OP[insn.op], insn.yes);
    out.jump(JA, 0, 0, 0, insn.no);
  }
}
