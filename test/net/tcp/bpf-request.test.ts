/** bpf_sk_assign_tcp_reqsk: connections out of cookies that programs have checked; what BPF_PROG_RUN answers is in test/bpf/kfuncs. */
import { describe, expect, it } from "vitest";
import { AF_INET } from "../../../sim/net/ip/address.ts";
import { TCP_ESTABLISHED } from "../../../sim/net/sockets/bpf-sock.ts";
import { openPacket, openTcp } from "../../../sim/net/sockets/index.ts";
import { attachTcx } from "../../../sim/net/tc/control.ts";
import type { TcpSocket } from "../../../sim/net/tcp/tcp-socket.ts";
import { ip, MS, pair } from "../ip/kit.ts";
import { program, runFor } from "../kit.ts";

/** What the program says of the connection: struct bpf_tcp_req_attrs. */
interface Attrs {
  readonly size?: number;
  readonly mss?: number;
  readonly rcvWscale?: number;
  readonly sndWscale?: number;
  readonly ok?: number;
  readonly reserved?: number;
}

/** Gives each IPv4 packet a request along, and drops what it cannot be given to. */
function assign(listener: number, a: Attrs): string {
  const ok = a.ok ?? 1;
  return `
    r6 = r1
    *(u32 *)(r10 -24) = 1111
    *(u32 *)(r10 -20) = 2222
    *(u16 *)(r10 -16) = ${a.mss ?? 1300}
    *(u8 *)(r10 -14) = ${a.rcvWscale ?? 7}
    *(u8 *)(r10 -13) = ${a.sndWscale ?? 5}
    *(u8 *)(r10 -12) = 0
    *(u8 *)(r10 -11) = ${ok}
    *(u8 *)(r10 -10) = ${ok}
    *(u8 *)(r10 -9) = ${ok}
    *(u32 *)(r10 -8) = ${a.reserved ?? 0}
    r2 = ${listener} ll
    r3 = r10
    r3 += -24
    r4 = ${a.size ?? 20}
    call kfunc[bpf_sk_assign_tcp_reqsk]
    if r0 == 0 goto pass
    r0 = 2
  pass: exit`;
}

function sum(bytes: Uint8Array, from: number, to: number, begin: number): number {
  let s = begin;
  for (let i = from; i < to; i += 2) s += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
  return s;
}

/** The ACK that ends a handshake, with ten bytes: 10.0.0.1:4000 -> 10.0.0.2:80, seq 1001, ack 5001. */
function ack(to: Uint8Array, from: Uint8Array): Uint8Array {
  const b = new Uint8Array(14 + 20 + 20 + 10).fill(7, 54);
  b.set([...to, ...from, 8, 0]);
  b.set([0x45, 0, 0, 50, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
  b.set([0x0f, 0xa0, 0, 80, 0, 0, 3, 0xe9, 0, 0, 0x13, 0x89, 0x50, 0x18, 0x10, 0, 0, 0, 0, 0], 34);
  const view = new DataView(b.buffer);
  view.setUint16(24, ~sum(b, 14, 34, 0) & 0xffff);
  view.setUint16(50, ~sum(b, 34, 64, sum(b, 26, 34, 6 + 30)) & 0xffff);
  return b;
}

/** What comes out of `accept` after the ACK. */
function handshake(attrs: Attrs, listening: boolean = true): TcpSocket | null {
  const { kernel, a, b, da, db } = pair();
  const server = openTcp(b, AF_INET);
  server.bind(ip("0.0.0.0"), 80);
  if (listening) server.listen(10);
  const view = kernel.env.sockets.addressOf(server);
  attachTcx(db, "ingress", program(b, assign(view, attrs), { kind: "sched_cls" }));
  expect(openPacket(a, { dev: da, protocol: 0x0800 }).send(ack(db.mac, da.mac))).toBe(0);
  runFor(kernel, 1 * MS);
  return server.accept();
}

describe("bpf_sk_assign_tcp_reqsk", () => {
  it("makes a connection of an ACK, with what the program says of it", () => {
    const child = handshake({});
    expect(child).toMatchObject({ state: TCP_ESTABLISHED, localPort: 80, remotePort: 4000 });
    const { rxOpt } = child!;
    expect(rxOpt).toMatchObject({ sndWscale: 5, rcvWscale: 7, sackOk: true, tstampOk: true, tsRecent: 1111 });
    const data = new Uint8Array(20);
    expect(child!.read(data)).toBe(10);
    expect([...data.subarray(0, 10)]).toEqual(new Array(10).fill(7));
    expect(child!.write(Uint8Array.from([1]))).toBe(1);
  });

  it("options that the program does not name are not there", () => {
    expect(handshake({ ok: 0, rcvWscale: 0, sndWscale: 0 })!.rxOpt).toMatchObject({ sackOk: false, tstampOk: false });
  });

  it.each([
    ["attributes of another size", { size: 16 }],
    ["reserved bytes", { reserved: 1 << 16 }],
    ["a least MSS that is too small", { mss: 535 }],
    ["a window scale beyond 14", { sndWscale: 15 }],
  ])("refuses %s", (_what, attrs) => {
    expect(handshake(attrs)).toBeNull();
  });

  it("refuses a socket that does not listen", () => {
    expect(handshake({}, false)).toBeNull();
  });
});
