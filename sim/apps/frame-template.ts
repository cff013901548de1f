/**
 * Frames from a template: the fixed part is laid out once, a frame is a copy of it with the ranges' values, lengths and checksums put in.
 *
 *     eth (14) | vlan (4) | arp (28)                                        |
 *                         | ip (20) or ip6 (40) | udp, tcp, icmp or icmp6   | payload, zeros up to the size |
 *
 * Ranges are gone through like an odometer: the one that the template names first turns fastest.
 */
import type { Arena } from "../engine/arena.ts";
import { BugError } from "../engine/errors.ts";
import type { RandomStream } from "../engine/streams.ts";
import { csumFold, csumPartial, csumPseudo } from "../net/checksum.ts";

/** A part of the frame that varies. */
export interface VaryingField {
  /** From the beginning of the frame, of a word of 1, 2 or 4 bytes in network order. */
  readonly offset: number;
  readonly bytes: number;
  /** Where the value stands in the word. */
  readonly mask: number;
  readonly shift: number;
  readonly first: number;
  readonly count: number;
}

/** A template whose fields are resolved to bytes; `parseTemplate` makes it. */
export interface FrameSpec {
  /** Headers and payload given by the template; lengths and checksums are 0 unless it names them. */
  readonly base: Uint8Array;
  readonly varying: readonly VaryingField[];
  /** Whole frame, bytes: first size and how many sizes, one byte apart. */
  readonly size: { readonly first: number; readonly count: number };
  /** Where the size stands among the ranges: so many of `varying` turn faster. */
  readonly sizeOrder: number;
  /** Offsets of headers, -1: not there. */
  readonly ip4: number;
  readonly ip6: number;
  readonly l4: number;
  /** IP protocol of the header at l4, 0 for none: 1, 6, 17, 58. */
  readonly proto: number;
  /** Fields that the template sets itself and that are left as they are. */
  readonly keep: {
    readonly ipLen: boolean;
    readonly ipCsum: boolean;
    readonly l4Len: boolean;
    readonly l4Csum: boolean;
  };
}

const PROTO_ICMP = 1;
const PROTO_TCP = 6;
const PROTO_UDP = 17;
const PROTO_ICMPV6 = 58;

export class FrameTemplate {
  private readonly spec: FrameSpec;
  private readonly random: RandomStream | null;
  private readonly sizeRadix: number;

  /** @param random draws every range anew; null: in sequence */
  constructor(spec: FrameSpec, random: RandomStream | null) {
    this.spec = spec;
    this.random = random;
    let radix = 1;
    for (let i = 0; i < spec.sizeOrder; i++) radix *= spec.varying[i]!.count;
    this.sizeRadix = radix;
  }

  /** How many different frames there are in sequence. */
  get combinations(): number {
    let n = this.spec.size.count;
    for (const v of this.spec.varying) n *= v.count;
    return n;
  }

  /** Length of frame n, bytes. Random sizes: each call draws one. */
  sizeOf(n: number): number {
    const { first, count } = this.spec.size;
    if (count === 1) return first;
    if (this.random !== null) return first + this.random.below(count);
    return first + (Math.floor(n / this.sizeRadix) % count);
  }

  /** Writes frame n of that length to the arena. */
  write(n: number, arena: Arena, at: number, len: number): void {
    const s = this.spec;
    const { u8, dv } = arena;
    const copied = Math.min(s.base.length, len);
    u8.set(copied === s.base.length ? s.base : s.base.subarray(0, copied), at);
    if (len > copied) u8.fill(0, at + copied, at + len);
    let rest = n;
    for (let i = 0; i < s.varying.length; i++) {
      const v = s.varying[i]!;
      if (i === s.sizeOrder) rest = Math.floor(rest / s.size.count);
      let value: number;
      if (this.random !== null) value = v.first + this.random.below(v.count);
      else {
        value = v.first + (rest % v.count);
        rest = Math.floor(rest / v.count);
      }
      put(dv, at + v.offset, v, value);
    }
    if (s.ip4 >= 0 || s.ip6 >= 0) this.finishIp(arena, at, len);
  }

  private finishIp(arena: Arena, at: number, len: number): void {
    const s = this.spec;
    const dv = arena.dv;
    const end = at + len;
    const l4 = at + s.l4;
    const l4Bytes = end - l4;
    if (s.ip4 >= 0) {
      const ip = at + s.ip4;
      if (!s.keep.ipLen) dv.setUint16(ip + 2, end - ip);
      if (!s.keep.ipCsum) {
        dv.setUint16(ip + 10, 0);
        dv.setUint16(ip + 10, csumFold(csumPartial(arena, ip, 20, 0)), true);
      }
    } else if (!s.keep.ipLen) dv.setUint16(at + s.ip6 + 4, end - (at + s.ip6) - 40);
    if (s.proto === 0) return;
    if (s.proto === PROTO_UDP && !s.keep.l4Len) dv.setUint16(l4 + 4, l4Bytes);
    if (s.keep.l4Csum) return;
    const field = l4 + checksumOffset(s.proto);
    dv.setUint16(field, 0);
    let seed = 0;
    if (s.ip6 >= 0) seed = csumPseudo(arena, at + s.ip6 + 8, 32, l4Bytes, s.proto);
    else if (s.proto !== PROTO_ICMP) seed = csumPseudo(arena, at + s.ip4 + 12, 8, l4Bytes, s.proto);
    const sum = csumFold(csumPartial(arena, l4, l4Bytes, seed));
    dv.setUint16(field, sum === 0 && s.proto === PROTO_UDP ? 0xffff : sum, true);
  }
}

function checksumOffset(proto: number): number {
  switch (proto) {
    case PROTO_ICMP:
    case PROTO_ICMPV6:
      return 2;
    case PROTO_UDP:
      return 6;
    case PROTO_TCP:
      return 16;
    default:
      throw new BugError("TEMPLATE_PROTO", `no checksum of protocol ${proto}`);
  }
}

function put(dv: DataView, at: number, v: VaryingField, value: number): void {
  const placed = (value << v.shift) & v.mask;
  if (v.bytes === 4) dv.setUint32(at, (dv.getUint32(at) & ~v.mask) | placed);
  else if (v.bytes === 2) dv.setUint16(at, (dv.getUint16(at) & ~v.mask) | placed);
  else dv.setUint8(at, (dv.getUint8(at) & ~v.mask) | placed);
}
