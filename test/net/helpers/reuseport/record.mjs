// Asks the running kernel what bpf_sk_select_reuseport answers and writes answers.json. Needs root, clang, libbpf and iproute2:
// node record.mjs [--check]
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const file = join(here, "answers.json");
const work = mkdtempSync(join(tmpdir(), "netsim-reuseport-"));
const clang = process.env.CLANG ?? "clang-19";
const arch = execFileSync(clang, ["-print-target-triple"], { encoding: "utf8" }).trim().replace("-pc-", "-");

try {
  const object = join(work, "select.o");
  const runner = join(work, "runner");
  const source = join(here, "select.bpf.c");
  execFileSync(clang, ["-target", "bpf", "-O2", "-g", "-Wall", `-I/usr/include/${arch}`, "-c", source, "-o", object]);
  execFileSync(clang, ["-O1", join(here, "runner.c"), "-lbpf", "-o", runner]);
  const script = 'ip link set lo up && exec "$0" "$1"';
  const out = execFileSync("unshare", ["-n", "sh", "-c", script, runner, object], { encoding: "utf8" });
  const rows = out.trim().split("\n");
  const answers = Object.fromEntries(rows.map((row) => [row.split(" ")[0], row.split(" ").slice(1).map(Number)]));
  if (!process.argv.includes("--check")) {
    writeFileSync(file, `${JSON.stringify({ kernel: release(), answers })}\n`);
  } else {
    const same = JSON.stringify(JSON.parse(readFileSync(file, "utf8")).answers) === JSON.stringify(answers);
    process.stdout.write(same ? "all the same\n" : `${out}\n`);
    process.exitCode = same ? 0 : 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
