/** How tc reads the words of ets: lists go on until the next word that it knows. @source iproute2 tc/q_ets.c ets_parse_opt */
import type { ParseResult } from "./params.ts";

const MAX_BANDS = 16;
const TC_PRIO_MAX = 15;

/** Usage text. */
export const ETS_USAGE = "Usage: ... ets [bands NUMBER] [strict NUMBER] [quanta Q1 Q2...] [priomap P1 P2...]\n";

/** @returns bands, strict, quanta, priomap; or what tc says */
export function parseEtsWords(words: readonly string[]): ParseResult {
  const counts = { bands: 0, strict: 0 };
  const lists: { quanta: number[]; priomap: number[] } = { quanta: [], priomap: [] };
  let list: "quanta" | "priomap" | null = null;
  for (let i = 0; i < words.length; i++) {
    let word = words[i]!;
    if (word === "bands" || word === "strict") {
      if (counts[word] > 0) return fail(`Duplicate "${word}"`);
      const value = words[++i];
      if (value === undefined) return INCOMPLETE;
      const n = unsigned(value);
      if (n === null) return fail(`Illegal "${word}"`);
      if (n > MAX_BANDS) return fail(`The number of "${word}" must be <= ${MAX_BANDS}`);
      counts[word] = n;
      list = null;
      continue;
    }
    if (word === "quanta" || word === "priomap") {
      if (lists[word].length > 0) return fail(`Duplicate "${word}"`);
      list = word;
      if (++i >= words.length) return INCOMPLETE;
      word = words[i]!;
    }
    if (list === null) return { ok: false, errors: [`What is "${word}"?`], showUsage: true };
    const n = unsigned(word);
    if (n === null) return fail(`Illegal "${list}" element`);
    if (list === "quanta" && n === 0) return fail('"quanta" must be > 0');
    if (list === "priomap" && lists.priomap.length > TC_PRIO_MAX) {
      return fail(`"priomap" index cannot be higher than ${TC_PRIO_MAX}`);
    }
    lists[list].push(n);
  }
  const bands = counts.bands || lists.quanta.length + counts.strict;
  if (bands === 0) return explain('One of "bands", "quanta" or "strict" needs to be specified');
  if (counts.strict + lists.quanta.length > bands) {
    return explain("Not enough total bands to cover all the strict bands and quanta");
  }
  if (lists.priomap.some((b) => (b & 0xff) >= bands)) return fail('"priomap" element is out of bounds');
  return { ok: true, options: { bands, strict: counts.strict, quanta: lists.quanta, priomap: lists.priomap } };
}

const INCOMPLETE: ParseResult = {
  ok: false,
  errors: ['Command line is not complete. Try option "help"'],
  showUsage: false,
};

function unsigned(text: string): number | null {
  return /^\d{1,10}$/.test(text) ? Number(text) : null;
}

function fail(text: string): ParseResult {
  return { ok: false, errors: [text], showUsage: false };
}

function explain(text: string): ParseResult {
  return { ok: false, errors: [text], showUsage: true };
}
