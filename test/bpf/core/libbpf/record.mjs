// Asks libbpf to relocate the CO-RE fixtures against the simulated kernel's types and against core_target.o, and writes answers.json:
// node record.mjs [--check]. Needs root, a C compiler and libbpf-dev with libelf.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildTool } from "../../../kernel/build-oracle.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const objects = here("../../../fixtures/objects/");
const golden = here("answers.json");
const TARGETS = {
  "kernel.btf": here("../../../../sim/net/btf/kernel.btf"),
  "core_target.o": join(objects, "core_target.o"),
};
const OBJECTS = ["core.o", "core_errors.o"];
/** Said of every program, since no program is let into the kernel. */
const ALWAYS = /failed to (prepare load attributes|load|relocate|perform CO-RE)/;

const work = mkdtempSync(join(tmpdir(), "netsim-core-"));
try {
  const tool = buildTool(["../bpf/core/libbpf/relocate.c"], work);
  const answers = {};
  for (const [target, path] of Object.entries(TARGETS)) {
    answers[target] = {};
    for (const object of OBJECTS) {
      const lines = execFileSync(tool, [object, path], { cwd: objects, encoding: "utf8" }).trim().split("\n");
      answers[target][object] = Object.fromEntries(lines.map((l) => JSON.parse(l)).map((a) => [a.prog, answerOf(a)]));
    }
  }
  const libbpf = execFileSync("pkg-config", ["--modversion", "libbpf"], { encoding: "utf8" }).trim();
  const text = `${JSON.stringify({ libbpf, answers }, null, 1)}\n`;
  if (!process.argv.includes("--check")) writeFileSync(golden, text);
  else if (readFileSync(golden, "utf8") !== text) {
    console.log(`libbpf ${libbpf} relocates otherwise than recorded`);
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true });
}

/** Subprograms are relocated with every program; only one of them matters to the program that calls it. */
function answerOf({ prog, error, insns, messages }) {
  const others = prog === "unguarded" ? /^$/ : /prog 'in_subprogram'/;
  const lines = messages.split("\n").filter((l) => l !== "" && !ALWAYS.test(l) && !others.test(l));
  const asked = lines.filter((l) => / relo #\d+: </.test(l)).map((l) => l.replace("libbpf: ", ""));
  const refused = lines.filter((l) => !/ relo #\d+: </.test(l));
  return { insns, asked, ...(error === 0 ? {} : { error, refused }) };
}
