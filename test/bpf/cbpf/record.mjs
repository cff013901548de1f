// Records what the running kernel, tcpdump and bpf_asm make of the programs of corpus.mjs, into the JSON files of this folder:
//
//   asm.json        bpf_asm's and libpcap's texts of them (needs tcpdump, and bpf_asm's path in BPF_ASM)
//   checks.json     what SO_ATTACH_FILTER answers, and how much option memory the translations take
//   verdicts.json   how much of each packet a packet socket keeps, incoming and outgoing
//
// Usage, as root with a C compiler and iproute2: node test/bpf/cbpf/record.mjs [--check] [asm|checks|verdicts ...]
// With --check nothing is written, and what differs is printed. Without BPF_ASM the recorded asm.json serves.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checks, decimal, expressions, frames, randomProgram, sized, sources } from "./corpus.mjs";

/** Programs made at random, and the packets they are run on. */
const RANDOM = 400;
const BATCH = 100;
const MARK = 33;

const check = process.argv.includes("--check");
const wanted = process.argv.slice(2).filter((a) => a !== "--check");
const wants = (name) => wanted.length === 0 || wanted.includes(name);
const here = (name) => new URL(name, import.meta.url);
const packets = [...JSON.parse(readFileSync(here("../../kernel/packets.json"), "utf8")), ...frames];
const dir = mkdtempSync(join(tmpdir(), "netsim-cbpf-"));
let differing = 0;

function run(command, args, input = "") {
  return execFileSync(command, args, { input, encoding: "utf8", maxBuffer: 1 << 28 });
}

/** Writes a recording with a line for each entry, or compares it with the committed one. */
function keep(file, head, entries) {
  const lines = entries.map((e) => `    ${JSON.stringify(e)}`).join(",\n");
  const heads = Object.entries(head).map(([k, v]) => `  ${JSON.stringify(k)}: ${JSON.stringify(v)},\n`);
  const text = `{\n${heads.join("")}  "entries": [\n${lines}\n  ]\n}\n`;
  if (!check) {
    writeFileSync(here(file), text);
    console.log(`${file}: ${entries.length} entries`);
    return;
  }
  const was = JSON.parse(readFileSync(here(file), "utf8")).entries.map((e) => JSON.stringify(e));
  const is = entries.map((e) => JSON.stringify(e));
  const differ = is.filter((e, i) => e !== was[i]);
  if (is.length !== was.length) console.log(`${file}: ${was.length} entries are committed, now there are ${is.length}`);
  for (const e of differ.slice(0, 10)) console.log(`${file}: now ${e.slice(0, 300)}`);
  if (differ.length > 0 || is.length !== was.length) differing++;
  else console.log(`${file}: as committed`);
}

function recordAsm() {
  const tool = process.env.BPF_ASM;
  if (tool === undefined) throw new Error("BPF_ASM must name the kernel's bpf_asm");
  const file = join(dir, "source");
  const entries = Object.entries(sources).map(([name, text]) => {
    writeFileSync(file, text);
    return { name, decimal: run(tool, [file]).trim(), c: run(tool, ["-c", file]).trim().split("\n") };
  });
  for (const expression of expressions) {
    for (const plain of [false, true]) {
      const args = ["-y", "EN10MB", ...(plain ? ["-O"] : [])];
      const ddd = run("tcpdump", [...args, "-ddd", expression]).trim();
      const d = run("tcpdump", [...args, "-d", expression])
        .trimEnd()
        .split("\n");
      entries.push({ expression, ...(plain ? { plain } : {}), ddd, d });
    }
  }
  const tcpdump = execFileSync("sh", ["-c", "tcpdump --version 2>&1"], { encoding: "utf8" }).trim().split("\n");
  keep("asm.json", { tools: ["bpf_asm of Linux", ...tcpdump.slice(0, 2)] }, entries);
}

/** The corpus as decimals: assembled, compiled from expressions, made at random. */
function corpus() {
  const asm = JSON.parse(readFileSync(here("asm.json"), "utf8")).entries;
  const programs = asm.map((e) => ({
    name: e.name ?? `tcpdump${e.plain ? " -O" : ""} '${e.expression}'`,
    decimal: e.decimal ?? `${e.ddd.replaceAll("\n", ",")},`,
  }));
  const random = Array.from({ length: RANDOM }, (_, seed) => ({
    name: `random ${seed + 1}`,
    decimal: decimal(randomProgram(seed + 1)),
  }));
  return [...programs, ...random];
}

function runs(list) {
  const out = [];
  for (let i = 0; i < list.length; ) {
    let n = 1;
    while (list[i + n] === list[i]) n++;
    out.push(n === 1 ? list[i] : `${n}x${list[i]}`);
    i += n;
  }
  return out.join(" ");
}

function oracle() {
  const out = join(dir, "oracle");
  run(process.env.CC ?? "cc", ["-O1", "-Wall", "-o", out, fileURLToPath(here("oracle.c"))]);
  return out;
}

function recordChecks(tool) {
  const errnos = run(tool, ["check"], `${checks.map(([, text]) => text).join("\n")}\n`)
    .trim()
    .split("\n");
  const bytes = run(tool, ["size"], `${sized.join("\n")}\n`)
    .trim()
    .split("\n");
  keep("checks.json", { kernel: release().split("-")[0] }, [
    ...checks.map(([why], i) => ({ why, errno: Number(errnos[i]) })),
    ...sized.map((text, i) => ({ program: text, optmem: Number(bytes[i]) })),
  ]);
}

/** Answers as one text for each program: `in/out` lengths of each packet, or one number when they are equal; `3x54` for three in a row. */
function recordVerdicts(tool) {
  const programs = corpus();
  const answers = programs.map(() => []);
  const sent = packets.map((p) => `P ${MARK} ${p.hex}\n`).join("");
  for (let first = 0; first < programs.length; first += BATCH) {
    const batch = programs.slice(first, first + BATCH);
    const text = run(tool, ["run"], `${batch.map((p) => p.decimal).join("\n")}\n${sent}`);
    for (const line of text.trimEnd().split("\n")) {
      const [incoming, outgoing] = line.split("|").map((half) => half.trim().split(" "));
      for (let i = 0; i < batch.length; i++) {
        const [one, other] = [incoming[i], outgoing[i]];
        answers[first + i].push(one === other ? one : `${one}/${other}`);
      }
    }
  }
  const entries = programs.map((p, i) => ({ name: p.name, kept: runs(answers[i]) }));
  keep("verdicts.json", { kernel: release().split("-")[0], mark: MARK, packets: packets.map((p) => p.name) }, entries);
}

try {
  if (wants("asm") && (process.env.BPF_ASM !== undefined || wanted.includes("asm"))) recordAsm();
  const tool = oracle();
  if (wants("checks")) recordChecks(tool);
  if (wants("verdicts")) recordVerdicts(tool);
} finally {
  rmSync(dir, { recursive: true });
}
process.exitCode = differing > 0 ? 1 : 0;
