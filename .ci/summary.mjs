// Adds up the reports of the test runners: node summary.mjs STEPS_FAILED REPORT.json ...
import { existsSync, readFileSync } from "node:fs";

const [stepsFailed, ...files] = process.argv.slice(2);
const sum = { passed: 0, failed: 0, skipped: 0 };
let missing = false;
for (const file of files) {
  if (!existsSync(file)) {
    console.log(`no report was written: ${file.replace(/^.*\//, "")}`);
    missing = true;
    continue;
  }
  const r = JSON.parse(readFileSync(file, "utf8"));
  sum.passed += r.numPassedTests;
  sum.failed += r.numFailedTests;
  sum.skipped += r.numPendingTests + (r.numTodoTests ?? 0);
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = stepsFailed !== "0" || missing || sum.failed > 0 || sum.passed === 0 ? 1 : 0;
