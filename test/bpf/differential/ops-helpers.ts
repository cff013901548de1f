/** Helpers whose answers are the same on every run, one row each: what is passed in each argument. */
import type { Body } from "./body.ts";
import type { CaseKind } from "./case.ts";
import { mayClobber } from "./ops-flow.ts";
import { TEXT_MAP } from "./plan.ts";
import { CTX, SCALAR } from "./state.ts";

/** Fills the argument register. Earlier arguments are pinned. */
type Arg = (b: Body, reg: number) => void;

/** A helper that programs may call. */
export interface HelperRow {
  readonly id: number;
  readonly name: string;
  /** Types that may call it; absent: all. */
  readonly kinds?: readonly CaseKind[];
  readonly args: readonly Arg[];
  /** Packet pointers are lost. */
  readonly moves?: boolean;
  /** Written before the call. */
  readonly before?: (b: Body) => void;
}

const ctx: Arg = (b, reg) => {
  const from = b.ctx();
  if (from !== reg) b.code.move(reg, from);
  b.set(reg, CTX);
};

/** One of some constants. */
const oneOf =
  (...values: readonly number[]): Arg =>
  (b, reg) => {
    b.code.set(reg, b.pick(values));
    b.set(reg, SCALAR);
  };

/** Any scalar, often a small one. */
const some =
  (mask: number): Arg =>
  (b, reg) => {
    if (b.chance(2)) b.boundedScalar(reg, mask);
    else {
      b.code.set(reg, b.chance(6) ? b.imm() : b.rnd.below(mask + 1));
      b.set(reg, SCALAR);
    }
  };

/** A number around zero. */
const around =
  (...values: readonly number[]): Arg =>
  (b, reg) => {
    if (b.chance(4)) b.boundedScalar(reg, 31);
    else b.code.set(reg, b.chance(8) ? b.imm() : b.pick(values) * (b.chance(2) ? 1 : -1));
    b.set(reg, SCALAR);
  };

/** Bytes of the frame, and their number in the next register. @param zero the number may be 0 */
function buffer(max: number, zero: boolean, step: number = 1): Arg {
  return (b, reg) => {
    const room = Math.floor(Math.min(max, b.stackBytes) / step) * step;
    if (zero && step === 1 && b.chance(4)) {
      const mask = room > 15 ? 15 : 7;
      b.stackPointer(reg, 16, 8);
      b.pinned([reg], () => b.boundedScalar(reg + 1, mask));
    } else {
      const bytes = zero && b.chance(8) ? 0 : step * (1 + b.rnd.below(room / step));
      b.stackPointer(reg, Math.max(bytes, 1), step === 1 ? 1 : 8);
      b.code.set(reg + 1, bytes);
    }
    b.set(reg + 1, SCALAR);
  };
}

/** The register was filled along with the one before it. */
const filled: Arg = () => {};

/** So many aligned bytes of the frame. */
const fixed =
  (bytes: number): Arg =>
  (b, reg) => {
    b.stackPointer(reg, bytes, 8);
  };

/** A constant string of the frozen map. */
const text =
  (...offsets: readonly number[]): Arg =>
  (b, reg) => {
    b.code.imm64(reg, 2, TEXT_MAP, b.pick(offsets));
  };

/** Digits, where r1 will point: the frame is full of other bytes. */
const digits: Arg = (b, reg) => {
  const off = b.stackPlace(16, 8);
  const words = ["123456", " -77", "0x1fz", "0755", "-", "99999999999999999999", "+5", "", "\t\n42 ", "zz", "0x", "08"];
  const bytes = Buffer.alloc(16);
  bytes.write(b.pick(words), "latin1");
  for (let i = 0; i < 16; i += 4) b.code.emit(0x62, 10, 0, off + i, bytes.readInt32LE(i));
  b.code.move(reg, 10);
  b.code.add(reg, off);
  b.code.set(reg + 1, 1 + b.rnd.below(16));
  b.set(reg, { t: "mem", space: "stack", lo: 0, hi: 16, phase: off & 7 });
  b.set(reg + 1, SCALAR);
};

const TC: readonly CaseKind[] = ["sched_cls"];
const XDP: readonly CaseKind[] = ["xdp"];
const SKB: readonly CaseKind[] = ["sched_cls", "socket_filter"];
const HOOKS: readonly CaseKind[] = ["xdp", "sched_cls"];
const OFFSETS = [0, 1, 4, 8, 14, 16, 20, 24, 32, 40];

