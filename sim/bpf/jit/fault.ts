/**
 * The texts of faults: what a program did at which instruction and source line, and what was there. Where the kernel's verifier has
 * a sentence for it, that sentence is used.
 */
import { type Arena, GUARD_BYTES } from "../../engine/arena.ts";
import { BugError, type SourcePlace, VerifierError } from "../../engine/errors.ts";
import { POISON_CORE } from "../core/patch.ts";
import { insnText } from "../isa/disassemble.ts";
import { helperName } from "../object/helper-names.ts";
import type { LineInfo, ProgramSpec } from "../spec.ts";
import { CELL_CTX, LEVEL_BYTES, type MachineMemory, STACK_LEVELS } from "./cells.ts";
import { FAULT } from "./emitter.ts";
import type { LinkedProgram } from "./link.ts";

/** One of `FAULT`. */
export type FaultReason = (typeof FAULT)[keyof typeof FAULT];

/** What went wrong. */
export interface Fault {
  readonly reason: FaultReason;
  /** Slot of the instruction. */
  readonly slot: number;
  /** The address, or the value that the reason speaks of; unsigned. */
  readonly value: bigint;
  /** Bytes, or the register that the reason speaks of. */
  readonly size: number;
}

/** The error that stops a run. */
export function faultError(arena: Arena, memory: MachineMemory, program: LinkedProgram, fault: Fault): VerifierError {
  const { spec } = program;
  const what = sentence(arena, memory, program, fault);
  const text = insnText(spec.insns, fault.slot, { helperName, imm64: (slot) => mapText(program, slot) });
  const func = functionName(spec, fault.slot);
  const where = func === "" || func === spec.name ? "" : ` in function "${func}"`;
  const place = sourcePlace(spec, fault.slot);
  return new VerifierError({
    code: "PROGRAM_FAULT",
    message: `program "${spec.name}"${where}: insn ${fault.slot}: ${text}: ${what}`,
    ...(place === undefined ? {} : { place }),
  });
}

function sentence(arena: Arena, memory: MachineMemory, program: LinkedProgram, fault: Fault): string {
  const { value, size, reason } = fault;
  const access = reason === FAULT.read || reason === FAULT.write;
  const inOther = "outside of the packet or map value that its pointer was made from";
  const ctxOff = Number(value) - arena.u32[(memory.cells + CELL_CTX) >>> 2]!;
  if (access && ctxOff >= 0 && ctxOff < program.def.ctxSize + CTX_NEIGHBOURHOOD) {
    return ctxSentence(ctxOff, size, reason === FAULT.write);
  }
  switch (reason) {
    case FAULT.read:
      return `reads ${bytes(size)} at ${hex(value)}: ${whatIsThere(arena, memory, program, value, size, false)}`;
    case FAULT.write:
      return `writes ${bytes(size)} at ${hex(value)}: ${whatIsThere(arena, memory, program, value, size, true)}`;
    case FAULT.outsideRead:
      return `reads ${bytes(size)} at ${hex(value)}: ${inOther}`;
    case FAULT.outsideWrite:
      return `writes ${bytes(size)} at ${hex(value)}: ${inOther}`;
    case FAULT.ctxArgument:
      return `R${size} is ${hex(value)}, expected the context at ${hex(BigInt(arena.u32[(memory.cells + CELL_CTX) >>> 2]!))}`;
    case FAULT.ctxAccess:
      return ctxSentence(Number(BigInt.asIntN(64, value)), size & 0xff, (size & 0x100) !== 0);
    case FAULT.tooLong:
      return `ran for more than ${program.maxInsns} instructions: an endless loop`;
    case FAULT.stackOverflow:
      return `the call chain needs more than ${LEVEL_BYTES} bytes of stack`;
    case FAULT.zeroSize:
      return `R${size} invalid zero-sized read`;
    case FAULT.tooLarge:
      return `R${size} is ${hex(value)}: no size is that large`;
    case FAULT.mapArgument:
      return `${hex(value)} is no map${value === 0n ? ": it is a null pointer" : " that the helper takes"}`;
    case FAULT.poison:
      return value === BigInt(POISON_CORE)
        ? `failed to resolve CO-RE relocation ${program.spec.poisoned?.get(fault.slot) ?? "<invalid CO-RE relocation>"}: the kernel's types have no such thing, and no check kept the program from here`
        : "call of a weak kernel function that the kernel does not have";
    case FAULT.funcArgument:
      return `R${size} is ${hex(value)}, expected the address of a function of this program`;
    case FAULT.progArray:
      return `R${size} is ${hex(value)}, expected a prog array of this program`;
  }
}

