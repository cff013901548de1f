/** Reads a lab from disk, with what lies beside it. */
import { dirname, resolve } from "node:path";
import { LabError } from "../engine/errors.ts";
import type { LabFiles } from "../lab/lab-files.ts";
import { type ParseOptions, parseLab } from "../lab/parse-lab.ts";
import type { LabSpec } from "../lab/spec.ts";
import { readInput } from "./input-file.ts";
import type { CliIo } from "./io.ts";

/** Labs are written by people. */
const MAX_LAB_BYTES = 64 << 20;
/** Objects and captures. */
const MAX_FILE_BYTES = 1 << 30;

/** A lab and the files it names. */
export interface LoadedLab {
  readonly spec: LabSpec;
  readonly files: LabFiles;
}

/**
 * Reads and parses a lab file.
 * @param path as the user gave it
 * @throws LabError
 */
export function loadLab(path: string, io: CliIo, overrides: Omit<ParseOptions, "env">): LoadedLab {
  const file = resolve(io.cwd, path);
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(io.env)) if (value !== undefined) env[name] = value;
  const spec = parseLab(readText(file, path), path, { ...overrides, env });
  const directory = dirname(file);
  return { spec, files: { read: (name) => readInput(resolve(directory, name), name, MAX_FILE_BYTES) } };
}

function readText(file: string, shown: string): string {
  const bytes = readInput(file, shown, MAX_LAB_BYTES);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new LabError([{ code: "LAB_ENCODING", message: `${shown} is not UTF-8 text` }]);
  }
}
