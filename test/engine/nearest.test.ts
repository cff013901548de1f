import { describe, expect, it } from "vitest";
import { nearest, suggest } from "../../sim/engine/nearest.ts";

describe("nearest", () => {
  it.each<[string, string[], string | null, string]>([
    ["fq_codle", ["codel", "fq_codel", "htb"], "fq_codel", "swapped neighbours count as one edit"],
    ["prot", ["port", "proto"], "port", "among equals the first given wins"],
    ["PORT", ["port", "proto"], "port", "letter case is ignored"],
    ["xyz", ["port", "proto"], null, "nothing alike is suggested"],
    ["", ["port"], null, "an empty name is like nothing"],
    ["por", [], null, "no candidates"],
    ["prog", ["prog"], "prog", "the name itself"],
  ])("%s among %j is %s: %s", (name, candidates, expected) => {
    expect(nearest(name, candidates)).toBe(expected);
  });

  it("lists what is known behind the suggestion, at most twelve", () => {
    expect(suggest("prot", ["port", "addr"])).toBe("did you mean port? known: port, addr");
    expect(suggest("zzz", ["a"])).toBe("known: a");
    expect(suggest("zzz", [])).toBe("there are none");
    const many = Array.from({ length: 14 }, (_, i) => `name${i}`);
    expect(suggest("zzz", many)).toBe(`known: ${many.slice(0, 12).join(", ")}, ...`);
  });
});
