import { describe, expect, it } from "vitest";
import { ETH_P_ALL } from "../../../sim/net/ether.ts";
import { AF_INET, AF_INET6 } from "../../../sim/net/ip/address.ts";
import { openPacket, openRaw, openUdp } from "../../../sim/net/sockets/index.ts";
import type { PacketSocket } from "../../../sim/net/sockets/packet.ts";
import { hex, imbalance, ip, MS, pair } from "../ip/kit.ts";
import { drops, frame, program, runFor } from "../kit.ts";

function record(s: PacketSocket): string[] {
  const seen: string[] = [];
  s.onFrame = (_s, addr, len, skb) => {
    seen.push(`${skb.pktType === 4 ? "out" : "in"} ${hex(s.stack.arena.u8.slice(addr + 12, addr + 14))} ${len}`);
  };
  return seen;
}

describe("packet sockets", () => {
  it("see both directions of a device, as tcpdump does", () => {
    const { kernel, a, da } = pair();
    const seen = record(openPacket(a, { dev: da, protocol: ETH_P_ALL }));
    openUdp(a, AF_INET).sendTo(new Uint8Array(4), ip("10.0.0.2"), 7);
    runFor(kernel, MS);
    expect(seen).toEqual(["out 0806 42", "in 0806 42", "out 0800 46", "in 0800 74"]);
    expect(imbalance(kernel)).toBe(0);
  });

  it("of all devices see the loopback too", () => {
    const { kernel, a } = pair();
    const seen = record(openPacket(a, { dev: null, protocol: ETH_P_ALL }));
    openUdp(a, AF_INET).sendTo(new Uint8Array(4), ip("127.0.0.1"), 7);
    runFor(kernel, MS);
    expect(seen).toEqual(["out 0800 46", "in 0800 46", "out 0800 74", "in 0800 74"]);
  });

  it("of one protocol see what is received of it, once", () => {
    const { kernel, a, b, db } = pair();
    const arp = openPacket(b, { dev: db, protocol: 0x0806 });
    const mine = openPacket(b, { dev: null, protocol: 0x88b5 });
    const seen = [record(arp), record(mine)];
    openUdp(a, AF_INET).sendTo(new Uint8Array(4), ip("10.0.0.2"), 7);
    openPacket(a, { dev: a.devices[2]!, protocol: 0x88b5 }).send(frame(60));
    runFor(kernel, MS);
    expect(seen).toEqual([["in 0806 42"], ["in 88b5 60"]]);
    mine.close();
    arp.close();
    openPacket(a, { dev: a.devices[2]!, protocol: 0x88b5 }).send(frame(60));
    runFor(kernel, MS);
    expect(drops(db)).toEqual({ SKB_DROP_REASON_NO_SOCKET: 1, SKB_DROP_REASON_UNHANDLED_PROTO: 1 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("do not see their own frames, others do", () => {
    const { kernel, a, da } = pair();
    const [x, y] = [openPacket(a, { dev: da, protocol: ETH_P_ALL }), openPacket(a, { dev: da, protocol: ETH_P_ALL })];
    const seen = [record(x), record(y)];
    x.send(frame(60));
    runFor(kernel, MS);
    expect(seen).toEqual([[], ["out 88b5 60"]]);
  });

  it("a filter cuts and drops; its answer is the snap length", () => {
    const { kernel, a, da } = pair();
    const s = openPacket(a, { dev: da, protocol: ETH_P_ALL });
    // pkt_type 4 is outgoing: those whole, the others 20 bytes
    const source = "r2 = *(u32 *)(r1 + 4)\nr0 = 65535\nif r2 == 4 goto out\nr0 = 20\nout:\nexit";
    s.filter = program(a, source, { kind: "socket_filter" });
    const seen = record(s);
    openUdp(a, AF_INET).sendTo(new Uint8Array(4), ip("10.0.0.2"), 7);
    runFor(kernel, MS);
    expect(seen).toEqual(["out 0806 42", "in 0806 20", "out 0800 46", "in 0800 20"]);
    s.filter = program(a, "r0 = 0\nexit", { kind: "socket_filter" });
    openUdp(a, AF_INET).sendTo(new Uint8Array(4), ip("10.0.0.2"), 7);
    runFor(kernel, MS);
    expect([seen.length, s.packets]).toEqual([4, 4]);
    expect(imbalance(kernel)).toBe(0);
  });

  it("what the reader leaves lying is counted as dropped at 256 small frames", () => {
    const { kernel, a, da } = pair();
    const s = openPacket(a, { dev: da, protocol: ETH_P_ALL });
    const c = openUdp(a, AF_INET);
    c.sendTo(new Uint8Array(1), ip("10.0.0.2"), 7);
    runFor(kernel, MS);
    for (let i = 0; i < 300; i++) {
      c.sendTo(new Uint8Array(1), ip("10.0.0.2"), 7);
      runFor(kernel, MS);
    }
    expect([s.readable, s.drops > 0, s.packets - s.drops]).toEqual([256, true, 256]);
    s.close();
    expect([kernel.pool.live, imbalance(kernel)]).toEqual([0, 0]);
  });

  it.each([false, true])("send frames as they are, PACKET_QDISC_BYPASS %s", (bypass) => {
    const { kernel, a, b, da, db } = pair();
    const seen = record(openPacket(b, { dev: db, protocol: ETH_P_ALL }));
    const own = record(openPacket(a, { dev: da, protocol: ETH_P_ALL }));
    const s = openPacket(a, { dev: da, protocol: 0x88b5 });
    s.qdiscBypass = bypass;
    expect(s.send(frame(100))).toBe(0);
    expect(s.send(new Uint8Array(2000))).toBe(-90);
    expect(s.send(new Uint8Array(4))).toBe(-22);
    expect(s.send(frame(60), null)).toBe(-6);
    runFor(kernel, MS);
    expect(seen).toEqual(["in 88b5 100"]);
    expect(own).toEqual(bypass ? [] : ["out 88b5 100"]);
    expect(imbalance(kernel)).toBe(0);
  });
});

describe("raw sockets", () => {
  it("ping: the request leaves as built, the reply comes with its IP header", () => {
    const { kernel, a } = pair();
    const s = openRaw(a, AF_INET, 1);
    const seen: string[] = [];
    s.onPacket = (x, addr, len) => {
      seen.push(`${x.from.address(AF_INET)} ttl ${x.from.ttl} ${hex(kernel.arena.u8.slice(addr + 20, addr + len))}`);
    };
    // type 8, identifier 0x1234, sequence 1
    expect(s.sendTo(new Uint8Array([8, 0, 0xe5, 0xca, 0x12, 0x34, 0, 1]), ip("10.0.0.2"))).toBe(0);
    runFor(kernel, MS);
    expect(seen).toEqual(["10.0.0.2 ttl 64 0000edca12340001"]);
    expect(imbalance(kernel)).toBe(0);
  });

  it("ping -6: the kernel fills the checksum, the reply comes without its IP header", () => {
    const { kernel, a } = pair();
    const s = openRaw(a, AF_INET6, 58);
    const seen: string[] = [];
    s.onPacket = (x, addr, len) => {
      const bytes = hex(kernel.arena.u8.slice(addr, addr + len));
      if (bytes.startsWith("81")) seen.push(`${x.from.address(AF_INET6)} ${bytes.slice(8)}`);
    };
    expect(s.sendTo(new Uint8Array([128, 0, 0, 0, 0x12, 0x34, 0, 1]), ip("fd00::2"))).toBe(0);
    runFor(kernel, MS);
    expect(seen).toEqual(["fd00::2 12340001"]);
  });

  it("a protocol nobody has is not refused while a raw socket listens to it", () => {
    const { kernel, a, b, db } = pair();
    const s = openRaw(b, AF_INET, 200);
    let got = 0;
    s.onPacket = () => got++;
    const c = openRaw(a, AF_INET, 200);
    c.sendTo(new Uint8Array(4), ip("10.0.0.2"));
    runFor(kernel, MS);
    s.close();
    c.sendTo(new Uint8Array(4), ip("10.0.0.2"));
    runFor(kernel, MS);
    expect([got, drops(db)]).toEqual([1, { SKB_DROP_REASON_IP_NOPROTO: 1 }]);
    expect(imbalance(kernel)).toBe(0);
  });
});
