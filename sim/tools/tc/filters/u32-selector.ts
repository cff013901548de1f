/**
 * What u32 compares, from the words `match ip dst 10.0.0.0/8`, `offset at 0 mask 0f00 shift 6`, `hashkey mask ff at 16`.
 *
 * @source iproute2 tc/f_u32.c parse_selector, pack_key, pack_key16, pack_key8, parse_offset, parse_hashkey
 */
import { AF_INET, AF_INET6 } from "../../../net/ip/address.ts";
import { TC_U32_EAT, TC_U32_OFFSET, TC_U32_VAROFFSET, type U32Sel } from "../../../net/tc/cls/u32-tables.ts";
import { matches, notInNetsim, type Words } from "../../rtnetlink.ts";
import { ToolError } from "../../tool.ts";
import { prefixOf } from "../addresses.ts";
import { advance, integerOf, refusal, unsignedOf } from "../arguments.ts";

/** Keys of one selector. */
const MAX_KEYS = 128;

/** Where a key is compared: offset from the network header, or from the next header with `nexthdr+`. */
interface Place {
  readonly off: number;
  /** -1: `nexthdr+`. */
  readonly offmask: number;
}

/** Fields of IPv4 by their words: width in bits and offset. The first word that fits is meant. */
const IP_FIELDS: readonly (readonly [word: string, exact: boolean, bits: 8 | 16, off: number])[] = [
  ["tos", true, 8, 1],
  ["dsfield", false, 8, 1],
  ["precedence", false, 8, 1],
  ["ihl", true, 8, 0],
  ["protocol", true, 8, 9],
  ["dport", true, 16, 22],
  ["sport", true, 16, 20],
  ["icmp_type", true, 8, 20],
  ["icmp_code", true, 8, 21],
];
/** IPv4's flags: value and mask of the 16 bits at 6. */
const IP_FRAGMENT: Readonly<Record<string, readonly [number, number]>> = {
  nofrag: [0, 0x3fff],
  firstfrag: [0x2000, 0x3fff],
  df: [0x4000, 0x4000],
  mf: [0x2000, 0x2000],
};
/** Fields of IPv6: width, offset, offmask (icmp_code's is a slip of tc's that counts). */
const IP6_FIELDS: Readonly<Record<string, readonly [8 | 16 | 32, number, number]>> = {
  protocol: [8, 6, 0],
  flowlabel: [32, 0, 0],
  dport: [16, 42, 0],
  sport: [16, 40, 0],
  icmp_type: [8, 40, 0],
  icmp_code: [8, 41, 1],
};

/** A selector in the making. */
export class U32Selector {
  flags: number = 0;
  private offshift: number = 0;
  private offmask: number = 0;
  private off: number = 0;
  private offoff: number = 0;
  private hoff: number = 0;
  private hmask: number = 0;
  private readonly keys: number[] = [];

  finish(): U32Sel {
    const { flags, offshift, offmask, off, offoff, hoff, hmask } = this;
    return { flags, offshift, offmask, off, offoff, hoff, hmask, keys: Int32Array.from(this.keys) };
  }

  /** parse_selector. @throws ToolError 1 ending in `illegal` */
  takeMatch(words: Words, illegal: string): void {
    try {
      this.take(words);
    } catch (error) {
      if (!(error instanceof ToolError) || error.status !== 1) throw error;
      throw refusal(error.stderr + illegal);
    }
  }

  private take(words: Words): void {
    const w = words.peek() ?? "";
    advance(words);
    if (matches(w, "u32")) this.takeNumber(words, 32, { off: 0, offmask: 0 });
    else if (matches(w, "u16")) this.takeNumber(words, 16, { off: 0, offmask: 0 });
    else if (matches(w, "u8")) this.takeNumber(words, 8, { off: 0, offmask: 0 });
    else if (matches(w, "ip")) this.takeIp(words);
    else if (matches(w, "ip6")) this.takeIp6(words);
    else if (matches(w, "udp") || matches(w, "tcp")) this.takePort(words);
    else if (matches(w, "icmp")) this.takeIcmp(words);
    else if (matches(w, "mark"))
      throw notInNetsim("`u32 match mark`", "like the reference kernel (CONFIG_CLS_U32_MARK)");
    else if (matches(w, "ether")) this.takeEther(words);
    else throw refusal("");
  }

