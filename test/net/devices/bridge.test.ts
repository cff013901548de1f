import { describe, expect, it } from "vitest";
import { bridgePorts, listFdb } from "../../../sim/net/devices/bridge.ts";
import { setDown, setMac, setMtu, setUp } from "../../../sim/net/devices/device.ts";
import { createDevice, destroyDevice, setMaster } from "../../../sim/net/devices/index.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { counters, drops, frame, imbalance, runFor, send, Tap, testKernel, veth } from "../kit.ts";

/** A switch with a bridge over ports to n hosts. */
function rig(n: number): { kernel: Kernel; sw: Host; br: Netdev; ports: Netdev[]; ends: Netdev[]; taps: Tap[] } {
  const kernel = testKernel();
  const sw = addHost(kernel, "sw");
  const br = createDevice(sw, "bridge", { name: "br0" });
  const ports: Netdev[] = [];
  const ends: Netdev[] = [];
  for (let i = 0; i < n; i++) {
    const [port, end] = veth(sw, `p${i}`, addHost(kernel, `h${i}`), "eth0");
    setMaster(port, br);
    ports.push(port);
    ends.push(end);
  }
  setUp(br);
  return { kernel, sw, br, ports, ends, taps: ends.map((e) => new Tap(e)) };
}

function from(src: Netdev, dst: Uint8Array): Uint8Array {
  const f = frame();
  f.set(dst, 0);
  f.set(src.mac, 6);
  return f;
}

