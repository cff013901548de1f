import { describe, expect, it } from "vitest";
import { tcpCheckSyncookie, tcpGenSyncookie } from "../../../sim/net/helpers/syn-cookie.ts";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, formatMac } from "../../../sim/net/ip/address.ts";
import { setSysctl } from "../../../sim/net/ip/sysctl-control.ts";
import { openTcp } from "../../../sim/net/sockets/index.ts";
import { getSockopt, setSockopt } from "../../../sim/net/sockets/sockopt.ts";
import { attachTcx } from "../../../sim/net/tc/control.ts";
import { tcpGetInfo } from "../../../sim/net/tcp/info.ts";
import type { TcpSocket } from "../../../sim/net/tcp/tcp-socket.ts";
import { ip, pair, permanent, S } from "../ip/kit.ts";
import { drops, program, runFor } from "../kit.ts";
import { qdisc, runUntil, Stream, transfer } from "./kit.ts";

const swap = (port: number): number => ((port & 0xff) << 8) | (port >> 8);

/** Drops what finds a socket of a state by a lookup of 10.0.0.1:sport -> 10.0.0.2:80. */
const dropIf = (helper: number, sport: number, state: number): string => `
  r2 = ${sport === 0 ? 0 : 0x0100000a}
  *(u32 *)(r10 - 16) = r2
  r2 = ${0x0200000a}
  *(u32 *)(r10 - 12) = r2
  r2 = ${swap(sport)}
  *(u16 *)(r10 - 8) = r2
  r2 = ${swap(80)}
  *(u16 *)(r10 - 6) = r2
  r2 = r10
  r2 += -16
  r3 = 12
  r4 = -1
  r5 = 0
  call ${helper}
  if r0 == 0 goto pass
  r6 = *(u32 *)(r0 + 72)
  r1 = r0
  call 86
  r0 = 2
  if r6 == ${state} goto out
pass:
  r0 = 0
out:
  exit`;

function listenAt80(b: Host): TcpSocket {
  const s = openTcp(b, AF_INET);
  s.bind(ip("0.0.0.0"), 80);
  s.listen(5);
  return s;
}

describe("TCP sockets in the hands of programs", () => {
  it("a listener is found, and nothing where nobody listens", () => {
    for (const there of [true, false]) {
      const { kernel, a, b, db } = pair();
      if (there) listenAt80(b);
      attachTcx(db, "ingress", program(b, dropIf(84, 0, 10), { kind: "sched_cls" }));
      const c = openTcp(a, AF_INET);
      const errors: number[] = [];
      c.onError = (e) => errors.push(e);
      c.connect(ip("10.0.0.2"), 80);
      runFor(kernel, 0.5 * S);
      expect([c.state, errors]).toEqual(there ? [2, []] : [7, [111]]);
    }
  });

  it("a half-open connection is its listener to sk_lookup_tcp and itself to skc_lookup_tcp", () => {
    for (const helper of [84, 99]) {
      const { kernel, a, b, da, db } = pair();
      listenAt80(b);
      permanent(da, "10.0.0.2", formatMac(db.mac));
      qdisc(db, "netem loss 100%");
      attachTcx(db, "ingress", program(b, dropIf(helper, 5000, 12), { kind: "sched_cls" }));
      const c = openTcp(a, AF_INET);
      c.bind(ip("10.0.0.1"), 5000);
      c.connect(ip("10.0.0.2"), 80);
      runFor(kernel, 2.5 * S);
      expect(drops(db).SKB_DROP_REASON_TC_INGRESS ?? 0).toBe(helper === 99 ? 2 : 0);
    }
  });

  it("cookies of a listener are made and checked", () => {
    const { kernel, b } = pair();
    const s = listenAt80(b);
    setSysctl(b, "net.ipv4.tcp_syncookies", "2");
    const { env, arena } = kernel;
    env.host = b;
    env.currentCpu = b.cpus[0]!;
    const sk = env.sockets.addressOf(s);
    const at = arena.alloc(64);
    const dv = arena.dv;
    dv.setUint8(at, 0x45);
    dv.setUint32(at + 12, ip("10.0.0.1").a);
    dv.setUint32(at + 16, ip("10.0.0.2").a);
    const th = at + 20;
    dv.setUint16(th, 5000);
    dv.setUint16(th + 2, 80);
    dv.setUint32(th + 4, 1000);
    dv.setUint8(th + 12, 0x50);
    dv.setUint8(th + 13, 2);
    const gen = (): number => tcpGenSyncookie.call(env, sk, at, 20, th, 20) as number;
    const check = (): number => tcpCheckSyncookie.call(env, sk, at, 20, th, 20) as number;
    const cookie = gen();
    dv.setUint32(th + 4, 1001);
    dv.setUint32(th + 8, cookie + 1);
    dv.setUint8(th + 13, 0x10);
    expect(check()).toBe(0);
    dv.setUint32(th + 8, cookie + 100);
    expect(check()).toBe(-2);
    expect(gen()).toBe(-22);
    setSysctl(b, "net.ipv4.tcp_syncookies", "0");
    expect(check()).toBe(-22);
  });
});

