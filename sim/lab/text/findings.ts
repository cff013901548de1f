/** Collects everything that is wrong with one lab, in the order of the file, each finding once. */
import { type Diagnostic, LabError } from "../../engine/errors.ts";

/** Findings shown of one lab; beyond that they only count. */
const SHOWN = 50;

export class Findings {
  private readonly list: Diagnostic[] = [];
  private readonly seen: Set<string> = new Set();
  private sealed: ReadonlySet<string> = new Set();

  /** Adds a finding unless the same one stands at the same place already (repeated entries repeat their faults). */
  add(d: Diagnostic): void {
    const key =
      d.place === undefined ? `${d.code} ${d.path} ${d.message}` : `${d.code} ${d.place.line}:${d.place.column}`;
    if (this.seen.has(key)) return;
    if (d.place !== undefined && this.sealed.has(`${d.place.line}:${d.place.column}`)) return;
    this.seen.add(key);
    this.list.push(d);
  }

  /** From now on nothing is added about places that have a finding: it would only be its consequence. */
  seal(): void {
    this.sealed = new Set(this.list.map((d) => (d.place === undefined ? "" : `${d.place.line}:${d.place.column}`)));
  }

  /** Takes over the findings of a LabError. */
  addAll(list: readonly Diagnostic[]): void {
    for (const d of list) this.add(d);
  }

  get count(): number {
    return this.list.length;
  }

  /** @throws LabError with all findings when there are any, in the order of their places */
  throwIfAny(): void {
    if (this.list.length === 0) return;
    const sorted = [...this.list].sort(
      (a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0),
    );
    const shown = sorted.slice(0, SHOWN);
    if (sorted.length > SHOWN) {
      shown.push({ code: "LAB_MORE", message: `and ${sorted.length - SHOWN} more findings like these` });
    }
    throw new LabError(shown);
  }
}
