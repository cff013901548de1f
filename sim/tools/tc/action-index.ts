/** `index N` behind an action's own words. */
import { matches, type Words } from "../rtnetlink.ts";
import { advance, refusal, unsignedOf } from "./arguments.ts";

/** @returns null when the next word is another. @throws ToolError 1 with the kind's words */
export function takeIndex(words: Words, illegal: string | ((given: string) => string)): number | null {
  const w = words.peek();
  if (w === undefined || !matches(w, "index")) return null;
  const given = advance(words);
  const n = unsignedOf(given, 10);
  if (n === null) throw refusal(typeof illegal === "string" ? illegal : illegal(given));
  words.next();
  return n;
}
