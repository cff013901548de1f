/** The words of bpf_asm's language, with their places. @source tools/bpf/bpf_exp.l */
import { ObjectError, type SourcePlace } from "../../engine/errors.ts";

/** A word, a number or one of `: , # % [ ] ( ) + - * &`. */
export interface AsmToken {
  readonly kind: "word" | "number" | "sign";
  readonly text: string;
  /** Offset in the source. */
  readonly at: number;
}

const TOKEN = /([A-Za-z_]\w*)|(\d\w*)|([:,#%[\]()+\-*&])/y;
const BLANK = /(?:[ \t\r\n]+|;[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const NUMBER = /^(?:0x([0-9a-f]+)|0b([01]+)|0([0-7]*)|([1-9]\d*))$/i;

/** Reads tokens one after the other. */
export class AsmReader {
  private readonly text: string;
  private readonly path: string;
  private readonly tokens: AsmToken[] = [];
  private index: number = 0;

  /** @throws ObjectError CLASSIC_ASM at a character that means nothing */
  constructor(text: string, path: string) {
    this.text = text;
    this.path = path;
    // a line that begins with # is a comment, as the C preprocessor leaves them
    const source = text.replace(/^#.*$/gm, (line) => " ".repeat(line.length));
    for (let at = 0; at < source.length; ) {
      BLANK.lastIndex = at;
      if (BLANK.test(source)) {
        at = BLANK.lastIndex;
        continue;
      }
      TOKEN.lastIndex = at;
      const m = TOKEN.exec(source);
      if (m === null) throw this.error({ kind: "sign", text: source[at]!, at }, `unexpected character "${source[at]}"`);
      const kind = m[1] !== undefined ? "word" : m[2] !== undefined ? "number" : "sign";
      this.tokens.push({ kind, text: m[0], at });
      at = TOKEN.lastIndex;
    }
  }

  get done(): boolean {
    return this.index === this.tokens.length;
  }

  peek(): AsmToken | null {
    return this.tokens[this.index] ?? null;
  }

  /** The next token. @throws ObjectError when there is none; `what` says what should stand there */
  next(what: string): AsmToken {
    const token = this.peek();
    if (token === null) throw this.error(null, `the text ends where ${what} should stand`);
    this.index++;
    return token;
  }

  /** Takes a sign when it is the next token. */
  take(sign: string): boolean {
    const token = this.peek();
    if (token?.kind !== "sign" || token.text !== sign) return false;
    this.index++;
    return true;
  }

  expect(sign: string): void {
    if (this.take(sign)) return;
    const token = this.peek();
    throw this.error(token, token === null ? `"${sign}" is missing` : `"${token.text}" where "${sign}" should stand`);
  }

  /** A number with its sign. @returns 32 bits, unsigned */
  number(): number {
    const first = this.peek();
    const negative = this.take("-");
    if (!negative) this.take("+");
    const token = this.next("a number");
    const m = token.kind === "number" ? NUMBER.exec(token.text) : null;
    if (m === null) throw this.error(token, `"${token.text}" is not a number`);
    const [, hex, binary, octal, decimal] = m;
    const value =
      hex !== undefined
        ? Number.parseInt(hex, 16)
        : binary !== undefined
          ? Number.parseInt(binary, 2)
          : decimal !== undefined
            ? Number(decimal)
            : Number.parseInt(octal === "" ? "0" : octal!, 8);
    if (value > (negative ? 0x80000000 : 0xffffffff)) {
      throw this.error(first, `${negative ? "-" : ""}${token.text} does not fit into 32 bits`);
    }
    return (negative ? -value : value) >>> 0;
  }

  /** Where a token stands; null: the end of the text. */
  place(token: AsmToken | null): SourcePlace {
    const at = token?.at ?? this.text.trimEnd().length;
    const lineStart = this.text.lastIndexOf("\n", at - 1) + 1;
    const lineEnd = this.text.indexOf("\n", at);
    return {
      file: this.path,
      line: this.text.slice(0, lineStart).split("\n").length,
      column: at - lineStart + 1,
      text: this.text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, ""),
      width: token?.text.length ?? 1,
    };
  }

  /** A finding about a token. */
  error(token: AsmToken | null, message: string, fix?: string): ObjectError {
    const place = this.place(token);
    return new ObjectError({ code: "CLASSIC_ASM", message, place, ...(fix === undefined ? {} : { fix }) });
  }
}
