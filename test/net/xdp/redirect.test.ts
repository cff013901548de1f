import { describe, expect, it } from "vitest";
import type { BpfMap, MapKind } from "../../../sim/bpf/map.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import { destroyDevice } from "../../../sim/net/devices/index.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { attachXdp } from "../../../sim/net/xdp/attach.ts";
import {
  cable,
  counters,
  drops,
  imbalance,
  makeMap,
  program,
  redirecting,
  returning,
  runFor,
  send,
  Tap,
  testKernel,
  words,
} from "../kit.ts";

/** A router with a NIC towards the source and some towards sinks. */
function star(
  n: number,
  kernel: Kernel = testKernel(),
): { kernel: Kernel; src: Netdev; router: Host; in0: Netdev; out: Netdev[]; sinks: Tap[] } {
  const router = addHost(kernel, "router");
  const { a: src, b: in0 } = cable(addHost(kernel, "src"), "eth0", router, "in0");
  const out: Netdev[] = [];
  const sinks: Tap[] = [];
  for (let i = 0; i < n; i++) {
    const link = cable(router, `out${i}`, addHost(kernel, `sink${i}`), "eth0");
    out.push(link.a);
    sinks.push(new Tap(link.b));
  }
  return { kernel, src, router, in0, out, sinks };
}

/** bpf_redirect_map(map, key, flags). */
function mapRedirect(host: Host, map: BpfMap, key: number, flags: number): Program {
  const source = `r1 = map[m]\nr2 = ${key}\nr3 = ${flags}\ncall 51\nexit`;
  return program(host, source, { maps: new Map([["m", map]]) });
}

function devmap(host: Host, kind: MapKind, entries: readonly (readonly [number, number, number?])[]): BpfMap {
  const map = makeMap(host, kind, 8, { valueSize: 8 });
  for (const [key, ifindex, prog] of entries) expect(map.write(words(key), words(ifindex, prog ?? 0), 0)).toBe(0);
  return map;
}

