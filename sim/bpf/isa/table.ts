/**
 * The instruction set: one row per instruction form. The decoder, the disassembler and the assembler read these rows and
 * nothing else, so a new form is one row here (and its meaning in JIT and interpreter, which the compiler asks for).
 *
 * A row's text is the kernel's own syntax (kernel/bpf/disasm.c) with the fields in braces:
 *
 *     {dst} {src}   register number                {off}    signed offset, always with its sign
 *     {imm}         signed decimal immediate       {ximm}   unsigned hexadecimal immediate
 *     {to} {tolong} jump by off / by imm: `pc+5`   {imm64}  64-bit immediate in hexadecimal
 *     {helper}      helper by name and number    {next}   imm of the second slot
 *
 * A field that the text does not name and the row does not fix must be zero.
 *
 * @source RFC 9669; Documentation/bpf/standardization/instruction-set.rst; kernel/bpf/disasm.c
 */
import type { AccessSize, AluOp, AtomicOp, Insn, JumpOp } from "./insn.ts";

/** The fields of an instruction as they stand in its slots, and the slots that its offset and immediate point to. */
export interface InsnFields {
  readonly slot: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
  /** imm of the second slot of a ld_imm64. */
  readonly next: number;
  /** slot + 1 + off */
  readonly offTarget: number;
  /** slot + 1 + imm */
  readonly immTarget: number;
}

/** One instruction form. */
export interface InsnRow {
  readonly opcode: number;
  readonly text: string;
  /** Fixed values of fields that tell forms with the same opcode apart. */
  readonly src?: number;
  readonly off?: number;
  readonly imm?: number;
  /** The form is known and netsim does not run it: the sentence that says why, the kernel's where it has one. */
  readonly refuse?: string;
  readonly body: (f: InsnFields) => Insn;
}

const SIZES: readonly { readonly code: number; readonly size: AccessSize; readonly u: string; readonly s: string }[] = [
  { code: 0x10, size: 1, u: "u8", s: "s8" },
  { code: 0x08, size: 2, u: "u16", s: "s16" },
  { code: 0x00, size: 4, u: "u32", s: "s32" },
  { code: 0x18, size: 8, u: "u64", s: "s64" },
];

const ALU: readonly { readonly op: AluOp; readonly code: number; readonly sign: string; readonly off?: number }[] = [
  { op: "add", code: 0x00, sign: "+=" },
  { op: "sub", code: 0x10, sign: "-=" },
  { op: "mul", code: 0x20, sign: "*=" },
  { op: "div", code: 0x30, sign: "/=" },
  { op: "sdiv", code: 0x30, sign: "s/=", off: 1 },
  { op: "or", code: 0x40, sign: "|=" },
  { op: "and", code: 0x50, sign: "&=" },
  { op: "lsh", code: 0x60, sign: "<<=" },
  { op: "rsh", code: 0x70, sign: ">>=" },
  { op: "mod", code: 0x90, sign: "%=" },
  { op: "smod", code: 0x90, sign: "s%=", off: 1 },
  { op: "xor", code: 0xa0, sign: "^=" },
  { op: "mov", code: 0xb0, sign: "=" },
  { op: "arsh", code: 0xc0, sign: "s>>=" },
];

const JUMPS: readonly { readonly op: JumpOp; readonly code: number; readonly sign: string }[] = [
  { op: "eq", code: 0x10, sign: "==" },
  { op: "gt", code: 0x20, sign: ">" },
  { op: "ge", code: 0x30, sign: ">=" },
  { op: "set", code: 0x40, sign: "&" },
  { op: "ne", code: 0x50, sign: "!=" },
  { op: "sgt", code: 0x60, sign: "s>" },
  { op: "sge", code: 0x70, sign: "s>=" },
  { op: "lt", code: 0xa0, sign: "<" },
  { op: "le", code: 0xb0, sign: "<=" },
  { op: "slt", code: 0xc0, sign: "s<" },
  { op: "sle", code: 0xd0, sign: "s<=" },
];

