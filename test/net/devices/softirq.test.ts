import { describe, expect, it } from "vitest";
import { COST_NS } from "../../../sim/net/cost.ts";
import { NAPI_WEIGHT, Napi, type NapiOps } from "../../../sim/net/softirq.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { attachXdp, detachXdp } from "../../../sim/net/xdp/attach.ts";
import { cable, returning, runFor, send, testKernel } from "../kit.ts";

/** A queue whose packets cost the same each; notes what it does. */
class Queue implements NapiOps {
  left: number;
  readonly log: string[];
  readonly name: string;
  readonly costNs: number;
  constructor(name: string, left: number, costNs: number, log: string[]) {
    this.name = name;
    this.left = left;
    this.costNs = costNs;
    this.log = log;
  }
  poll(napi: Napi): number {
    this.log.push(this.name);
    napi.cpu.charge(this.costNs);
    return --this.left;
  }
  flush(): void {
    this.log.push(`${this.name} flush`);
  }
}

function runs(log: readonly string[]): string[] {
  const out: string[] = [];
  let n = 0;
  for (const [i, entry] of log.entries()) {
    n++;
    if (log[i + 1] === entry) continue;
    out.push(n === 1 ? entry : `${n} ${entry}`);
    n = 0;
  }
  return out;
}

describe("softirq", () => {
  it.each([
    ["ideal", true],
    ["costly", false],
  ])("%s CPU: two queues take turns of NAPI_WEIGHT packets, with a flush at the end of each poll", (_, ideal) => {
    const kernel = testKernel(1, ideal);
    const cpu = addHost(kernel, "h").cpus[0]!;
    const log: string[] = [];
    for (const name of ["a", "b"]) new Napi(cpu, new Queue(name, 100, 10, log), null).schedule();
    runFor(kernel, 1e6);
    const w = NAPI_WEIGHT;
    const rest = 100 - w;
    expect(runs(log)).toEqual([
      `${w} a`,
      "a flush",
      `${w} b`,
      "b flush",
      `${rest} a`,
      "a flush",
      `${rest} b`,
      "b flush",
    ]);
    expect(cpu.busyNs).toBe(ideal ? 0 : 2000);
    expect(cpu.busyUntilNs).toBe(ideal ? 0 : 2000);
  });

  it("work outside a poll occupies the CPU, and polls wait for it", () => {
    const kernel = testKernel(1, false);
    const link = cable(addHost(kernel, "a"), "eth0", addHost(kernel, "b"), "eth0");
    const cpu = link.b.host.cpus[0]!;
    cpu.charge(5000);
    send(link.a);
    runFor(kernel, 4999);
    expect(link.b.stats.rxPackets).toBe(0);
    runFor(kernel, 1);
    expect(link.b.stats.rxPackets).toBe(1);
    runFor(kernel, 1000);
    expect(cpu.busyNs).toBe(5000 + COST_NS.driverRx + COST_NS.skbBuild + COST_NS.netifReceive);
  });

  it("packets that go round and round on an ideal CPU leave the run in the hands of its caller", () => {
    const kernel = testKernel();
    const host = addHost(kernel, "h");
    attachXdp(host.devices[1]!, returning(host, 3), { mode: "xdpgeneric" });
    send(host.devices[1]!);
    expect(kernel.engine.run(1000, 50)).toBe(false);
    detachXdp(host.devices[1]!, "xdpgeneric");
    expect(kernel.engine.run(1000, 50)).toBe(true);
  });

  it("two CPUs of a host work at the same time, each on its own queue", () => {
    const kernel = testKernel(1, false);
    const host = addHost(kernel, "h", { cpus: 2 });
    const log: string[] = [];
    for (const cpu of host.cpus) new Napi(cpu, new Queue(`cpu${cpu.index}`, 3, 10, log), null).schedule();
    kernel.engine.run(29, 1000);
    expect(log).toEqual(["cpu0", "cpu1", "cpu0", "cpu1", "cpu0", "cpu0 flush", "cpu1", "cpu1 flush"]);
  });
});
