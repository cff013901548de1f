/**
 * A lab file's text after the expansion of environment variables, and the way back: every offset into the expanded text knows its
 * place in the file as the user wrote it.
 *
 * `${NAME}`, `${NAME:=default}`, `${NAME:-default}`, `${NAME=default}` and `${NAME-default}` are expanded as containerlab does, before
 * the text is read as YAML. What is not a known variable and has no default stays as it is: `${i}` belongs to repetition (expand.ts),
 * and any other is reported where it is used.
 *
 * @source containerlab docs/manual/topo-def-file.md "Environment variables"
 * @differs `$NAME` without braces is left alone: it is a shell's business in `exec`
 */
import type { SourcePlace } from "../../engine/errors.ts";

/** A stretch of the expanded text that replaced a stretch of the file. */
interface Replacement {
  /** In the file. */
  readonly from: number;
  readonly fromEnd: number;
  /** In the expanded text. */
  readonly to: number;
  readonly toEnd: number;
}

/** Values by name; what the caller gives is all there is. */
export type Environment = Readonly<Record<string, string>>;

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[=-])([^}]*))?\}/g;

/** Names that repetition binds by default; never environment variables. */
export const LOOP_VARIABLES: ReadonlySet<string> = new Set(["i", "j", "k"]);

export class SourceText {
  /** As diagnostics name it. */
  readonly file: string;
  /** The text that is read as YAML. */
  readonly expanded: string;
  private readonly original: string;
  private readonly replacements: readonly Replacement[];
  private readonly lineStarts: readonly number[];

  constructor(text: string, file: string, env: Environment) {
    this.file = file;
    this.original = text;
    const replacements: Replacement[] = [];
    let out = "";
    let last = 0;
    for (const m of text.matchAll(VARIABLE)) {
      const name = m[1]!;
      if (LOOP_VARIABLES.has(name)) continue;
      const value = replacementOf(name, m[2], m[3], env);
      if (value === null) continue;
      out += text.slice(last, m.index);
      last = m.index + m[0].length;
      replacements.push({ from: m.index, fromEnd: last, to: out.length, toEnd: out.length + value.length });
      out += value;
    }
    this.expanded = out + text.slice(last);
    this.replacements = replacements;
    const starts = [0];
    for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
    this.lineStarts = starts;
  }

  /** The place of a stretch of the expanded text; the mark ends with the line. */
  place(start: number, end: number): SourcePlace {
    const from = this.toOriginal(start, false);
    const to = Math.max(from + 1, this.toOriginal(end, true));
    const line = this.lineOf(from);
    const lineStart = this.lineStarts[line]!;
    const lineEnd = this.lineStarts[line + 1] ?? this.original.length + 1;
    const text = this.original.slice(lineStart, lineEnd - 1).replace(/\r$/, "");
    const column = from - lineStart + 1;
    const width = Math.max(1, Math.min(to, lineStart + text.trimEnd().length) - from);
    return { file: this.file, line: line + 1, column, text, width };
  }

  private toOriginal(offset: number, end: boolean): number {
    let shift = 0;
    for (const r of this.replacements) {
      if (offset < r.to || (end && offset === r.to)) break;
      if (offset < r.toEnd || (end && offset === r.toEnd)) return end ? r.fromEnd : r.from;
      shift = r.fromEnd - r.toEnd;
    }
    return Math.min(offset + shift, this.original.length);
  }

  private lineOf(offset: number): number {
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.lineStarts[mid]! <= offset) low = mid;
      else high = mid - 1;
    }
    return low;
  }
}

/** @returns null when there is nothing to put in its place */
function replacementOf(
  name: string,
  operator: string | undefined,
  fallback: string | undefined,
  env: Environment,
): string | null {
  const value = Object.hasOwn(env, name) ? env[name]! : null;
  if (operator === undefined) return value;
  if (operator.startsWith(":")) return value === null || value === "" ? fallback! : value;
  return value ?? fallback!;
}
