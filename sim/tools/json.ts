/**
 * JSON as the tools print it. Text is made compact first (so that 64-bit numbers need no BigInt); this lays it out.
 * @source iproute2 lib/json_writer.c; bpftool json_writer.c
 */

/** Whose layout: iproute2 puts blanks inside of list brackets, bpftool closes lists on a line of their own. */
export type JsonLayout = "iproute2" | "bpftool";

const INDENT = "    ";

/**
 * Lays compact JSON out over several lines. Anything between the punctuation is copied, so bpftool's plain values (`0x1f`,
 * `(nil)`) pass through; blanks and newlines outside of strings are dropped.
 */
export function layOutJson(text: string, layout: JsonLayout): string {
  let out = "";
  const open: string[] = [];
  let empty = true;
  const newline = (): void => {
    out += `\n${INDENT.repeat(open.length)}`;
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === " " || c === "\n") continue;
    if (c === "}" || c === "]") {
      open.pop();
      if (c === "]" && layout === "iproute2") out += empty ? "" : " ";
      else if (!empty) newline();
      out += c;
      empty = false;
      continue;
    }
    if (empty && open.at(-1) === "{") newline();
    empty = false;
    if (c === "{" || c === "[") {
      out += c === "[" && layout === "iproute2" ? "[ " : c;
      open.push(c);
      empty = true;
    } else if (c === ",") {
      out += c;
      if (open.at(-1) === "{") newline();
    } else if (c === ":") out += ": ";
    else if (c === '"') {
      const end = endOfString(text, i);
      out += text.slice(i, end);
      i = end - 1;
    } else out += c;
  }
  return out;
}

/** Index behind the closing quote of the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  let i = at + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}
