/** Live frames as the kernel dealt with them: vectors.json, recorded by record.mjs. */
import { readFileSync } from "node:fs";
import { run } from "effection";
import { describe, expect, it } from "vitest";
import { globalVariables, withGlobals } from "../../../../sim/bpf/object/globals.ts";
import { parseObject } from "../../../../sim/bpf/object/parse-object.ts";
import type { Program } from "../../../../sim/bpf/program.ts";
import { LabError, VerifierError } from "../../../../sim/engine/errors.ts";
import { type LoadedObject, loadObjectOnHost } from "../../../../sim/net/bpf-objects.ts";
import { setUp } from "../../../../sim/net/devices/device.ts";
import { createVethPair } from "../../../../sim/net/devices/veth.ts";
import type { Host } from "../../../../sim/net/host.ts";
import { parsePrefix } from "../../../../sim/net/ip/address.ts";
import { addAddress } from "../../../../sim/net/ip/addresses.ts";
import { ipStack } from "../../../../sim/net/ip/ip-stack.ts";
import type { Netdev } from "../../../../sim/net/netdev.ts";
import { liveTestRun, progTestRun } from "../../../../sim/net/prog-test-run.ts";
import { addHost } from "../../../../sim/net/stack.ts";
import type { TestRunAnswer, TestRunRequest } from "../../../../sim/net/test-run/test-run.ts";
import { attachXdp } from "../../../../sim/net/xdp/attach.ts";
import { imbalance, program, returning, runFor, testKernel, words } from "../../kit.ts";

interface Case {
  readonly why: string;
  readonly prog: string;
  readonly peer: string | null;
  readonly ingress: string | null;
  readonly repeat: number;
  readonly batch: number;
  readonly meta: number;
  readonly data: string | number;
  readonly answer: Readonly<Record<string, unknown>>;
}
const read = (name: string): Buffer => readFileSync(new URL(name, import.meta.url));
const { kernel: release, cases } = JSON.parse(read("vectors.json").toString()) as {
  readonly kernel: string;
  readonly cases: readonly Case[];
};
const LIVE = 2;
const frames = parseObject(read("frames.o"), "frames.o");

interface Scene {
  readonly host: Host;
  readonly a: Netdev;
  readonly b: Netdev;
}

/** Two ends of a veth pair on one host, as runner.c sets them up. */
function scene(ideal: boolean): Scene {
  const host = addHost(testKernel(1, ideal), "h");
  const mac = (last: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, last);
  const [a, b] = createVethPair(host, { name: "a", mac: mac(10), ifindex: 3 }, host, {
    name: "b",
    mac: mac(11),
    ifindex: 2,
  });
  addAddress(a, parsePrefix("10.1.0.1/24")!);
  setUp(a);
  setUp(b);
  return { host, a, b };
}

/** Runs a request to its end, and what it began for 50 ms more. */
async function runLive(s: Scene, prog: Program, request: TestRunRequest): Promise<TestRunAnswer | number> {
  const { engine } = s.host.kernel;
  const task = run(() => liveTestRun(s.host, prog, request));
  runFor(s.host.kernel, 50e6);
  expect(engine.nowNs).toBe(50e6);
  return await task;
}

/** The context: metadata, length, device. */
function context(c: Case, s: Scene, size: number): Uint8Array {
  const ifindex = c.ingress === "a" ? s.a.ifindex : 1;
  return words(c.meta, size, 0, ifindex, 0, 0);
}

/** The variables that are not constant, by name. */
function variables(object: LoadedObject): Record<string, number> {
  const out: Record<string, number> = {};
  for (const v of globalVariables(object.spec)) {
    if (v.section === ".rodata") continue;
    const bytes = object
      .map(v.map.name)
      .read(words(0))!
      .subarray(v.offset, v.offset + v.size);
    out[v.name] = bytes.reduceRight((n, byte) => n * 256 + byte, 0);
  }
  return out;
}

/** A table's counts that are not 0. */
function table(object: LoadedObject, name: string): Record<string, number> {
  const out: Record<string, number> = {};
  for (let key = 0; key < 256; key++) {
    const n = new DataView(object.map(name).read(words(key))!.slice().buffer).getUint32(0, true);
    if (n !== 0) out[key] = n;
  }
  return out;
}

