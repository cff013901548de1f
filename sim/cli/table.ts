/** Aligned columns of text. */

/** One column: its heading and where its cells stand. */
export interface Column {
  readonly head: string;
  /** Numbers stand right. */
  readonly right?: boolean;
}

/**
 * Lays rows out under their headings, two spaces apart and indented by two. Cells equal to the one above in the first column are left
 * blank, so that what belongs together reads as a group. When the widest line exceeds `width`, the widest left column is cut with an
 * ellipsis in its middle.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly string[] {
  const widths = columns.map((c, k) => Math.max(c.head.length, ...rows.map((r) => r[k]!.length)));
  let total = 2 + widths.reduce((a, b) => a + b + 2, -2);
  while (total > width) {
    const widest = columns.reduce(
      (best, c, k) => (c.right !== true && (best < 0 || widths[k]! > widths[best]!) ? k : best),
      -1,
    );
    if (widest < 0 || widths[widest]! <= 12) break;
    const cut = Math.min(total - width, widths[widest]! - 12);
    widths[widest]! -= cut;
    total -= cut;
  }
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, k) => pad(shorten(cell, widths[k]!), widths[k]!, columns[k]!.right === true)).join("  ")}`.trimEnd();
  const out = [line(columns.map((c) => c.head))];
  let above: string | null = null;
  for (const r of rows) {
    out.push(line(r[0] === above ? ["", ...r.slice(1)] : r));
    above = r[0]!;
  }
  return out;
}

function pad(text: string, width: number, right: boolean): string {
  return right ? text.padStart(width) : text.padEnd(width);
}

function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

/** A count with thin groups of three: `1 234 567`. */
export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** A share: `12.5%`. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return "0%";
  const p = (100 * part) / whole;
  const text = p !== 0 && p < 0.1 ? p.toPrecision(1) : p.toFixed(1);
  return `${text.replace(/\.0$/, "")}%`;
}