  /** `VALUE MASK [at OFFSET]`. */
  private takeNumber(words: Words, bits: 8 | 16 | 32, place: Place): void {
    if (words.left < 2) throw refusal("");
    const key = unsignedOf(words.next(), 0);
    const mask = key === null ? null : unsignedOf(words.next(), 16);
    if (key === null || mask === null || (bits === 8 && (key > 0xff || mask > 0xff))) throw refusal("");
    this.pack(bits, key, mask, takeAt(words, place));
  }

  /** pack_key8, pack_key16, pack_key32: the word that holds the field. */
  private pack(bits: 8 | 16 | 32, key: number, mask: number, { off, offmask }: Place): void {
    if (bits === 32) {
      this.packWord(key | 0, mask | 0, off, offmask);
      return;
    }
    const max = bits === 8 ? 0xff : 0xffff;
    if (key > max || mask > max) throw refusal("");
    const low = off & 3;
    const shift = bits === 8 ? (3 - low) * 8 : low === 0 ? 16 : 0;
    this.packWord(key << shift, mask << shift, off & ~3, offmask);
  }

  /** pack_key: values in host order, signed. */
  private packWord(given: number, mask: number, off: number, offmask: number): void {
    const key = given & mask;
    const { keys } = this;
    for (let k = 0; k < keys.length; k += 4) {
      if (keys[k + 2] !== off || keys[k + 3] !== offmask) continue;
      if (((key ^ keys[k]!) & mask & keys[k + 1]!) !== 0) throw refusal("");
      keys[k]! |= key;
      keys[k + 1]! |= mask;
      return;
    }
    if (keys.length >= MAX_KEYS * 4 || off % 4 !== 0) throw refusal("");
    keys.push(key, mask, off, offmask);
  }

  private takeIp(words: Words): void {
    const w = twoWords(words);
    if (w === "src" || w === "dst") {
      advance(words);
      this.takeIpAddress(words, w === "src" ? 12 : 16);
      return;
    }
    const field = IP_FIELDS.find(([name, exact]) => (exact ? w === name : matches(w, name)));
    if (field !== undefined) {
      advance(words);
      this.takeNumber(words, field[2], { off: field[3], offmask: 0 });
      return;
    }
    const flag = IP_FRAGMENT[w];
    if (flag === undefined) throw refusal("");
    words.next();
    this.pack(16, flag[0], flag[1], { off: 6, offmask: 0 });
  }

  private takeIpAddress(words: Words, off: number): void {
    const prefix = prefixOf(words.next(), AF_INET);
    if (prefix === null) throw refusal("");
    const at = takeAt(words, { off, offmask: 0 });
    this.packWord(prefix.words[0]!, maskOf(prefix.bits), at.off, at.offmask);
  }

  private takeIp6(words: Words): void {
    const w = twoWords(words);
    advance(words);
    if (w === "src" || w === "dst") {
      this.takeIp6Address(words, w === "src" ? 8 : 24);
      return;
    }
    if (w === "priority") {
      const key = unsignedOf(words.next(), 0);
      const mask = words.done ? null : unsignedOf(words.next(), 16);
      if (key === null || mask === null || key > 0xff || mask > 0xff) throw refusal("");
      this.packWord(key << 20, mask << 20, 0, 0);
      return;
    }
    const field = IP6_FIELDS[w];
    if (field === undefined) throw refusal("");
    this.takeNumber(words, field[0], { off: field[1], offmask: field[2] });
  }

