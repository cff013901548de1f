import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AF_INET, AF_INET6, IpAddr, inPrefix, maskAddr } from "../../../sim/net/ip/address.ts";
import { PrefixTrie } from "../../../sim/net/ip/fib/trie.ts";

type Op = { readonly add: boolean; readonly addr: IpAddr; readonly len: number };

/** Addresses that share many bits, so that prefixes nest. */
const word = fc.constantFrom(0, 0x0a000000, 0x0a000001, 0x0a0000ff, 0x0a010000, 0x80000000, 0xffffffff, 0xfffffffe);
const v4 = fc.oneof(word, fc.integer({ min: 0, max: 0xffffffff })).map((a) => new IpAddr(AF_INET, a));
const v6 = fc.tuple(word, word, word, word).map(([a, b, c, d]) => new IpAddr(AF_INET6, a, b, c, d));

function check(ops: readonly Op[], probes: readonly IpAddr[], v6: boolean): void {
  const trie = new PrefixTrie();
  const model = new Map<string, { prefix: IpAddr; len: number; leaf: number }>();
  let next = 1;
  for (const op of ops) {
    const prefix = maskAddr(op.addr, op.len);
    const key = `${prefix}/${op.len}`;
    const there = model.get(key);
    expect(trie.find(op.addr, op.len)).toBe(there?.leaf ?? 0);
    if (op.add && there === undefined) {
      trie.insert(op.addr, op.len, next);
      model.set(key, { prefix, len: op.len, leaf: next++ });
    } else if (!op.add) {
      expect(trie.remove(op.addr, op.len)).toBe(there?.leaf ?? 0);
      model.delete(key);
    }
  }
  for (const x of [...probes, ...ops.map((o) => o.addr)]) {
    const hits = [...model.values()].filter((m) => inPrefix(x, m.prefix, m.len)).sort((p, q) => q.len - p.len);
    expect(v6 ? trie.lookup6(x.a, x.b, x.c, x.d) : trie.lookup4(x.a)).toBe(hits[0]?.leaf ?? 0);
    if (hits[0] !== undefined) expect(trie.covering(hits[0].prefix, hits[0].len)).toBe(hits[1]?.leaf ?? 0);
  }
}

describe("PrefixTrie", () => {
  it("finds the same prefix as a search through all of them, IPv4", () => {
    const op = fc.record({
      add: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
      addr: v4,
      len: fc.integer({ min: 0, max: 32 }),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), fc.array(v4, { maxLength: 20 }), (o, p) => check(o, p, false)),
    );
  });

  it("finds the same prefix as a search through all of them, IPv6", () => {
    const op = fc.record({
      add: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
      addr: v6,
      len: fc.oneof(fc.constant(128), fc.integer({ min: 0, max: 128 })),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), fc.array(v6, { maxLength: 20 }), (o, p) => check(o, p, true)),
    );
  });
});