/** The rows. Offsets of texts within TEXT_MAP are those of `TEXTS` in generate.ts. */
export const helperRows: readonly HelperRow[] = [
  { id: 8, name: "get_smp_processor_id", args: [] },
  { id: 42, name: "get_numa_node_id", args: [] },
  {
    id: 28,
    name: "csum_diff",
    kinds: HOOKS,
    args: [buffer(64, true, 4), filled, buffer(64, true, 4), filled, some(0xff)],
  },
  { id: 105, name: "strtol", args: [digits, filled, oneOf(0, 8, 10, 16, 7), fixed(8)] },
  { id: 106, name: "strtoul", args: [digits, filled, oneOf(0, 8, 10, 16, 1), fixed(8)] },
  { id: 182, name: "strncmp", args: [buffer(8, false), filled, text(0, 2)] },
  { id: 165, name: "snprintf", args: [buffer(40, true), filled, text(8, 24), fixed(24), oneOf(24)] },
  { id: 44, name: "xdp_adjust_head", kinds: XDP, args: [ctx, around(4, 8, 14, 20, 64)], moves: true },
  { id: 65, name: "xdp_adjust_tail", kinds: XDP, args: [ctx, around(1, 4, 8, 20, 40)], moves: true },
  { id: 54, name: "xdp_adjust_meta", kinds: XDP, args: [ctx, around(4, 8, 16, 32, 3)], moves: true },
  { id: 188, name: "xdp_get_buff_len", kinds: XDP, args: [ctx] },
  { id: 189, name: "xdp_load_bytes", kinds: XDP, args: [ctx, some(63), buffer(40, false), filled] },
  { id: 190, name: "xdp_store_bytes", kinds: XDP, args: [ctx, some(63), buffer(40, false), filled] },
  {
    id: 163,
    name: "check_mtu",
    kinds: HOOKS,
    args: [ctx, oneOf(0, 1, 1, 9), fixed(8), around(0, 20, 70000), oneOf(0, 0, 1, 2)],
  },
  { id: 26, name: "skb_load_bytes", kinds: SKB, args: [ctx, some(63), buffer(40, false), filled] },
  {
    id: 68,
    name: "skb_load_bytes_relative",
    kinds: SKB,
    args: [ctx, some(31), buffer(24, false), filled, oneOf(0, 1, 1, 2)],
  },
  {
    id: 9,
    name: "skb_store_bytes",
    kinds: TC,
    args: [ctx, some(63), buffer(40, false), filled, oneOf(0, 0, 1, 2, 3, 4)],
    moves: true,
  },
  { id: 39, name: "skb_pull_data", kinds: TC, args: [ctx, some(63)], moves: true },
  {
    id: 10,
    name: "l3_csum_replace",
    kinds: TC,
    args: [ctx, oneOf(...OFFSETS), some(0xffff), some(0xffff), oneOf(0, 2, 4, 2, 3)],
    moves: true,
  },
  {
    id: 11,
    name: "l4_csum_replace",
    kinds: TC,
    args: [
      ctx,
      oneOf(...OFFSETS, 50, 64),
      some(0xffff),
      some(0xffff),
      oneOf(0, 2, 4, 0x12, 0x14, 0x22, 0x34, 0x62, 0x54, 0x82),
    ],
    moves: true,
  },
  { id: 40, name: "csum_update", kinds: TC, args: [ctx, some(0xffff)] },
  { id: 135, name: "csum_level", kinds: TC, args: [ctx, oneOf(0, 1, 2, 3, 4)] },
  { id: 38, name: "skb_change_tail", kinds: TC, args: [ctx, some(127), oneOf(0, 0, 0, 1)], moves: true },
  { id: 43, name: "skb_change_head", kinds: TC, args: [ctx, some(31), oneOf(0, 0, 0, 1)], moves: true },
  {
    id: 50,
    name: "skb_adjust_room",
    kinds: TC,
    args: [ctx, around(4, 8, 20, 40), oneOf(0, 0, 1, 2), oneOf(0, 0, 2, 4, 1, 0x20)],
    moves: true,
  },
  { id: 18, name: "skb_vlan_push", kinds: TC, args: [ctx, oneOf(0x0081, 0xa888, 0), some(0x3ff)], moves: true },
  { id: 19, name: "skb_vlan_pop", kinds: TC, args: [ctx], moves: true },
  {
    id: 31,
    name: "skb_change_proto",
    kinds: TC,
    args: [ctx, oneOf(0x0008, 0xdd86, 0), oneOf(0, 0, 0, 1)],
    moves: true,
  },
  { id: 32, name: "skb_change_type", kinds: TC, args: [ctx, oneOf(0, 1, 2, 3, 4, 5)] },
  { id: 41, name: "set_hash_invalid", kinds: TC, args: [ctx] },
  { id: 48, name: "set_hash", kinds: TC, args: [ctx, some(0xffff)] },
  { id: 17, name: "get_cgroup_classid", kinds: TC, args: [ctx] },
  { id: 24, name: "get_route_realm", kinds: TC, args: [ctx] },
  { id: 97, name: "skb_ecn_set_ce", kinds: TC, args: [ctx], moves: true },
  { id: 192, name: "skb_set_tstamp", kinds: TC, args: [ctx, some(0xffff), oneOf(0, 1, 2, 3)] },
];

/** A call of one of the rows. */
export function helper(b: Body): boolean {
  const rows = helperRows.filter((row) => row.kinds === undefined || row.kinds.includes(b.plan.kind));
  const row = b.pick(rows);
  const callback = b.role === "loop" || b.role === "each";
  if (!mayClobber(b) || (row.args.includes(ctx) && b.ctx() < 0) || (row.moves === true && callback)) return false;
  const set: number[] = [];
  row.args.forEach((arg, i) => {
    b.pinned(set, () => arg(b, i + 1));
    set.push(i + 1);
  });
  b.code.call(row.id);
  b.clobber(SCALAR);
  if (row.moves === true) b.losePacket();
  return true;
}

/** LD_ABS and LD_IND: network order, and the program ends when the packet is too short. Not in subprograms: see tailCall. */
export function legacyLoad(b: Body): boolean {
  if (b.plan.kind === "xdp" || b.role !== "main" || !mayClobber(b) || b.reg(6).t !== "ctx") return false;
  const size = b.pick([0x10, 0x08, 0x00]);
  const where = b.chance(10) ? -0x100000 : b.chance(10) ? -0x200000 : 0;
  const imm = where + b.rnd.below(b.chance(10) ? 200 : 40);
  if (b.chance(2)) b.code.emit(0x20 | size, 0, 0, 0, imm);
  else {
    const index = b.pick([7, 8].filter((r) => b.pins[r] === 0).concat(0));
    b.boundedScalar(index, 15);
    b.code.emit(0x40 | size, 0, index, 0, imm);
  }
  b.clobber(SCALAR);
  return true;
}
