// Asks the running kernel every case of cases.mjs and writes vectors.json. Needs root, clang and llvm: node record.mjs [--check]
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CASES, dataHex, TYPES } from "./cases.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(join(tmpdir(), "netsim-testrun-"));
const clang = process.env.CLANG ?? "clang-19";
/** Longer bytes are kept as their hash. */
const MOST = 256;

/** Every program in a section of its own, assembled at once. @returns hex of the instructions by text */
function assembleAll(texts) {
  const source = texts.map((text, i) => {
    const own = text.replace(/\bout\b/g, `out${i}`);
    return `.section p${i},"ax",@progbits\n${own}\n`;
  });
  writeFileSync(join(work, "p.s"), source.join(""));
  execFileSync(clang, ["-target", "bpf", "-mcpu=v4", "-c", join(work, "p.s"), "-o", join(work, "p.o")], {
    stdio: "inherit",
  });
  const out = new Map();
  const dump = texts.flatMap((_, i) => ["--dump-section", `p${i}=${join(work, `p${i}.bin`)}`]);
  execFileSync(clang.replace("clang", "llvm-objcopy"), [...dump, join(work, "p.o"), join(work, "p2.o")], {
    stdio: "inherit",
  });
  texts.forEach((text, i) => {
    out.set(text, readFileSync(join(work, `p${i}.bin`)).toString("hex"));
  });
  return out;
}

/** Long bytes by hash, without what is empty. */
function compact(answer) {
  for (const key of ["data", "ctx"]) {
    const hex = answer[key];
    if (hex === "") delete answer[key];
    else if (hex !== undefined && hex.length > 2 * MOST) {
      const sha = createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex").slice(0, 32);
      answer[key] = `sha256:${hex.length / 2}:${sha}`;
    } else if (key === "ctx" && hex !== undefined) answer.ctx = hex.replace(/(00)+$/, "");
  }
  return answer;
}

try {
  const runner = join(work, "runner");
  execFileSync(clang, ["-O1", join(here, "runner.c"), "-o", runner], { stdio: "inherit" });
  const code = assembleAll([...new Set(CASES.map((c) => c.asm))]);
  const lines = CASES.map((c) => {
    const [type, attach, flags] = TYPES[c.type];
    const more = [c.repeat ?? 0, c.flags ?? 0, c.cpu ?? 0, c.batch ?? 0, c.out];
    return [type, attach, flags, code.get(c.asm), dataHex(c.data), c.ctx ?? "-", ...more].join(" ");
  });
  // a network namespace of its own, whose only device is lo, and one CPU
  const run = spawnSync("unshare", ["-n", "taskset", "1", runner], {
    input: `${lines.join("\n")}\n`,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(run.stderr || "the runner failed");
  const answers = run.stdout
    .trim()
    .split("\n")
    .map((l) => compact(JSON.parse(l)));
  if (answers.length !== CASES.length) throw new Error(`${answers.length} answers to ${CASES.length} cases`);
  const rows = CASES.map((c, i) => {
    if (answers[i].load !== undefined)
      throw new Error(`${c.type}: ${c.why}: the kernel does not load it, errno ${answers[i].load}`);
    return `  ${JSON.stringify({ ...c, asm: undefined, insns: code.get(c.asm), answer: answers[i] })}`;
  });
  const text = `{"kernel":"${release().split("-")[0]}","cases":[\n${rows.join(",\n")}\n]}\n`;
  const file = join(here, "vectors.json");
  if (process.argv.includes("--check")) {
    const old = JSON.parse(readFileSync(file, "utf8")).cases.map((c) => JSON.stringify(c));
    const now = JSON.parse(text).cases.map((c) => JSON.stringify(c));
    const differ = now.flatMap((c, i) => (c === old[i] ? [] : [`- ${old[i]}\n+ ${c}`]));
    process.stdout.write(differ.length === 0 ? "all the same\n" : `${differ.join("\n")}\n`);
    process.exitCode = differ.length === 0 ? 0 : 1;
  } else writeFileSync(file, text);
} finally {
  rmSync(work, { recursive: true, force: true });
}
