// Compares netsim with the running kernel over random programs. Needs root, Linux, a C compiler.
//
//     node test/kernel/differential/run.mjs [--count N] [--seed N] [--interpret N] [--unchecked N]
//         [--may-goto] [--stop N] [--show SEED] [--refusals]
//
// --count is the number of programs that the kernel accepts; --interpret N runs the interpreter on every Nth of them, --unchecked N the
// code without access checks.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBundle, buildRunner, possibleCpus } from "./build.mjs";

const work = mkdtempSync(join(tmpdir(), "netsim-differential-"));
try {
  const runner = buildRunner(work);
  const program = await buildBundle("compare.ts", work);
  const args = [program, "--runner", runner, "--cpus", String(possibleCpus()), ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
