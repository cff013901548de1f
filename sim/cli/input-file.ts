/** Files that a command line or a lab names, read whole, with errors in words. */
import { LabError } from "../engine/errors.ts";
import { readWholeFile, whyNot } from "../engine/read-file.ts";

/**
 * Reads a file to its end.
 * @param shown as the user wrote it, for messages
 * @throws LabError FILE_MISSING, FILE_UNREADABLE, FILE_TOO_LARGE
 */
export function readInput(file: string, shown: string, maxBytes: number): Uint8Array {
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
