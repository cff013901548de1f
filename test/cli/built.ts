/** The built command line, for tests that need a process of its own. */
import { type ChildProcess, execSync, spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./kit.ts";

/** The newest change below a directory, ms. */
function newest(dir: string): number {
  let time = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return time;
}

/** Builds dist/ when it is older than sim/. @returns the path of the entry */
export function builtMain(): string {
  const main = join(ROOT, "dist/bin/main.js");
  if (!existsSync(main) || newest(join(ROOT, "sim")) > newest(join(ROOT, "dist"))) {
    execSync("npm run build", { cwd: ROOT, stdio: "pipe" });
  }
  return main;
}

/** A finished process. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the built netsim. */
export function start(
  argv: readonly string[],
  cwd: string = ROOT,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [builtMain(), ...argv], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr!.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
  return { child, ended };
}
