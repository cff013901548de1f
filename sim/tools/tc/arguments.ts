/** How tc's own parsers step through the words, and how they say no. @source iproute2 include/utils.h NEXT_ARG; lib/utils.c get_u32, get_integer, get_prefix_1 */
import { incompleteCommand, type Words } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";

/** A parser's `return -1` with what it printed: exit status 1 unless something around it says more. */
export function refusal(text: string, cause?: Error): ToolError {
  return new ToolError(1, text, "", cause);
}

/** NEXT_ARG: steps to the next word. @returns it. @throws ToolError when there is none */
export function advance(words: Words): string {
  words.next();
  const w = words.peek();
  if (w === undefined) throw incompleteCommand();
  return w;
}

/** get_u32, get_unsigned: strtoul with a base; 0 reads 0x as hex and a leading 0 as octal. @returns null for anything else */
export function unsignedOf(word: string, base: number, max: number = 0xffffffff): number | null {
  const text = word.trim();
  let digits = text;
  let radix = base;
  if ((base === 0 || base === 16) && /^0x/i.test(text)) {
    digits = text.slice(2);
    radix = 16;
  } else if (base === 0) radix = text.length > 1 && text.startsWith("0") ? 8 : 10;
  const legal = radix === 16 ? /^[0-9a-f]+$/i : radix === 8 ? /^[0-7]+$/ : /^\d+$/;
  if (!legal.test(digits)) return null;
  const n = Number.parseInt(digits, radix);
  return n <= max ? n : null;
}

/** get_integer: the same with a sign, 32 bits. */
export function integerOf(word: string, base: number): number | null {
  const negative = word.startsWith("-");
  const n = unsignedOf(negative || word.startsWith("+") ? word.slice(1) : word, base, 0x7fffffff);
  return n === null ? null : negative ? -n : n;
}
