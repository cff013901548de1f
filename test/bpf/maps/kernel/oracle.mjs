// Builds map-oracle.c and talks with it. Needs root, gcc, libbpf-dev (its headers).
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildTool } from "../../../kernel/build-oracle.mjs";

/**
 * Asks the kernel.
 * @param commands lines for the oracle
 * @returns its answers, one for each
 * @throws Error when the oracle gave up
 */
export function ask(commands) {
  const folder = mkdtempSync(join(tmpdir(), "netsim-maps-"));
  try {
    const tool = buildTool(["../bpf/maps/kernel/map-oracle.c"], folder);
    const done = spawnSync(tool, { input: `${commands.join("\n")}\n`, encoding: "utf8", maxBuffer: 1 << 28 });
    if (done.status !== 0) throw new Error(`map-oracle ended with ${done.status}: ${done.stderr}`);
    const answers = done.stdout.trimEnd().split("\n");
    if (answers.length !== commands.length) throw new Error(`${commands.length} commands, ${answers.length} answers`);
    return answers;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
