// Loads kconfig.o on the running kernel, runs it, and writes what its maps hold to answers.json: node record.mjs [--check].
// Needs root and bpftool.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const pin = `/sys/fs/bpf/netsim-kconfig-${process.pid}`;
const frame = join(tmpdir(), `netsim-kconfig-${process.pid}`);
const bpftool = (...args) =>
  JSON.parse(execFileSync("bpftool", ["-j", ...args], { encoding: "utf8", stdio: "pipe" }) || "null");

try {
  bpftool("prog", "load", here("../../fixtures/objects/kconfig.o"), pin);
  writeFileSync(frame, new Uint8Array(64));
  const { retval } = bpftool("prog", "run", "pinned", pin, "data_in", frame);
  const maps = bpftool("prog", "show", "pinned", pin).map_ids.map((id) => {
    const { name, bytes_value, flags, frozen } = bpftool("map", "show", "id", String(id));
    const [{ value }] = bpftool("map", "dump", "id", String(id));
    return { name, size: bytes_value, flags, frozen, value: value.map((byte) => byte.slice(2)).join("") };
  });
  maps.sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = `${JSON.stringify({ kernel: release().split("-")[0], retval, maps }, null, 1)}\n`;
  if (!process.argv.includes("--check")) writeFileSync(here("answers.json"), text);
  else if (readFileSync(here("answers.json"), "utf8") !== text) {
    console.log("the kernel's configuration reaches the program otherwise than recorded");
    process.exitCode = 1;
  }
} finally {
  rmSync(pin, { force: true });
  rmSync(frame, { force: true });
}
