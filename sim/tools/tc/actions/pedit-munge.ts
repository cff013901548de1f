/** What `pedit munge` writes, from its words. @source iproute2 tc/m_pedit.c parse_munge, parse_cmd, pack_key*; tc/p_ip.c, p_ip6.c, p_eth.c, p_tcp.c, p_udp.c */
import { AF_INET, AF_INET6 } from "../../../net/ip/address.ts";
import {
  PEDIT_ETH,
  PEDIT_IP4,
  PEDIT_IP6,
  PEDIT_NETWORK,
  PEDIT_TCP,
  PEDIT_UDP,
  type PeditKey,
} from "../../../net/tc/actions/pedit.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import { prefixOf } from "../addresses.ts";
import { advance, integerOf, refusal, unsignedOf } from "../arguments.ts";

/** Bytes of a field; addresses and MACs have kinds of their own. */
type FieldKind = 1 | 2 | 4 | "ip4" | "ip6" | "mac";

/** One field of a header. */
interface Field {
  readonly kind: FieldKind;
  readonly off: number;
  /** Bits that may change. */
  readonly retain?: number;
  readonly decrement?: true;
  /** Not with `ex`: it lies in another header. */
  readonly plainOnly?: true;
  /** Abbreviations are taken. */
  readonly short?: true;
}

const RU8 = 0xff;
const RU16 = 0xffff;
const RU32 = 0xffffffff;
const MAX_KEYS = 128;

const IP: readonly (readonly [string, Field])[] = [
  ["src", { kind: "ip4", off: 12 }],
  ["dst", { kind: "ip4", off: 16 }],
  ["tos", { kind: 1, off: 1 }],
  ["dsfield", { kind: 1, off: 1, short: true }],
  ["ihl", { kind: 1, off: 0, retain: 0x0f }],
  ["ttl", { kind: 1, off: 8, decrement: true }],
  ["protocol", { kind: 1, off: 9 }],
  ["precedence", { kind: 1, off: 1, short: true }],
  ["nofrag", { kind: 1, off: 6, retain: 0x3f }],
  ["firstfrag", { kind: 1, off: 6, retain: 0x1f }],
  ["ce", { kind: 1, off: 6, retain: 0x80 }],
  ["df", { kind: 1, off: 6, retain: 0x40 }],
  ["mf", { kind: 1, off: 6, retain: 0x20 }],
  ["dport", { kind: 2, off: 22, plainOnly: true }],
  ["sport", { kind: 2, off: 20, plainOnly: true }],
  ["icmp_type", { kind: 1, off: 20, plainOnly: true }],
  ["icmp_code", { kind: 1, off: 20, plainOnly: true }],
];
const IP6: readonly (readonly [string, Field])[] = [
  ["src", { kind: "ip6", off: 8 }],
  ["dst", { kind: "ip6", off: 24 }],
  ["flow_lbl", { kind: 4, off: 0, retain: 0x0007ffff }],
  ["payload_len", { kind: 2, off: 4 }],
  ["nexthdr", { kind: 1, off: 6 }],
  ["hoplimit", { kind: 1, off: 7, decrement: true }],
  ["traffic_class", { kind: 1, off: 1 }],
];
const PORTS: readonly (readonly [string, Field])[] = [
  ["sport", { kind: 2, off: 0 }],
  ["dport", { kind: 2, off: 2 }],
];
const TCP: readonly (readonly [string, Field])[] = [...PORTS, ["flags", { kind: 1, off: 13 }]];
const ETH: readonly (readonly [string, Field])[] = [
  ["type", { kind: 2, off: 12 }],
  ["dst", { kind: "mac", off: 0 }],
  ["src", { kind: "mac", off: 6 }],
];
/** Headers by their words; those with `ex` need it. */
const LAYERS: Readonly<
  Record<
    string,
    { readonly header: number; readonly ex: boolean; readonly fields: readonly (readonly [string, Field])[] }
  >