function statistics({ stats }: Netdev): Record<string, number> {
  const { rxBytes, rxPackets, rxDropped, txBytes, txPackets, txDropped } = stats;
  return { rxBytes, rxPackets, rxDropped, txBytes, txPackets, txDropped };
}

async function answer(c: Case, ideal: boolean): Promise<Record<string, unknown>> {
  const s = scene(ideal);
  const object = loadObjectOnHost(s.host, withGlobals(frames, new Map([["target", s.a.ifindex]])));
  object.map("ports").write(words(0), words(s.a.ifindex), 0);
  object.map("ports").write(words(1), words(s.b.ifindex), 0);
  if (c.peer !== null) attachXdp(s.b, object.program(c.peer), { mode: "xdpdrv" });
  const data = typeof c.data === "number" ? new Uint8Array(c.data) : new Uint8Array(Buffer.from(c.data, "hex"));
  const { snmp } = ipStack(s.host);
  const done = await runLive(s, object.program(c.prog), {
    data,
    repeat: c.repeat,
    batchSize: c.batch,
    flags: LIVE,
    ...(c.ingress === null ? {} : { ctx: context(c, s, data.length) }),
  });
  const failed = typeof done === "number";
  expect(imbalance(s.host.kernel)).toBe(0);
  return {
    errno: failed ? done : 0,
    retval: failed ? 0 : done.retval,
    size: failed ? 0 : done.data.length,
    IpInReceives: snmp.IpInReceives,
    UdpNoPorts: snmp.UdpNoPorts,
    variables: variables(object),
    ran: table(object, "ran"),
    seen: table(object, "seen"),
    a: statistics(s.a),
    b: statistics(s.b),
  };
}

describe.each([
  ["costs nothing", true],
  ["is modelled", false],
])(`live frames as Linux ${release} deals with them, on a CPU that %s`, (_what, ideal) => {
  // where nothing waits for a CPU, its cost changes nothing
  const some = cases.filter((c) => ideal || c.peer !== null);
  it.each(some.map((c) => [c.why, c] as const))("%s", async (_why, c) => {
    expect(await answer(c, ideal)).toEqual(c.answer);
  });
});

describe("live frames", () => {
  const request = (o: Partial<TestRunRequest> = {}): TestRunRequest => ({
    data: new Uint8Array(60),
    flags: LIVE,
    ...o,
  });

  it("take the simulated time that they cost, and leave one after the other", async () => {
    const s = scene(false);
    attachXdp(s.b, returning(s.host, 2), { mode: "xdpdrv" });
    const begin = s.host.cpus[0]!.busyNs;
    const times: number[] = [];
    s.b.taps = [...s.b.taps, { onPacket: () => void times.push(s.host.cpu().nowNs()) }];
    await runLive(s, returning(s.host, 3), request({ repeat: 200, ctx: words(0, 60, 0, s.a.ifindex, 0, 0) }));
    expect(times).toHaveLength(200);
    expect(new Set(times).size).toBe(200);
    expect(s.host.cpus[0]!.busyNs - begin).toBeGreaterThan(times.at(-1)! / 2);
  });

  it("are not run where no time passes", () => {
    const s = scene(true);
    const call = (): unknown => progTestRun(s.host, returning(s.host, 1), request());
    expect(call).toThrow(LabError);
    expect(call).toThrow(/TEST_RUN_LIVE[\s\S]*liveTestRun/);
  });

  it("other runs are as they were", async () => {
    const s = scene(true);
    const done = await runLive(s, returning(s.host, 1), { data: new Uint8Array(60) });
    expect(done).toMatchObject({ retval: 1 });
    const skb = program(s.host, "r0 = 0\nexit", { kind: "sched_cls" });
    expect(await run(() => liveTestRun(s.host, skb, request()))).toBe(22);
  });

  it("a fault ends the run, and no frame is kept", async () => {
    const s = scene(true);
    const faulty = program(s.host, "r1 = 0\nr0 = *(u32 *)(r1 + 0)\nexit");
    await expect(run(() => liveTestRun(s.host, faulty, request({ repeat: 100 })))).rejects.toThrow(VerifierError);
    expect(s.host.kernel.pool.live).toBe(0);
    expect(imbalance(s.host.kernel)).toBe(0);
  });
});
