// Records two rules of the running kernel: which kfuncs may be called in which program types (../allowed.json), and which map types
// take values with which fields of the kernel (../fields.json).
//
//   node test/bpf/kfuncs/oracle/record-rules.mjs [--check]
//
// Needs root, bpftool, a C compiler with libbpf-dev, and clang-19 when fields.o is to be made.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "netsim-kfuncs-"));
const kernel = release().split("-")[0];
const run = (command, ...args) => execFileSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28, cwd: file(".") });
const CLANG = [
  "-O2",
  "-g",
  "-target",
  "bpf",
  "-mcpu=v3",
  "-I/usr/include/x86_64-linux-gnu",
  "-fdebug-compilation-dir=.",
];

function tool(name) {
  const out = join(dir, name);
  run("cc", "-o", out, `${name}.c`, "-lbpf", "-lelf");
  return out;
}

/** BTF ids of the kernel's functions that bear the tag of a kfunc, by name; selftests' own are left out. */
function kfuncs() {
  const text = run("bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "raw");
  const tagged = new Set([...text.matchAll(/DECL_TAG 'bpf_kfunc' type_id=(\d+)/g)].map((m) => m[1]));
  const functions = [...text.matchAll(/^\[(\d+)\] FUNC '([^']+)'/gm)].filter((m) => tagged.has(m[1]));
  return new Map(functions.filter((m) => !/test|memb_release/.test(m[2])).map((m) => [m[2], m[1]]));
}

function allowed() {
  const ids = kfuncs();
  const nameOf = new Map([...ids].map(([name, id]) => [id, name]));
  const by = {};
  for (const line of run(tool("allowed"), ...ids.values())
    .trim()
    .split("\n")) {
    const [kind, id] = line.split(" ");
    by[nameOf.get(id)] ??= [];
    by[nameOf.get(id)].push(kind);
  }
  const rows = Object.keys(by)
    .sort()
    .map((name) => `    ${JSON.stringify(name)}: ${JSON.stringify(by[name].join(" "))}`);
  return `{\n  "kernel": "${kernel}",\n  "allowed": {\n${rows.join(",\n")}\n  }\n}\n`;
}

function fields() {
  if (!existsSync(file("fields.o"))) run("clang-19", ...CLANG, "-c", "fields.bpf.c", "-o", "fields.o");
  const by = {};
  for (const line of run(tool("fields"), file("fields.o")).trim().split("\n")) {
    const [kind, flags, value, errno] = line.split(" ");
    by[`${kind} ${flags}`] ??= {};
    by[`${kind} ${flags}`][value] = Number(errno);
  }
  const rows = Object.entries(by).map(([map, values]) => `    ${JSON.stringify(map)}: ${JSON.stringify(values)}`);
  return `{\n  "kernel": "${kernel}",\n  "errno": {\n${rows.join(",\n")}\n  }\n}\n`;
}

try {
  for (const [name, text] of Object.entries({ "allowed.json": allowed(), "fields.json": fields() })) {
    const golden = new URL(`../${name}`, import.meta.url);
    const body = (s) => s.split("\n").slice(2).join("\n");
    if (!process.argv.includes("--check")) writeFileSync(golden, text);
    else if (body(readFileSync(golden, "utf8")) !== body(text)) {
      console.error(`${name}\n${text}`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(dir, { recursive: true });
}
