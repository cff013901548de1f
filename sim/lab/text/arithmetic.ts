/**
 * Whole-number arithmetic in `${...}`: `${i}`, `${i+1}`, `${(i-1)/250}`, `${i%250+1}`, `${i:02x}`.
 *
 *     sum     = product (("+" | "-") product)*
 *     product = unary (("*" | "/" | "%") unary)*        division rounds down
 *     unary   = "-" unary | number | name | "(" sum ")"
 *     format  = ":" ["0"] [width] ["x" | "d"]
 */

/** The outcome: the text to put in place, or what is wrong. */
export type Evaluated = { readonly text: string } | { readonly error: string; readonly unknown?: string };

/** Evaluates what stands between `${` and `}`. */
export function evaluate(expression: string, variables: ReadonlyMap<string, number>): Evaluated {
  const m = /^([^:]*)(?::(0?)(\d{0,2})([xd]?))?$/.exec(expression);
  if (m === null) return { error: `cannot read "${expression}"` };
  const parser = new Parser(m[1]!, variables);
  const value = parser.sum(0);
  if (parser.error === null && !parser.atEnd) parser.fail(`"${parser.rest}" cannot stand there`);
  if (parser.error !== null)
    return { error: parser.error, ...(parser.unknown === null ? {} : { unknown: parser.unknown }) };
  if (!Number.isSafeInteger(value)) return { error: `${expression} is beyond 2^53` };
  const digits = (m[4] === "x" ? Math.abs(value).toString(16) : String(Math.abs(value))).padStart(
    m[3] === undefined || m[3] === "" ? 0 : Number(m[3]),
    m[2] === "0" ? "0" : " ",
  );
  return { text: value < 0 ? `-${digits}` : digits };
}

const MAX_NESTING = 32;

class Parser {
  error: string | null = null;
  unknown: string | null = null;
  private readonly tokens: readonly string[];
  private readonly variables: ReadonlyMap<string, number>;
  private at: number = 0;

  constructor(text: string, variables: ReadonlyMap<string, number>) {
    this.tokens = text.match(/\d+|[A-Za-z_][A-Za-z0-9_]*|\S/g) ?? [];
    this.variables = variables;
  }

  get atEnd(): boolean {
    return this.at >= this.tokens.length;
  }
  get rest(): string {
    return this.tokens.slice(this.at).join("");
  }

  fail(message: string): number {
    this.error ??= message;
    return 0;
  }

  sum(depth: number): number {
    let value = this.product(depth);
    for (let op = this.tokens[this.at]; op === "+" || op === "-"; op = this.tokens[this.at]) {
      this.at++;
      const right = this.product(depth);
      value = op === "+" ? value + right : value - right;
    }
    return value;
  }

  private product(depth: number): number {
    let value = this.unary(depth);
    for (let op = this.tokens[this.at]; op === "*" || op === "/" || op === "%"; op = this.tokens[this.at]) {
      this.at++;
      const right = this.unary(depth);
      if (op === "*") value *= right;
      else if (right === 0) return this.fail("division by zero");
      else if (op === "/") value = Math.floor(value / right);
      else value -= right * Math.floor(value / right);
    }
    return value;
  }

  private unary(depth: number): number {
    const token = this.tokens[this.at++];
    if (token === undefined) return this.fail("the expression ends too early");
    if (depth > MAX_NESTING) return this.fail("the expression nests too deep");
    if (token === "-") return -this.unary(depth + 1);
    if (token === "(") {
      const value = this.sum(depth + 1);
      if (this.tokens[this.at++] !== ")") return this.fail('")" is missing');
      return value;
    }
    if (/^\d/.test(token)) return Number(token);
    const value = this.variables.get(token);
    if (value !== undefined) return value;
    if (/^[A-Za-z_]/.test(token)) {
      this.unknown ??= token;
      return this.fail(`unknown name "${token}"`);
    }
    return this.fail(`"${token}" cannot stand there`);
  }
}
