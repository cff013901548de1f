/** Reads a lab from disk, with what lies beside it. */
import { dirname, resolve } from "node:path";
import { LabError } from "../engine/errors.ts";
import { readWholeFile, whyNot } from "../engine/read-file.ts";
import type { LabFiles } from "../lab/lab-files.ts";
import { type ParseOptions, parseLab } from "../lab/parse-lab.ts";
import type { LabSpec } from "../lab/spec.ts";
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
  return { spec, files: { read: (name) => readBytes(resolve(directory, name), name, MAX_FILE_BYTES) } };
}

function readText(file: string, shown: string): string {
  const bytes = readBytes(file, shown, MAX_LAB_BYTES);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new LabError([{ code: "LAB_ENCODING", message: `${shown} is not UTF-8 text` }]);
  }
}

/** @throws LabError FILE_MISSING, FILE_UNREADABLE, FILE_TOO_LARGE */
function readBytes(file: string, shown: string, maxBytes: number): Uint8Array {
  const refuse = (code: string, message: string, fix?: string): never => {
    throw new LabError([fix === undefined ? { code, message } : { code, message, fix }]);
  };
  const name = shown === "" ? '""' : shown;
  let bytes: Uint8Array | null = null;
  try {
    if (shown === "") refuse("FILE_MISSING", `${name}: no such file`, "give the file's name");
    bytes = readWholeFile(file, maxBytes);
  } catch (error) {
    if (error instanceof LabError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") refuse("FILE_MISSING", `${name}: no such file`, "check the path");
    refuse("FILE_UNREADABLE", `${name} cannot be read: ${whyNot(error)}`);
  }
  return bytes ?? refuse("FILE_TOO_LARGE", `${name} is larger than ${maxBytes >>> 20} MiB, the most that is read`);
}