> = {
  ip: { header: PEDIT_IP4, ex: false, fields: IP },
  ip6: { header: PEDIT_IP6, ex: true, fields: IP6 },
  tcp: { header: PEDIT_TCP, ex: true, fields: TCP },
  udp: { header: PEDIT_UDP, ex: true, fields: PORTS },
  eth: { header: PEDIT_ETH, ex: true, fields: ETH },
  icmp: { header: PEDIT_NETWORK, ex: true, fields: [] },
};

/** A place that is written to, before its value is known. */
interface Place {
  readonly header: number;
  readonly off: number;
  readonly at: number;
  readonly offmask: number;
  readonly shift: number;
}

/** What a command says of a field: words of the value, bits that stay, bits that may change. */
interface Change {
  readonly words: readonly number[];
  readonly mask: number;
  readonly add: boolean;
  readonly retain: number;
}

/** The keys of one pedit in the making. */
export class PeditSelector {
  extended: boolean = false;
  readonly keys: PeditKey[] = [];

  /** Takes what stands behind `munge`. @throws ToolError 1 */
  take(words: Words): void {
    const w = words.peek()!;
    if (matches(w, "offset")) {
      advance(words);
      this.takeOffset(words);
      return;
    }
    const layer = LAYERS[w];
    if (layer === undefined) {
      const next = advance(words);
      throw refusal(`Unknown action  hence option "${next}" is unparsable\nbad pedit parsing\n`);
    }
    advance(words);
    const name = words.peek()!;
    const field = layer.fields.find(([n, f]) => (f.short ? matches(name, n) : name === n))?.[1];
    const usable = words.left >= 2 && (!layer.ex || this.extended) && !(field?.plainOnly && this.extended);
    if (field === undefined || !usable) throw refusal("bad pedit parsing\n");
    advance(words);
    const header = this.extended ? layer.header : PEDIT_NETWORK;
    this.takeChange(words, field, { header, off: field.off, at: 0, offmask: 0, shift: 0 });
    if (name === "traffic_class") this.shiftTrafficClass();
  }

  /** `offset N u8|u16|u32 [at N offmask HEX shift N] CMD`. */
  private takeOffset(words: Words): void {
    const off = integerOf(words.next(), 0);
    const size = words.done ? "" : words.peek()!;
    const kind = matches(size, "u32") ? 4 : matches(size, "u16") ? 2 : matches(size, "u8") ? 1 : null;
    if (off === null || kind === null) throw refusal("");
    let w = advance(words);
    const place = { header: PEDIT_NETWORK, off, at: 0, offmask: 0, shift: 0 };
    if (matches(w, "at")) {
      // the words `offmask` and `shift` are not looked at
      const numbers = [0, 16, 0].map((base) => unsignedOf(advance(words), base));
      if (numbers.some((n) => n === null)) throw refusal("");
      [place.at, place.offmask, place.shift] = numbers as [number, number, number];
      w = advance(words);
    }
    this.takeChange(words, { kind, off }, place);
  }

  /** parse_cmd. */
  private takeChange(words: Words, field: Field, place: Place): void {
    const bytes = typeof field.kind === "number" ? field.kind : field.kind === "ip4" ? 4 : 8;
    const full = bytes === 1 ? RU8 : bytes === 2 ? RU16 : RU32;
    let retain = field.retain ?? full;
    let mask = 0;
    let add = false;
    let value: readonly number[] = [0, 0, 0, 0];
    const w = words.peek()!;
    if (matches(w, "invert")) {
      value = [full];
      mask = full;
    } else if (matches(w, "set") || matches(w, "add")) {
      add = matches(w, "add");
      if (add && !this.extended) throw onlySet();
      value = wordsOf(advance(words), field.kind);
    } else if (matches(w, "decrement")) {
      if (!field.decrement) throw refusal("decrement command is not supported for this field\n");
      if (!this.extended) throw onlySet();
      add = true;
      value = [retain];
    } else if (matches(w, "preserve")) retain = 0;
    else if (!matches(w, "clear")) throw refusal("");
    words.next();
    const next = words.peek();
    if (next !== undefined && matches(next, "retain")) {
      const n = unsignedOf(advance(words), 0);
      if (n === null) throw refusal("");
      retain = n;
      words.next();
    }
    if (bytes > 4 && retain !== RU32) throw refusal("retain is not supported for fields longer the 32 bits\n");
    this.pack(place, field.kind, { words: value, mask, add, retain });
  }

