import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { setDown, setUp } from "../../../sim/net/devices/device.ts";
import { createDevice, setMaster } from "../../../sim/net/devices/index.ts";
import { setLinkUp } from "../../../sim/net/devices/nic.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { addHost, crashHost, restartHost } from "../../../sim/net/stack.ts";
import { attachXdp, detachXdp } from "../../../sim/net/xdp/attach.ts";
import { cable, frame, imbalance, redirecting, returning, runFor, send, testKernel, veth } from "../kit.ts";

type Step =
  | { readonly kind: "send"; readonly dev: number; readonly n: number; readonly len: number }
  | { readonly kind: "run"; readonly ns: number }
  | { readonly kind: "updown"; readonly dev: number; readonly up: boolean }
  | { readonly kind: "xdp"; readonly dev: number; readonly code: number; readonly generic: boolean }
  | { readonly kind: "off"; readonly dev: number }
  | { readonly kind: "gro"; readonly dev: number; readonly on: boolean }
  | { readonly kind: "cut"; readonly up: boolean }
  | { readonly kind: "crash" }
  | { readonly kind: "boot" };

const dev = fc.nat({ max: 7 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      dev,
      n: fc.integer({ min: 1, max: 40 }),
      len: fc.constantFrom(14, 60, 1514, 1600),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("run" as const), ns: fc.integer({ min: 0, max: 50_000 }) }) },
  fc.record({ kind: fc.constant("updown" as const), dev, up: fc.boolean() }),
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("xdp" as const), dev, code: fc.nat({ max: 6 }), generic: fc.boolean() }),
  },
  fc.record({ kind: fc.constant("off" as const), dev }),
  fc.record({ kind: fc.constant("gro" as const), dev, on: fc.boolean() }),
  fc.record({ kind: fc.constant("cut" as const), up: fc.boolean() }),
  fc.record({ kind: fc.constant("crash" as const) }),
  fc.record({ kind: fc.constant("boot" as const) }),
);

/** Hosts a, b, c: veth a-b and b-c, cables a-b and b-c, b with a bridge over its veths. Returns what a packet counter needs. */
function play(steps: readonly Step[], ideal: boolean): string {
  const kernel = testKernel(7, ideal);
  const [a, b, c] = [addHost(kernel, "a"), addHost(kernel, "b", { cpus: 2 }), addHost(kernel, "c")];
  const pairs = [veth(a, "v0", b, "v0"), veth(b, "v1", c, "v1")];
  const links = [cable(a, "e0", b, "e0", { rxQueues: 2, rxRing: 16 }), cable(b, "e1", c, "e1", { txRing: 8 })];
  links[0]!.wires[0].configure({ delayNs: 3000, jitterNs: 1000, reorder: true, loss: 0.05 });
  links[1]!.wires[0].configure({ rateBps: 100_000_000 });
  const br = createDevice(b, "bridge", { name: "br0" });
  setUp(br);
  setMaster(pairs[0]![1], br);
  setMaster(pairs[1]![0], br);
  const devs: Netdev[] = [...pairs.flat(), ...links.flatMap((l) => [l.a, l.b])];
  for (const s of steps) {
    if (s.kind === "send") for (let i = 0; i < s.n; i++) send(devs[s.dev]!, frame(s.len));
    else if (s.kind === "run") runFor(kernel, s.ns);
    else if (s.kind === "cut") setLinkUp(links[0]!, s.up);
    else if (s.kind === "crash") crashHost(b);
    else if (s.kind === "boot") restartHost(b);
    else if (devs[s.dev]!.host.alive) {
      const d = devs[s.dev]!;
      if (s.kind === "updown") s.up ? setUp(d) : setDown(d);
      else if (s.kind === "gro") d.ops.setGro?.(d, s.on);
      else if (s.kind === "off") detachXdp(d, d.xdp?.mode === "xdpgeneric" ? "xdpgeneric" : "xdp");
      else if (d.xdp === null) {
        const prog = s.code === 6 ? redirecting(d.host, 2 + (s.dev % 4)) : returning(d.host, s.code);
        attachXdp(d, prog, { mode: s.generic ? "xdpgeneric" : "xdpdrv" });
      }
    }
    expect(imbalance(kernel)).toBe(0);
  }
  // what circles by XDP_TX or the bridge may never come to rest: programs and cables go first
  for (const d of devs) {
    detachXdp(d, d.xdp?.mode === "xdpgeneric" ? "xdpgeneric" : "xdp");
    setDown(d);
  }
  runFor(kernel, 1e9);
  expect(imbalance(kernel)).toBe(0);
  expect(kernel.pool.live).toBe(0);
  const l = kernel.ledger;
  return [
    kernel.pool.created,
    l.delivered,
    l.handled,
    l.dropped,
    kernel.engine.executed,
    ...devs.flatMap((d) => Object.values(d.stats)),
  ].join();
}

describe("balance", () => {
  it("every packet is accounted for after any history, none stays when all is down, and a history repeats", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, ideal) => {
        expect(play(steps, ideal)).toBe(play(steps, ideal));
      }),
      { numRuns: 60, seed: 42 },
    );
  });
});
