// Runs a lab's own commands in network namespaces, one for each node, and reads what every node has counted.

import { mkdirSync } from "node:fs";
import { release } from "node:os";
import { fileURLToPath } from "node:url";
import { hashOfFile } from "../../../programs/manifest.mjs";
import { Lab } from "./lab.mjs";
import { cumulative, leftOut, made, readAnswer, saying, since } from "./lab-answers.mjs";
import { clsactDevices, hashOfLab, readLab } from "./lab-file.mjs";

const folder = new URL("../../../topologies/", import.meta.url);
const LAB = "netns.yaml";
const PIN_ROOT = "/sys/fs/bpf";
/** ms without a frame after which IPv6 has said all that it says of its own accord. */
const QUIET_MS = 2500;
const POLL_MS = 250;
const GIVE_UP_MS = 20_000;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A node's namespace and what can be typed in it. */
class Node {
  constructor(lab, spec) {
    this.lab = lab;
    this.spec = spec;
    mkdirSync(`${lab.pins}/${spec.name}`);
  }

  /** Types a line in the folder of the labs. On CPU 0; every node has a bpffs of its own, as a machine has. */
  type(line) {
    const run = `mount --bind ${this.lab.pins}/${this.spec.name} ${PIN_ROOT} && cd ${fileURLToPath(folder)} && exec taskset -c 0 ${this.ownMaps(line)}`;
    return this.lab.try(this.spec.name, `exec unshare --mount --propagation private sh -c '${run}'`);
  }

  /** Types a line that must not fail. */
  ask(line) {
    const done = this.type(line);
    if (done.status !== 0) throw new Error(`on ${this.spec.name}: ${line}\n${done.stderr}${done.stdout}`);
    return done.stdout;
  }

  /** The kernel knows the maps of all namespaces by one list of names: `name N` becomes the map of a program of this node. */
  ownMaps(line) {
    const named = /^(bpftool (?:-\w+ )*map \w+ )name (\w+)(.*)$/.exec(line);
    if (named === null) return line;
    const json = (command) => JSON.parse(this.lab.run(this.spec.name, `bpftool -j ${command}`));
    const [{ xdp, tc }] = json("net show");
    const maps = [...xdp, ...tc].flatMap(({ id }) => json(`prog show id ${id}`).map_ids ?? []);
    const own = [...new Set(maps)].filter((id) => json(`map show id ${id}`).name === named[2]);
    if (own.length !== 1) throw new Error(`on ${this.spec.name}: ${own.length} maps are called ${named[2]}`);
    return `${named[1]}id ${own[0]}${named[3]}`;
  }

  read(commands) {
    return Object.fromEntries(commands.map((command) => [command, readAnswer(command, this.ask(command))]));
  }
}

/** Linux gives veth as many queues as there are CPUs; the lab's nodes have one. */
function connect(lab, [one, other]) {
  const queues = "numtxqueues 1 numrxqueues 1";
  lab.run(
    one.node,
    `ip link add ${one.dev} ${queues} type veth peer name ${other.dev} ${queues} netns ${lab.netns(other.node)}`,
  );
  for (const { node, dev } of [one, other]) lab.run(node, `ip link set ${dev} up`);
}

/** Waits until no device has sent anything for a while. */
async function untilQuiet(nodes) {
  const sent = () => nodes.map((node) => node.ask("ip -s -j link show").replace(/\s/g, "")).join();
  let last = sent();
  let quietMs = 0;
  for (let ms = 0; quietMs < QUIET_MS; ms += POLL_MS) {
    if (ms > GIVE_UP_MS) throw new Error("the namespaces do not come to rest");
    await sleep(POLL_MS);
    const now = sent();
    quietMs = now === last ? quietMs + POLL_MS : 0;
    last = now;
  }
}

/**
 * Types the timeline's lines in order. Between the end of an entry and the next there is as much time as the lab has between their
 * beginnings, so that a slow machine gives the shaper no less. @returns what those lines said that printed something
 */
async function runTimeline(timeline, nodes) {
  const commands = [];
  let lastMs = timeline[0].atMs;
  for (const { atMs, node, exec } of timeline) {
    await sleep(atMs - lastMs);
    lastMs = atMs;
    for (const run of exec) {
      const done = nodes.find((one) => one.spec.name === node).type(run);
      if (done.status !== 0 && !run.startsWith("ping ")) throw new Error(`on ${node}: ${run}\n${done.stderr}`);
      const said = saying(run, done);
      if (said !== null) commands.push({ node, run, status: done.status, said });
    }
  }
  return commands;
}

function objectsOf(lab) {
  const lines = lab.timeline.flatMap((entry) => entry.exec).join("\n");
  const names = new Set([...lines.matchAll(/\.\.\/programs\/(\w+\.o)/g)].map((match) => match[1]));
  const path = (name) => fileURLToPath(new URL(`../programs/${name}`, folder));
  return Object.fromEntries([...names].sort().map((name) => [name, hashOfFile(path(name))]));
}

/** Runs the lab. @returns the table */
export async function recordLab(hook, pins) {
  const spec = readLab(new URL(LAB, folder));
  const lab = new Lab(hook, pins);
  try {
    lab.build({ hosts: spec.nodes.map((node) => node.name), links: [], ipv6: true });
    const nodes = spec.nodes.map((node) => new Node(lab, node));
    // Nobody advertises routes in the lab, and netsim asks for none.
    for (const node of nodes) node.ask("sysctl -qw net.ipv6.conf.default.accept_ra=0");
    for (const link of spec.links) connect(lab, link);
    for (const node of nodes) for (const line of node.spec.exec) node.ask(line);
    await untilQuiet(nodes);
    const before = nodes.map((node) => node.read(cumulative(node.spec.devices)));
    const commands = await runTimeline(spec.timeline, nodes);
    await lab.settle();
    const counters = nodes.map((node, i) => [
      node.spec.name,
      {
        ...since(before[i], node.read(cumulative(node.spec.devices))),
        ...node.read(made(node.spec.devices, clsactDevices(spec, node.spec))),
      },
    ]);
    for (const [node, answers] of counters) {
      if (answers[cumulative([]).at(-1)].Icmp6OutMLDv2Reports)
        throw new Error(`${node} told its multicast groups during the timeline; that is not determinate`);
    }
    return {
      format: 1,
      kernel: release(),
      table: "lab",
      lab: LAB,
      labSha256: hashOfLab(spec),
      objects: objectsOf(spec),
      leftOut,
      commands,
      counters: Object.fromEntries(counters),
    };
  } finally {
    lab.destroy();
    lab.clearPins();
  }
}
