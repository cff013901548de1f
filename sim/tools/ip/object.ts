/** The record of one object of `ip`. */
import type { ToolFlags, Words } from "../rtnetlink.ts";
import type { ToolResult, ToolSession } from "../tool.ts";

/** One object: `ip NAME ...`. */
export interface IpObject {
  /** Full names; words may abbreviate them. */
  readonly names: readonly string[];
  /** @returns what it prints, or a whole result. Throws ToolError */
  run(session: ToolSession, words: Words, flags: ToolFlags): string | ToolResult;
}
