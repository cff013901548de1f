/** The table of connection tracking with more entries, time and mistakes than BPF_PROG_RUN shows; what Linux answers is in test/bpf/kfuncs. */
import { beforeEach, describe, expect, it } from "vitest";
import type { BpfMachine } from "../../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import { IPS_ASSURED, IPS_CONFIRMED, IPS_DYING } from "../../../sim/net/conntrack/status.ts";
import { BOTH_DIRECTIONS, Conntrack, conntrackOf } from "../../../sim/net/conntrack/table.ts";
import { invertTuple } from "../../../sim/net/conntrack/tuple.ts";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET } from "../../../sim/net/ip/address.ts";
import { TUPLE_BYTES, TUPLE_FAMILY, TUPLE_PROTOCOL } from "../../../sim/net/kernel-structs/nf-conn.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { frame, program, testKernel } from "../kit.ts";

const HZ = 250;
let host: Host;
let table: Conntrack;

beforeEach(() => {
  host = addHost(testKernel(), "h", { cpus: 2 });
  table = conntrackOf(host);
});

/** A tuple of flow number n at the table's first scratch. */
function tuple(n: number): number {
  const { arena, scratch } = table;
  arena.u8.fill(0, scratch, scratch + TUPLE_BYTES);
  arena.u32[scratch >>> 2] = n;
  arena.u8[scratch + TUPLE_FAMILY] = AF_INET;
  arena.u8[scratch + TUPLE_PROTOCOL] = 17;
  return scratch;
}

/** Puts flow n into the table; nobody holds it. */
function enter(n: number, now: number, seconds: number, status: number = 0): number {
  const ct = table.alloc(tuple(n), 0, BOTH_DIRECTIONS, now);
  if (ct === 0) return 0;
  table.conns.setTimeout(ct, now + seconds * HZ);
  table.conns.setStatus(ct, IPS_CONFIRMED | status);
  if (!table.insert(ct)) {
    table.free(ct);
    return -1;
  }
  table.put(ct);
  return ct;
}

function find(n: number, now: number): number {
  const node = table.findGet(tuple(n), 0, BOTH_DIRECTIONS, now);
  if (node !== 0) table.put(node & ~1);
  return node;
}

describe("the table", () => {
  it("finds each of ten thousand flows in both directions", () => {
    const entries = Array.from({ length: 10_000 }, (_, n) => enter(n + 1, 0, 100));
    const missed = entries.filter((ct, n) => {
      const reply = table.scratch + TUPLE_BYTES;
      invertTuple(table.arena, reply, tuple(n + 1));
      const node = table.findGet(reply, 0, BOTH_DIRECTIONS, 1);
      table.put(ct);
      return find(n + 1, 1) !== ct || node !== (ct | 1);
    });
    expect([new Set(entries).size, missed, find(10_001, 1)]).toEqual([10_000, [], 0]);
  });

  it("an entry that is found after its time goes, and its memory is used again", () => {
    const ct = enter(1, 0, 10);
    expect(find(1, 10 * HZ - 1)).toBe(ct);
    expect(find(1, 10 * HZ)).toBe(0);
    expect(table.count).toBe(0);
    expect(enter(2, 10 * HZ, 10)).toBe(ct);
  });

  it("times go on where 32 bits of jiffies end", () => {
    const now = 2 ** 32 - 1;
    const ct = enter(1, now, 10);
    expect(find(1, (now + 10 * HZ - 1) >>> 0)).toBe(ct);
    expect(find(1, (now + 10 * HZ) >>> 0)).toBe(0);
  });

  it("entries that nobody looks up go within a minute of new ones", () => {
    for (let n = 0; n < 100; n++) enter(n, 1, 10);
    enter(100, 1 + 11 * HZ, 100);
    expect(table.count).toBe(101);
    enter(101, 1 + 61 * HZ, 100);
    expect(table.count).toBe(2);
  });

  it("an entry that somebody holds when its time ends is marked as dying and goes with the last reference", () => {
    const ct = enter(1, 0, 10);
    table.findGet(tuple(1), 0, BOTH_DIRECTIONS, 1);
    expect(find(1, 10 * HZ)).toBe(0);
    expect(table.conns.status(ct) & IPS_DYING).toBe(IPS_DYING);
    expect(table.has(ct)).toBe(true);
    table.put(ct);
    expect(table.has(ct)).toBe(false);
  });

  it("a full one drops what is not assured, and refuses when all is", () => {
    table = new Conntrack(host.kernel.env.structs.conns, 8);
    for (let n = 1; n <= 8; n++) enter(n, 0, 1000, IPS_ASSURED);
    expect([table.count, enter(9, 0, 1000)]).toEqual([8, 0]);
    for (let n = 1; n <= 8; n++) table.conns.setStatus(find(n, 1), IPS_CONFIRMED);
    let made = 0;
    for (let n = 9; n < 100; n++) if (enter(n, 0, 1000) > 0) made++;
    expect(made).toBeGreaterThan(0);
    expect(table.count).toBeLessThanOrEqual(8);
  });
});

