// Records what the running kernel answers to a thousand random programs into test/bpf/differential/sample.msgpack.gz, or with --check
// asks it the recorded ones again. Needs root, Linux, a C compiler: node test/kernel/differential/record.mjs [--check] [--seed N] [--may-goto]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle, buildRunner, possibleCpus } from "./build.mjs";

const work = mkdtempSync(join(tmpdir(), "netsim-sample-"));
const file = fileURLToPath(new URL("../../bpf/differential/sample.msgpack.gz", import.meta.url));
try {
  const runner = buildRunner(work);
  const program = await buildBundle("record.ts", work);
  const args = [
    program,
    "--runner",
    runner,
    "--cpus",
    String(possibleCpus()),
    "--file",
    file,
    ...process.argv.slice(2),
  ];
  process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
