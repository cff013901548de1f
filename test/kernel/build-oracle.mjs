// Compiles the C tools of this folder. Needs gcc, libbpf and libelf (Debian: apt install gcc libbpf-dev libelf-dev).

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const flags = ["-O1", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers"];

/**
 * Compiles C sources, named relative to this folder, into one executable named after the first.
 * @returns its path
 * @throws Error with the compiler's text
 */
export function buildTool(sources, outFolder) {
  const out = join(outFolder, sources[0].replace(/.*\//, "").replace(/\.c$/, ""));
  const paths = sources.map((source) => fileURLToPath(new URL(source, import.meta.url)));
  const done = spawnSync(process.env.CC ?? "gcc", [...flags, "-o", out, ...paths, "-lbpf", "-lelf"], {
    encoding: "utf8",
  });
  if (done.error) throw new Error(`no C compiler: ${done.error.message}`);
  if (done.status !== 0) throw new Error(done.stderr);
  return out;
}