/** Allocates an entry: its address in r6. The tuple is at r10 - 16, the options at r10 - 32. */
const ALLOC = `
  r6 = r1
  *(u64 *)(r10 -16) = 7
  *(u64 *)(r10 -8) = 7
  *(u64 *)(r10 -24) = 17
  r1 = 0xffffffff ll
  *(u64 *)(r10 -32) = r1
  r1 = r6
  r2 = r10
  r2 += -16
  r3 = 12
  r4 = r10
  r4 += -32
  r5 = 12
  call kfunc[bpf_xdp_ct_alloc]
  if r0 == 0 goto none
  r6 = r0
`;
const END = "none: r0 = 2\nexit";
const call = (name: string): string => `r1 = r6\nr2 = 0\ncall kfunc[${name}]\n`;

/** What stops a program, in both engines alike. */
function fault(text: string): string {
  const messages = [false, true].map((interpreted) => {
    const fresh = addHost(testKernel(), "h", { cpus: 2 });
    const p = program(fresh, text, {});
    const interpreter = createInterpreter(fresh.kernel.machine as BpfMachine);
    try {
      const execute = interpreted ? { execute: (q: typeof p, ctx: number): number => interpreter.run(q, ctx) } : {};
      progTestRun(fresh, p, { data: frame(), ...execute });
      return "";
    } catch (e) {
      return (e as Error).message;
    }
  });
  expect(messages[0]).toBe(messages[1]);
  return messages[0]!;
}

describe("what Linux's verifier keeps programs from stops them", () => {
  it("an entry that is not in the table is neither released nor changed", () => {
    expect(fault(`${ALLOC}${call("bpf_ct_release")}${END}`)).toMatch(
      /expected pointer to STRUCT nf_conn but R1 has a pointer to STRUCT nf_conn___init/,
    );
    expect(fault(`${ALLOC}${call("bpf_ct_change_timeout")}${END}`)).toMatch(/nf_conn___init/);
  });

  it("what a program releases once more than it may is in the table still", () => {
    const text = `${ALLOC}${call("bpf_ct_set_status")}r1 = r6\nr2 = 100000\ncall kfunc[bpf_ct_set_timeout]\n`;
    const insert = `${text}r1 = r6\ncall kfunc[bpf_ct_insert_entry]\nif r0 == 0 goto none\n`;
    expect(fault(`${insert}${call("bpf_ct_release")}${call("bpf_ct_release")}${END}`)).toMatch(
      /expects refcounted PTR_TO_BTF_ID/,
    );
    expect(fault(`${insert}${call("bpf_ct_insert_entry")}${END}`)).toMatch(/R1 has a pointer to STRUCT nf_conn/);
  });

  it("what is no entry is none", () => {
    expect(fault(`${ALLOC}r6 += 8\n${call("bpf_ct_insert_entry")}${END}`)).toMatch(/nf_conn___init but R1 has none/);
  });

  it("nothing of an entry is written but its mark", () => {
    const mark = 168;
    expect(fault(`${ALLOC}*(u32 *)(r6 +${mark}) = 1\n${call("bpf_ct_insert_entry")}${END}`)).toBe("");
    expect(fault(`${ALLOC}*(u64 *)(r6 +${mark}) = 1\n${END}`)).toMatch(/write into struct nf_conn forbidden/);
    expect(fault(`${ALLOC}*(u8 *)(r6 +${mark - 1}) = 1\n${END}`)).toMatch(/write into struct nf_conn forbidden/);
    expect(fault(`${ALLOC}*(u32 *)(r6 +128) = 1\n${END}`)).toMatch(/write into struct nf_conn forbidden/);
  });
});
