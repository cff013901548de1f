/**
 * File descriptors of the process whose programs run on a host: what bpf(2), called by a program, opened. The first three are the
 * standard streams'. A descriptor is free at once when it is closed; what it stood for is let go when the program has ended, as the kernel
 * puts the last reference off until it returns to user space.
 * @source fs/file.c close_fd, alloc_fd; fs/file_table.c fput
 */
import type { BtfStrings } from "../../bpf/btf/parse-btf.ts";
import type { Btf } from "../../bpf/btf/types.ts";
import type { BpfMap } from "../../bpf/map.ts";
import { EBADF, EINVAL } from "../../bpf/maps/errno.ts";
import type { Program } from "../../bpf/program.ts";

/** What a descriptor stands for. */
export type OpenFile =
  | { readonly kind: "stream" }
  | { readonly kind: "map"; readonly map: BpfMap; readonly mayRead: boolean; readonly mayWrite: boolean }
  | { readonly kind: "prog"; readonly prog: Program }
  | { readonly kind: "btf"; readonly btf: Btf; readonly strings: BtfStrings }
  /** An attachment; `detach` ends it. */
  | { readonly kind: "link"; readonly prog: Program; detach(): void };

type FileOf<K extends OpenFile["kind"]> = Extract<OpenFile, { readonly kind: K }>;

/** The descriptors of one host. */
export class FdTable {
  private readonly files: (OpenFile | undefined)[] = [{ kind: "stream" }, { kind: "stream" }, { kind: "stream" }];
  private closed: OpenFile[] = [];

  /** @returns the lowest number that is free */
  open(file: OpenFile): number {
    const free = this.files.indexOf(undefined);
    const fd = free < 0 ? this.files.length : free;
    this.files[fd] = file;
    return fd;
  }

  /** @returns 0, or -EBADF */
  close(fd: number): number {
    const file = this.files[fd >>> 0];
    if (file === undefined) return -EBADF;
    this.files[fd >>> 0] = undefined;
    this.closed.push(file);
    return 0;
  }

  /** What a descriptor stands for; undefined when it is not open. */
  at(fd: number): OpenFile | undefined {
    return this.files[fd >>> 0];
  }

  /** What a descriptor stands for, when it is of a kind. @returns it, -EBADF when it is not open, -EINVAL when it is something else */
  of<K extends OpenFile["kind"]>(fd: number, kind: K): FileOf<K> | number {
    const file = this.at(fd);
    if (file === undefined) return -EBADF;
    return file.kind === kind ? (file as FileOf<K>) : -EINVAL;
  }

  /** Whether one of the descriptors stands for this. */
  holds(thing: BpfMap | Program): boolean {
    return this.files.some((f) => f !== undefined && isOf(f, thing));
  }

  /** What was closed since the last time. */
  takeClosed(): readonly OpenFile[] {
    const { closed } = this;
    this.closed = [];
    return closed;
  }
}

function isOf(file: OpenFile, thing: BpfMap | Program): boolean {
  switch (file.kind) {
    case "map":
      return file.map === thing;
    case "prog":
    case "link":
      return file.prog === thing;
    case "btf":
    case "stream":
      return false;
  }
}
