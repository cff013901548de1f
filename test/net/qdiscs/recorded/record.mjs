// Asks the running kernel what its qdiscs do with the arrivals of scenarios.mjs and writes answers.json. Needs root, a C compiler,
// iproute2 and unshare: node record.mjs [--check] [NAME]. Without --check, NAME records anew only what has it in its name.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { scenarios } from "./scenarios.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const file = join(here, "answers.json");
const check = process.argv.includes("--check");
const only = process.argv.slice(2).find((a) => a !== "--check");
const work = mkdtempSync(join(tmpdir(), "netsim-qdiscs-"));

/** How often a scenario is asked when its answer differs, and how long a busy machine is left alone between. */
const TRIES = 8;
const PAUSE_MS = 700;

const SETUP = [
  "sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1",
  "ip link set lo up",
  "ip link add va numtxqueues 1 numrxqueues 1 type veth peer name vb numtxqueues 1 numrxqueues 1",
  "ip link set va up",
  "ip link set vb up",
  "sleep 0.05",
].join(" && ");

/** One scenario on the kernel: its events in order. */
function ask(runner, scenario) {
  const script = scenario.steps.map((s) => {
    if (s.tc !== undefined) return `C tc ${s.tc} 2>&1`;
    if (s.wait !== undefined) return `W ${s.wait}`;
    return `S ${s.send.count} ${s.send.bytes} ${s.send.prio} ${s.send.gapUs}`;
  });
  const out = execFileSync("unshare", ["-n", "sh", "-c", `${SETUP} && exec chrt -f 50 "$0"`, runner], {
    input: `${script.join("\n")}\n`,
    encoding: "utf8",
  });
  const commands = scenario.steps.filter((s) => s.tc !== undefined).map((s) => s.tc);
  const events = [];
  const received = [];
  for (const row of out.trim().split("\n")) {
    const f = row.split(" ");
    if (f[0] === "C") {
      const text = Buffer.from(f[4] ?? "", "hex").toString();
      events.push({ tc: commands.shift(), startNs: Number(f[1]), endNs: Number(f[2]), status: Number(f[3]), text });
    } else if (f[0] === "S") {
      const [atNs, tag, bytes, prio, errno] = f.slice(1).map(Number);
      events.push({ atNs, tag, bytes, prio, ...(errno === 0 ? {} : { errno }) });
    } else received.push(f.slice(1).map(Number));
  }
  return { name: scenario.name, events, received };
}

/** What two runs have in common: all but times and what hangs on them to the nanosecond. */
function comparable({ events, received }) {
  const texts = events.map((e) => (e.tc === undefined ? [e.tag, e.errno] : [e.tc, e.status, hideTokens(e.text)]));
  return JSON.stringify([texts, received.map(([, tag, bytes]) => [tag, bytes])]);
}

function hideTokens(text) {
  return text.replace(/tokens: -?\d+ ctokens: -?\d+/g, "tokens: N").replace(/\b8[0-9a-f]{3}:/g, "8NNN:");
}

try {
  const runner = join(work, "arrivals");
  execFileSync("cc", ["-O1", "-Wall", join(here, "arrivals.c"), "-o", runner]);
  const old = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).scenarios : [];
  const answers = [];
  let different = 0;
  for (const scenario of scenarios) {
    const before = old.find((s) => s.name === scenario.name);
    if (only !== undefined && !scenario.name.includes(only)) {
      if (before !== undefined) answers.push(before);
      continue;
    }
    let answer = ask(runner, scenario);
    answers.push(answer);
    if (!check) {
      process.stdout.write(`recorded: ${scenario.name}\n`);
      continue;
    }
    const same = () => before !== undefined && comparable(before) === comparable(answer);
    // a late clock tick on a busy machine may decide which bucket is full first: it does not do so every time
    for (let again = 1; again < TRIES && !same(); again++) {
      await setTimeout(PAUSE_MS);
      answer = ask(runner, scenario);
    }
    if (!same()) {
      different++;
      process.stdout.write(`not as recorded: ${scenario.name}\n`);
    }
  }
  if (!check) {
    const rows = answers.map((a) => JSON.stringify(a)).join(",\n");
    writeFileSync(file, `{"kernel":"${release()}","scenarios":[\n${rows}\n]}\n`);
  } else process.stdout.write(different === 0 ? "all the same\n" : `${different} differ\n`);
  process.exitCode = different === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
