// node test/net/tcp/oracle/record.mjs [--check] [CASE ...], as root: asks the running kernel's TCP and writes answers.json, or shows what
// differs. Needs gcc, iproute2 and /dev/net/tun. Each case has a network namespace of its own.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cases } from "./cases.mjs";
import { compareOutputs } from "./compare.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ANSWERS = join(HERE, "answers.json");
const check = process.argv.includes("--check");
const only = process.argv.slice(2).filter((a) => !a.startsWith("--"));
const dir = mkdtempSync(join(tmpdir(), "tcp-oracle-"));
const runner = join(dir, "runner");
execFileSync("gcc", ["-O1", "-Wall", "-o", runner, join(HERE, "runner.c")], { stdio: "inherit" });

/** What is not upstream's default, and what belongs to loss recovery, which other tests ask about. */
const SYSCTLS = ["tcp_congestion_control=reno", "tcp_early_retrans=0"];

function ask(c) {
  const ns = `tcpo${process.pid}`;
  execFileSync("ip", ["netns", "add", ns]);
  try {
    const inside = (...argv) =>
      execFileSync("ip", ["netns", "exec", ns, ...argv], { stdio: ["ignore", "ignore", "inherit"] });
    inside("ip", "link", "set", "lo", "up");
    for (const s of [...SYSCTLS, ...(c.sysctl ?? [])]) inside("sysctl", "-qw", `net.ipv4.${s}`);
    const input = [`family ${c.family ?? 4}`, ...c.script].join("\n");
    const out = execFileSync("ip", ["netns", "exec", ns, runner], { input: `${input}\n`, timeout: 60000 });
    return out
      .toString()
      .trim()
      .split("\n")
      .filter((l) => l !== "");
  } finally {
    execFileSync("ip", ["netns", "del", ns]);
  }
}

/** A busy machine only makes things later: of two runs that say the same, each time is the smaller one. */
function askTwice(c) {
  const one = ask(c);
  const two = ask(c);
  const text = (l) =>
    l
      .split(" ")
      .map((w, i) => (i === 1 && l.startsWith("pkt") ? "" : w))
      .join(" ");
  if (one.length !== two.length || one.some((l, i) => text(l) !== text(two[i]))) return two;
  return one.map((l, i) =>
    l.startsWith("pkt") && Number(two[i].split(" ")[1]) < Number(l.split(" ")[1]) ? two[i] : l,
  );
}

const old = check || only.length > 0 ? JSON.parse(readFileSync(ANSWERS, "utf8")) : { cases: {} };
const answers = { ...old.cases };
let differing = 0;
for (const c of cases) {
  if (only.length > 0 && !only.includes(c.name)) continue;
  const out = askTwice(c);
  if (!check) answers[c.name] = out;
  else {
    const diff = compareOutputs(out, old.cases[c.name] ?? []);
    if (diff !== null) {
      differing++;
      console.log(`${c.name}: ${diff}`);
    }
  }
}
rmSync(dir, { recursive: true });
if (check) {
  console.log(differing === 0 ? "the kernel answers as recorded" : `${differing} cases differ`);
  process.exitCode = differing === 0 ? 0 : 1;
} else {
  const sorted = Object.fromEntries(cases.filter((c) => answers[c.name]).map((c) => [c.name, answers[c.name]]));
  writeFileSync(ANSWERS, `${JSON.stringify({ format: 1, kernel: release(), cases: sorted }, null, 1)}\n`);
}
