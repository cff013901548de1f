/**
 * Parameters of qdiscs: one row each. The parser of tc's words, the validator, the help text and the dump read the same rows.
 */
import { parsePercent, parseRate, parseSize, parseTime } from "../tc-units.ts";

/** Values by parameter key. Rates in bytes/s, sizes in bytes, times in ns, percentages as fractions of 2^32-1. */
export type QdiscOptions = Readonly<Record<string, number | readonly number[]>>;

/** What a parameter's number counts. `hex` is read with base 16, `flag` takes no value and becomes 1, `word` is one of `words`. */
export type ParamUnit =
  | "hex"
  | "flag"
  | "word"
  | "rate"
  | "size"
  | "size/cell"
  | "time"
  | "time_ns"
  | "packets"
  | "number"
  | "percent"
  | "numbers";

/** How the parser of a kind says no. */
export interface WordStyle {
  /** A value that cannot be read. Default: `KIND: Illegal value for "KEY": "VALUE"`. */
  illegal?(key: string, value: string): string;
  /** The usage follows what `illegal` says. */
  readonly explainsIllegal?: boolean;
  /** A word that it does not know. Default: `KIND: unknown parameter "WORD"`. */
  unknown?(word: string): string;
}

/** One parameter. */
export interface QdiscParam {
  readonly key: string;
  /** Other words tc takes for it. */
  readonly aliases?: readonly string[];
  /** tc takes abbreviations of the key (iproute2's matches()). */
  readonly abbrev?: boolean;
  readonly unit: ParamUnit;
  readonly help: string;
  /** Smaller numbers are illegal. */
  readonly min?: number;
  /** For `word`: the numbers that the words stand for. */
  readonly words?: Readonly<Record<string, number>>;
  /** A word that may stand between key and value and means nothing more (`loss random 1%`). */
  readonly skip?: string;
  /** Optional values behind the first (`delay TIME JITTER CORRELATION`), stored under these keys. */
  readonly more?: readonly { readonly key: string; readonly unit: ParamUnit }[];
}

/** What parsing gives: options, or the lines that tc prints to stderr. */
export type ParseResult =
  | { readonly ok: true; readonly options: QdiscOptions }
  | { readonly ok: false; readonly errors: readonly string[]; readonly showUsage: boolean };

/** Reads `KEY VALUE ...` as tc does for this kind. */
export function parseQdiscWords(
  kind: string,
  params: readonly QdiscParam[],
  words: readonly string[],
  refused: readonly string[] = [],
  style: WordStyle = {},
): ParseResult {
  const options: Record<string, number | readonly number[]> = {};
  let i = 0;
  while (i < words.length) {
    const word = words[i++]!;
    if (refused.includes(word)) return refuse(kind, word);
    const param = params.find((p) => isWordOf(p, word));
    if (param === undefined) {
      const unknown = style.unknown?.(word) ?? `${kind}: unknown parameter "${word}"`;
      return { ok: false, errors: [unknown], showUsage: true };
    }
    if (param.unit === "flag") {
      options[param.key] = 1;
      continue;
    }
    if (param.skip !== undefined && words[i] === param.skip) i++;
    if (i < words.length && refused.includes(words[i]!)) return refuse(kind, words[i]!);
    if (i >= words.length)
      return { ok: false, errors: ['Command line is not complete. Try option "help"'], showUsage: false };
    if (param.unit === "numbers") {
      const list: number[] = [];
      while (i < words.length && /^\d+$/.test(words[i]!)) list.push(Number(words[i++]));
      options[param.key] = list;
      continue;
    }
    const value = param.unit === "word" ? (param.words?.[words[i]!] ?? null) : parseValue(words[i]!, param.unit);
    if (value === null || value < (param.min ?? 0)) {
      const illegal = style.illegal?.(word, words[i]!) ?? `${kind}: Illegal value for "${word}": "${words[i]}"`;
      return { ok: false, errors: [illegal], showUsage: style.explainsIllegal === true };
    }
    i++;
    options[param.key] = value;
    for (const extra of param.more ?? []) {
      if (i >= words.length) break;
      const v = /^[\d.]/.test(words[i]!) ? parseValue(words[i]!, extra.unit) : null;
      if (v === null) break;
      options[extra.key] = v;
      i++;
    }
  }
  return { ok: true, options };
}

function isWordOf(p: QdiscParam, word: string): boolean {
  return p.key === word || p.aliases?.includes(word) === true || (p.abbrev === true && p.key.startsWith(word));
}

function refuse(kind: string, word: string): ParseResult {
  return { ok: false, errors: [`${kind}: netsim has no "${word}" yet`], showUsage: false };
}

function parseValue(text: string, unit: ParamUnit): number | null {
  switch (unit) {
    case "rate":
      return parseRate(text);
    case "size":
      return parseSize(text);
    case "size/cell":
      return parseSize(text.split("/")[0]!);
    case "time":
      return parseTime(text, 1000);
    case "time_ns":
      return parseTime(text, 1);
    case "percent":
      return parsePercent(text);
    case "hex":
      return /^(0x)?[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : null;
    case "flag":
    case "word":
      return null;
    case "packets":
    case "number":
    case "numbers":
      return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : null;
  }
}

/** A number option or its default. */
export function num(options: QdiscOptions, key: string, fallback: number): number {
  const v = options[key];
  return typeof v === "number" ? v : fallback;
}
