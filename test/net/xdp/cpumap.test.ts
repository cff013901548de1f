import { describe, expect, it } from "vitest";
import type { BpfMap } from "../../../sim/bpf/map.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { addHost, crashHost } from "../../../sim/net/stack.ts";
import { attachXdp } from "../../../sim/net/xdp/attach.ts";
import {
  cable,
  drops,
  imbalance,
  makeMap,
  program,
  redirecting,
  runFor,
  send,
  Tap,
  testKernel,
  words,
} from "../kit.ts";

interface Scene {
  readonly kernel: Kernel;
  readonly src: Netdev;
  readonly host: Host;
  readonly in0: Netdev;
  readonly tap: Tap;
}

/** A host of four CPUs whose only queue is worked off on CPU 0. */
function scene(ideal: boolean = true): Scene {
  const kernel = testKernel(1, ideal);
  const host = addHost(kernel, "target", { cpus: 4 });
  const { a: src, b: in0 } = cable(addHost(kernel, "src"), "eth0", host, "in0");
  return { kernel, src, host, in0, tap: new Tap(in0) };
}

function cpumap(host: Host, cpu: number, qsize: number, progId: number = 0): BpfMap {
  const map = makeMap(host, "cpumap", 4, { valueSize: 8 });
  expect(map.write(words(cpu), words(qsize, progId), 0)).toBe(0);
  return map;
}

/** bpf_redirect_map(map, key, flags). */
function toCpu(host: Host, map: BpfMap, key: number, flags: number = 0): Program {
  return program(host, `r1 = map[m]\nr2 = ${key}\nr3 = ${flags}\ncall 51\nexit`, { maps: new Map([["m", map]]) });
}

describe.each(["xdpdrv", "xdpgeneric"] as const)("XDP_REDIRECT by cpumap, %s", (mode) => {
  it("the packet goes up the stack of the device it came in by, once, with its bytes", () => {
    const s = scene();
    attachXdp(s.in0, toCpu(s.host, cpumap(s.host, 2, 64), 2), { mode });
    const redirects: number[] = [];
    s.kernel.tp.xdpRedirect.subscribe((_skb, dev, to) => redirects.push(dev!.ifindex, to));
    send(s.src);
    runFor(s.kernel, 10_000);
    expect(redirects).toEqual([s.in0.ifindex, 0]);
    expect(s.tap.count(false)).toBe(1);
    expect(s.tap.frames[0]!.bytes.length).toBe(60);
    expect(s.in0.xdp!.verdicts.redirect).toBe(1);
    expect(imbalance(s.kernel)).toBe(0);
  });

  it("the stack's work is done on the entry's CPU", () => {
    const s = scene(false);
    attachXdp(s.in0, toCpu(s.host, cpumap(s.host, 3, 64), 3), { mode });
    const seen: number[] = [];
    s.in0.taps = [...s.in0.taps, { onPacket: () => void seen.push(s.host.cpu().index) }];
    for (let i = 0; i < 20; i++) send(s.src);
    runFor(s.kernel, 1_000_000);
    expect(seen).toEqual(new Array<number>(20).fill(3));
    expect(s.host.cpus[3]!.busyNs).toBeGreaterThan(0);
    expect(s.host.cpus[1]!.busyNs).toBe(0);
  });

  it("an empty slot and one beyond the end answer the flags' action", () => {
    const s = scene();
    const map = cpumap(s.host, 1, 64);
    attachXdp(s.in0, toCpu(s.host, map, 3, 2), { mode });
    send(s.src);
    runFor(s.kernel, 10_000);
    expect(s.in0.xdp!.verdicts.pass).toBe(1);
    expect(s.tap.count(false)).toBe(1);
  });

  it("an xskmap without a socket answers the flags' action", () => {
    const s = scene();
    attachXdp(s.in0, toCpu(s.host, makeMap(s.host, "xskmap", 4), 0, 1), { mode });
    send(s.src);
    runFor(s.kernel, 10_000);
    expect(s.in0.xdp!.verdicts.drop).toBe(1);
    expect(imbalance(s.kernel)).toBe(0);
  });

  it.each([
    { code: 2, arrives: 1, why: "passes" },
    { code: 1, arrives: 0, why: "drops" },
    { code: 3, arrives: 0, why: "XDP_TX is no action there" },
    { code: 0, arrives: 0, why: "aborts" },
  ])("a cpumap program answers $code: $why", ({ code, arrives }) => {
    const s = scene();
    const prog = program(s.host, `r0 = ${code}\nexit`, { attach: "xdp_cpumap" });
    attachXdp(s.in0, toCpu(s.host, cpumap(s.host, 1, 64, prog.id), 1), { mode });
    const exceptions: number[] = [];
    s.kernel.tp.xdpException.subscribe((_skb, _dev, act) => exceptions.push(act));
    send(s.src);
    runFor(s.kernel, 10_000);
    expect(s.tap.count(false)).toBe(arrives);
    expect(exceptions).toEqual(code === 1 || code === 2 ? [] : [code]);
    if (arrives === 0) {
      expect(drops(s.in0)).toEqual({ [mode === "xdpdrv" ? "XDP_CPUMAP_DROP" : "SKB_DROP_REASON_NOT_SPECIFIED"]: 1 });
    }
    expect(imbalance(s.kernel)).toBe(0);
  });

  it("a cpumap program may redirect to a device", () => {
    const s = scene();
    const out = cable(s.host, "out0", addHost(s.kernel, "sink"), "eth0");
    const sink = new Tap(out.b);
    const prog = program(s.host, `r1 = ${out.a.ifindex}\nr2 = 0\ncall 23\nexit`, { attach: "xdp_cpumap" });
    attachXdp(s.in0, toCpu(s.host, cpumap(s.host, 1, 64, prog.id), 1), { mode });
    send(s.src);
    runFor(s.kernel, 10_000);
    expect(sink.count(false)).toBe(1);
    expect(s.tap.count(false)).toBe(0);
    expect(imbalance(s.kernel)).toBe(0);
  });

  it("what waits when the host crashes is lost and counted", () => {
    const s = scene(false);
    attachXdp(s.in0, toCpu(s.host, cpumap(s.host, 1, 64), 1), { mode });
    for (let i = 0; i < 40; i++) send(s.src);
    s.kernel.engine.run(s.kernel.engine.nowNs + 12_000, 1_000_000);
    crashHost(s.host);
    runFor(s.kernel, 1_000_000);
    expect(imbalance(s.kernel)).toBe(0);
  });
});

