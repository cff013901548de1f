import { describe, expect, it } from "vitest";
import { setDown, setMac, setMtu, setUp } from "../../../sim/net/devices/device.ts";
import { createDevice, destroyDevice } from "../../../sim/net/devices/index.ts";
import { createVethPair } from "../../../sim/net/devices/veth.ts";
import type { NetdevEvent } from "../../../sim/net/host.ts";
import { IFF_LOWER_UP, IFF_RUNNING, IFF_UP } from "../../../sim/net/netdev.ts";
import { addHost, crashHost, restartHost } from "../../../sim/net/stack.ts";
import { counters, drops, frame, imbalance, runFor, send, Tap, testKernel, veth } from "../kit.ts";

describe("devices", () => {
  it("lo is ifindex 1, up, and hears itself, counted behind the MAC header", () => {
    const kernel = testKernel();
    const lo = addHost(kernel, "h").devices[1]!;
    const tap = new Tap(lo);
    expect([lo.name, lo.up, lo.mtu, [...lo.mac]]).toEqual(["lo", true, 65536, [0, 0, 0, 0, 0, 0]]);
    send(lo);
    runFor(kernel, 1);
    expect(tap.count(false)).toBe(1);
    expect(counters(lo)).toEqual({ rxPackets: 1, rxBytes: 46, txPackets: 1, txBytes: 46 });
  });

  it("dummy swallows and counts", () => {
    const kernel = testKernel();
    const dev = createDevice(addHost(kernel, "h"), "dummy", { name: "d0" });
    setUp(dev);
    send(dev);
    expect(counters(dev)).toEqual({ txPackets: 1, txBytes: 60 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("addresses are local, unicast, unique and the same in every run", () => {
    const macs = (): string[] => {
      const kernel = testKernel();
      const out: string[] = [];
      for (let h = 0; h < 5; h++) {
        const host = addHost(kernel, `h${h}`);
        for (let d = 0; d < 5; d++) out.push(createDevice(host, "dummy", { name: `d${d}` }).mac.join(":"));
      }
      return out;
    };
    const first = macs();
    expect(new Set(first).size).toBe(25);
    expect(first.every((m) => m.startsWith("2:"))).toBe(true);
    expect(macs()).toEqual(first);
  });

  // asked of Linux 6.18
  it.each([
    { why: "a name taken", f: { name: "lo" }, text: "File exists" },
    { why: "a name too long", f: { name: "toolongname12345" }, text: "Attribute failed policy validation" },
    { why: "a name with a slash", f: { name: "a/b" }, text: "Invalid argument" },
    { why: "a multicast address", f: { name: "d0", mac: Uint8Array.of(1, 0, 0, 0, 0, 1) }, text: "Cannot assign" },
  ])("refuses $why", ({ f, text }) => {
    const host = addHost(testKernel(), "h");
    expect(() => createDevice(host, "dummy", f)).toThrow(text);
    expect(host.devices.length).toBe(2);
  });

  it("refuses unknown kinds, the removal of lo, and MTUs out of bounds with the kernel's words", () => {
    const host = addHost(testKernel(), "h");
    expect(() => createDevice(host, "nosuch", { name: "x" })).toThrow("Unknown device type");
    expect(() => destroyDevice(host.devices[1]!)).toThrow("Operation not supported");
    const dev = createDevice(host, "veth", { name: "v" });
    expect(() => setMtu(dev, 70_000)).toThrow("mtu greater than device maximum");
    expect(() => setMtu(dev, 50)).toThrow("mtu less than device minimum");
    expect(() => setMac(dev, Uint8Array.of(1, 0, 0, 0, 0, 1))).toThrow("Cannot assign requested address");
  });

  // asked of Linux 6.18, where the peer is registered first
  it("a veth pair made by one name: its peer gets the first free name and the smaller ifindex; it goes as a whole", () => {
    const host = addHost(testKernel(), "h");
    expect(() => createDevice(host, "veth", { name: "veth0" })).toThrow("File exists");
    const dev = createDevice(host, "veth", { name: "foo" });
    expect([...host.devByName.keys()]).toEqual(["lo", "veth0", "foo"]);
    destroyDevice(dev);
    expect([...host.devByName.keys()]).toEqual(["lo"]);
    expect(createDevice(host, "dummy", { name: "d0" }).ifindex).toBe(5);
  });

  it("when the second end of a pair is refused, there is no first one", () => {
    const kernel = testKernel();
    const [a, b] = [addHost(kernel, "a"), addHost(kernel, "b")];
    expect(() => createVethPair(a, { name: "lo" }, b, { name: "v" })).toThrow("File exists");
    expect(b.devByName.has("v")).toBe(false);
  });

  it("protocols are told in order; running and lower_up follow from up and carrier", () => {
    const kernel = testKernel();
    const [a, b] = [addHost(kernel, "a"), addHost(kernel, "b")];
    const [va, vb] = createVethPair(a, { name: "va" }, b, { name: "vb" });
    const log: string[] = [];
    const flags = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
    for (const host of [a, b]) {
      host.netdevNotifiers.push((dev, event: NetdevEvent) =>
        log.push(`${dev.name} ${event} ${(dev.flags & flags).toString(16)}`),
      );
    }
    setUp(va);
    setUp(vb);
    setMtu(va, 1400);
    setDown(vb);
    destroyDevice(va);
    expect(log).toEqual([
      "va up 1",
      "vb carrier 10041",
      "va carrier 10041",
      "vb up 10041",
      "va changemtu 10041",
      "va carrier 1",
      "vb down 0",
      "vb unregister 0",
      "va down 0",
      "va unregister 0",
    ]);
  });

  // asked of Linux 6.18: only the sender counts
  it("veth: the peer is down", () => {
    const kernel = testKernel();
    const [va, vb] = veth(addHost(kernel, "a"), "va", addHost(kernel, "b"), "vb");
    setDown(vb);
    for (let i = 0; i < 10; i++) send(va);
    expect(counters(va)).toEqual({ txDropped: 10 });
    expect(counters(vb)).toEqual({});
    expect(drops(va)).toEqual({ LINK_DOWN: 10 });
  });

  it("veth: a frame beyond the peer's MTU is dropped and counted on both sides", () => {
    const kernel = testKernel();
    const [va, vb] = veth(addHost(kernel, "a"), "va", addHost(kernel, "b"), "vb");
    setMtu(va, 9000);
    send(va, frame(1519));
    send(va, frame(1518));
    runFor(kernel, 1);
    expect(counters(va)).toEqual({ txDropped: 1, txPackets: 1, txBytes: 1518 });
    expect(counters(vb)).toMatchObject({ rxPackets: 1 });
    expect(drops(va)).toEqual({ LINK_MTU: 1 });
  });

  it("a full backlog drops with CPU_BACKLOG", () => {
    const kernel = testKernel(1, false);
    const [va, vb] = veth(addHost(kernel, "a"), "va", addHost(kernel, "b"), "vb");
    for (let i = 0; i < 1010; i++) send(va);
    expect(drops(vb)).toEqual({ SKB_DROP_REASON_CPU_BACKLOG: 9 });
    runFor(kernel, 1e9);
    expect(imbalance(kernel)).toBe(0);
  });
});

describe("crash and restart of a host", () => {
  it("software devices are gone, cables stay, what waited is lost", () => {
    const kernel = testKernel(1, false);
    const b = addHost(kernel, "b");
    const [va, vb] = veth(addHost(kernel, "a"), "va", b, "vb");
    createDevice(b, "dummy", { name: "d0" });
    createDevice(b, "bridge", { name: "br0" });
    for (let i = 0; i < 5; i++) send(va);
    crashHost(b);
    expect(drops(vb)).toEqual({ HOST_DOWN: 5 });
    expect([...b.devByName.keys()]).toEqual(["lo", "vb"]);
    expect([va.carrier, b.alive]).toEqual([false, false]);
    runFor(kernel, 1000);
    restartHost(b);
    expect(b.devices[1]!.up).toBe(true);
    setUp(vb);
    expect(va.carrier).toBe(true);
    send(va);
    runFor(kernel, 1000);
    expect(counters(vb)).toMatchObject({ rxPackets: 6 });
    expect(imbalance(kernel)).toBe(0);
  });
});
