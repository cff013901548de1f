/**
 * Packet-hops per second on one core, through a chain of ten hosts with modelled CPUs and nobody observing: by XDP redirect, by tc
 * redirect, by IPv4. One process a row, so that no row profits or suffers from what the one before taught the compiler.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { objectUrl } from "../test/kernel/replay-kit.ts";
import { type BenchCase, type BenchRow, bestNsPerOp, collectGarbage, si } from "./case.ts";
import {
  CHAIN_HOSTS,
  Chain,
  type ChainLink,
  type Forwarding,
  ipForwarding,
  type RootQdisc,
  tcBundled,
  tcRedirect,
  xdpBundled,
  xdpRedirect,
  xdpRedirectMap,
} from "./chain.ts";

/** ns a hop, recorded once on one machine: what is aimed at, Linux's own speed over veth, and ns-3's. */
interface Rival {
  readonly aim: number;
  readonly ns3?: number;
  /** The kernel that is running can be asked, too. */
  readonly askLinux?: true;
}

const BY_XDP: Rival = { aim: 130, askLinux: true };
const BY_TC: Rival = { aim: 380 };
const BY_TBF: Rival = { aim: 606 };
const BY_IP: Rival = { aim: 530, ns3: 2800 };
const FLOOR_PER_S = 1e6;
const PFIFO_FAST: RootQdisc = { kind: "pfifo_fast", options: {} };
/** Fast enough never to hold anything back: what is measured is the accounting. Bytes a second and bytes. */
const TBF: RootQdisc = { kind: "tbf", options: { rate: 12_500_000_000, burst: 1_000_000, limit: 1_000_000 } };

interface Row {
  readonly link: ChainLink;
  readonly forwarding: Forwarding;
  readonly rival: Rival;
  readonly root?: RootQdisc;
}

const LINKS: readonly ChainLink[] = ["veth", "nic", "nic 1 us"];
const MODES: readonly (readonly [Forwarding, Rival])[] = [
  [xdpRedirect, BY_XDP],
  [xdpRedirectMap, BY_XDP],
  [tcRedirect, BY_TC],
  [ipForwarding, BY_IP],
];

const ROWS: readonly Row[] = [
  ...MODES.flatMap(([forwarding, rival]) => LINKS.map((link): Row => ({ link, forwarding, rival }))),
  { link: "veth", forwarding: xdpBundled, rival: BY_XDP },
  { link: "veth", forwarding: tcBundled, rival: BY_TC },
  { link: "veth", forwarding: tcRedirect, rival: BY_TBF, root: TBF },
  { link: "veth", forwarding: ipForwarding, rival: BY_IP, root: PFIFO_FAST },
];

/** Packets between two looks at the clock. */
const BATCH = 2_000;
const WARM_UP_BATCHES = 20;
const LINUX_PACKETS = 100_000;
const LINUX_ROUNDS = 8;

function measure(row: Row): number {
  const chain = new Chain(row.link, row.forwarding, row.root ?? null);
  for (let i = 0; i < WARM_UP_BATCHES; i++) chain.run(BATCH);
  collectGarbage();
  return bestNsPerOp(() => chain.run(BATCH), 5, 200);
}

function against(ns: number, rival: Rival, linux: number | null): string {
  const parts = [`aim ${rival.aim} ns: ${(ns / rival.aim).toFixed(2)} of it`];
  if (rival.askLinux && linux !== null) parts.push(`Linux here: ${(ns / linux).toFixed(2)} of its time`);
  if (rival.ns3 !== undefined) parts.push(`ns-3, recorded: ${rival.ns3} ns`);
  if (1e9 / ns < FLOOR_PER_S) parts.push("BELOW THE FLOOR of 1 M hops/s");
  return parts.join("; ");
}

function figure(ns: number): string {
  return `${si(1e9 / ns)} hops/s ${ns.toFixed(0).padStart(5)} ns`;
}

export const hops: BenchCase = {
  name: "hops",
  about: "packet-hops per second through a chain of 10 hosts on one core, CPUs modelled, nobody observing",
  unavailable: () => null,
  async run(): Promise<readonly BenchRow[]> {
    const before = linuxHopNs();
    const ours = ROWS.map((_, i) => Number(run(process.execPath, [fileURLToPath(import.meta.url), String(i)])));
    const after = linuxHopNs();
    const linux = before === null || after === null ? null : Math.min(before, after);
    const rows = ROWS.map((row, i): BenchRow => {
      const root = row.root === undefined ? "" : `, root ${row.root.kind}`;
      const what = `${row.forwarding.name}, ${row.link}${root}`;
      return { what, figure: figure(ours[i]!), against: against(ours[i]!, row.rival, linux) };
    });
    if (linux === null) return rows;
    return [...rows, { what: "Linux here, XDP, bpf_redirect, veth", figure: figure(linux), against: release() }];
  },
};

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** The same chain on the running kernel, in a network namespace of its own. @returns ns a hop, or null without root or a compiler */
function linuxHopNs(): number | null {
  if (process.getuid?.() !== 0 || process.platform !== "linux") return null;
  const dir = mkdtempSync(join(tmpdir(), "netsim-hops-"));
  try {
    const tool = join(dir, "linux-hops");
    const source = fileURLToPath(new URL("../bench/linux-hops.c", objectUrl("")));
    if (spawnSync(process.env.CC ?? "gcc", ["-O1", "-o", tool, source]).status !== 0) return null;
    const links = Array.from({ length: CHAIN_HOSTS + 1 }, (_, i) => i);
    const pair = (i: number): string =>
      `ip link add a${i} type veth peer name b${i} && ip link set a${i} up && ip link set b${i} up`;
    const ifindex = (name: string): string => `$(ip -o link show ${name} | cut -d: -f1)`;
    const devices = links.map((i) => `${ifindex(`a${i}`)} ${ifindex(`b${i}`)}`).join(" ");
    const script = [...links.map(pair), `exec ${tool} ${LINUX_PACKETS} ${LINUX_ROUNDS} ${devices}`].join(" && ");
    const done = spawnSync("unshare", ["-n", "sh", "-c", script], { encoding: "utf8" });
    return done.status === 0 ? Number(done.stdout) / CHAIN_HOSTS : null;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(measure(ROWS[Number(process.argv[2])]!));
}