describe("bridge", () => {
  it("floods what it does not know, learns where senders are, and then sends there only", () => {
    const r = rig(3);
    const [a, b] = [r.ends[0]!, r.ends[1]!];
    send(a, from(a, b.mac));
    runFor(r.kernel, 1000);
    expect(r.taps.map((t) => t.count(false))).toEqual([0, 1, 1]);
    send(b, from(b, a.mac));
    send(a, from(a, b.mac));
    runFor(r.kernel, 1000);
    expect(r.taps.map((t) => t.count(false))).toEqual([1, 2, 1]);
    const learned = listFdb(r.br).filter((e) => !e.local);
    expect(learned.map((e) => [e.mac, e.port.name])).toEqual([
      [a.mac, "p0"],
      [b.mac, "p1"],
    ]);
    expect(imbalance(r.kernel)).toBe(0);
  });

  it("an address that moves is learned anew, and one that is silent for 300 s is forgotten", () => {
    const r = rig(3);
    const [a, b, c] = [r.ends[0]!, r.ends[1]!, r.ends[2]!];
    send(a, from(a, b.mac));
    runFor(r.kernel, 1000);
    send(c, from(a, b.mac));
    runFor(r.kernel, 1000);
    send(b, from(b, a.mac));
    runFor(r.kernel, 1000);
    expect(r.taps.map((t) => t.count(false))).toEqual([1, 2, 2]);
    runFor(r.kernel, 300e9 + 1);
    send(b, from(b, a.mac));
    runFor(r.kernel, 1000);
    expect(r.taps.map((t) => t.count(false))).toEqual([2, 2, 3]);
  });

  it("broadcast reaches every other port and the bridge itself", () => {
    const r = rig(3);
    const own = new Tap(r.br);
    send(r.ends[0]!, frame());
    runFor(r.kernel, 1000);
    expect(r.taps.map((t) => t.count(false))).toEqual([0, 1, 1]);
    expect(own.count(false)).toBe(1);
    // counted behind the MAC header
    expect(counters(r.br)).toMatchObject({ rxPackets: 1, rxBytes: 46 });
    expect(imbalance(r.kernel)).toBe(0);
  });

  it("what is for the bridge's own address goes up, and nowhere else", () => {
    const r = rig(2);
    const own = new Tap(r.br);
    send(r.ends[0]!, from(r.ends[0]!, r.br.mac));
    runFor(r.kernel, 1000);
    expect(own.count(false)).toBe(1);
    expect(r.taps.map((t) => t.count(false))).toEqual([0, 0]);
  });

  it("what the bridge's host sends is flooded or sent to the learned port", () => {
    const r = rig(2);
    send(r.ends[1]!, from(r.ends[1]!, r.br.mac));
    runFor(r.kernel, 1000);
    send(r.br, from(r.br, r.ends[1]!.mac));
    send(r.br, from(r.br, Uint8Array.of(2, 9, 9, 9, 9, 9)));
    runFor(r.kernel, 1000);
    expect(r.taps.map((t) => t.count(false))).toEqual([1, 2]);
    expect(counters(r.br)).toMatchObject({ txPackets: 2, txBytes: 120 });
    expect(imbalance(r.kernel)).toBe(0);
  });

  it("a down bridge drops what its ports receive", () => {
    const r = rig(2);
    setDown(r.br);
    send(r.ends[0]!, frame());
    runFor(r.kernel, 1000);
    expect(drops(r.ports[0]!)).toEqual({ SKB_DROP_REASON_BRIDGE_INGRESS_STP_STATE: 1 });
    expect(r.taps[1]!.count(false)).toBe(0);
  });

  it("a frame for the port it came in by goes nowhere", () => {
    const r = rig(2);
    const other = Uint8Array.of(2, 7, 7, 7, 7, 7);
    const f = from(r.ends[0]!, r.br.mac);
    f.set(other, 6);
    send(r.ends[0]!, f);
    runFor(r.kernel, 1000);
    send(r.ends[0]!, from(r.ends[0]!, other));
    runFor(r.kernel, 1000);
    expect(r.taps[1]!.count(false)).toBe(0);
    expect(imbalance(r.kernel)).toBe(0);
  });

  it.each([
    { last: 0x00, others: 1, port: 0, why: "spanning tree is off: forwarded" },
    { last: 0x01, others: 0, port: 0, why: "pause frames end here" },
    { last: 0x0e, others: 0, port: 1, why: "LLDP is the port's own" },
  ])("01:80:c2:00:00:$last: $why", ({ last, others, port }) => {
    const r = rig(2);
    let atPort = 0;
    r.kernel.tp.kfreeSkb.subscribe((_s, dev, reason) => {
      if (dev === r.ports[0] && reason === 92 - 18) atPort++;
    });
    send(r.ends[0]!, from(r.ends[0]!, Uint8Array.of(1, 0x80, 0xc2, 0, 0, last)));
    runFor(r.kernel, 1000);
    expect(r.taps[1]!.count(false)).toBe(others);
    expect(atPort).toBe(port);
  });

  it("a source that is multicast or zero is refused", () => {
    const r = rig(2);
    for (const src of [Uint8Array.of(1, 0, 0, 0, 0, 9), new Uint8Array(6)]) {
      const f = frame();
      f.set(src, 6);
      send(r.ends[0]!, f);
    }
    runFor(r.kernel, 1000);
    expect(drops(r.ports[0]!)).toEqual({ SKB_DROP_REASON_MAC_INVALID_SOURCE: 2 });
  });

  it("takes the lowest address and MTU of its ports, until they are set by hand", () => {
    const r = rig(2);
    expect(r.br.mac).toEqual(r.ports[0]!.mac);
    setMtu(r.ports[1]!, 1400);
    expect(r.br.mtu).toBe(1400);
    setMaster(r.ports[0]!, null);
    expect(r.br.mac).toEqual(r.ports[1]!.mac);
    setMac(r.br, Uint8Array.of(2, 1, 1, 1, 1, 1));
    setMtu(r.br, 1300);
    setMaster(r.ports[0]!, r.br);
    expect(r.br.mac).toEqual(Uint8Array.of(2, 1, 1, 1, 1, 1));
    expect(r.br.mtu).toBe(1300);
  });

  it("ports leave when they or the bridge are removed", () => {
    const r = rig(3);
    destroyDevice(r.ports[0]!);
    expect(bridgePorts(r.br).map((p) => p.name)).toEqual(["p1", "p2"]);
    destroyDevice(r.br);
    expect(r.ports[1]!.master).toBeNull();
    expect(r.ports[1]!.rxHandler).toBeNull();
    expect(r.sw.netdevNotifiers.length).toBe(addHost(testKernel(), "x").netdevNotifiers.length);
  });

  it("refuses what Linux refuses", () => {
    const r = rig(1);
    const other = createDevice(r.sw, "bridge", { name: "br1" });
    const dummy = createDevice(r.sw, "dummy", { name: "d0" });
    expect(() => setMaster(other, r.br)).toThrow("Can not enslave a bridge to a bridge");
    expect(() => setMaster(r.sw.devices[1]!, r.br)).toThrow("Invalid argument");
    expect(() => setMaster(r.ports[0]!, dummy)).toThrow("Operation not supported");
  });
});
