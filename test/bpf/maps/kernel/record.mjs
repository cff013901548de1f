// `node test/bpf/maps/kernel/record.mjs [--check]`, as root: asks the running kernel about maps and writes what it answers to
// create.json, answers.json and lru.json beside this file, or, with --check, shows what differs from what is there.
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { createRows, INNERS, TYPES } from "./create-rows.mjs";
import { letter, lruSequences } from "./lru-sequences.mjs";
import { ask } from "./oracle.mjs";
import { sessions } from "./sessions.mjs";

/** BPF_MAP_CREATE for every row: type, key_size, value_size, max_entries, map_flags, map_extra, inner map, answer. */
function askCreate() {
  const inners = Object.entries(INNERS).map(([name, [type, ...numbers]]) => {
    const inner = type === "array_of_maps" ? "array" : "-";
    return `create ${name} ${TYPES[type]} ${numbers.join(" ")} 0 ${inner}`;
  });
  const rows = createRows();
  const answers = ask([
    ...inners,
    ...rows.map(([type, key, value, max, flags, extra, inner]) =>
      ["create -", TYPES[type], key, value, max, flags, extra, inner ?? "-"].join(" "),
    ),
  ]);
  return rows.map((row, i) => [...row, Number(answers[inners.length + i])]);
}

/** Every step of every session: its answers by the session's name. */
function askSessions() {
  const all = sessions();
  const answers = ask(all.flatMap((s) => ["reset", ...s.steps]));
  const out = {};
  let at = 0;
  for (const s of all) {
    const mine = answers.slice(at + 1, at + 1 + s.steps.length);
    out[s.name] = s.opaque ? mine.map((answer, i) => hideValues(s.steps[i], answer)) : mine;
    at += 1 + s.steps.length;
  }
  return out;
}

/** Ids and cookies differ from run to run: of values read only their length stays. */
function hideValues(step, answer) {
  if (step.startsWith("look ") && !/^-?\d{1,3}$/.test(answer)) return `${answer.length / 2}bytes`;
  if (/^b[lt] /.test(step)) return answer.replace(/[0-9a-f]+$/, (hex) => `${hex.length / 2}bytes`);
  return answer;
}

/** Every sequence on LRU maps: an answer in one letter a step, and the keys left in the order of the map. */
function askLru() {
  const all = lruSequences();
  const answers = ask(all.flatMap((s) => ["reset", ...s.steps]));
  const out = {};
  let at = 0;
  for (const { name, steps } of all) {
    const mine = answers.slice(at + 1, at + 1 + steps.length);
    const letters = steps.slice(1, -1).map((step, i) => letter(step, mine[i + 1]));
    out[name] = { answers: letters.join(""), left: mine.at(-1).split(" ")[2] };
    at += 1 + steps.length;
  }
  return out;
}

const files = {
  "create.json": () => ({ rows: askCreate() }),
  "answers.json": () => ({ sessions: askSessions() }),
  "lru.json": () => ({ sequences: askLru() }),
};

let differences = 0;
for (const [file, askAll] of Object.entries(files)) {
  const path = new URL(file, import.meta.url);
  const answers = askAll();
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text({ format: 1, kernel: release(), cpus: 2, ...answers }));
    continue;
  }
  const recorded = JSON.parse(readFileSync(path, "utf8"));
  for (const key of Object.keys(answers)) differences += show(file, recorded[key], answers[key]);
}
process.exitCode = differences > 0 ? 1 : 0;

/** One line for each row or session. */
function text(file) {
  const lines = Object.entries(file).map(([key, value]) => {
    if (Array.isArray(value)) return `${JSON.stringify(key)}: [\n${value.map((v) => JSON.stringify(v)).join(",\n")}\n]`;
    if (typeof value !== "object") return `${JSON.stringify(key)}: ${JSON.stringify(value)}`;
    const rows = Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${JSON.stringify(v)}`);
    return `${JSON.stringify(key)}: {\n${rows.join(",\n")}\n}`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

function show(file, recorded, now) {
  let n = 0;
  for (const key of new Set([...Object.keys(recorded ?? {}), ...Object.keys(now)])) {
    const was = JSON.stringify(recorded?.[key]);
    const is = JSON.stringify(now[key]);
    if (was === is) continue;
    n++;
    console.log(`${file} ${key}\n  recorded ${was?.slice(0, 400)}\n  now      ${is?.slice(0, 400)}`);
  }
  return n;
}
