/** A file's bytes with an upper bound: what never ends (`/dev/zero`, a pipe that goes on) is refused instead of read. */
import { closeSync, openSync, readSync } from "node:fs";

const FIRST_BYTES = 1 << 16;

/**
 * Reads a file, a pipe or a device to its end.
 * @returns null when there are more than `maxBytes`
 * @throws what node:fs throws, with its `code`
 */
export function readWholeFile(path: string, maxBytes: number): Uint8Array | null {
  const fd = openSync(path, "r");
  try {
    let bytes = new Uint8Array(FIRST_BYTES);
    let used = 0;
    for (;;) {
      if (used === bytes.length) {
        if (used > maxBytes) return null;
        const larger = new Uint8Array(2 * used);
        larger.set(bytes);
        bytes = larger;
      }
      const n = readSync(fd, bytes, used, bytes.length - used, null);
      if (n === 0) return used > maxBytes ? null : bytes.subarray(0, used);
      used += n;
    }
  } finally {
    closeSync(fd);
  }
}

/** Why a file cannot be read or written, in words; the code of node:fs where there are none. */
export function whyNot(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return WORDS[code] ?? code;
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is not a directory",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "too many symbolic links",
  ENXIO: "no such device",
  ENOSPC: "no space left on the device",
  EROFS: "the file system is read-only",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is too large",
  EMFILE: "too many open files",
  EIO: "input/output error",
};