function whatIsThere(
  arena: Arena,
  memory: MachineMemory,
  program: LinkedProgram,
  value: bigint,
  size: number,
  write: boolean,
): string {
  if (value >= 1n << 31n) return "invalid mem access 'scalar': this is no address";
  const addr = Number(value);
  if (addr < GUARD_BYTES) {
    return addr === 0
      ? "invalid mem access 'map_value_or_null': this is a null pointer"
      : `invalid mem access: this is a null pointer plus ${addr}, or a small number`;
  }
  const region = arena.regionAt(addr);
  if (region !== undefined) {
    const off = addr - region.addr;
    const element = Math.floor(off / region.strideBytes);
    const within = off - element * region.strideBytes;
    const fits = within + size <= region.valueBytes && off < region.sizeBytes;
    if (fits && write) return `write into ${region.label} forbidden: it is read-only for programs`;
    const which = region.sizeBytes > region.strideBytes ? ` of element ${element}` : "";
    return `invalid access to map value, value_size=${region.valueBytes} off=${within} size=${size}: ${region.label}${which}`;
  }
  if (addr >= memory.stackBottom && addr < memory.stackBottom + LEVEL_BYTES * (STACK_LEVELS + 1)) {
    return `invalid ${write ? "write to" : "read from"} stack, size=${size}: outside of the frames of this call`;
  }
  const ctx = arena.u32[(memory.cells + CELL_CTX) >>> 2]!;
  const { def } = program;
  if (def.dataOffset < 0) return `nothing there belongs to the program (context at 0x${ctx.toString(16)})`;
  const data = arena.u32[(ctx + def.dataOffset) >>> 2]!;
  const end = arena.u32[(ctx + def.dataEndOffset) >>> 2]!;
  const length = end - data;
  if (length >= 0 && addr >= data - PACKET_NEIGHBOURHOOD && addr < end + PACKET_NEIGHBOURHOOD) {
    const bounds = `the packet has ${bytes(length)} at 0x${data.toString(16)}..0x${end.toString(16)}`;
    const readOnly = write && !def.packetWritable && addr >= data && addr + size <= end;
    if (readOnly) return `cannot write into packet: programs of this type only read it; ${bounds}`;
    return `invalid access to packet, off=${addr - data} size=${size}: ${bounds}`;
  }
  return `nothing there belongs to the program (context at 0x${ctx.toString(16)}, packet at 0x${data.toString(16)}..0x${end.toString(16)})`;
}

function ctxSentence(off: number, size: number, write: boolean): string {
  return `invalid bpf_context access off=${off} size=${size} (${write ? "write" : "read"})`;
}

/** So far past its end an address is taken for one within the context. */
const CTX_NEIGHBOURHOOD = 64;
/** Offsets into headers and payload reach about so far past a packet. */
const PACKET_NEIGHBOURHOOD = 65536;

/** The reason of a number out of compiled code. */
export function faultReason(n: number): FaultReason {
  const reason = Object.values(FAULT).find((r) => r === n);
  if (reason === undefined) throw new BugError("FAULT_UNKNOWN", `compiled code reports fault ${n}`);
  return reason;
}

function mapText(program: LinkedProgram, slot: number): string | undefined {
  const load = program.mapLoads.get(slot);
  if (load === undefined) return undefined;
  const { name } = program.maps[load.map]!.spec;
  return load.offset < 0 ? `map[name:${name}]` : `map[name:${name}][0]+${load.offset}`;
}

function functionName(spec: ProgramSpec, slot: number): string {
  let name = "";
  for (const f of spec.funcs) if (f.insn <= slot) name = f.name;
  return name;
}

function sourcePlace(spec: ProgramSpec, slot: number): SourcePlace | undefined {
  let line: LineInfo | undefined;
  for (const l of spec.lines) if (l.insn <= slot) line = l;
  if (line === undefined) return undefined;
  const column = Math.max(1, line.column);
  const width = Math.max(1, line.text.trimEnd().length - column + 1);
  return { file: line.file, line: line.line, column, text: line.text, width };
}

function bytes(n: number): string {
  return n === 1 ? "1 byte" : `${n} bytes`;
}

function hex(n: bigint): string {
  return `0x${n.toString(16)}`;
}
