/** The record of one object of `tc`. */
import type { ToolFlags, Words } from "../rtnetlink.ts";
import type { ToolResult, ToolSession } from "../tool.ts";

/** One object: `tc NAME ...`. */
export interface TcObject {
  readonly name: string;
  /** @returns what it prints, or a result that has something for stderr as well. Throws ToolError */
  run(session: ToolSession, words: Words, flags: ToolFlags): string | ToolResult;
}
