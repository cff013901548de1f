/** The compiled fixtures. */
import { readFileSync } from "node:fs";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import type { ObjectSpec, ProgramSpec } from "../../../sim/bpf/spec.ts";

/** Bytes of test/fixtures/objects/NAME.o. */
export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../fixtures/objects/${name}.o`, import.meta.url));
}

/** The parsed fixture; its path is NAME.o. */
export function fixture(name: string): ObjectSpec {
  return parseObject(fixtureBytes(name), `${name}.o`);
}

/** A program of a parsed object. */
export function program(spec: ObjectSpec, name: string): ProgramSpec {
  const found = spec.programs.find((p) => p.name === name);
  if (found === undefined) throw new Error(`no program ${name} in ${spec.path}`);
  return found;
}

/** One slot of instructions in hex. */
export function slotHex(spec: ProgramSpec, slot: number): string {
  return Buffer.from(spec.insns.subarray(slot * 8, slot * 8 + 8)).toString("hex");
}

/** The ObjectError's code and whole text that a call ends with. */
export function refusal(call: () => unknown): { code: string; message: string } {
  try {
    call();
  } catch (error) {
    if (error instanceof Error && error.name === "ObjectError") {
      return { code: (error as Error & { code: string }).code, message: error.message };
    }
    throw error;
  }
  throw new Error("nothing was refused");
}
