/** Runs a command line on a simulated host. */
import type { Operation } from "effection";
import { LabError, ObjectError, VerifierError } from "../engine/errors.ts";
import { nearest } from "../engine/nearest.ts";
import { NetlinkError } from "../net/netlink-error.ts";
import { refusedTools, tools } from "./index.ts";
import { strerror } from "./rtnetlink.ts";
import { splitLine } from "./split-line.ts";
import { ToolError, type ToolResult, type ToolSession } from "./tool.ts";

/** Exit status of the shell for a command that is not there. */
const STATUS_NOT_FOUND = 127;

/**
 * Runs one command to its end, which may take simulated time (`ping`). What the user can get wrong ends in a result with a status
 * that is not 0, never in an exception.
 * @param command a line, split with the shell's quoting, or its words
 */
export function* runCommand(session: ToolSession, command: string | readonly string[]): Operation<ToolResult> {
  try {
    const argv = typeof command === "string" ? splitLine(command) : command;
    const name = argv[0];
    if (name === undefined) return { status: 0, stdout: "", stderr: "" };
    const tool = tools.find((t) => t.name === name);
    if (tool === undefined) return unknownTool(name);
    return yield* tool.run(session, argv.slice(1));
  } catch (error) {
    return resultOf(error);
  }
}

/** An expected failure as a result; everything else is thrown on. */
function resultOf(error: unknown): ToolResult {
  if (error instanceof ToolError) return error.toResult();
  if (error instanceof ObjectError || error instanceof VerifierError || error instanceof LabError) {
    return { status: 1, stdout: "", stderr: `${error.message}\n`, cause: error };
  }
  if (error instanceof NetlinkError) {
    const text = error.extack !== "" ? `Error: ${error.extack}` : `RTNETLINK answers: ${strerror(error.errno)}`;
    return { status: 2, stdout: "", stderr: `${text}\n` };
  }
  throw error;
}

function unknownTool(name: string): ToolResult {
  const refused = refusedTools.get(name);
  const names = tools.map((t) => t.name);
  const near = nearest(name, names);
  const known = `${near === null ? "" : `did you mean ${near}? `}known: ${names.join(", ")}`;
  const text = refused === undefined ? `${name}: command not found; ${known}` : `netsim has no ${name} yet; ${refused}`;
  return { status: STATUS_NOT_FOUND, stdout: "", stderr: `${text}\n` };
}
