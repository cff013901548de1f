/** Reads an object file from disk. */
import { statSync } from "node:fs";
import { ObjectError } from "../../engine/errors.ts";
import { readWholeFile, whyNot } from "../../engine/read-file.ts";
import { objectError } from "../elf/object-error.ts";
import type { ObjectSpec } from "../spec.ts";
import { parseObject } from "./parse-object.ts";

const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Reads and parses an object file.
 * @param file path of the file
 * @param shown how messages call it; as the user wrote it
 * @throws ObjectError OBJECT_MISSING, OBJECT_UNREADABLE, OBJECT_TOO_LARGE, and those of `parseObject`
 */
export function readObject(file: string, shown: string = file): ObjectSpec {
  return parseObject(readObjectBytes(file, shown), shown);
}

/**
 * The bytes of an object file, or of a BTF file.
 * @throws ObjectError OBJECT_MISSING, OBJECT_UNREADABLE, OBJECT_TOO_LARGE
 */
export function readObjectBytes(file: string, shown: string): Uint8Array {
  try {
    if (statSync(file).isDirectory()) {
      throw objectError("OBJECT_UNREADABLE", { file: shown || '""' }, "a directory, expected an object file");
    }
    const bytes = readWholeFile(file, MAX_BYTES);
    if (bytes !== null) return bytes;
  } catch (error) {
    if (error instanceof ObjectError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") {
      const isObject = shown.endsWith(".o");
      const fix = isObject
        ? `compile it: clang -O2 -g -target bpf -c ${shown.slice(0, -2)}.c -o ${shown}`
        : "check the path";
      throw objectError("OBJECT_MISSING", { file: shown }, "no such file", fix);
    }
    const fix = code === "EACCES" || code === "EPERM" ? `make it readable: chmod +r ${shown}` : "check the path";
    throw objectError("OBJECT_UNREADABLE", { file: shown }, whyNot(error), fix);
  }
  throw objectError("OBJECT_TOO_LARGE", { file: shown }, `expected an object file of at most ${MAX_BYTES} bytes`);
}