describe.each(["xdpdrv", "xdpgeneric"] as const)("XDP_REDIRECT by devmap, %s", (mode) => {
  it.each(["devmap", "devmap_hash"] as const)("%s sends to the entry's device", (kind) => {
    const s = star(2);
    const map = devmap(s.router, kind, [[3, s.out[1]!.ifindex]]);
    attachXdp(s.in0, mapRedirect(s.router, map, 3, 0), { mode });
    send(s.src);
    runFor(s.kernel, 1000);
    expect(s.sinks.map((t) => t.count(false))).toEqual([0, 1]);
    expect(s.in0.xdp!.verdicts.redirect).toBe(1);
    expect(imbalance(s.kernel)).toBe(0);
  });

  it("a missing entry answers the flags' action at helper time", () => {
    const s = star(1);
    const map = devmap(s.router, "devmap", []);
    attachXdp(s.in0, mapRedirect(s.router, map, 0, 2), { mode });
    const tap = new Tap(s.in0);
    send(s.src);
    runFor(s.kernel, 1000);
    expect(tap.count(false)).toBe(1);
    expect(s.in0.xdp!.verdicts.pass).toBe(1);
  });

  it("XDP_REDIRECT without a helper's call loses the packet with an error", () => {
    const s = star(1);
    attachXdp(s.in0, returning(s.router, 4), { mode });
    const errors: number[] = [];
    s.kernel.tp.xdpRedirectErr.subscribe((_skb, _dev, _to, err) => errors.push(err));
    send(s.src);
    runFor(s.kernel, 1000);
    expect(errors).toEqual([-56]);
    expect(drops(s.in0)).toEqual(mode === "xdpdrv" ? { XDP_REDIRECT_ERROR: 1 } : { SKB_DROP_REASON_XDP: 1 });
    expect(imbalance(s.kernel)).toBe(0);
  });

  it("an ifindex that is no device fails later, and the program cannot know", () => {
    const s = star(1);
    attachXdp(s.in0, redirecting(s.router, 99), { mode });
    const errors: number[] = [];
    s.kernel.tp.xdpRedirectErr.subscribe((_skb, _dev, _to, err) => errors.push(err));
    send(s.src);
    runFor(s.kernel, 1000);
    expect(errors).toEqual([-22]);
    expect(s.in0.xdp!.verdicts.redirect).toBe(1);
  });

  it.each([
    { flags: 8, why: "broadcast goes to every entry, the ingress too", counts: [1, 1, 1], back: 1 },
    { flags: 8 | 16, why: "broadcast without the ingress", counts: [1, 1, 1], back: 0 },
  ])("$why", ({ flags, counts, back }) => {
    const s = star(3);
    const tap = new Tap(s.src);
    const map = devmap(s.router, "devmap", [
      [0, s.out[0]!.ifindex],
      [1, s.in0.ifindex],
      [4, s.out[1]!.ifindex],
      [7, s.out[2]!.ifindex],
    ]);
    attachXdp(s.in0, mapRedirect(s.router, map, 0, flags), { mode });
    send(s.src);
    runFor(s.kernel, 1000);
    expect(s.sinks.map((t) => t.count(false))).toEqual(counts);
    expect(tap.count(false)).toBe(back);
    expect(imbalance(s.kernel)).toBe(0);
  });

  it.each([
    { code: 2, arrives: 1 },
    { code: 1, arrives: 0 },
    { code: 3, arrives: 0 },
    { code: 0, arrives: 0 },
  ])("a devmap program may pass or drop: $code", ({ code, arrives }) => {
    const s = star(1);
    const prog = program(s.router, `r0 = ${code}\nexit`, { attach: "xdp_devmap" });
    const map = devmap(s.router, "devmap", [[0, s.out[0]!.ifindex, prog.id]]);
    attachXdp(s.in0, mapRedirect(s.router, map, 0, 0), { mode });
    send(s.src);
    runFor(s.kernel, 1000);
    expect(s.sinks[0]!.count(false)).toBe(arrives);
    expect(imbalance(s.kernel)).toBe(0);
  });

  it("a devmap program sees where the frame came from and where it goes", () => {
    const s = star(1);
    const seen = makeMap(s.router, "array", 2);
    // stores ingress_ifindex and egress_ifindex
    const source = `
      r6 = r1
      *(u32 *)(r10 -4) = 0
      r1 = map[m]
      r2 = r10
      r2 += -4
      call 1
      if r0 == 0x0 goto out
      r1 = *(u32 *)(r6 +12)
      r1 <<= 16
      r2 = *(u32 *)(r6 +20)
      r1 |= r2
      *(u32 *)(r0 +0) = r1
      out: r0 = 2
      exit`;
    const prog = program(s.router, source, { attach: "xdp_devmap", maps: new Map([["m", seen]]) });
    const map = devmap(s.router, "devmap", [[0, s.out[0]!.ifindex, prog.id]]);
    attachXdp(s.in0, mapRedirect(s.router, map, 0, 0), { mode });
    send(s.src);
    runFor(s.kernel, 1000);
    expect(seen.read(words(0))).toEqual(words((s.in0.ifindex << 16) | s.out[0]!.ifindex));
  });
});

describe("bulk queue", () => {
  it("frames go to the driver sixteen at a time and at the end of the poll", () => {
    const s = star(1);
    attachXdp(s.in0, redirecting(s.router, s.out[0]!.ifindex));
    const bulks: number[] = [];
    const ops = s.out[0]!.ops;
    Object.defineProperty(s.out[0]!, "ops", {
      value: {
        ...ops,
        xdpXmit(dev: Netdev, frames: never[], n: number): number {
          bulks.push(n);
          return ops.xdpXmit(dev, frames, n);
        },
      },
    });
    for (let i = 0; i < 70; i++) send(s.src);
    runFor(s.kernel, 1000);
    // a poll of 64, then one of 6
    expect(bulks).toEqual([16, 16, 16, 16, 6]);
    expect(counters(s.out[0]!)).toMatchObject({ txPackets: 70, txBytes: 4200 });
  });

  it("a device that goes away takes its devmap entries along", () => {
    const s = star(1);
    const map = devmap(s.router, "devmap", [[0, s.out[0]!.ifindex]]);
    expect(map.read(words(0))).not.toBeNull();
    destroyDevice(s.out[0]!);
    expect(map.read(words(0))).toBeNull();
  });
});
