/** The nearest of a set of names, for "did you mean" in errors. */

/**
 * The candidate with the fewest edits (insert, delete, replace, swap of neighbours), letter case ignored.
 * @returns null when even the best differs in more than a third of the longer name; among equals the first given wins
 */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  const wanted = name.toLowerCase();
  let best: string | null = null;
  let bestEdits = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3));
    if (Math.abs(wanted.length - candidate.length) > limit) continue;
    const edits = editDistance(wanted, candidate.toLowerCase());
    if (edits <= limit && edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** Optimal string alignment distance. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous: number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2]! + 1);
      row.push(d);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** The `fix` sentence of an unknown name: the nearest one, then all known ones (at most 12 of them). */
export function suggest(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  const shown = candidates.slice(0, 12).join(", ") + (candidates.length > 12 ? ", ..." : "");
  const known = candidates.length === 0 ? "there are none" : `known: ${shown}`;
  return near === null ? known : `did you mean ${near}? ${known}`;
}
