/**
 * Files that a run writes. Each is written under a temporary name beside its place and renamed when it is whole, so that nothing that
 * bears the name is ever half a file. A symbolic link is followed; into a device or a pipe (`/dev/stdout`) the bytes go at once.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { LabError } from "../engine/errors.ts";
import { whyNot } from "../engine/read-file.ts";

/** Takes bytes in order; `sim/observe` writes into it. */
export interface Sink {
  write(bytes: Uint8Array): void;
  close(): void;
}

const BUFFER_BYTES = 1 << 16;

export class OutputFile implements Sink {
  /** As the user named it. */
  readonly shown: string;
  private readonly path: string;
  /** null: not a regular file, nothing to rename. */
  private readonly temporary: string | null;
  private fd: number = -1;
  private readonly buffer: Uint8Array = new Uint8Array(BUFFER_BYTES);
  private used: number = 0;

  /** Opens it. @param path absolute. @throws LabError OUTPUT_FAILED */
  constructor(path: string, shown: string, processId: number) {
    if (shown === "") refuse('""', "no name");
    this.shown = shown;
    const old = attempt(shown, () => statOf(path));
    if (old?.isDirectory() === true) refuse(shown, "it is a directory");
    const special = old !== null && !old.isFile();
    // a link's target is replaced, not the link
    this.path = old === null || special ? path : attempt(shown, () => realpathSync(path));
    this.temporary = special ? null : join(dirname(this.path), `.${basename(this.path)}.${processId}.part`);
    attempt(shown, () => {
      if (old === null) makeDirectory(dirname(this.path));
      this.fd = openSync(this.temporary ?? this.path, "w");
    });
  }

  /** Does nothing when the file is closed or thrown away. @throws LabError OUTPUT_FAILED: the disk is full, say */
  write(bytes: Uint8Array): void {
    if (this.fd < 0) return;
    if (this.used + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) this.guard(() => writeAll(this.fd, bytes));
    else {
      this.buffer.set(bytes, this.used);
      this.used += bytes.length;
    }
  }

  /** Makes it whole: what was written appears under its name. Does nothing the second time. */
  close(): void {
    if (this.fd < 0) return;
    this.flush();
    this.guard(() => {
      this.closeFd();
      if (this.temporary !== null) renameSync(this.temporary, this.path);
    });
  }

  /** Throws away what was written; what bore the name before stays. */
  abandon(): void {
    if (this.fd >= 0) this.discard();
  }

  private flush(): void {
    if (this.used === 0) return;
    const n = this.used;
    this.used = 0;
    this.guard(() => writeAll(this.fd, this.buffer.subarray(0, n)));
  }

  private closeFd(): void {
    const fd = this.fd;
    this.fd = -1;
    closeSync(fd);
  }

  private discard(): void {
    if (this.fd >= 0) this.closeFd();
    if (this.temporary !== null) rmSync(this.temporary, { force: true });
  }

  private guard(f: () => void): void {
    try {
      f();
    } catch (error) {
      try {
        this.discard();
      } catch {
        // the first failure is the one to report
      }
      refuse(this.shown, whyNot(error));
    }
  }
}

/**
 * Makes a directory where there is none, with what is missing above it.
 * @param path absolute
 * @param shown as the user named it
 * @throws LabError OUTPUT_FAILED
 */
export function prepareDirectory(path: string, shown: string): void {
  if (shown === "") refuse('""', "no name");
  attempt(shown, () => makeDirectory(path));
}

/** One level at a time: mkdirSync's own `recursive` never returns below /proc (Node 20). */
function makeDirectory(path: string): void {
  const there = statOf(path);
  if (there?.isDirectory() === true) return;
  if (there !== null) throw Object.assign(new Error(path), { code: "ENOTDIR" });
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // somebody else was quicker
    if (statOf(path)?.isDirectory() !== true) throw error;
  }
}

/** What stands at a path, links followed; null when nothing does. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function attempt<T>(shown: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    return refuse(shown, whyNot(error));
  }
}

function refuse(shown: string, why: string): never {
  throw new LabError([{ code: "OUTPUT_FAILED", message: `${shown} cannot be written: ${why}` }]);
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}
