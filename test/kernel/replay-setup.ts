/** The commands that put a recorded host into its state, typed on a netsim host. */
import { readFileSync } from "node:fs";
import { run } from "effection";
import type { Host } from "../../sim/net/host.ts";
import { runCommand } from "../../sim/tools/run-command.ts";
import type { ToolResult } from "../../sim/tools/tool.ts";
import { objectUrl } from "./replay-kit.ts";

/** `jq -r` behind a pipe: netsim has no shell. */
const JQ = / \| jq -r '(?<path>[^']+)'$/;

/** Types a command in the folder of the bundled objects. */
export async function typeCommand(host: Host, line: string): Promise<ToolResult> {
  const session = { host, readFile: (path: string): Uint8Array => readFileSync(objectUrl(path)) };
  const jq = JQ.exec(line);
  const done = await run(() => runCommand(session, jq === null ? line : line.slice(0, jq.index)));
  return jq === null || done.status !== 0 ? done : { ...done, stdout: `${pick(done.stdout, jq.groups!.path!)}\n` };
}

/** What a path of jq (`.[0].xdp.mode`) finds in JSON text. */
function pick(json: string, path: string): string {
  let at: unknown = JSON.parse(json);
  for (const step of path.split(/[.[\]]+/).filter((s) => s !== "")) at = (at as Record<string, unknown>)[step];
  return String(at);
}

/** Types commands that must succeed, one after another. */
export async function runSetup(host: Host, commands: readonly string[]): Promise<void> {
  for (const line of commands) {
    const done = await typeCommand(host, line);
    if (done.status !== 0) throw new Error(`on ${host.name}: ${line}: status ${done.status}\n${done.stderr}`);
  }
}