describe("a cpumap entry's queue", () => {
  it("tells of the bulks that go into a queue, and of the batches that its kthread takes", () => {
    const s = scene(false);
    attachXdp(s.in0, toCpu(s.host, cpumap(s.host, 1, 12), 1));
    const { tp } = s.kernel;
    const enqueued: number[][] = [];
    const taken: number[][] = [];
    tp.xdpCpumapEnqueue.subscribe((skb, dev, n, drops) => {
      expect([skb.live, dev]).toEqual([true, s.in0]);
      enqueued.push([n, drops]);
    });
    tp.xdpCpumapKthread.subscribe((skb, dev, n, slept) => {
      expect([skb.live, dev]).toEqual([true, s.in0]);
      taken.push([n, slept]);
    });
    for (let i = 0; i < 30; i++) send(s.src);
    runFor(s.kernel, 1_000_000);
    const sum = (rows: number[][], column: number): number => rows.reduce((total, row) => total + row[column]!, 0);
    expect(sum(enqueued, 0)).toBe(30);
    expect(Math.max(...enqueued.map((row) => row[0]!))).toBe(8);
    expect(sum(enqueued, 1)).toBe(drops(s.in0).XDP_CPUMAP_FULL ?? 0);
    expect(sum(taken, 0)).toBe(30 - sum(enqueued, 1));
    expect(taken[0]![1], "the kthread had slept").toBe(1);
    expect(Math.max(...taken.map((row) => row[0]!))).toBeLessThanOrEqual(8);
  });

  it("takes eight frames at a time, at most qsize, and loses the rest", () => {
    const s = scene();
    attachXdp(s.in0, toCpu(s.host, cpumap(s.host, 1, 5), 1));
    for (let i = 0; i < 20; i++) send(s.src);
    runFor(s.kernel, 100_000);
    expect(s.tap.count(false) + (drops(s.in0).XDP_CPUMAP_FULL ?? 0)).toBe(20);
    expect(drops(s.in0).XDP_CPUMAP_FULL).toBeGreaterThan(0);
    expect(imbalance(s.kernel)).toBe(0);
  });

  it("is worked off when its entry leaves the map, and the new entry has one of its own", () => {
    const s = scene(false);
    const map = cpumap(s.host, 1, 64);
    attachXdp(s.in0, toCpu(s.host, map, 1));
    for (let i = 0; i < 30; i++) send(s.src);
    s.kernel.engine.run(s.kernel.engine.nowNs + 10_000, 1_000_000);
    expect(map.write(words(1), words(32, 0), 0)).toBe(0);
    runFor(s.kernel, 1_000_000);
    expect(s.tap.count(false)).toBe(30);
    expect(imbalance(s.kernel)).toBe(0);
  });
});

describe("cpumap programs", () => {
  it("cannot be attached to a device", () => {
    const s = scene();
    const prog = program(s.host, "r0 = 2\nexit", { attach: "xdp_cpumap" });
    expect(() => attachXdp(s.in0, prog)).toThrow("BPF_XDP_CPUMAP programs can not be attached to a device");
    expect(() => attachXdp(s.in0, redirecting(s.host, 1))).not.toThrow();
  });
});