  private pack(place: Place, kind: FieldKind, c: Change): void {
    if (kind === "mac") this.packMac(place, c);
    else if (kind === "ip6") {
      for (let i = 0; i < 4; i++) {
        this.push({ ...place, off: place.off + 4 * i, add: c.add, val: (c.words[i] ?? 0) | 0, mask: 0 });
      }
    } else if (kind === 4 || kind === "ip4") this.pack32(place, c);
    else if (kind === 2) this.pack16(place, c);
    else this.pack8(place, c);
  }

  private pack32(place: Place, c: Change): void {
    if ((place.off & 3) !== 0) throw refusal("pack_key32: 32 bit offsets must begin in 32bit boundaries\n");
    this.push({ ...place, add: c.add, val: c.words[0]! & c.retain, mask: c.mask | ~c.retain });
  }

  private pack16(place: Place, c: Change): void {
    if (c.words[0]! >>> 0 > RU16 || c.mask > RU16) throw refusal("pack_key16 bad value\n");
    const at = place.off & 3;
    if (at === 3) throw refusal(`pack_key16 bad index value ${at}\n`);
    this.packField(place, c, 8 * (2 - at), RU16);
  }

  private pack8(place: Place, c: Change): void {
    if (c.words[0]! >>> 0 > RU8 || c.mask > RU8) {
      const text = `(val ${(c.words[0]! >>> 0).toString(16)} mask ${c.mask.toString(16)}`;
      throw refusal(`pack_key8 bad value ${text}\n`);
    }
    this.packField(place, c, 8 * (3 - (place.off & 3)), RU8);
  }

  private packField(place: Place, c: Change, stride: number, field: number): void {
    const val = (c.words[0]! & c.retain) << stride;
    const mask = ((c.mask | ~c.retain) << stride) | ~(field << stride);
    this.push({ ...place, off: place.off & ~3, add: c.add, val, mask });
  }

  private packMac(place: Place, c: Change): void {
    const high = c.words[0]!;
    const low = c.words[1]!;
    const all = { mask: 0, add: c.add, retain: -1 };
    if ((place.off & 3) === 0) {
      this.pack32(place, { ...all, words: [high] });
      this.pack16({ ...place, off: place.off + 4 }, { ...all, words: [low] });
      return;
    }
    this.pack16(place, { ...all, words: [high >>> 16] });
    this.pack32({ ...place, off: (place.off & ~3) + 4 }, { ...all, words: [(high << 16) | low] });
  }

  private push(key: PeditKey): void {
    if (this.keys.length >= MAX_KEYS) throw refusal("");
    if (key.off % 4 !== 0) throw refusal("offsets MUST be in 32 bit boundaries\n");
    this.keys.push({ ...key, val: key.val | 0, mask: key.mask | 0 });
  }

  /** The traffic class lies across two bytes. */
  private shiftTrafficClass(): void {
    const last = this.keys.pop()!;
    this.keys.push({ ...last, val: last.val << 4, mask: (last.mask << 4) | 0xf });
  }
}

function onlySet(): Error {
  return refusal("Non extended mode. only 'set' command is supported\n");
}

/** parse_val. */
function wordsOf(text: string, kind: FieldKind): readonly number[] {
  if (kind === "mac") {
    if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) throw refusal("");
    const b = text.split(":").map((x) => Number.parseInt(x, 16));
    return [(b[0]! << 24) | (b[1]! << 16) | (b[2]! << 8) | b[3]!, (b[4]! << 8) | b[5]!];
  }
  if (kind === "ip4" || kind === "ip6") {
    const p = prefixOf(text, kind === "ip4" ? AF_INET : AF_INET6);
    if (p === null) throw refusal("");
    return p.words;
  }
  const n = unsignedOf(text, 0);
  if (n === null) throw refusal("");
  return [n];
}
