/** Objects that several hosts load are parsed once. */
import { withGlobals } from "../../bpf/object/globals.ts";
import { parseObject } from "../../bpf/object/parse-object.ts";
import type { ObjectSpec } from "../../bpf/spec.ts";
import type { Kernel } from "../../net/kernel.ts";
import type { ToolSession } from "../tool.ts";

interface Parsed {
  readonly bytes: Uint8Array;
  readonly spec: ObjectSpec;
}

const parsed: WeakMap<Kernel, Map<string, Parsed>> = new WeakMap();

/**
 * Parses an object, or answers what came of it before when the same path had the same bytes, and puts the session's values into its
 * variables.
 * @throws ObjectError as parseObject; LabError as withGlobals
 */
export function parseShared(session: ToolSession, bytes: Uint8Array, path: string): ObjectSpec {
  const spec = parsedOnce(session.host.kernel, bytes, path);
  return session.globals === undefined ? spec : withGlobals(spec, session.globals);
}

function parsedOnce(kernel: Kernel, bytes: Uint8Array, path: string): ObjectSpec {
  let files = parsed.get(kernel);
  if (files === undefined) {
    files = new Map();
    parsed.set(kernel, files);
  }
  const known = files.get(path);
  if (known !== undefined && sameBytes(known.bytes, bytes)) return known.spec;
  const spec = parseObject(bytes, path);
  files.set(path, { bytes: Uint8Array.from(bytes), spec });
  return spec;
}

function sameBytes(x: Uint8Array, y: Uint8Array): boolean {
  if (x.length !== y.length) return false;
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}