const ATOMICS: readonly { readonly op: AtomicOp; readonly code: number; readonly sign: string }[] = [
  { op: "add", code: 0x00, sign: "+=" },
  { op: "or", code: 0x40, sign: "|=" },
  { op: "and", code: 0x50, sign: "&=" },
  { op: "xor", code: 0xa0, sign: "^=" },
];

/** An object names its maps by relocation; index and fd both only mean something to the process that loads it. */
const MAP_BY_INDEX = "fd_idx without fd_array is invalid: name the map by a relocation";

const BPF_FETCH = 0x01;
const BPF_XCHG = 0xe1;
const BPF_CMPXCHG = 0xf1;
const BPF_LOAD_ACQ = 0x100;
const BPF_STORE_REL = 0x110;

/** Every instruction form that netsim knows. */
export const insnRows: readonly InsnRow[] = [
  ...ALU.flatMap(aluRows),
  ...[true, false].flatMap(unaryRows),
  ...[16, 32, 64].flatMap((bits) => swapRows(bits as 16 | 32 | 64)),
  ...SIZES.flatMap(memoryRows),
  ...[SIZES[2]!, SIZES[3]!].flatMap(atomicRows),
  ...SIZES.slice(0, 3).flatMap(packetRows),
  ...imm64Rows(),
  ...JUMPS.flatMap(jumpRows),
  {
    opcode: 0x05,
    text: "goto {to}",
    body: (f) => ({ kind: "ja", target: f.offTarget, slot: f.slot }),
  },
  {
    opcode: 0x06,
    text: "gotol {tolong}",
    body: (f) => ({ kind: "ja", target: f.immTarget, slot: f.slot }),
  },
  { opcode: 0x85, text: "call {helper}", src: 0, body: (f) => ({ kind: "call_helper", id: f.imm, slot: f.slot }) },
  {
    opcode: 0x85,
    text: "call {tolong}",
    src: 1,
    body: (f) => ({ kind: "call_sub", target: f.immTarget, slot: f.slot }),
  },
  {
    opcode: 0x85,
    text: "call kernel-function#{imm}",
    src: 2,
    body: (f) => ({ kind: "call_kfunc", id: f.imm, slot: f.slot }),
  },
  { opcode: 0x95, text: "exit", body: (f) => ({ kind: "exit", slot: f.slot }) },
  { opcode: 0xe5, text: "may_goto {to}", body: (f) => ({ kind: "may_goto", target: f.offTarget, slot: f.slot }) },
  ...[1, 0x10000].map((imm) =>
    refused(
      { opcode: 0xbf, text: `r{dst} = addr_space_cast(r{src}, ${imm >>> 16}, ${imm & 1})`, off: 1, imm },
      "addr_space_cast insn can only be used in a program that has an associated arena",
    ),
  ),
];

/** The rows of an opcode; those that a fixed offset tells apart come first. */
export const rowsOfOpcode: readonly (readonly InsnRow[])[] = Array.from({ length: 256 }, (_, opcode) =>
  insnRows
    .filter((row) => row.opcode === opcode)
    .sort((a, b) => Number(b.off !== undefined) - Number(a.off !== undefined)),
);

function aluRows(a: (typeof ALU)[number]): InsnRow[] {
  const fixed = a.off === undefined ? {} : { off: a.off };
  return [true, false].flatMap((wide): InsnRow[] => {
    const r = wide ? "r" : "w";
    const base = (wide ? 0x07 : 0x04) | a.code;
    return [
      {
        opcode: base,
        text: `${r}{dst} ${a.sign} {imm}`,
        ...fixed,
        body: (f) => ({ kind: "alu", op: a.op, wide, dst: f.dst, src: -1, imm: f.imm, slot: f.slot }),
      },
      {
        opcode: base | 0x08,
        text: `${r}{dst} ${a.sign} ${r}{src}`,
        ...fixed,
        body: (f) => ({ kind: "alu", op: a.op, wide, dst: f.dst, src: f.src, imm: 0, slot: f.slot }),
      },
    ];
  });
}

