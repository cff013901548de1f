// Asks the running kernel which filters match which packets: answers.json. As root, on Linux 6.18 with a C compiler and iproute2:
//
//   node test/net/tc/recorded/record.mjs [--check]
//
// The network is a:va -- b:vb with clsact on vb. Every packet is sent alone; `hits` has the numbers of the actions that saw it, and
// `qdisc` what clsact counted in the end.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { buildTool } from "../../../kernel/build-oracle.mjs";
import { Lab } from "../../../kernel/netns/lab.mjs";
import { pair } from "../../../kernel/netns/tables.mjs";
import { commands, packets } from "./filters.mjs";

const file = new URL("answers.json", import.meta.url);

function counts(lab) {
  const listed = JSON.parse(lab.run("b", "tc -s -j actions ls action mirred"));
  return new Map(listed.flatMap((l) => l.actions ?? []).map((a) => [a.index, a.stats.packets]));
}

function ask(lab) {
  lab.run(
    "b",
    "ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up; tc qdisc add dev vb clsact",
  );
  for (const command of commands) lab.run("b", command);
  let before = counts(lab);
  const answers = [];
  for (const { name, hex } of packets) {
    lab.send("a", "va", [hex]);
    lab.run("b", "sleep 0.05");
    const now = counts(lab);
    const hits = [...now].filter(([i, n]) => n > before.get(i)).map(([i]) => i);
    answers.push({ name, hex, hits });
    before = now;
  }
  const clsact = JSON.parse(lab.run("b", "tc -s -j qdisc show dev vb")).find((q) => q.kind === "clsact");
  return { answers, qdisc: { bytes: clsact.bytes, packets: clsact.packets, drops: clsact.drops } };
}

const work = mkdtempSync(`${tmpdir()}/netsim-filters-`);
const lab = new Lab(buildTool(["netns/hook.c"], work), work);
let asked;
try {
  lab.build(pair);
  asked = ask(lab);
} finally {
  lab.destroy();
  rmSync(work, { recursive: true, force: true });
}
const { answers, qdisc } = asked;
const lines = answers.map((a) => `    ${JSON.stringify(a)}`).join(",\n");
const listed = commands.map((c) => `    ${JSON.stringify(c)}`).join(",\n");
const body = `  "commands": [\n${listed}\n  ],\n  "packets": [\n${lines}\n  ],\n  "qdisc": ${JSON.stringify(qdisc)}\n}\n`;
if (process.argv.includes("--check")) {
  const was = readFileSync(file, "utf8").replace(/^.*\n.*\n.*\n/, "");
  if (was !== body) {
    console.log("answers differ from those recorded");
    process.exitCode = 1;
  } else console.log("as committed");
} else {
  writeFileSync(file, `{\n  "format": 1,\n  "kernel": ${JSON.stringify(release())},\n${body}`);
  console.log(`${commands.length} commands, ${answers.length} packets`);
}
