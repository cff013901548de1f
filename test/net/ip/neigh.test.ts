import { describe, expect, it } from "vitest";
import { setDown, setMac } from "../../../sim/net/devices/device.ts";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, AF_INET6, parseMac } from "../../../sim/net/ip/address.ts";
import { ipStack } from "../../../sim/net/ip/ip-stack.ts";
import { delNeigh, flushNeigh, listNeigh, setNeigh } from "../../../sim/net/ip/neigh/neigh-control.ts";
import { NUD_NAMES, NUD_REACHABLE } from "../../../sim/net/ip/neigh/nud.ts";
import { NetlinkError } from "../../../sim/net/netlink-error.ts";
import { openRaw, openUdp } from "../../../sim/net/sockets/index.ts";
import { drops, runFor, Tap } from "../kit.ts";
import { hex, imbalance, ip, MS, pair, S } from "./kit.ts";

const NAME = new Map(Object.entries(NUD_NAMES).map(([k, v]) => [v, k]));

function state(host: Host, addr: string): string {
  const x = ip(addr);
  const n = listNeigh(host, x.family).find((m) => m.a === x.a && m.d === x.d);
  return n === undefined ? "absent" : (NAME.get(n.state) ?? "?");
}

function say(host: Host, to: string): number {
  const s = openUdp(host, ip(to).family);
  const rc = s.sendTo(new Uint8Array(4), ip(to), 9);
  s.close();
  return rc;
}