  private takeIp6Address(words: Words, off: number): void {
    const prefix = prefixOf(words.next(), AF_INET6);
    if (prefix === null) throw refusal("");
    const at = takeAt(words, { off, offmask: 0 });
    for (let i = 0; i < prefix.bits; i += 32) {
      this.packWord(prefix.words[i / 32]!, maskOf(Math.min(32, prefix.bits - i)), at.off + i / 8, at.offmask);
    }
  }

  private takePort(words: Words): void {
    const w = twoWords(words);
    if (w !== "src" && w !== "dst") throw refusal("");
    advance(words);
    this.takeNumber(words, 16, { off: w === "src" ? 0 : 2, offmask: -1 });
  }

  private takeIcmp(words: Words): void {
    const w = twoWords(words);
    if (w !== "type" && w !== "code") throw refusal("");
    advance(words);
    this.takeNumber(words, 8, { off: w === "type" ? 0 : 1, offmask: -1 });
  }

  private takeEther(words: Words): void {
    const w = twoWords(words);
    if (w !== "src" && w !== "dst") throw refusal(`Unknown match: ether ${w}\n`);
    const text = advance(words);
    const bytes = /^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text) ? text.split(":").map((b) => parseInt(b, 16)) : null;
    if (bytes === null) throw refusal(`parse_ether_addr: improperly formed address '${text}'\n`);
    words.next();
    const at = takeAt(words, { off: w === "src" ? -8 : -14, offmask: 0 });
    for (const [i, byte] of bytes.entries()) this.pack(8, byte, 0xff, { off: at.off + i, offmask: at.offmask });
  }

  /** parse_offset. */
  takeOffset(words: Words): void {
    const illegal = 'Illegal "offset"\n';
    for (let w = words.peek(); w !== undefined; w = words.peek()) {
      if (matches(w, "eat")) {
        this.flags |= TC_U32_EAT;
        words.next();
        continue;
      }
      const key = (["plus", "at", "mask", "shift"] as const).find((k) => matches(w, k));
      if (key === undefined) return;
      const text = advance(words);
      const n = key === "mask" ? unsignedOf(text, 16, 0xffff) : integerOf(text, 0);
      if (n === null) throw refusal(illegal);
      if (key === "plus") this.off = n & 0xffff;
      else if (key === "mask") this.offmask = n;
      else if (key === "shift") this.offshift = n & 0xff;
      else {
        this.offoff = (n << 16) >> 16;
        if (n % 2 !== 0) throw refusal(`offset "at" must be even\n${illegal}`);
      }
      this.flags |= key === "plus" ? TC_U32_OFFSET : TC_U32_VAROFFSET;
      words.next();
    }
  }

  /** parse_hashkey. */
  takeHashkey(words: Words): void {
    for (let w = words.peek(); w !== undefined; w = words.peek()) {
      const isMask = matches(w, "mask");
      if (!isMask && !matches(w, "at")) return;
      const text = advance(words);
      const n = isMask ? unsignedOf(text, 16) : integerOf(text, 0);
      if (n === null || (!isMask && n % 4 !== 0)) throw refusal('Illegal "hashkey"\n');
      if (isMask) this.hmask = n | 0;
      else this.hoff = (n << 16) >> 16;
      words.next();
    }
  }
}

/** The current word, with one behind it. */
function twoWords(words: Words): string {
  if (words.left < 2) throw refusal("");
  return words.peek()!;
}

/** `at OFFSET`, `at nexthdr+OFFSET`. */
function takeAt(words: Words, place: Place): Place {
  if (words.peek() !== "at") return place;
  let text = advance(words);
  let { offmask } = place;
  if (text.length > 8 && text.startsWith("nexthdr+")) {
    offmask = -1;
    text = text.slice(8);
  } else if (matches(text, "nexthdr+")) {
    text = advance(words);
    offmask = -1;
  }
  const off = integerOf(text, 0);
  if (off === null) throw refusal("");
  words.next();
  return { off, offmask };
}

function maskOf(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}
