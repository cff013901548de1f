// Records what the running kernel lets programs do that are bound to a device, and what veth tells them of frames, into answers.json.
//
//   node test/net/xdp/metadata/record.mjs [--check] [--build]
//
// Needs root, a C compiler with libbpf-dev, iproute2, and clang-19 with --build.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const packets = JSON.parse(readFileSync(new URL("../../../kernel/packets.json", import.meta.url), "utf8"));
const FRAMES = [
  "ipv4_udp",
  "ipv4_tcp_syn",
  "ipv6_udp",
  "ipv6_udp_flow_label",
  "ipv4_icmp_echo",
  "ipv4_gre",
  "ipv4_later_fragment",
  "arp_request",
  "lldp",
];
const CLANG = [
  "-O2",
  "-g",
  "-target",
  "bpf",
  "-mcpu=v3",
  "-I/usr/include/x86_64-linux-gnu",
  "-fdebug-compilation-dir=.",
];

const dir = mkdtempSync(join(tmpdir(), "netsim-metadata-"));
try {
  const run = (command, ...args) => execFileSync(command, args, { encoding: "utf8", cwd: file(".") });
  if (process.argv.includes("--build") || !existsSync(file("metadata.o"))) {
    run("clang-19", ...CLANG, "-c", "metadata.bpf.c", "-o", "metadata.o");
  }
  const tool = join(dir, "metadata");
  run("cc", "-o", tool, "metadata.c", "-lbpf", "-lelf");
  const frames = FRAMES.map((name) => packets.find((p) => p.name === name).hex);
  const said = JSON.parse(run(tool, "metadata.o", ...frames));
  const errno = Object.entries(said.errno).map(([what, n]) => `    ${JSON.stringify(what)}: ${n}`);
  const rows = said.frames.map((f, i) => {
    const from = ["peer", "peer, tagged", "reflected"][Math.floor(i / FRAMES.length)];
    return `    ${JSON.stringify([FRAMES[i % FRAMES.length], from, ...f])}`;
  });
  const kernel = release().split("-")[0];
  const text = `{\n  "kernel": "${kernel}",\n  "errno": {\n${errno.join(",\n")}\n  },\n  "frames": [\n${rows.join(",\n")}\n  ]\n}\n`;
  const golden = new URL("answers.json", import.meta.url);
  const body = (s) => s.split("\n").slice(2).join("\n");
  if (!process.argv.includes("--check")) writeFileSync(golden, text);
  else if (body(readFileSync(golden, "utf8")) !== body(text)) {
    console.error(text);
    process.exitCode = 1;
  }
} finally {
  rmSync(dir, { recursive: true });
}