describe("options of TCP sockets in the hands of programs", () => {
  it("are set and read, and refused beyond their bounds", () => {
    const { kernel, a } = pair();
    const s = openTcp(a, AF_INET);
    const { arena } = kernel;
    const at = arena.alloc(16);
    const set = (name: number, value: number): number => {
      arena.dv.setInt32(at, value, true);
      return setSockopt(arena, s, 6, name, at, 4);
    };
    const text = (name: string): number => {
      arena.u8.fill(0, at, at + 16);
      for (let i = 0; i < name.length; i++) arena.u8[at + i] = name.charCodeAt(i);
      return setSockopt(arena, s, 6, 13, at, name.length);
    };
    expect([text("reno"), text("vegas")]).toEqual([0, -2]);
    expect([set(1, 1), set(2, 1000), set(2, 5), set(1001, 20), set(1001, 0), set(1004, 100_000), set(1004, 1)]).toEqual(
      [0, 0, -22, 0, -22, 0, -22],
    );
    expect([s.sndCwnd, s.icskRtoMin, s.nonagle & 1]).toEqual([20, 25, 1]);
    expect(getSockopt(arena, s, 6, 2, at, 4)).toBe(0);
    expect(arena.dv.getInt32(at, true)).toBe(1000);
    expect(getSockopt(arena, s, 6, 3, at, 4)).toBe(-22);
  });
});

describe("SO_REUSEPORT", () => {
  it("spreads connections over the listeners of a port", () => {
    const { kernel, a, b } = pair();
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4; i++) {
      const s = openTcp(b, AF_INET);
      s.reuseport = true;
      s.bind(ip("0.0.0.0"), 80);
      s.listen(200);
      s.onAccept = () => {
        while (s.accept() !== null) counts[i]!++;
      };
    }
    const other = openTcp(b, AF_INET);
    expect(() => other.bind(ip("0.0.0.0"), 80)).toThrow("Address already in use");
    for (let i = 0; i < 200; i++) openTcp(a, AF_INET).connect(ip("10.0.0.2"), 80);
    runFor(kernel, 0.1 * S);
    expect(counts.reduce((x, y) => x + y)).toBe(200);
    for (const n of counts) expect(n).toBeGreaterThan(25);
  });
});

describe("TCP_INFO", () => {
  it("adds up after a transfer over a path of 20 ms and 5 % loss", () => {
    const { kernel, a, b, da, db } = pair(4);
    for (const d of [da, db]) qdisc(d, "netem delay 10ms loss 5% seed 4");
    const up = new Stream(200_000, 1);
    const down = new Stream(1, 2);
    const t = transfer(a, b, "10.0.0.2", up, down);
    expect(runUntil(kernel, () => up.complete, 100)).toBeGreaterThan(0);
    const i = tcpGetInfo(t.client);
    expect(i.bytesSent - i.bytesRetrans).toBe(200_000);
    expect(i.rtt).toBeGreaterThanOrEqual(20_000);
    expect(i.minRtt).toBeGreaterThanOrEqual(20_000);
    expect(i.rto).toBeGreaterThanOrEqual(200_000);
    expect(i.totalRetrans).toBeGreaterThan(0);
    expect(tcpGetInfo(t.server!).bytesReceived).toBeGreaterThanOrEqual(200_000);
    expect([i.timestamps, i.sack, i.wscale, i.rcvWscale, i.pmtu, i.sndMss]).toEqual([true, true, true, 10, 1500, 1448]);
  });
});
