// Reads a lab that consists of nodes, veth links and plain commands, and of nothing else.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parse } from "yaml";

const UNITS = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000 };

function only(mapping, keys, where) {
  for (const key of Object.keys(mapping ?? {}))
    if (!keys.includes(key)) throw new Error(`${where}: "${key}" is more than namespaces can do; known: ${keys}`);
  return mapping ?? {};
}

const listOf = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

function milliseconds(text, where) {
  const match = /^(\d+(?:\.\d+)?)(ns|us|ms|s)$/.exec(text);
  if (match === null) throw new Error(`${where}: not a time: ${text}`);
  return Number(match[1]) * UNITS[match[2]];
}

function end(text, nodes) {
  const [node, dev] = text.split(":");
  if (!(node in nodes) || !dev) throw new Error(`no such end of a link: ${text}`);
  return { node, dev };
}

/**
 * A lab as {nodes: [{name, exec[], devices[]}], links: [[{node, dev}, {node, dev}]], timeline: [{atMs, node, exec[]}]}; the
 * timeline is in order of time, an entry for several nodes is taken apart. What it expects is netsim's to check.
 */
export function readLab(url) {
  const lab = only(parse(readFileSync(url, "utf8")), ["name", "duration", "topology", "timeline", "expect"], "lab");
  only(lab.topology, ["nodes", "links"], "topology");
  const { nodes } = lab.topology;
  const links = lab.topology.links.map((link, i) => {
    const { endpoints, driver } = only(link, ["endpoints", "driver"], `links[${i}]`);
    if (driver !== "veth") throw new Error(`links[${i}]: namespaces have veth pairs only`);
    return endpoints.map((text) => end(text, nodes));
  });
  return {
    links,
    nodes: Object.entries(nodes).map(([name, node]) => ({
      name,
      exec: listOf(only(node, ["exec"], name).exec),
      devices: links.flat().flatMap((one) => (one.node === name ? [one.dev] : [])),
    })),
    timeline: listOf(lab.timeline)
      .flatMap((entry, i) => {
        only(entry, ["at", "on", "exec"], `timeline[${i}]`);
        const atMs = milliseconds(entry.at, `timeline[${i}]`);
        return listOf(entry.on).map((node) => ({ atMs, node, exec: listOf(entry.exec) }));
      })
      .sort((a, b) => a.atMs - b.atMs),
  };
}

/** Devices of a node on which the lab's commands put clsact. */
export function clsactDevices(lab, node) {
  const lines = lab.timeline.filter((entry) => entry.node === node.name).flatMap((entry) => entry.exec);
  return node.devices.filter((dev) => lines.includes(`tc qdisc add dev ${dev} clsact`));
}

/** SHA-256 of all that the recorder goes by: comments and expectations may change without another recording. */
export const hashOfLab = (lab) => createHash("sha256").update(JSON.stringify(lab)).digest("hex");
