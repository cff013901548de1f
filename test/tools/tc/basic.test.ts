/** basic with its extended matches, by the command line; the reference kernel has none of the kinds. */
import { describe, expect, it } from "vitest";
import { Classifying, ip4Frame } from "./classifying.ts";

const UDP = ip4Frame({ sport: 5000, dport: 53, tos: 0x10 });
const TAGGED = ip4Frame({ tags: [[0x8100, 0x6064]] });

describe("basic matches", () => {
  const n = new Classifying();
  it.each([
    ["basic", UDP, true, "no match: everything"],
    ["basic match 'cmp(u16 at 22 eq 53)'", UDP, true, "one word"],
    ["basic match 'cmp(u16' at 22 layer network gt '53)'", UDP, false, "many words"],
    ["basic match 'cmp(u8 at 1 mask 0xf0 eq 16)'", UDP, true, ""],
    ["basic match 'cmp(u16 at 22 trans eq 0x3500)'", UDP, true, "bytes swapped"],
    ["basic match 'cmp(u16 at 12 layer link eq 0x0800)'", UDP, true, ""],
    ["basic match 'cmp(u32 at 200 lt 1)'", UDP, false, "outside of the packet"],
    ["basic match 'u32(u32 0x0a090000 0xffff0000 at 12)'", UDP, true, ""],
    ["basic match 'u32(u8 17 0xff at 9)'", UDP, true, ""],
    ["basic match 'u32(u16 53 0xffff at 22)'", UDP, true, ""],
    [`basic match 'nbyte("\\x0a\\x09" at 12)'`, UDP, true, "escapes"],
    ["basic match 'nbyte(E at 0)'", UDP, true, "a word"],
    ["basic match 'meta(pkt_len eq 64)'", UDP, true, "without the MAC header"],
    ["basic match 'meta(protocol eq 8)'", UDP, true, "bytes as they lie"],
    ["basic match 'meta(dev eq \"vb\")'", UDP, true, "a name"],
    ["basic match 'meta(dev shift 1 eq \"v\")'", UDP, true, "a name's beginning"],
    ["basic match 'meta(vlan mask 0xfff eq 100)'", TAGGED, true, ""],
    ["basic match 'meta(vlan mask 0xfff eq 100)'", UDP, false, "no tag"],
    ["basic match 'meta(nf_mark eq 0) and not cmp(u8 at 9 eq 6)'", UDP, true, ""],
    ["basic match 'cmp(u8 at 9 eq 6) and cmp(u8 at 9 eq 6) or cmp(u8 at 9 eq 17)'", UDP, false, "and before or: ends"],
    ["basic match '(cmp(u8 at 9 eq 6) and cmp(u8 at 9 eq 6)) or cmp(u8 at 9 eq 17)'", UDP, true, "brackets"],
    ["basic match 'not (cmp(u8 at 9 eq 6) or cmp(u8 at 9 eq 1))'", UDP, true, ""],
  ])("%s: %#", (words, frame, matched) => {
    expect(n.matches(words, frame)).toBe(matched);
  });
});

describe("basic at the command line", () => {
  it("lists its tree", () => {
    const n = new Classifying();
    n.tc(
      "filter add dev vb ingress protocol ip basic match " +
        "'meta(nf_mark gt 24) and not (cmp(u16 at 3 layer 2 mask 0xff00 gt 20) or u32(u16 0x1122 0xffff at 4))' classid 1:2",
    );
    expect(n.tc("filter show dev vb ingress")).toBe(
      "filter protocol ip pref 49152 basic chain 0 \n" +
        "filter protocol ip pref 49152 basic chain 0 handle 0x1 flowid 1:2 \n" +
        "  meta(nf_mark gt 24)\n" +
        "  AND NOT (\n" +
        "    cmp(u16 at 3 layer 2 mask 0xff00 gt 20)\n" +
        "    OR u32(11220000/ffff0000 at 4)\n" +
        "  ) \n",
    );
  });

  it.each([
    ["match 'nope(1)'", 'Unknown ematch "nope"\n'],
    ["match 'text(foo)'", "netsim has no ematch text"],
    ["match 'meta(sk_state eq 1)'", "netsim has no `meta(sk_state)`"],
    ["match 'meta(pkt_len eq \"x\")'", "lvalue and rvalue are not compatible."],
    ["match 'cmp(u16 eq 3)'", "cmp: offset and value required"],
    ["match 'cmp(u16 at 3 layer 7 eq 1)'", "cmp: illegal layer, must be in 0..2"],
    ["match 'cmp(u16 at 3 eq 1'", "Parse error"],
    ["match 'cmp(u16 at 3 eq 1) or'", "Parse error"],
    ["nope", 'What is "nope"?\n'],
  ])("%s is refused", async (words, why) => {
    const n = new Classifying();
    expect(await n.refused(`filter add dev vb ingress protocol ip basic ${words}`)).toContain(why);
  });
});
