// Builds a small network of namespaces, runs one case on it, reads every counter, and takes it down.
//
// Runs inside a mount namespace of its own (record.mjs sees to that), so that pins and mounts end with the process.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A word in a hex string of bytes as bpftool wants them: `01 02`. */
const spaced = (hex) => hex.match(/../g).join(" ");

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A case's network while it lives. */
export class Lab {
  constructor(hook, pins) {
    this.hook = hook;
    this.pins = pins;
    this.hosts = [];
    this.labels = new Map();
    this.attached = 0;
  }

  netns(host) {
    return `ns_h_${process.pid}_${host}`;
  }

  /** Runs a shell command on a host. @returns {status, stdout, stderr} */
  try(host, command, input = "") {
    const done = spawnSync("nsenter", [`--net=/run/netns/${this.netns(host)}`, "sh", "-c", command], {
      input,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
    });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  run(host, command, input = "") {
    const done = this.try(host, command, input);
    if (done.status !== 0) throw new Error(`on ${host}: ${command}\n${done.stderr}${done.stdout}`);
    return done.stdout;
  }

  /**
   * Hosts and veth links. Every device gets its index and MAC address from the table, so that they are the same in each run.
   * IPv6 is off unless the network says otherwise: it would send frames of its own.
   */
  build(network) {
    for (const host of network.hosts) {
      execFileSync("ip", ["netns", "add", this.netns(host)]);
      this.hosts.push(host);
      if (!network.ipv6)
        this.run(host, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
      this.run(host, "ip link set lo up");
    }
    for (const [one, other] of network.links) {
      this.run(
        one.host,
        `ip link add ${one.dev} index ${one.index} address ${one.mac} type veth ` +
          `peer name ${other.dev} index ${other.index} address ${other.mac} netns ${this.netns(other.host)}`,
      );
      for (const end of [one, other]) {
        if (end.ip) this.run(end.host, `ip addr add ${end.ip} dev ${end.dev}`);
        this.run(end.host, `ip link set ${end.dev} up`);
      }
    }
  }

  /** Loads the object's first program, fills its maps and attaches it. */
  attach(spec) {
    const name = `p${this.attached++}`;
    const pin = `${this.pins}/${name}`;
    const mapPins = `${this.pins}/m${name}`;
    const object = fileURLToPath(new URL(`../../../programs/${spec.object}`, import.meta.url));
    const type = spec.at.startsWith("xdp") ? "xdp" : spec.at === "socket" ? "socket" : "classifier";
    const all = spec.devmapProgram ? "loadall" : "load";
    mkdirSync(mapPins);
    this.run(
      spec.host,
      `bpftool prog ${all} ${object} ${pin} ${spec.devmapProgram ? "" : `type ${type}`} pinmaps ${mapPins}`,
    );
    const programPin = spec.devmapProgram ? `${pin}/${spec.program}` : pin;
    if (spec.label) this.labels.set(spec.label, { host: spec.host, mapPins });
    for (const preset of spec.maps ?? []) this.preset(spec, preset, mapPins, pin);
    const [kind, where] = spec.at.split(" ");
    if (kind === "xdp") {
      this.run(
        spec.host,
        `ip link set dev ${spec.dev} ${where === "native" ? "xdpdrv" : "xdpgeneric"} pinned ${programPin}`,
      );
    } else if (kind === "tcx") {
      this.run(spec.host, `${this.hook} tcx ${where} ${spec.dev} ${programPin}`);
    } else if (kind === "tc") {
      this.try(spec.host, `tc qdisc add dev ${spec.dev} clsact`);
      const mode = spec.classic ? "flowid 1:1" : "da";
      this.run(
        spec.host,
        `tc filter add dev ${spec.dev} ${where} pref ${spec.pref ?? 1} protocol all bpf ${mode} object-pinned ${programPin}`,
      );
    } else if (kind !== "socket") {
      throw new Error(`no such hook: ${spec.at}`);
    }
    return programPin;
  }

  preset(spec, preset, mapPins, pin) {
    if (preset.op === "dev") {
      const program = preset.program ? `${pin}/${preset.program}` : "-";
      this.run(spec.host, `${this.hook} devmap ${mapPins}/${preset.map} ${preset.slot} ${preset.dev} ${program}`);
    } else {
      this.run(
        spec.host,
        `bpftool map update pinned ${mapPins}/${preset.map} key hex ${spaced(preset.key)} value hex ${spaced(preset.value)}`,
      );
    }
  }

  /** Contents of a labelled program's map, as [key, value] in hex; slots of zeros are left out. */
  dump(label, map) {
    const { host, mapPins } = this.labels.get(label);
    const hex = (bytes) => bytes.map((byte) => byte.slice(2)).join("");
    return JSON.parse(this.run(host, `bpftool -j map dump pinned ${mapPins}/${map}`))
      .map((row) => [hex(row.key), hex(row.value)])
      .filter(([, value]) => /[1-9a-f]/.test(value))
      .sort();
  }

  /** Starts listening. @returns a function that stops and answers the frames seen */
  listen(host, args) {
    const child = spawn("nsenter", [`--net=/run/netns/${this.netns(host)}`, this.hook, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    const over = new Promise((done) => child.on("close", done));
    const ready = new Promise((done, fail) => {
      let err = "";
      child.stderr.on("data", (chunk) => {
        err += chunk;
        if (err.includes("ready")) done();
      });
      child.on("close", () => fail(new Error(`hook ${args.join(" ")}: ${err}`)));
    });
    return ready.then(() => async () => {
      child.stdin.end();
      await over;
      return out
        .split("\n")
        .filter((line) => line)
        .map((line) => JSON.parse(line));
    });
  }

  /**
   * Sends frames from a device, as AF_PACKET does: they pass its tc egress and its qdisc. On CPU 0, so that per-CPU
   * counters are the same in each run.
   */
  send(host, dev, frames) {
    return JSON.parse(this.run(host, `taskset -c 0 ${this.hook} send ${dev}`, `${frames.join("\n")}\n`));
  }

  /** Every counter that Linux shows of a device. */
  counters(host, dev) {
    const [link] = JSON.parse(this.run(host, `ip -s -j link show dev ${dev}`));
    const pick = ({ bytes, packets, errors, dropped }) => ({ packets, bytes, errors, dropped });
    const ethtool = {};
    for (const [, key, value] of this.run(host, `ethtool -S ${dev}`).matchAll(/^ {5}(\w+): (\d+)$/gm)) {
      if (key !== "peer_ifindex" && value !== "0") ethtool[key] = Number(value);
    }
    const qdiscs = JSON.parse(this.run(host, `tc -s -j qdisc show dev ${dev}`)).map((qdisc) => ({
      kind: qdisc.kind,
      bytes: qdisc.bytes,
      packets: qdisc.packets,
      drops: qdisc.drops,
      overlimits: qdisc.overlimits,
      requeues: qdisc.requeues,
    }));
    return { rx: pick(link.stats64.rx), tx: pick(link.stats64.tx), ethtool, qdiscs };
  }

  /** IpInReceives: packets for this host's address that have reached IP. */
  ipInReceives(host) {
    const [names, values] = this.run(host, "cat /proc/self/net/snmp | grep ^Ip:")
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    return Number(values[names.indexOf("InReceives")]);
  }

  /** Waits until softirqs have done what the last frames asked of them. */
  settle() {
    return sleep(80);
  }

  /** Removes every pin, whoever made it; the kernel keeps two files of its own there. */
  clearPins() {
    for (const name of readdirSync(this.pins).filter((one) => !one.endsWith(".debug")))
      rmSync(`${this.pins}/${name}`, { recursive: true, force: true });
  }

  destroy() {
    for (const host of this.hosts) execFileSync("ip", ["netns", "del", this.netns(host)]);
    for (let i = 0; i < this.attached; i++) {
      rmSync(`${this.pins}/p${i}`, { recursive: true, force: true });
      rmSync(`${this.pins}/mp${i}`, { recursive: true, force: true });
    }
  }
}
