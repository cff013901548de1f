/** A command line into words, with the shell's quotes and nothing else of the shell. @source POSIX.1-2017, 2.2 Quoting */
import { ToolError } from "./tool.ts";

/** What a shell would act on, and netsim has none. */
const OPERATORS: Readonly<Record<string, string>> = {
  "|": "pipes",
  "&": "background jobs and &&",
  ";": "several commands in one line",
  "<": "redirections",
  ">": "redirections",
  "`": "command substitution",
  $: "variables",
  "(": "subshells",
  ")": "subshells",
};

/**
 * Splits at blanks; '...', "..." and \ protect; # at the beginning of a word ends the line.
 * @throws ToolError 2 for an unclosed quote and for what needs a shell
 */
export function splitLine(line: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let inWord = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (c === " " || c === "\t" || c === "\n" || c === "\r") {
      if (inWord) words.push(word);
      word = "";
      inWord = false;
      continue;
    }
    if (c === "#" && !inWord) break;
    inWord = true;
    if (c === "'" || c === '"') {
      const { text, end } = quoted(line, i);
      word += text;
      i = end;
    } else if (c === "\\") {
      i++;
      if (i < line.length && line[i] !== "\n") word += line[i];
    } else if (OPERATORS[c] !== undefined) {
      throw new ToolError(
        2,
        `netsim has no shell: ${OPERATORS[c]} are not possible here ("${c}"); quote the word if it is meant so\n`,
      );
    } else word += c;
  }
  if (inWord) words.push(word);
  return words;
}

/** The text of the quoted part that begins at `at`, and the index of its closing quote. */
function quoted(line: string, at: number): { readonly text: string; readonly end: number } {
  const quote = line[at]!;
  let text = "";
  for (let i = at + 1; i < line.length; i++) {
    const c = line[i]!;
    if (c === quote) return { text, end: i };
    if (quote === '"' && c === "\\" && /["\\$`\n]/.test(line[i + 1] ?? "")) {
      i++;
      if (line[i] !== "\n") text += line[i];
    } else text += c;
  }
  throw new ToolError(2, `unterminated ${quote === "'" ? "single" : "double"} quote in: ${line}\n`);
}
