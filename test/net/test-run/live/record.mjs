// Asks the running kernel what becomes of live frames and writes vectors.json: node record.mjs [--check]. Needs root, clang, llvm and
// libbpf-dev. Each case has a network namespace of its own and one CPU; runner.c says what stands in it.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const clang = process.env.CLANG ?? "clang-19";

/** UDP from 10.1.0.2 to 10.1.0.1 port 7, 60 bytes with what fills the frame up. */
const UDP = [
  "02000000000a02000000000b0800",
  "4500002e00000000401166bb0a0100020a010001",
  "12340007001a0000",
  "00".repeat(18),
].join("");
const row = (why, prog, more = {}) => ({
  why,
  prog,
  peer: null,
  ingress: null,
  repeat: 1,
  batch: 0,
  meta: 0,
  data: UDP,
  ...more,
});
/** Bytes in hex, or so many zeros. */
const hexOf = (data) => (typeof data === "number" ? "00".repeat(data) : data);

const CASES = [
  row("dropped frames come again as the program left them, from the second batch on", "live_drop", { repeat: 200 }),
  row("a small batch: only so many pages are kept", "live_drop", { repeat: 200, batch: 16 }),
  row("a large batch", "live_drop", { repeat: 700, batch: 256, ingress: "a" }),
  row("a batch that is no power of two", "live_drop", { repeat: 700, batch: 100, ingress: "a" }),
  row("batches of one", "live_drop", { repeat: 130, batch: 1 }),
  row("aborted frames are dropped", "live_abort", { repeat: 70, ingress: "a" }),
  row("so are those with a verdict that is none", "live_invalid", { repeat: 70, ingress: "a" }),
  row("passed frames go up the stack of the device they are said to have come in by", "live_pass", {
    repeat: 130,
    ingress: "a",
  }),
  row("those that came in by nobody go up the loopback's", "live_pass", { repeat: 10 }),
  row("frames sent back leave by the device; all of them arrive, batch after batch", "live_tx", {
    peer: "peer_count",
    ingress: "a",
    repeat: 1000,
  }),
  row("what the far end passes goes up its stack", "live_tx", { peer: "peer_pass", ingress: "a", repeat: 100 }),
  row("a far end without XDP takes none", "live_tx", { ingress: "a", repeat: 100 }),
  row("the loopback device sends nothing back", "live_tx", { repeat: 10 }),
  row("redirected to a device", "live_redirect", { peer: "peer_count", repeat: 600, batch: 200 }),
  row("redirected by a devmap, to slots that hold devices and to empty ones", "live_map", {
    peer: "peer_count",
    ingress: "lo",
    repeat: 400,
  }),
  row("metadata goes with the frame", "live_map", { peer: "peer_count", ingress: "a", repeat: 8, meta: 8 }),
  row("sent to every device of a devmap", "live_broadcast", { peer: "peer_count", ingress: "lo", repeat: 90 }),
  row("a verdict after the other", "live_mixed", { peer: "peer_count", ingress: "a", repeat: 700 }),
  row("the frame that leaves has the bounds that the program gave it", "live_grow", {
    peer: "peer_count",
    ingress: "a",
    repeat: 100,
  }),
  row("room in front and behind", "live_room"),
  row("room beside metadata", "live_room", { ingress: "a", meta: 32 }),
  row("the largest frame", "live_drop", { data: 3408 }),
  row("a frame that is too large", "live_drop", { data: 3409 }),
  row("the largest frame with metadata", "live_drop", { ingress: "a", meta: 8, data: 3416 }),
  row("a frame with metadata that is too large", "live_drop", { ingress: "a", meta: 8, data: 3417 }),
  row("a batch that is too large", "live_drop", { batch: 257 }),
  row("metadata of an odd length", "live_drop", { ingress: "a", meta: 6 }),
];

const work = mkdtempSync(join(tmpdir(), "netsim-live-"));
try {
  const runner = join(work, "runner");
  execFileSync("cc", ["-O1", "-Wall", "-Wextra", here("runner.c"), "-o", runner, "-lbpf"], { stdio: "inherit" });
  const flags = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-ffile-prefix-map=/=", "-fdebug-compilation-dir=."];
  const object = join(work, "frames.o");
  execFileSync(clang, [...flags, "-c", "frames.c", "-o", object], { cwd: here("."), stdio: "inherit" });
  execFileSync(clang.replace("clang", "llvm-strip"), ["-g", object], { stdio: "inherit" });
  const lines = CASES.map((c) =>
    [c.prog, c.peer ?? "-", c.ingress ?? "-", c.repeat, c.batch, c.meta, hexOf(c.data)].join(" "),
  );
  const run = spawnSync("taskset", ["1", runner, object], {
    input: `${lines.join("\n")}\n`,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = run.stdout
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l));
  if (run.status !== 0 || answers.length !== CASES.length) throw new Error("the runner did not answer every case");
  const rows = CASES.map((c, i) => JSON.stringify({ ...c, answer: answers[i] }));
  const text = `{"kernel":"${release().split("-")[0]}","cases":[\n${rows.join(",\n")}\n]}\n`;
  const check = process.argv.includes("--check");
  keep("frames.o", readFileSync(object), check);
  keep("vectors.json", Buffer.from(text), check);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function keep(name, bytes, check) {
  if (!check) writeFileSync(here(name), bytes);
  else if (!readFileSync(here(name)).equals(bytes)) {
    console.log(`${name} differs from what is recorded`);
    process.exitCode = 1;
  }
}
