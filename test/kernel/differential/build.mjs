// Makes what the comparison with the kernel is run by: the C program, and the bundles.
import { readFileSync } from "node:fs";
import { bundle } from "../../bundle.mjs";
import { buildTool } from "../build-oracle.mjs";

/** @returns path of the runner */
export function buildRunner(folder) {
  return buildTool(["differential/runner.c"], folder);
}

/** @returns path of the bundle of a TypeScript file of this folder */
export function buildBundle(file, folder) {
  return bundle(new URL(file, import.meta.url), folder);
}

/** CPUs that per-CPU maps have values of. */
export function possibleCpus() {
  const list = readFileSync("/sys/devices/system/cpu/possible", "utf8").trim();
  return Number(list.split(/[-,]/).at(-1)) + 1;
}
