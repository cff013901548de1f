/** The record of one object of `tc`. */
import type { ToolFlags, Words } from "../rtnetlink.ts";
import type { ToolSession } from "../tool.ts";

/** One object: `tc NAME ...`. */
export interface TcObject {
  readonly name: string;
  /** @returns what it prints. Throws ToolError */
  run(session: ToolSession, words: Words, flags: ToolFlags): string;
}
