/** The record of one object of `bpftool`. */
import type { Words } from "../rtnetlink.ts";
import type { ToolResult, ToolSession } from "../tool.ts";
import type { BpftoolFlags } from "./output.ts";

/** One object: `bpftool NAME ...`. */
export interface BpftoolObject {
  readonly name: string;
  /** @returns what it prints, or a whole result. Throws ToolError */
  run(session: ToolSession, words: Words, flags: BpftoolFlags): string | ToolResult;
}
