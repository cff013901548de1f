/** `tc filter ... u32`. @source iproute2 tc/f_u32.c u32_parse_opt */

import { TC_U32_TERMINAL, U32Key, type U32Options, U32Table, u32Node } from "../../../net/tc/cls/u32-tables.ts";
import { type ExtsSpec, NO_ACTIONS } from "../../../net/tc/exts.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { type FilterKind, type FilterParse, type ParsedFilter, takeFilterActions } from "../filter-kind.ts";
import { classidOf } from "../handles.ts";
import { takeOldPolice } from "../old-police.ts";
import { U32Selector } from "./u32-selector.ts";
import { parseU32Handle, printU32Key, printU32Table } from "./u32-show.ts";

const USAGE =
  "Usage: ... u32 [ match SELECTOR ... ] [ link HTID ] [ classid CLASSID ]\n" +
  "               [ action ACTION_SPEC ] [ offset OFFSET_SPEC ]\n" +
  "               [ ht HTID ] [ hashkey HASHKEY_SPEC ]\n" +
  "               [ sample SAMPLE ] [skip_hw | skip_sw]\n" +
  "or         u32 divisor DIVISOR\n\n" +
  "Where: SELECTOR := SAMPLE SAMPLE ...\n" +
  "       SAMPLE := { ip | ip6 | udp | tcp | icmp | u{32|16|8} | mark }\n" +
  "                 SAMPLE_ARGS [ divisor DIVISOR ]\n" +
  "       FILTERID := X:Y:Z\n\n" +
  "NOTE: CLASSID is parsed at hexadecimal input.\n";

/** What the words say. */
class Said {
  readonly selector: U32Selector = new U32Selector();
  hasSelector: boolean = false;
  divisor: number = 0;
  htid: number = 0;
  sampled: boolean = false;
  link: number | null = null;
  classid: number = 0;
  terminal: boolean = false;
  order: number = 0;
  indev: string | null = null;
  skipHw: boolean = false;
  skipSw: boolean = false;
  exts: ExtsSpec = NO_ACTIONS;
}

function parse(words: Words, p: FilterParse): ParsedFilter {
  let handle = 0;
  if (p.handle !== null) {
    const n = parseU32Handle(p.handle);
    if (n === null) throw refusal("Illegal filter ID\n");
    handle = n;
  }
  if (words.done) return { handle, options: null };
  const s = new Said();
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (!takeBlock(words, w, s, p)) takeWord(words, w, s, p);
  }
  if (s.order !== 0) {
    if (u32Node(handle) !== 0 && s.order !== u32Node(handle)) throw refusal('"order" contradicts "handle"\n');
    handle = (handle | s.order) >>> 0;
  }
  if (s.skipHw && s.skipSw) throw refusal("skip_hw and skip_sw are mutually exclusive\n");
  if (s.terminal) s.selector.flags |= TC_U32_TERMINAL;
  const options: U32Options = {
    divisor: s.divisor,
    hash: s.htid,
    link: s.link,
    classid: s.classid,
    sel: s.hasSelector ? s.selector.finish() : null,
    indev: s.indev,
    skipHw: s.skipHw,
    skipSw: s.skipSw,
    exts: s.exts,
  };
  return { handle, options };
}

/** The words whose own parsers leave the next word in place. @returns whether it was one */
function takeBlock(words: Words, w: string, s: Said, p: FilterParse): boolean {
  if (matches(w, "match")) {
    advance(words);
    s.selector.takeMatch(words, 'Illegal "match"\n');
    s.hasSelector = true;
  } else if (matches(w, "offset")) {
    advance(words);
    s.selector.takeOffset(words);
  } else if (matches(w, "hashkey")) {
    advance(words);
    s.selector.takeHashkey(words);
  } else if (w === "sample") {
    advance(words);
    takeSample(words, s);
  } else if (matches(w, "action")) {
    advance(words);
    s.exts = takeFilterActions(words, p.session);
    s.terminal = true;
  } else if (matches(w, "police")) {
    advance(words);
    s.exts = takeOldPolice(words, p.session);
    s.terminal = true;
  } else return false;
  return true;
}

function takeWord(words: Words, w: string, s: Said, p: FilterParse): void {
  if (matches(w, "classid") || w === "flowid") {
    const id = classidOf(advance(words));
    if (id === null) throw refusal('Illegal "classid"\n');
    s.classid = id;
    s.selector.flags |= TC_U32_TERMINAL;
  } else if (matches(w, "divisor")) s.divisor = takeDivisor(words, 'Illegal "divisor"\n');
  else if (matches(w, "order")) {
    const n = unsignedOf(advance(words), 0);
    if (n === null) throw refusal('Illegal "order"\n');
    s.order = n;
  } else if (w === "link") {
    const n = parseU32Handle(advance(words));
    if (n === null) throw refusal('Illegal "link"\n');
    if (u32Node(n) !== 0) throw refusal('"link" must be a hash table.\n');
    s.link = n;
  } else if (w === "ht") {
    const n = parseU32Handle(advance(words));
    if (n === null) throw refusal('Illegal "ht"\n');
    if (p.handle !== null && u32Node(n) !== 0) throw refusal('"ht" must be a hash table.\n');
    s.htid = s.sampled ? ((s.htid & 0xff000) | (n & 0xfff00000)) >>> 0 : (n & 0xfffff000) >>> 0;
  } else if (w === "indev") {
    words.next();
    if (words.done) throw refusal("Illegal indev\n");
    s.indev = words.peek()!.slice(0, 15);
  } else if (w === "skip_hw") s.skipHw = true;
  else if (w === "skip_sw") s.skipSw = true;
  else if (w === "help") throw refusal(USAGE);
  else throw refusal(`What is "${w}"?\n${USAGE}`);
  words.next();
}

function takeDivisor(words: Words, illegal: string): number {
  const n = unsignedOf(advance(words), 0);
  if (n === null || n === 0 || n > 0x100 || (n & (n - 1)) !== 0) throw refusal(illegal);
  return n;
}

/** The bucket that a key hashes to, in place of a number. */
function takeSample(words: Words, s: Said): void {
  const selector = new U32Selector();
  selector.takeMatch(words, 'Illegal "sample"\n');
  const { keys } = selector.finish();
  if (keys.length !== 4) throw refusal('"sample" must contain exactly ONE key.\n');
  let divisor = 0x100;
  if (words.peek() === "divisor") {
    divisor = takeDivisor(words, 'Illegal sample "divisor"\n');
    advance(words);
  }
  const mask = keys[1]!;
  const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
  const hash = (keys[0]! & mask) >>> shift;
  s.htid = (((hash % divisor) << 12) | (s.htid & 0xfff00000)) >>> 0;
  s.sampled = true;
}

/** The record of `u32`. */
export const u32: FilterKind = {
  kind: "u32",
  parse,
  print(o, filter, show) {
    if (filter instanceof U32Table) printU32Table(o, filter);
    else if (filter instanceof U32Key) printU32Key(o, filter, show);
  },
};
