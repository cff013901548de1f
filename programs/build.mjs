// Compiles every program of this folder to the object beside it, and writes manifest.json.
//
//   node programs/build.mjs           compile and write
//   node programs/build.mjs --check   compile into a temporary folder and report what differs; writes nothing;
//                                     status 0: the same; 1: not the same; 3: this machine cannot tell
//
// The compiler is $CLANG, or clang-19, or clang; the debug sections are taken off by the llvm-strip of the same version,
// or $LLVM_STRIP. The objects do not depend on where the repository lies: the compiler runs in this folder and sees
// relative names only.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { hashOfFile, hashOfSources, hashOfSystemHeaders, manifestPath, programNames } from "./manifest.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));

// -mcpu=v3 has the 32-bit instructions and needs Linux 5.1; v4 would need 6.6.
const flags = [
  "-target",
  "bpf",
  "-mcpu=v3",
  "-O2",
  "-g",
  "-fdebug-compilation-dir=.",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-Wno-unused-parameter",
];

const check = process.argv.includes("--check");

/** Ends with one clear sentence. Status 1: the objects are not of their sources; 3: this machine cannot tell. */
function fail(message, status = check ? 3 : 1) {
  process.stderr.write(`programs/build.mjs: ${message}\n`);
  process.exit(status);
}

/** Runs a tool in this folder. @returns its stdout, or null when there is no such tool */
function run(tool, args) {
  const done = spawnSync(tool, args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 });
  if (done.error) return null;
  if (done.status !== 0) fail(`${tool} ${args.join(" ")} failed:\n${done.stderr}`);
  return done.stdout;
}

function findTool(variable, candidates) {
  const wanted = process.env[variable];
  for (const tool of wanted ? [wanted] : candidates) {
    const version = run(tool, ["--version"]);
    if (version !== null) return { tool, version: /version (\d+\.\d+\.\d+)/.exec(version)?.[1] ?? "unknown" };
  }
  return fail(
    wanted
      ? `${variable}=${wanted} cannot be run`
      : `none of ${candidates.join(", ")} is installed. The compiled objects are in the repository; only who changes ` +
          `a program needs clang (Debian: apt install clang-19 llvm-19 libbpf-dev). Set ${variable} to use another.`,
  );
}

/** Folder of the machine's own headers that clang does not search for the bpf target. */
function multiarchInclude() {
  const triple =
    run("gcc", ["-print-multiarch"])?.trim() || `${{ x64: "x86_64", arm64: "aarch64" }[process.arch]}-linux-gnu`;
  return `/usr/include/${triple}`;
}

function compile(clang, strip, name, outFolder) {
  const out = join(outFolder, `${name}.o`);
  const deps = join(outFolder, `${name}.d`);
  run(clang, [...flags, `-I${multiarchInclude()}`, "-MD", "-MF", deps, "-c", `${name}.c`, "-o", out]);
  run(strip, ["-g", out]);
  const headers = readFileSync(deps, "utf8")
    .replace(/^[^:]*:/, "")
    .split(/[\s\\]+/)
    .filter((path) => path.startsWith("/"));
  return { out, headers };
}

const clang = findTool("CLANG", ["clang-19", "clang"]);
const strip = findTool("LLVM_STRIP", [clang.tool.replace(/clang/, "llvm-strip"), "llvm-strip-19", "llvm-strip"]);
const work = mkdtempSync(join(tmpdir(), "netsim-programs-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

const manifest = { clang: clang.version, flags: flags.join(" "), systemHeaders: "", programs: {} };
const systemHeaders = new Set();
for (const name of programNames()) {
  const { out, headers } = compile(clang.tool, strip.tool, name, work);
  for (const header of headers) systemHeaders.add(header);
  manifest.programs[name] = { sources: hashOfSources(name), object: hashOfFile(out) };
}
manifest.systemHeaders = hashOfSystemHeaders([...systemHeaders]);

if (check) {
  const committed = JSON.parse(readFileSync(manifestPath, "utf8"));
  const differing = Object.keys({ ...manifest.programs, ...committed.programs }).filter(
    (name) =>
      JSON.stringify(manifest.programs[name]) !== JSON.stringify(committed.programs[name]) ||
      hashOfFile(join(folder, `${name}.o`)) !== manifest.programs[name]?.object,
  );
  if (differing.length === 0) {
    process.stdout.write(`${programNames().length} objects are what clang ${clang.version} makes of their sources\n`);
  } else {
    const sameTools = manifest.clang === committed.clang && manifest.systemHeaders === committed.systemHeaders;
    const reason = sameTools
      ? "run `npm run programs`"
      : `compiler or system headers are not those of the committed objects (clang ${committed.clang}), which alone may explain it`;
    fail(`differ from what clang ${clang.version} makes: ${differing.join(", ")}; ${reason}`, sameTools ? 1 : 3);
  }
} else {
  for (const name of programNames()) {
    const target = join(folder, `${name}.o`);
    writeFileSync(`${target}.new`, readFileSync(join(work, `${name}.o`)));
    renameSync(`${target}.new`, target);
  }
  writeFileSync(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
  process.stdout.write(`${programNames().length} objects by clang ${clang.version} in ${basename(folder)}/\n`);
}
