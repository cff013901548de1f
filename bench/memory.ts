/**
 * Memory of an idle host: two NICs that are up, two addresses of each family, a default route. A thousand of them, after garbage
 * collection: JavaScript's heap, its array buffers, and what the hosts took of the simulation's own memory.
 */
import { setUp } from "../sim/net/devices/device.ts";
import { connectNics, createNic } from "../sim/net/devices/nic.ts";
import type { Host } from "../sim/net/host.ts";
import { parseIp, parsePrefix } from "../sim/net/ip/address.ts";
import { addAddress } from "../sim/net/ip/addresses.ts";
import { addRoute } from "../sim/net/ip/fib/route-control.ts";
import type { Kernel } from "../sim/net/kernel.ts";
import type { Netdev } from "../sim/net/netdev.ts";
import { addHost, createKernel } from "../sim/net/stack.ts";
import { type BenchCase, type BenchRow, collectGarbage } from "./case.ts";

const HOSTS = 1000;
const AIM_KIB = 64;

interface Sizes {
  readonly heap: number;
  readonly buffers: number;
  readonly arena: number;
}

function sizes(kernel: Kernel): Sizes {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers, arena: kernel.arena.usedBytes };
}

/** A ring of hosts: each host's `eth1` is connected with the next one's `eth0`. */
function addRing(kernel: Kernel, prefix: string, count: number): void {
  const first = kernel.hosts.length;
  for (let i = 0; i < count; i++) {
    const host = addHost(kernel, `${prefix}${i}`);
    createNic(host, { name: "eth0" });
    createNic(host, { name: "eth1" });
  }
  const dev = (i: number, name: string): Netdev => kernel.hosts[first + (i % count)]!.devByName.get(name)!;
  for (let i = 0; i < count; i++) connectNics(dev(i, "eth1"), dev(i + 1, "eth0"));
  for (let i = 0; i < count; i++) configure(kernel.hosts[first + i]!, i);
  kernel.engine.run(kernel.engine.nowNs + 1e9, Number.MAX_SAFE_INTEGER);
}

function configure(host: Host, i: number): void {
  const eth0 = host.devByName.get("eth0")!;
  const eth1 = host.devByName.get("eth1")!;
  setUp(eth0);
  setUp(eth1);
  const net = `10.${i >> 8}.${i & 255}`;
  addAddress(eth0, parsePrefix(`${net}.1/25`)!);
  addAddress(eth1, parsePrefix(`${net}.129/25`)!);
  addAddress(eth0, parsePrefix(`fd00:${i.toString(16)}:0::1/64`)!);
  addAddress(eth1, parsePrefix(`fd00:${i.toString(16)}:1::1/64`)!);
  addRoute(host, { dst: parsePrefix("0.0.0.0/0")!, nexthops: [{ dev: eth0, via: parseIp(`${net}.2`)! }] });
}

export const memory: BenchCase = {
  name: "memory",
  about: `memory of an idle host with two NICs and addresses, ${HOSTS} of them`,
  unavailable: () => null,
  async run(): Promise<readonly BenchRow[]> {
    const kernel = createKernel({ seed: 1, idealCpu: false });
    // what all hosts share is there from the first of them on
    addRing(kernel, "first", 10);
    const before = sizes(kernel);
    addRing(kernel, "host", HOSTS);
    const after = sizes(kernel);
    const kib = (what: keyof Sizes): number => (after[what] - before[what]) / HOSTS / 1024;
    const total = kib("heap") + kib("buffers") + kib("arena");
    const row = (what: string, n: number): BenchRow => ({ what, figure: `${n.toFixed(1)} KiB` });
    return [
      { ...row("idle host", total), against: `aim ${AIM_KIB} KiB: ${(total / AIM_KIB).toFixed(2)} of it` },
      row("  objects", kib("heap")),
      row("  typed arrays", kib("buffers")),
      row("  the simulation's own memory", kib("arena")),
    ];
  },
};
