// Makes what the comparison with the kernel is run by: the C program, and TypeScript bundled into one file for plain node.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import { buildTool } from "../build-oracle.mjs";

/** @returns path of the runner */
export function buildRunner(folder) {
  return buildTool(["differential/runner.c"], folder);
}

/**
 * Bundles a TypeScript file of this folder or, by a path from here, of another.
 * @returns path of the bundle
 */
export async function buildBundle(file, folder) {
  const out = join(folder, `${file.replace(/.*\//, "").replace(/\.ts$/, "")}.mjs`);
  await build({
    input: fileURLToPath(new URL(file, import.meta.url)),
    platform: "node",
    output: { file: out, format: "esm" },
    logLevel: "silent",
  });
  return out;
}

/** CPUs that per-CPU maps have values of. */
export function possibleCpus() {
  const list = readFileSync("/sys/devices/system/cpu/possible", "utf8").trim();
  return Number(list.split(/[-,]/).at(-1)) + 1;
}
