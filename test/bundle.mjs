// Bundles TypeScript of the tests into one file that plain node runs: inside vitest everything takes longer.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const KERNEL_BTF = fileURLToPath(new URL("../sim/net/btf/kernel.btf", import.meta.url));

/** @returns path of the bundle of a TypeScript file, with what it reads at run time beside it */
export async function bundle(source, folder) {
  const file = join(folder, source.pathname.replace(/.*\//, "").replace(/\.ts$/, ".mjs"));
  await build({
    input: fileURLToPath(source),
    platform: "node",
    output: { file, format: "esm" },
    logLevel: "silent",
  });
  copyFileSync(KERNEL_BTF, join(folder, "kernel.btf"));
  return file;
}
