// `npm run fuzz [-- COUNT]`: the fuzz tests with COUNT inputs each (10,000 when nothing is said).
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const count = process.argv[2] ?? "10000";
const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, "run", "test/fuzz", "test/lab/fuzz-labs.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, NETSIM_FUZZ: count },
});
process.exitCode = status ?? 1;
