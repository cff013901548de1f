import { describe, expect, it } from "vitest";
import { reportFailure } from "../../sim/cli/failure.ts";
import type { CliIo } from "../../sim/cli/io.ts";
import { BugError, LabError, ObjectError, VerifierError } from "../../sim/engine/errors.ts";
import { inputOf, Remembered } from "./kit.ts";

const position = { seed: 7, event: 12345, nowNs: 1_500_000_042 };

function report(error: unknown, env: CliIo["env"] = {}): { status: number; text: string } {
  const stderr = new Remembered();
  const io: CliIo = { stdout: new Remembered(), stderr, cwd: "/", env, lines: inputOf([]), nowMs: () => 0 };
  const status = reportFailure(error, io, { position: () => position });
  return { status, text: stderr.text };
}

const diagnostic = { code: "X", message: "something is wrong", fix: "mend it" };

describe("errors on the command line", () => {
  it.each([
    ["the lab's", new LabError([diagnostic]), 2],
    ["an object's", new ObjectError(diagnostic), 3],
    ["a program's", new VerifierError(diagnostic), 3],
  ])("%s fault prints its diagnostic alone", (_whose, error, status) => {
    expect(report(error)).toEqual({ status, text: "something is wrong [X]\n  fix: mend it\n" });
  });

  it.each([
    ["a broken invariant", new BugError("BALANCE", "1 packet is missing"), "1 packet is missing [BALANCE]"],
    ["an exception", new TypeError("x is not a function\nof mine"), "TypeError: x is not a function"],
    ["what is no error", "a string", "a string"],
  ])("%s is one line, where it was, and no stack", (_what, error, line) => {
    const r = report(error);
    expect(r.status).toBe(4);
    expect(r.text).toBe(
      `netsim: ${line}\n  this is a fault of netsim: seed 7, event 12345, 1.500000042 s of simulated time\n`,
    );
  });

  it("NETSIM_DEBUG=1 adds the stack", () => {
    expect(report(new TypeError("x"), { NETSIM_DEBUG: "1" }).text).toMatch(/\n {4}at /);
  });
});
