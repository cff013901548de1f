/** One process of a fuzz run, started by run.mjs: tries its inputs, keeps the number of the current one in a file, prints the result. */
import { openSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { targets } from "./targets.ts";
import { tryInputs } from "./try-inputs.ts";

const { values } = parseArgs({
  options: { from: { type: "string" }, count: { type: "string" }, at: { type: "string" } },
});
const at = openSync(values.at!, "w");
const cell = new Float64Array(1);
const result = tryInputs(
  targets,
  Number(values.from),
  Number(values.count),
  () => performance.now(),
  (input) => {
    cell[0] = input;
    writeSync(at, new Uint8Array(cell.buffer), 0, 8, 0);
  },
);
process.stdout.write(JSON.stringify(result));
