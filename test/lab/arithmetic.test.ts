import { describe, expect, it } from "vitest";
import { evaluate } from "../../sim/lab/text/arithmetic.ts";

const variables = new Map([
  ["i", 7],
  ["rack", 300],
]);

describe("arithmetic of repetition", () => {
  it.each([
    ["i", "7"],
    ["i+1", "8"],
    [" i * 2 - 1 ", "13"],
    ["(i-1)/4", "1"],
    ["0-i/2", "-3"],
    ["-i/2", "-4"],
    ["i%4", "3"],
    ["-i%4", "1"],
    ["rack/256", "1"],
    ["rack%256", "44"],
    ["2*(3+(4-1))", "12"],
    ["i:02", "07"],
    ["i:3", "  7"],
    ["rack:x", "12c"],
    ["i:02x", "07"],
    ["255:02x", "ff"],
  ])("%s is %s", (expression, text) => {
    expect(evaluate(expression, variables)).toEqual({ text });
  });

  it.each([
    ["", "the expression ends too early"],
    ["i+", "the expression ends too early"],
    ["i/0", "division by zero"],
    ["i%(7-i)", "division by zero"],
    ["(i", '")" is missing'],
    ["i i", '"i" cannot stand there'],
    ["i+*2", '"*" cannot stand there'],
    ["k", 'unknown name "k"'],
    ["i:y", 'cannot read "i:y"'],
    ["9007199254740991*2", "9007199254740991*2 is beyond 2^53"],
    ["(".repeat(1000), "the expression nests too deep"],
    ["-".repeat(1000), "the expression nests too deep"],
  ])("%s is refused: %s", (expression, error) => {
    expect(evaluate(expression, variables)).toMatchObject({ error });
  });
});
