import { describe, expect, it } from "vitest";
import { setUp } from "../../../sim/net/devices/device.ts";
import { AF_INET } from "../../../sim/net/ip/address.ts";
import { addRoute } from "../../../sim/net/ip/fib/route-control.ts";
import { createIpip } from "../../../sim/net/ip/tunnel/ipip.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { openPacket, openRaw, openUdp } from "../../../sim/net/sockets/index.ts";
import { drops, runFor, Tap } from "../kit.ts";
import { address, hex, imbalance, ip, MS, prefix, S, type Trio, trio } from "./kit.ts";

interface Tunnelled extends Trio {
  readonly t1: Netdev;
  readonly t2: Netdev;
}

function world(ttl: number = 0): Tunnelled {
  const w = trio();
  const t1 = createIpip(w.h1, { name: "tun0", ipip: { local: ip("10.0.1.2").a, remote: ip("10.0.2.2").a, ttl } });
  const t2 = createIpip(w.h2, { name: "tun0", ipip: { local: ip("10.0.2.2").a, remote: ip("10.0.1.2").a, ttl } });
  setUp(t1);
  setUp(t2);
  address(t1, "172.16.0.1/30");
  address(t2, "172.16.0.2/30");
  return { ...w, t1, t2 };
}

describe("ipip", () => {
  it("is 20 bytes shorter than the way to its far end", () => {
    const { t1 } = world();
    expect([t1.mtu, t1.hardwareType, t1.hardHeaderLen]).toEqual([1480, 768, 0]);
  });

  it.each([
    [0, 64],
    [32, 32],
  ])("carries packets with an outer header, ttl %i", (ttl, outer) => {
    const { kernel, h1, h2, t1, t2, r1 } = world(ttl);
    const tap = new Tap(r1);
    const server = openUdp(h2, AF_INET);
    server.bind(ip("172.16.0.2"), 7);
    const got: string[] = [];
    server.onPacket = (s, _a, len) => got.push(`${s.from.address(AF_INET)} ${len} ${s.from.ttl}`);
    openUdp(h1, AF_INET).sendTo(new Uint8Array(100), ip("172.16.0.2"), 7);
    runFor(kernel, 10 * MS);
    expect(got).toEqual(["172.16.0.1 100 64"]);
    const f = tap.frames.find((x) => x.outgoing && x.bytes[12] === 8 && x.bytes[13] === 0)!.bytes;
    expect(hex(f.slice(14, 18))).toBe("45000094");
    expect(hex(f.slice(20, 22))).toBe("4000");
    // one hop taken by the router
    expect([f[22], f[23]]).toEqual([outer - 1, 4]);
    expect(hex(f.slice(26, 34))).toBe("0a0001020a000202");
    expect(hex(f.slice(34, 36))).toBe("4500");
    expect([t1.stats.txPackets, t1.stats.txBytes, t2.stats.rxPackets, t2.stats.rxBytes]).toEqual([1, 128, 1, 128]);
    expect(imbalance(kernel)).toBe(0);
  });

  it("an inner packet that may not be cut and is too long is refused with the tunnel's MTU", () => {
    const { kernel, h1, t1 } = world();
    const seen: string[] = [];
    const raw = openRaw(h1, AF_INET, 1);
    raw.onPacket = (_s, addr) =>
      seen.push(hex(kernel.arena.u8.slice(addr + 20, addr + 28)).replace(/^(....)..../, "$1"));
    const s = openUdp(h1, AF_INET);
    // the device's own MTU is 1480: longer ones are cut before they get there
    t1.mtu = 1500;
    s.sendTo(new Uint8Array(1472), ip("172.16.0.2"), 7);
    runFor(kernel, 10 * MS);
    expect(seen[0]).toBe("0304000005c8");
    expect(drops(t1)).toEqual({ SKB_DROP_REASON_PKT_TOO_BIG: 1 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("a datagram longer than the tunnel goes in fragments", () => {
    const { kernel, h1, h2 } = world();
    const server = openUdp(h2, AF_INET);
    server.bind(ip("172.16.0.2"), 7);
    const got: number[] = [];
    server.onPacket = (_s, _a, len) => got.push(len);
    openUdp(h1, AF_INET).sendTo(new Uint8Array(3000), ip("172.16.0.2"), 7);
    runFor(kernel, 10 * MS);
    expect(got).toEqual([3000]);
    expect(imbalance(kernel)).toBe(0);
  });

  it("the tunnel that fits best takes the packet; without any the sender hears port unreachable", () => {
    const { kernel, h1, h2, t2, d1, r0 } = world();
    const any = createIpip(h2, { name: "tunl0" });
    const send = (src: string): void => {
      const b = new Uint8Array(14 + 20 + 20);
      const v = new DataView(b.buffer);
      b.set(r0.mac);
      v.setUint16(12, 0x0800);
      for (const [at, proto, from, to, len] of [
        [14, 4, src, "10.0.2.2", 40],
        [34, 17, "1.1.1.1", "172.16.0.2", 20],
      ] as const) {
        v.setUint16(at, 0x4500);
        v.setUint16(at + 2, len);
        v.setUint16(at + 8, (64 << 8) | proto);
        v.setUint32(at + 12, ip(from).a);
        v.setUint32(at + 16, ip(to).a);
        let sum = 0;
        for (let i = at; i < at + 20; i += 2) sum += v.getUint16(i);
        v.setUint16(at + 10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
      }
      openPacket(h1, { dev: d1, protocol: 0x88b5 }).send(b);
      runFor(kernel, S);
    };
    const errors: number[] = [];
    openRaw(h1, AF_INET, 1).onPacket = (_s, addr) => errors.push(kernel.arena.dv.getUint16(addr + 20));
    send("10.0.1.2");
    expect(t2.stats.rxPackets).toBe(1);
    send("10.0.1.77");
    expect(any.stats.rxPackets).toBe(0);
    setUp(any);
    send("10.0.1.77");
    expect([t2.stats.rxPackets, any.stats.rxPackets]).toEqual([1, 1]);
    expect(() => createIpip(h2, { name: "tun9" })).toThrow("File exists");
  });

  it("a tunnel whose route leads into itself loses packets and counts a collision", () => {
    const { kernel, h1, t1 } = world();
    addRoute(h1, { dst: prefix("10.0.2.2/32"), nexthops: [{ dev: t1 }] });
    openUdp(h1, AF_INET).sendTo(new Uint8Array(1), ip("172.16.0.2"), 7);
    runFor(kernel, 10 * MS);
    expect([t1.stats.txCollisions, t1.stats.txErrors]).toEqual([1, 1]);
    expect(imbalance(kernel)).toBe(0);
  });
});
