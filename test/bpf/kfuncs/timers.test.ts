/** Timers on simulated time: to the nanosecond, on the CPU that armed them, as long as their map lives. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { type LoadedObject, loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import type { Host } from "../../../sim/net/host.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost, crashHost, createKernel } from "../../../sim/net/stack.ts";
import { fromHex, packetHex } from "../../kernel/replay-kit.ts";
import { u32 } from "../kit.ts";

const spec = parseObject(readFileSync(new URL("oracle/timer.o", import.meta.url)), "timer.o");

function started(idealCpu: boolean): { host: Host; object: LoadedObject; fired(slot: number): number } {
  const kernel = createKernel({ seed: 1, idealCpu });
  const host = addHost(kernel, "h", { cpus: 2 });
  const object = loadObjectOnHost(host, spec);
  progTestRun(host, object.program("fire"), { data: fromHex(packetHex.get("ipv4_udp")!) });
  const fired = (slot: number): number => object.map("tickers").read(u32(slot))![0]!;
  return { host, object, fired };
}

describe("a timer", () => {
  it("fires when it is due and not a nanosecond before, and again when its callback starts it", () => {
    const { host, fired } = started(true);
    const { engine } = host.kernel;
    const seen = [999_999, 1_000_000, 1_499_999, 1_500_000, 10_000_000].map((at) => {
      engine.run(at, 1e6);
      return fired(2);
    });
    expect(seen).toEqual([0, 1, 1, 2, 5]);
  });

  it("costs the CPU that armed it what its callback costs", () => {
    const { host } = started(false);
    const [first, second] = host.cpus;
    const before = first!.busyNs;
    host.kernel.engine.run(10_000_000, 1e6);
    expect(first!.busyNs - before).toBeGreaterThan(500);
    expect(second!.busyNs).toBe(0);
  });

  it("ends with its host", () => {
    const { host } = started(true);
    crashHost(host);
    const executed = host.kernel.engine.executed;
    host.kernel.engine.run(1e9, 1e6);
    expect(host.kernel.machine.insnCount).toBeGreaterThan(0);
    const before = host.kernel.machine.insnCount;
    host.kernel.engine.run(4e12, 1e6);
    expect(host.kernel.machine.insnCount).toBe(before);
    expect(host.kernel.engine.executed).toBeGreaterThan(executed);
  });

  it("ends with its map", () => {
    const { host, object } = started(true);
    const before = host.kernel.machine.insnCount;
    object.unload();
    host.kernel.engine.run(1e9, 1e6);
    expect(host.kernel.machine.insnCount).toBe(before);
  });
});
