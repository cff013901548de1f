/**
 * Cases and answers as bytes: what test/kernel/differential/runner.c reads and writes, and what the recorded sample is made of.
 * All numbers are little endian.
 *
 *     request   u8 program type, u8 maps, u8 programs, u8 tails, u8 packets
 *       map     u8 type, u32 key size, u32 value size, u32 max entries, u32 flags, u8 inner, u8 frozen, u16 entries, (key, value)*
 *       program u16 slots, slots, u16 functions, u16 slot each
 *       tail    u8 map, u8 slot, u8 program
 *       packet  u16 length, bytes, u16 length of the context, context
 *     answer    u32 status: 0 answered, 1 a map is refused, 2 a program is refused
 *       0       per packet u32 errno, u32 r0, u32 length, bytes, u32 length of the context, context;
 *               per map u32 elements, (key, value as user space sees it)*
 *       1, 2    u32 which, u32 errno, u32 length, log
 */
import {
  type Answer,
  CASE_KINDS,
  type Case,
  type CaseKind,
  type CaseRun,
  hexOf,
  orderElements,
  type Refusal,
} from "./case.ts";
import { userValueBytes } from "./map-shape.ts";

class Writer {
  private bytes: Buffer = Buffer.alloc(4096);
  private length: number = 0;

  number(value: number, width: 1 | 2 | 4): void {
    this.room(width);
    this.bytes.writeUIntLE(width === 4 ? value >>> 0 : value, this.length, width);
    this.length += width;
  }

  put(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  done(): Uint8Array {
    return new Uint8Array(this.bytes.subarray(0, this.length));
  }

  private room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const wider = Buffer.alloc((this.length + more) * 2);
    wider.set(this.bytes);
    this.bytes = wider;
  }
}

class Reader {
  private readonly bytes: Buffer;
  private at: number = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  number(width: 1 | 2 | 4): number {
    this.at += width;
    return this.bytes.readUIntLE(this.at - width, width);
  }

  take(count: number): Uint8Array {
    this.at += count;
    return Uint8Array.from(this.bytes.subarray(this.at - count, this.at));
  }
}

/** A case as the runner reads it. */
export function encodeCase(c: Case): Uint8Array {
  const w = new Writer();
  for (const n of [CASE_KINDS[c.kind], c.maps.length, c.programs.length, c.tails.length, c.packets.length])
    w.number(n, 1);
  for (const m of c.maps) {
    w.number(m.type, 1);
    for (const n of [m.keySize, m.valueSize, m.maxEntries, m.flags]) w.number(n, 4);
    w.number(m.inner, 1);
    w.number(m.frozen ? 1 : 0, 1);
    w.number(m.entries.length, 2);
    for (const [key, value] of m.entries) {
      w.put(key);
      w.put(padded(value, m.valueSize));
    }
  }
  for (const p of c.programs) {
    w.number(p.insns.length / 8, 2);
    w.put(p.insns);
    w.number(p.funcs.length, 2);
    for (const slot of p.funcs) w.number(slot, 2);
  }
  for (const tail of c.tails) for (const n of tail) w.number(n, 1);
  for (const p of c.packets) {
    w.number(p.data.length, 2);
    w.put(p.data);
    w.number(p.ctx.length, 2);
    w.put(p.ctx);
  }
  return w.done();
}

/** The inverse of encodeCase. */
export function decodeCase(bytes: Uint8Array): Case {
  const r = new Reader(bytes);
  const type = r.number(1);
  const kind = (Object.keys(CASE_KINDS) as CaseKind[]).find((k) => CASE_KINDS[k] === type)!;
  const [maps, programs, tails, packets] = [r.number(1), r.number(1), r.number(1), r.number(1)];
  return {
    kind,
    maps: times(maps, () => {
      const m = {
        type: r.number(1),
        keySize: r.number(4),
        valueSize: r.number(4),
        maxEntries: r.number(4),
        flags: r.number(4),
        inner: r.number(1),
        frozen: r.number(1) !== 0,
      };
      return { ...m, entries: times(r.number(2), () => [r.take(m.keySize), r.take(m.valueSize)] as const) };
    }),
    programs: times(programs, () => ({
      insns: r.take(r.number(2) * 8),
      funcs: times(r.number(2), () => r.number(2)),
    })),
    tails: times(tails, () => [r.number(1), r.number(1), r.number(1)] as const),
    packets: times(packets, () => ({ data: r.take(r.number(2)), ctx: r.take(r.number(2)) })),
  };
}

/** What the runner answered. @param cpus that per-CPU maps have values of */
export function decodeAnswer(c: Case, bytes: Uint8Array, cpus: number): Answer | Refusal {
  const r = new Reader(bytes);
  const status = r.number(4);
  if (status !== 0) {
    const [index, errno] = [r.number(4), r.number(4)];
    const log = Buffer.from(r.take(r.number(4))).toString("latin1");
    return { what: status === 1 ? "map" : "program", index, errno, log };
  }
  const runs = c.packets.map((): CaseRun => {
    const [errno, retval] = [r.number(4), r.number(4)];
    return { errno, retval, data: r.take(r.number(4)), ctx: r.take(r.number(4)) };
  });
  const maps = c.maps.map((m) => {
    const size = m.keySize + userValueBytes(m, cpus);
    return orderElements(
      m,
      times(r.number(4), () => hexOf(r.take(size))),
    );
  });
  return { runs, maps };
}

function padded(value: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  out.set(value);
  return out;
}

function times<T>(count: number, make: () => T): T[] {
  const out: T[] = [];
  for (let i = 0; i < count; i++) out.push(make());
  return out;
}