function unaryRows(wide: boolean): InsnRow[] {
  const r = wide ? "r" : "w";
  const cls = wide ? 0x07 : 0x04;
  const widths: readonly (8 | 16 | 32)[] = wide ? [8, 16, 32] : [8, 16];
  return [
    {
      opcode: 0x80 | cls,
      text: `${r}{dst} = -${r}{dst}`,
      body: (f) => ({ kind: "neg", wide, dst: f.dst, slot: f.slot }),
    },
    ...widths.map(
      (bits): InsnRow => ({
        opcode: 0xb8 | cls,
        text: `${r}{dst} = (s${bits})${r}{src}`,
        off: bits,
        body: (f) => ({ kind: "movsx", bits, wide, dst: f.dst, src: f.src, slot: f.slot }),
      }),
    ),
  ];
}

function swapRows(bits: 16 | 32 | 64): InsnRow[] {
  const row = (opcode: number, order: "le" | "be" | "bswap"): InsnRow => ({
    opcode,
    text: `r{dst} = ${order}${bits} r{dst}`,
    imm: bits,
    body: (f) => ({ kind: "swap", order, bits, dst: f.dst, slot: f.slot }),
  });
  return [row(0xd4, "le"), row(0xdc, "be"), row(0xd7, "bswap")];
}

function memoryRows(z: (typeof SIZES)[number]): InsnRow[] {
  const { size } = z;
  const rows: InsnRow[] = [
    {
      opcode: 0x61 | z.code,
      text: `r{dst} = *(${z.u} *)(r{src} {off})`,
      body: (f) => ({ kind: "ldx", size, signed: false, dst: f.dst, src: f.src, off: f.off, slot: f.slot }),
    },
    {
      opcode: 0x62 | z.code,
      text: `*(${z.u} *)(r{dst} {off}) = {imm}`,
      body: (f) => ({ kind: "st", size, dst: f.dst, off: f.off, imm: f.imm, slot: f.slot }),
    },
    {
      opcode: 0x63 | z.code,
      text: `*(${z.u} *)(r{dst} {off}) = r{src}`,
      body: (f) => ({ kind: "stx", size, dst: f.dst, src: f.src, off: f.off, slot: f.slot }),
    },
    {
      opcode: 0xc3 | z.code,
      text: `r{dst} = load_acquire((${z.u} *)(r{src} {off}))`,
      imm: BPF_LOAD_ACQ,
      body: (f) => ({ kind: "ldx", size, signed: false, dst: f.dst, src: f.src, off: f.off, slot: f.slot }),
    },
    {
      opcode: 0xc3 | z.code,
      text: `store_release((${z.u} *)(r{dst} {off}), r{src})`,
      imm: BPF_STORE_REL,
      body: (f) => ({ kind: "stx", size, dst: f.dst, src: f.src, off: f.off, slot: f.slot }),
    },
  ];
  if (size < 8) {
    rows.push({
      opcode: 0x81 | z.code,
      text: `r{dst} = *(${z.s} *)(r{src} {off})`,
      body: (f) => ({ kind: "ldx", size, signed: true, dst: f.dst, src: f.src, off: f.off, slot: f.slot }),
    });
  }
  return rows;
}

function atomicRows(z: (typeof SIZES)[number]): InsnRow[] {
  const size = z.size as 4 | 8;
  const name = size === 8 ? "atomic64" : "atomic";
  const row = (imm: number, text: string, op: AtomicOp, fetch: boolean): InsnRow => ({
    opcode: 0xc3 | z.code,
    text,
    imm,
    body: (f) => ({ kind: "atomic", op, fetch, size, dst: f.dst, src: f.src, off: f.off, slot: f.slot }),
  });
  const at = `(${z.u} *)(r{dst} {off})`;
  return [
    ...ATOMICS.flatMap((a) => [
      row(a.code, `lock *${at} ${a.sign} r{src}`, a.op, false),
      row(a.code | BPF_FETCH, `r{src} = ${name}_fetch_${a.op}(${at}, r{src})`, a.op, true),
    ]),
    row(BPF_XCHG, `r{src} = ${name}_xchg(${at}, r{src})`, "xchg", true),
    row(BPF_CMPXCHG, `r0 = ${name}_cmpxchg(${at}, r0, r{src})`, "cmpxchg", true),
  ];
}

