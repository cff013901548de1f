// Records what the commands print, word for word: vectors/text/<topic>.txt. A file holds sessions on a small network:
//
//   [b] $ ip link show dev vb
//   ... what it printed, stdout and then stderr ...
//   (exit 2)                      only when it was not 0
//
// Names of namespaces are shortened to the host's name. Ids of programs and maps, load times and round-trip times differ
// from run to run; --check does not compare them.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { fileURLToPath } from "node:url";
import { Lab } from "./lab.mjs";
import { topics } from "./text-topics.mjs";

const programs = fileURLToPath(new URL("../../../programs/", import.meta.url));
const vectors = new URL("../vectors/text/", import.meta.url);

/** Linux shows neighbours in the order of a hash table with a random seed. */
const unordered = new Set(["ip-neigh"]);

function session(lab, steps) {
  let text = "";
  for (const step of steps) {
    if (step.send) {
      lab.send(step.host, step.send.dev, Array(step.send.count).fill(step.send.hex));
      text += `[${step.host}] sends ${step.send.count} frames of ${step.send.hex.length / 2} bytes from ${step.send.dev}\n\n`;
      lab.try(step.host, "sleep 0.1");
      continue;
    }
    const done = lab.try(step.host, `export PINS=${lab.pins}; cd ${programs} && { ${step.run}\n}`);
    if (step.quiet) {
      if (done.status !== 0) throw new Error(`on ${step.host}: ${step.run}\n${done.stderr}`);
      continue;
    }
    text += `[${step.host}] $ ${step.run.trim()}\n${done.stdout}${done.stderr}${done.status === 0 ? "" : `(exit ${done.status})\n`}\n`;
  }
  return text
    .replaceAll(/ns_h_\d+_/g, "")
    .replaceAll(lab.pins, "$PINS")
    .replaceAll(programs, "");
}

/** Hides what no two runs have in common. */
function comparable(text) {
  return text
    .replace(/^# .*$/gm, "")
    .replace(/\b(id|btf_id|map_ids|pids|prog_id|uid) [\d,]+/g, "$1 N")
    .replace(/"(id|btf_id|loaded_at|prog_id|bytes_memlock)":\s*\d+/g, '"$1": N')
    .replace(/"map_ids":\s*\[[\d,\s]*\]/g, '"map_ids": N')
    .replace(/id:\d+/g, "id:N")
    .replace(/^\d{2,}: (?=\w+ {2}name)/gm, "N: ") // a program or a map of bpftool
    .replace(/qdisc (\w+) 8[0-9a-f]{3}:/g, "qdisc $1 8NNN:")
    .replace(/"handle":"8[0-9a-f]{3}:"/g, '"handle":"8NNN:"')
    .replace(/0xffff[0-9a-f]{12}/g, "0xffffN")
    .replace(/load_time \d+/g, "load_time N")
    .replace(/^ {7}18 11 .*$/gm, "N")
    .replace(/(installed|used|firstused) \d+ sec/g, "$1 N sec")
    .replace(/"(installed|last_used|first_used)":\d+/g, '"$1":N')
    .replace(/loaded_at \S+/g, "loaded_at N")
    .replace(/\[id:?\s?\d+\]|id\(\d+\)/g, "N")
    .replace(/time[= ]\d+(\.\d+)? ?ms|rtt .*|pipe \d+/g, "time N")
    .replace(/backlog \S+ \S+|"backlog":\d+,"qlen":\d+/g, "backlog N")
    .replace(/c?tokens: -?\d+/g, "tokens N")
    .replace(/sec \d+|used \S+|(valid|preferred)_lft \d+sec|expires \d+sec/g, "N")
    .replace(/(Sent|dropped|overlimits|requeues) \d+/g, "$1 N");
}

/** Records every topic (or those named), or compares. @returns the number of topics that differ */
export async function recordTexts(hook, pins, check, only = []) {
  let differing = 0;
  mkdirSync(vectors, { recursive: true });
  for (const [topic, { network, steps }] of Object.entries(topics)) {
    if (only.length > 0 && !only.includes(topic)) continue;
    const lab = new Lab(hook, pins);
    let body;
    try {
      lab.build(network);
      const versions = lab
        .run(network.hosts[0], "tc -V; bpftool version | head -1; ethtool --version; ping -V")
        .trim()
        .split("\n")
        .join(", ");
      const links = network.links
        .map(([one, other]) => `${one.host}:${one.dev} (${one.ip}) -- ${other.host}:${other.dev} (${other.ip})`)
        .join("; ");
      body = `# Linux ${release()}, ${versions}\n# ${links}${network.ipv6 ? "" : "; IPv6 off"}\n\n${session(lab, steps)}`;
    } finally {
      lab.destroy();
      lab.clearPins();
    }
    const file = new URL(`${topic}.txt`, vectors);
    if (!check) {
      writeFileSync(file, body);
      process.stdout.write(`text/${topic}: ${steps.filter((step) => step.run && !step.quiet).length} commands\n`);
      continue;
    }
    const was = comparable(readFileSync(file, "utf8")).split("\n");
    const is = comparable(body).split("\n");
    if (unordered.has(topic)) for (const lines of [was, is]) lines.sort();
    const lines = is.flatMap((line, i) => (line === was[i] ? [] : [`  committed ${was[i]}\n  now       ${line}`]));
    if (lines.length > 0) differing++;
    process.stdout.write(`text/${topic}: ${lines.length === 0 ? "as committed" : `${lines.length} lines differ`}\n`);
    for (const line of lines.slice(0, 8)) process.stdout.write(`${line}\n`);
  }
  return differing;
}
