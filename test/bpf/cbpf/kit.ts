/** The recordings of classic BPF, and their programs. */
import { readFileSync } from "node:fs";
import { assembleClassic } from "../../../sim/bpf/cbpf/assemble.ts";
import type { ClassicProgram } from "../../../sim/bpf/cbpf/insn.ts";
import { parseClassic } from "../../../sim/bpf/cbpf/text.ts";
import { decimal, frames, randomProgram, sources } from "./corpus.mjs";

export interface AsmEntry {
  /** Of a source in corpus.mjs. */
  readonly name?: string;
  readonly decimal?: string;
  readonly c?: readonly string[];
  readonly expression?: string;
  readonly plain?: boolean;
  readonly ddd?: string;
  readonly d?: readonly string[];
}

export interface CheckEntry {
  readonly why?: string;
  readonly errno?: number;
  readonly program?: string;
  readonly optmem?: number;
}

export interface VerdictFile {
  readonly mark: number;
  readonly packets: readonly string[];
  readonly entries: readonly { readonly name: string; readonly kept: string }[];
}

export function recorded<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")) as T;
}

/** What bpf_asm, tcpdump and libpcap wrote. */
export const asmEntries: readonly AsmEntry[] = recorded<{ entries: AsmEntry[] }>("asm.json").entries;

/** The packets that the verdicts are about. */
export function packets(): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  const file = readFileSync(new URL("../../kernel/packets.json", import.meta.url), "utf8");
  return [...(JSON.parse(file) as { name: string; hex: string }[]), ...frames].map(({ name, hex }) => ({
    name,
    bytes: Uint8Array.from(Buffer.from(hex, "hex")),
  }));
}

/** Every program of the recording of verdicts, by its name there. */
export function corpusPrograms(): ReadonlyMap<string, ClassicProgram> {
  const programs = new Map<string, ClassicProgram>();
  for (const e of asmEntries) {
    if (e.name !== undefined) programs.set(e.name, assembleClassic(source(e.name), e.name));
    else programs.set(`tcpdump${e.plain ? " -O" : ""} '${e.expression}'`, parseClassic(e.ddd!));
  }
  for (let seed = 1; seed <= 400; seed++) programs.set(`random ${seed}`, randomClassic(seed));
  return programs;
}

/** The text of a source of the corpus. */
export function source(name: string): string {
  return sources[name]!;
}

/** A valid program made at random. */
export function randomClassic(seed: number): ClassicProgram {
  return parseClassic(decimal(randomProgram(seed)));
}

/** Lengths that a recording tells of each packet, `3x54 60/64`: [incoming, outgoing]. */
export function expandKept(kept: string): readonly (readonly [number, number])[] {
  return kept.split(" ").flatMap((word) => {
    const m = /^(?:(\d+)x)?(\d+)(?:\/(\d+))?$/.exec(word)!;
    const one: readonly [number, number] = [Number(m[2]), Number(m[3] ?? m[2])];
    return Array.from({ length: Number(m[1] ?? 1) }, () => one);
  });
}
