/** Packets and contexts to run programs on. */
import type { RandomStream } from "../../../sim/engine/streams.ts";
import type { CaseKind, CasePacket } from "./case.ts";

const XDP_MD_BYTES = 24;
const SK_BUFF_BYTES = 192;
const LENGTHS = [14, 20, 34, 42, 54, 60, 64, 65, 96, 128];
const ETHERTYPES = [0x0800, 0x0800, 0x86dd, 0x0806, 0x8100, 0x1234];
const LEAST: Readonly<Record<number, number>> = { 2048: 34, 34525: 54 };

/** Three packets with their contexts. */
export function randomPackets(rnd: RandomStream, kind: CaseKind): CasePacket[] {
  return Array.from({ length: 3 }, () => packet(rnd, kind));
}

function packet(rnd: RandomStream, kind: CaseKind): CasePacket {
  const type = ETHERTYPES[rnd.below(ETHERTYPES.length)]!;
  // what is too short for its header is refused by BPF_PROG_RUN itself
  const length = Math.max(LENGTHS[rnd.below(LENGTHS.length)]!, LEAST[type] ?? 0);
  const data = Uint8Array.from({ length }, () => (rnd.below(2) === 0 ? rnd.below(256) : 0));
  data[12] = type >> 8;
  data[13] = type & 0xff;
  if (type === 0x0800) data.set([0x45, rnd.below(4)], 14);
  if (type === 0x86dd) data[14] = 0x60;
  return kind === "xdp" ? xdp(rnd, data) : { data, ctx: skb(rnd) };
}

function xdp(rnd: RandomStream, frame: Uint8Array): CasePacket {
  const meta = rnd.below(3) === 0 ? 4 * rnd.below(5) : 0;
  const data = new Uint8Array(meta + frame.length);
  for (let i = 0; i < meta; i++) data[i] = rnd.below(256);
  data.set(frame, meta);
  const ctx = new Uint8Array(XDP_MD_BYTES);
  const view = new DataView(ctx.buffer);
  view.setUint32(0, meta, true);
  view.setUint32(4, data.length, true);
  view.setUint32(12, rnd.below(2), true);
  return { data, ctx };
}

function skb(rnd: RandomStream): Uint8Array {
  const ctx = new Uint8Array(SK_BUFF_BYTES);
  const view = new DataView(ctx.buffer);
  // mark, priority, ingress_ifindex, ifindex, cb, tstamp, gso_segs
  for (const off of [8, 32, 48, 52, 56, 60, 64]) if (rnd.below(2) === 0) view.setUint32(off, rnd.u32(), true);
  view.setUint32(36, rnd.below(3), true);
  view.setUint32(40, rnd.below(2), true);
  if (rnd.below(3) === 0) view.setUint32(152, rnd.u32(), true);
  if (rnd.below(4) === 0) view.setUint32(164, rnd.below(9), true);
  return ctx;
}
