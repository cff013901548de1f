/**
 * The two streams of a program, to which it writes text and from which user space reads it.
 * @source kernel/bpf/stream.c
 * @differs Linux itself writes to a program's stderr when it stops it; here such a run ends with an error
 */
import { ENOSPC } from "./maps/errno.ts";
import type { Program } from "./program.ts";

/** enum bpf_stream_id. */
export const BPF_STDOUT = 1;
export const BPF_STDERR = 2;

/** BPF_STREAM_MAX_CAPACITY, bytes that wait to be read. */
const MAX_CAPACITY = 100_000;

/** What a program wrote and nobody has read yet. */
export class ProgStream {
  private readonly parts: string[] = [];
  private bytes: number = 0;

  /** bpf_stream_push_str. @param text one character a byte @returns 0 or -errno */
  push(text: string): number {
    if (this.bytes >= MAX_CAPACITY || this.bytes + text.length >= MAX_CAPACITY) return -ENOSPC;
    this.bytes += text.length;
    this.parts.push(text);
    return 0;
  }

  /** BPF_PROG_STREAM_READ_BY_FD, all of it: what was read is gone. */
  read(): string {
    const text = this.parts.join("");
    this.parts.length = 0;
    this.bytes = 0;
    return text;
  }
}

const streams: WeakMap<Program, readonly [ProgStream, ProgStream]> = new WeakMap();

/** bpf_stream_get. @param id BPF_STDOUT or BPF_STDERR @returns null for others */
export function streamOf(program: Program, id: number): ProgStream | null {
  if (id !== BPF_STDOUT && id !== BPF_STDERR) return null;
  let both = streams.get(program);
  if (both === undefined) {
    both = [new ProgStream(), new ProgStream()];
    streams.set(program, both);
  }
  return both[id - 1]!;
}
