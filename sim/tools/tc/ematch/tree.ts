/**
 * `match EXPR`: terms tied by `and` and `or`, each perhaps inverted, a match or an expression in brackets. An expression may be one
 * word of the command or many.
 *
 * @source iproute2 tc/emp_ematch.y, tc/emp_ematch.l, tc/m_ematch.c parse_ematch, print_ematch_seq
 * @differs a refusal shows the reason and the usage, not the place in the command line
 */
import type { EmatchTerm } from "../../../net/tc/ematch/ematch.ts";
import { notInNetsim, type Words } from "../../rtnetlink.ts";
import type { ToolError } from "../../tool.ts";
import { refusal } from "../arguments.ts";
import { ematchKinds, LINUX_EMATCHES } from "./index.ts";
import { type EmatchArgument, EmatchError } from "./kind.ts";

const USAGE =
  "Usage: EXPR\n" +
  "where: EXPR  := TERM [ { and | or } EXPR ]\n" +
  "       TERM  := [ not ] { MATCH | '(' EXPR ')' }\n" +
  "       MATCH := module '(' ARGS ')'\n" +
  "       ARGS := ARG1 ARG2 ...\n\n" +
  "Example: a(x y) and not (b(x) or c(x y z))\n";

/** A bracket, or a word with whether it stood in quotes. */
interface Token extends EmatchArgument {
  readonly bracket: boolean;
}

/** Takes an expression off the words. @throws ToolError 1 */
export function takeEmatch(words: Words): readonly EmatchTerm[] {
  const reader = new Reader(words);
  const terms = reader.expression();
  if (!reader.atBoundary) throw parseError();
  return terms;
}

function parseError(): ToolError {
  return refusal(`Parse error: syntax error\n${USAGE}`);
}

/** Reads tokens word by word, so that what follows the expression stays. */
class Reader {
  private readonly words: Words;
  private tokens: Token[] = [];

  constructor(words: Words) {
    this.words = words;
  }

  /** No part of a word is left. */
  get atBoundary(): boolean {
    return this.tokens.length === 0;
  }

  expression(): readonly EmatchTerm[] {
    const terms: EmatchTerm[] = [];
    for (;;) {
      const inverted = this.take(["not", "!"]) !== null;
      const what = this.take(["("]) !== null ? this.bracketed() : this.match();
      const tie = this.take(["and", "&&", "or", "||"]);
      const relation = tie === null ? null : tie === "and" || tie === "&&" ? "and" : "or";
      terms.push({ inverted, relation, what });
      if (relation === null) return terms;
    }
  }

  private bracketed(): readonly EmatchTerm[] {
    const inner = this.expression();
    if (this.take([")"]) === null) throw parseError();
    return inner;
  }

  private match(): EmatchTerm["what"] {
    const name = this.next();
    if (name === null || name.bracket || this.take(["("]) === null) throw parseError();
    const args: EmatchArgument[] = [];
    for (let t = this.next(); ; t = this.next()) {
      if (t === null || (t.bracket && t.text === "(")) throw parseError();
      if (t.bracket) break;
      args.push(t);
    }
    const kind = ematchKinds.find((k) => k.kind === name.text);
    if (kind === undefined) {
      if (LINUX_EMATCHES.includes(name.text)) throw notInNetsim(`ematch ${name.text}`);
      throw refusal(`Unknown ematch "${name.text}"\n`);
    }
    try {
      return kind.parse(args);
    } catch (error) {
      if (error instanceof EmatchError) throw refusal(`${error.message}\n${kind.usage}`);
      throw error;
    }
  }

  /** Takes the next token when it is one of these. */
  private take(texts: readonly string[]): string | null {
    const t = this.peek();
    if (t === null || t.quoted || !texts.includes(t.text.toLowerCase())) return null;
    this.next();
    return t.text.toLowerCase();
  }

  private peek(): Token | null {
    if (this.tokens.length > 0) return this.tokens[0]!;
    const w = this.words.peek();
    return w === undefined ? null : (tokensOf(w)[0] ?? null);
  }

  private next(): Token | null {
    while (this.tokens.length === 0) {
      if (this.words.done) return null;
      this.tokens = tokensOf(this.words.next());
    }
    return this.tokens.shift()!;
  }
}

function tokensOf(word: string): Token[] {
  const out: Token[] = [];
  for (const [, quoted, plain] of word.matchAll(/"((?:[^"\\]|\\.)*)"|([()]|[^\s()"]+)/g)) {
    if (quoted !== undefined) out.push({ text: withoutEscapes(quoted), quoted: true, bracket: false });
    else out.push({ text: plain!, quoted: false, bracket: plain === "(" || plain === ")" });
  }
  return out;
}

/** C's escapes. */
function withoutEscapes(text: string): string {
  const plain: Readonly<Record<string, string>> = { n: "\n", t: "\t", v: "\v", b: "\b", r: "\r", f: "\f", a: "\x07" };
  return text.replace(/\\(x[0-9a-f]{1,2}|[0-7]{1,3}|.)/gi, (_, e: string) => {
    if (/^[0-7]/.test(e)) return String.fromCharCode(Number.parseInt(e, 8) & 0xff);
    if (/^x./i.test(e)) return String.fromCharCode(Number.parseInt(e.slice(1), 16));
    return plain[e] ?? e;
  });
}

/** As tc lists a tree, from the new line in front of it on. */
export function formatEmatch(terms: readonly EmatchTerm[]): string {
  return terms.length === 0 ? "" : `\n  ${sequence(terms, 1)}`;
}

function sequence(terms: readonly EmatchTerm[], depth: number): string {
  let text = "";
  for (const { inverted, relation, what } of terms) {
    if (inverted) text += "NOT ";
    if ("matches" in what) {
      text += `${what.kind}(${ematchKinds.find((k) => k.kind === what.kind)!.print(what)})\n`;
      if (relation !== null) text += "  ".repeat(depth);
    } else text += `(\n${"  ".repeat(depth + 1)}${sequence(what, depth + 1)}${"  ".repeat(depth)}) `;
    if (relation !== null) text += relation === "and" ? "AND " : "OR ";
  }
  return text;
}