function packetRows(z: (typeof SIZES)[number]): InsnRow[] {
  const size = z.size as 1 | 2 | 4;
  return [
    {
      opcode: 0x20 | z.code,
      text: `r0 = *(${z.u} *)skb[{imm}]`,
      body: (f) => ({ kind: "ld_packet", size, src: -1, imm: f.imm, slot: f.slot }),
    },
    {
      opcode: 0x40 | z.code,
      text: `r0 = *(${z.u} *)skb[r{src} + {imm}]`,
      body: (f) => ({ kind: "ld_packet", size, src: f.src, imm: f.imm, slot: f.slot }),
    },
  ];
}

function imm64Rows(): InsnRow[] {
  const opcode = 0x18;
  return [
    {
      opcode,
      text: "r{dst} = {imm64}",
      src: 0,
      body: (f) => ({ kind: "ld_imm64", what: "value", dst: f.dst, lo: f.imm, hi: f.next, target: -1, slot: f.slot }),
    },
    {
      opcode,
      text: "r{dst} = map[fd:{imm}]",
      src: 1,
      body: (f) => ({ kind: "ld_imm64", what: "map_fd", dst: f.dst, lo: f.imm, hi: 0, target: -1, slot: f.slot }),
    },
    {
      opcode,
      text: "r{dst} = map[fd:{imm}][0]+{next}",
      src: 2,
      body: (f) => ({
        kind: "ld_imm64",
        what: "map_value",
        dst: f.dst,
        lo: f.imm,
        hi: f.next,
        target: -1,
        slot: f.slot,
      }),
    },
    {
      opcode,
      text: "r{dst} = btf[{imm}]",
      src: 3,
      body: (f) => ({ kind: "ld_imm64", what: "ksym", dst: f.dst, lo: f.imm, hi: 0, target: -1, slot: f.slot }),
    },
    {
      opcode,
      text: "r{dst} = subprog[{tolong}]",
      src: 4,
      body: (f) => ({
        kind: "ld_imm64",
        what: "func",
        dst: f.dst,
        lo: f.imm,
        hi: 0,
        target: f.immTarget,
        slot: f.slot,
      }),
    },
    refused({ opcode, text: "r{dst} = map[idx:{imm}]", src: 5 }, MAP_BY_INDEX),
    refused({ opcode, text: "r{dst} = map[idx:{imm}][0]+{next}", src: 6 }, MAP_BY_INDEX),
  ];
}

function jumpRows(j: (typeof JUMPS)[number]): InsnRow[] {
  return [true, false].flatMap((wide): InsnRow[] => {
    const r = wide ? "r" : "w";
    const base = (wide ? 0x05 : 0x06) | j.code;
    return [
      {
        opcode: base,
        text: `if ${r}{dst} ${j.sign} {ximm} goto {to}`,
        body: (f) => ({
          kind: "jump",
          op: j.op,
          wide,
          dst: f.dst,
          src: -1,
          imm: f.imm,
          target: f.offTarget,
          slot: f.slot,
        }),
      },
      {
        opcode: base | 0x08,
        text: `if ${r}{dst} ${j.sign} ${r}{src} goto {to}`,
        body: (f) => ({
          kind: "jump",
          op: j.op,
          wide,
          dst: f.dst,
          src: f.src,
          imm: 0,
          target: f.offTarget,
          slot: f.slot,
        }),
      },
    ];
  });
}

function refused(row: Omit<InsnRow, "body">, refuse: string): InsnRow {
  return { ...row, refuse, body: (f) => ({ kind: "exit", slot: f.slot }) };
}
