/** Addresses as tc's parsers take them. @source iproute2 lib/utils.c get_prefix_1 */
import { AF_INET, type Family } from "../../net/ip/address.ts";
import { parsePrefixWord } from "../addr-words.ts";
import { ToolError } from "../tool.ts";

/** A prefix. */
export interface Prefix {
  /** Host order, signed: one for IPv4, four for IPv6. */
  readonly words: readonly number[];
  readonly bits: number;
}

/** @returns null when the word is no prefix of the family */
export function prefixOf(word: string, family: Family): Prefix | null {
  try {
    const { addr, len } = parsePrefixWord(word, family);
    if (addr === null) return { words: [0, 0, 0, 0], bits: 0 };
    const words = family === AF_INET ? [addr.a | 0] : [addr.a | 0, addr.b | 0, addr.c | 0, addr.d | 0];
    return { words, bits: len };
  } catch (error) {
    if (error instanceof ToolError) return null;
    throw error;
  }
}
