/**
 * `npm run bench [CASE ...]`: every case in a process of its own, under plain node, one table at the end.
 */
import { execFileSync } from "node:child_process";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import type { BenchCase, BenchRow } from "./case.ts";
import { compile } from "./compile.ts";
import { events } from "./events.ts";
import { hops } from "./hops.ts";
import { jit } from "./jit.ts";
import { memory } from "./memory.ts";
import { startup } from "./startup.ts";

const cases: readonly BenchCase[] = [compile, events, hops, jit, memory, startup];

function runApart(name: string): readonly BenchRow[] {
  const out = execFileSync(process.execPath, [fileURLToPath(import.meta.url), "--only", name], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 24,
  });
  return JSON.parse(out) as readonly BenchRow[];
}

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === "--only") {
    const one = cases.find((c) => c.name === args[1])!;
    process.stdout.write(JSON.stringify(await one.run()));
    return;
  }
  const unknown = args.filter((a) => !cases.some((c) => c.name === a));
  if (unknown.length > 0) {
    console.error(`no benchmark named ${unknown.join(", ")}; there are: ${cases.map((c) => c.name).join(", ")}`);
    process.exitCode = 2;
    return;
  }
  console.log(`node ${process.version}, ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}\n`);
  for (const c of cases) {
    if (args.length > 0 && !args.includes(c.name)) continue;
    console.log(`${c.name}: ${c.about}`);
    const reason = c.unavailable();
    if (reason !== null) {
      console.log(`  skipped: ${reason}\n`);
      continue;
    }
    for (const row of runApart(c.name)) {
      console.log(
        `  ${row.what.padEnd(52)} ${row.figure.padStart(20)}${row.against === undefined ? "" : `   ${row.against}`}`,
      );
    }
    console.log("");
  }
}

await main(process.argv.slice(2));
