import { describe, expect, it } from "vitest";
import { AF_INET, AF_INET6, type Family } from "../../../sim/net/ip/address.ts";
import { openTcp } from "../../../sim/net/sockets/index.ts";
import type { TcpSocket } from "../../../sim/net/tcp/tcp-socket.ts";
import { ip, MS, pair, S, snmp } from "../ip/kit.ts";
import { imbalance, runFor } from "../kit.ts";

const ADDR: Readonly<Record<Family, readonly [string, string, string]>> = {
  [AF_INET]: ["10.0.0.1", "10.0.0.2", "0.0.0.0"],
  [AF_INET6]: ["fd00::1", "fd00::2", "::"],
};

describe.each([AF_INET, AF_INET6] as const)("a TCP connection, family %i", (family) => {
  const [, two, any] = ADDR[family];

  it("is made, carries bytes both ways, and is closed without a trace", () => {
    const { kernel, a, b } = pair();
    const server = openTcp(b, family);
    server.bind(ip(any), 80);
    server.listen(10);
    const got: number[] = [];
    let peer: TcpSocket | null = null;
    server.onAccept = () => {
      peer = server.accept();
      const p = peer!;
      p.onReadable = () => {
        const buf = new Uint8Array(100000);
        for (;;) {
          const n = p.read(buf);
          if (n === 0) p.close();
          if (n <= 0) return;
          for (let i = 0; i < n; i++) got.push(buf[i]!);
          p.write(buf, 0, n);
        }
      };
    };
    const c = openTcp(a, family);
    let echoed = 0;
    const events: string[] = [];
    c.onConnected = () => {
      events.push("connected");
      expect(c.write(Uint8Array.from([1, 2, 3, 4, 5]))).toBe(5);
    };
    c.onReadable = () => {
      const buf = new Uint8Array(1000);
      const n = c.read(buf);
      if (n > 0) echoed += n;
      if (echoed === 5) c.close();
    };
    c.connect(ip(two), 80);
    runFor(kernel, 100 * MS);
    expect(events).toEqual(["connected"]);
    expect(got).toEqual([1, 2, 3, 4, 5]);
    expect(echoed).toBe(5);
    runFor(kernel, 1 * S);
    expect(imbalance(kernel)).toBe(0);
    expect(kernel.pool.live).toBe(0);
    runFor(kernel, 61 * S);
    expect(snmp(a, /^Tcp(ActiveOpens|EstabResets|RetransSegs|ExtTW)$/)).toEqual({ TcpActiveOpens: 1, TcpExtTW: 1 });
    expect(snmp(b, /^Tcp(PassiveOpens|EstabResets|RetransSegs|CurrEstab)$/)).toEqual({ TcpPassiveOpens: 1 });
  });

  it("to a port where nobody listens is refused", () => {
    const { kernel, a } = pair();
    const c = openTcp(a, family);
    const errors: number[] = [];
    c.onError = (e) => errors.push(e);
    c.connect(ip(two), 81);
    runFor(kernel, 10 * MS);
    expect(errors).toEqual([111]);
    expect(snmp(a, /AttemptFails|EstabResets/)).toEqual({ TcpAttemptFails: 1 });
  });

  it("carries a megabyte, every byte in its place", () => {
    const { kernel, a, b } = pair();
    const total = 1_000_000;
    const server = openTcp(b, family);
    server.bind(ip(two), 80);
    server.listen(10);
    let at = 0;
    let wrong = 0;
    let ended = false;
    const buf = new Uint8Array(65536);
    server.onAccept = () => {
      const p = server.accept()!;
      p.onReadable = () => {
        for (let n = p.read(buf); n > 0; n = p.read(buf)) {
          for (let i = 0; i < n; i++) if (buf[i] !== ((at + i) * 31) % 251) wrong++;
          at += n;
        }
        if (p.atEnd) {
          ended = true;
          p.close();
        }
      };
    };
    const c = openTcp(a, family);
    const data = Uint8Array.from({ length: total }, (_, i) => (i * 31) % 251);
    let sent = 0;
    const more = (): void => {
      while (sent < total) {
        const n = c.write(data, sent);
        if (n <= 0) return;
        sent += n;
      }
      c.close();
    };
    c.onConnected = more;
    c.onWritable = more;
    c.connect(ip(two), 80);
    runFor(kernel, 5 * S);
    expect([sent, at, wrong, ended]).toEqual([total, total, 0, true]);
    expect(snmp(a, /Retrans|Timeout/)).toEqual({});
    expect(imbalance(kernel)).toBe(0);
    expect(kernel.pool.live).toBe(0);
  });
});