describe("ARP", () => {
  it("asks by broadcast, answers by unicast, and the packet that waited goes out, byte for byte", () => {
    const { kernel, a, da, db } = pair();
    const tap = new Tap(db);
    say(a, "10.0.0.2");
    runFor(kernel, MS);
    const ma = hex(da.mac);
    const mb = hex(db.mac);
    const frames = tap.frames.map((f) => `${f.outgoing ? "out" : "in"} ${hex(f.bytes)}`);
    expect(frames[0]).toBe(`in ffffffffffff${ma}08060001080006040001${ma}0a000001${"00".repeat(6)}0a000002`);
    expect(frames[1]).toBe(`out ${ma}${mb}08060001080006040002${mb}0a000002${ma}0a000001`);
    expect(frames[2]!.slice(0, 31)).toBe(`in ${mb}${ma}0800`);
    expect(imbalance(kernel)).toBe(0);
  });

  it("who is asked learns the asker as stale, who asked knows the other as reachable", () => {
    const { kernel, a, b } = pair();
    say(a, "10.0.0.2");
    runFor(kernel, MS);
    expect([state(a, "10.0.0.2"), state(b, "10.0.0.1")]).toEqual(["reachable", "delay"]);
  });

  it("a neighbour that is silent is asked three times a second apart, then each packet is reported and dropped", () => {
    const { kernel, a, da, db } = pair();
    const tap = new Tap(db);
    const seen: string[] = [];
    const raw = openRaw(a, AF_INET, 1);
    raw.onPacket = (_s, addr, len) => seen.push(hex(kernel.arena.u8.slice(addr + 20, addr + len)).slice(0, 4));
    say(a, "10.0.0.9");
    say(a, "10.0.0.9");
    expect(state(a, "10.0.0.9")).toBe("incomplete");
    runFor(kernel, 2999 * MS);
    expect(seen).toEqual([]);
    runFor(kernel, 10 * MS);
    expect(tap.frames.map((f) => Math.round(f.atNs / MS))).toEqual([0, 1000, 2000]);
    expect(state(a, "10.0.0.9")).toBe("failed");
    // ICMP host unreachable, from ourselves to ourselves
    expect(seen).toEqual(["0301", "0301"]);
    expect(drops(da)).toEqual({ SKB_DROP_REASON_NEIGH_FAILED: 2 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("reachable turns stale after 15 to 45 s, a packet makes it delay, 5 s later it is probed by unicast and reachable again", () => {
    const { kernel, a, da, db } = pair();
    say(a, "10.0.0.2");
    runFor(kernel, 14 * S);
    expect(state(a, "10.0.0.2")).toBe("reachable");
    runFor(kernel, 40 * S);
    expect(state(a, "10.0.0.2")).toBe("stale");
    const tap = new Tap(da);
    say(a, "10.0.0.2");
    runFor(kernel, MS);
    expect(state(a, "10.0.0.2")).toBe("delay");
    runFor(kernel, 4990 * MS);
    expect(state(a, "10.0.0.2")).toBe("delay");
    runFor(kernel, 20 * MS);
    expect(state(a, "10.0.0.2")).toBe("reachable");
    const arp = tap.frames.filter((f) => f.outgoing && f.bytes[13] === 6 && f.bytes[21] === 1);
    expect(arp.map((f) => hex(f.bytes.slice(0, 6)))).toEqual([hex(db.mac)]);
  });

  it("a neighbour that has gone is probed three times and fails", () => {
    const { kernel, a, db } = pair();
    say(a, "10.0.0.2");
    runFor(kernel, 60 * S);
    setDown(db);
    say(a, "10.0.0.2");
    runFor(kernel, 5500 * MS);
    expect(state(a, "10.0.0.2")).toBe("probe");
    runFor(kernel, 3 * S);
    expect(state(a, "10.0.0.2")).toBe("failed");
  });

  it("unresolved packets are held up to 212,992 bytes of truesize: 256 small ones, the oldest goes", () => {
    const { kernel, a, da } = pair();
    // two sockets, so that no send buffer fills up
    const [s, t] = [openUdp(a, AF_INET), openUdp(a, AF_INET)];
    for (let i = 0; i < 200; i++) s.sendTo(new Uint8Array(4), ip("10.0.0.9"), 9);
    for (let i = 0; i < 100; i++) t.sendTo(new Uint8Array(4), ip("10.0.0.9"), 9);
    expect(drops(da)).toEqual({ SKB_DROP_REASON_NEIGH_QUEUEFULL: 300 - 256 });
    runFor(kernel, 4 * S);
    expect(drops(da)).toEqual({ SKB_DROP_REASON_NEIGH_QUEUEFULL: 44, SKB_DROP_REASON_NEIGH_FAILED: 256 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("a new MAC address is believed only a second after the last news, unless the reply is gratuitous", () => {
    const { kernel, a, b, db } = pair();
    say(a, "10.0.0.2");
    runFor(kernel, 2 * S);
    setMac(db, parseMac("02:00:00:00:99:99")!);
    flushNeigh(db, AF_INET);
    say(b, "10.0.0.1");
    runFor(kernel, MS);
    expect(hex(listNeigh(a, AF_INET)[0]!.mac)).toBe("020000009999");
  });

  it("permanent entries stay, are used without asking, and can be changed and deleted", () => {
    const { kernel, a, da, db } = pair();
    const tap = new Tap(db);
    const x = { addr: ip("10.0.0.7"), mac: parseMac("02:00:00:00:00:77")! };
    setNeigh(da, x, "add");
    expect(() => setNeigh(da, x, "add")).toThrow(NetlinkError);
    expect(() => setNeigh(da, { addr: ip("10.0.0.8"), mac: x.mac }, "change")).toThrow(NetlinkError);
    expect(() => setNeigh(da, { addr: ip("10.0.0.8") }, "add")).toThrow("No link layer address given");
    say(a, "10.0.0.7");
    runFor(kernel, MS);
    expect(hex(tap.frames[0]!.bytes.slice(0, 6))).toBe("020000000077");
    setNeigh(da, { ...x, state: NUD_REACHABLE }, "replace");
    expect(state(a, "10.0.0.7")).toBe("reachable");
    delNeigh(da, ip("10.0.0.7"));
    expect(state(a, "10.0.0.7")).toBe("absent");
    expect(() => delNeigh(da, ip("10.0.0.7"))).toThrow(NetlinkError);
  });

  it("the table takes no more than 1,024 young entries", () => {
    const { a, da } = pair();
    const stack = ipStack(a);
    for (let i = 0; i < 1100; i++) {
      const s = openUdp(a, AF_INET);
      s.boundIfindex = da.ifindex;
      s.sendTo(new Uint8Array(0), ip(`10.1.${i >> 8}.${i & 255}`), 9);
    }
    expect(stack.neighbours.list(AF_INET).length).toBe(1024);
    expect(drops(da)).toEqual({ SKB_DROP_REASON_NEIGH_CREATEFAIL: 76 });
  });
});

describe("neighbour discovery", () => {
  it("solicits the solicited-node group and is answered with the MAC address, byte for byte", () => {
    const { kernel, a, b, da, db } = pair();
    const tap = new Tap(db);
    say(a, "fd00::2");
    runFor(kernel, MS);
    const ma = hex(da.mac);
    const mb = hex(db.mac);
    const src = "fd000000000000000000000000000001";
    const dst = "fd000000000000000000000000000002";
    const frames = tap.frames.map((f) => hex(f.bytes));
    const ns = `3333ff000002${ma}86dd6000000000203aff${src}ff0200000000000000000001ff000002`;
    expect(frames[0]!.replace(/^(.{108})8700..../, "$18700xxxx")).toBe(`${ns}8700xxxx00000000${dst}0101${ma}`);
    const na = `${ma}${mb}86dd6000000000203aff${dst}${src}`;
    expect(frames[1]!.replace(/^(.{108})8800..../, "$18800xxxx")).toBe(`${na}8800xxxx60000000${dst}0201${mb}`);
    expect([state(a, "fd00::2"), state(b, "fd00::1")]).toEqual(["reachable", "delay"]);
  });

  it("a neighbour that is silent ends in an ICMPv6 address unreachable to ourselves", () => {
    const { kernel, a, da } = pair();
    const seen: number[] = [];
    const raw = openRaw(a, AF_INET6, 58);
    raw.onPacket = (_s, addr) => seen.push(kernel.arena.u8[addr]! * 256 + kernel.arena.u8[addr + 1]!);
    say(a, "fd00::9");
    runFor(kernel, 3100 * MS);
    expect(seen).toEqual([0x0103]);
    expect(drops(da)).toEqual({ SKB_DROP_REASON_NEIGH_FAILED: 1 });
    expect(imbalance(kernel)).toBe(0);
  });
});
