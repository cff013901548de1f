/** Sockets in the hands of programs: their lifetime, lookups at a hook, packets handed to one of them. */
import { beforeEach, describe, expect, it } from "vitest";
import { VerifierError } from "../../../sim/engine/errors.ts";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, IpAddr, parseIp } from "../../../sim/net/ip/address.ts";
import { BPF_SOCK_BYTES } from "../../../sim/net/sockets/bpf-sock.ts";
import { openUdp } from "../../../sim/net/sockets/index.ts";
import type { UdpSocket } from "../../../sim/net/sockets/udp.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { attachTcx } from "../../../sim/net/tc/control.ts";
import { runSetup } from "../../kernel/replay-setup.ts";
import { program, runFor, testKernel, veth } from "../kit.ts";

let a: Host;
let b: Host;

beforeEach(async () => {
  const kernel = testKernel();
  a = addHost(kernel, "a");
  b = addHost(kernel, "b");
  veth(a, "eth0", b, "eth0");
  await runSetup(a, ["ip addr add 10.0.0.1/24 dev eth0"]);
  await runSetup(b, ["ip addr add 10.0.0.2/24 dev eth0"]);
});

function bound(host: Host, address: string, port: number): UdpSocket {
  const s = openUdp(host, AF_INET);
  s.bind(parseIp(address)!, port);
  return s;
}

/** Looks up the UDP socket of 10.0.0.2:port in the current namespace; r0 holds it. */
const lookup = (port: number): string => `
  r6 = r1
  *(u32 *)(r10 - 16) = 0
  r2 = ${0x0200000a}
  *(u32 *)(r10 - 12) = r2
  *(u16 *)(r10 - 8) = 0
  r2 = ${((port & 0xff) << 8) | (port >> 8)}
  *(u16 *)(r10 - 6) = r2
  r2 = r10
  r2 += -16
  r3 = 12
  r4 = -1
  r5 = 0
  call 85`;

/** A tc program that hands every packet to the socket of a port, whatever it is addressed to; drops it when the answer is another. */
const steal = (port: number, answer: number): string => `${lookup(port)}
  if r0 == 0 goto out
  r7 = r0
  r1 = r6
  r2 = r7
  r3 = 0
  call 124
  r8 = r0
  r1 = r7
  call 86
  r0 = 0
  if r8 == ${answer} goto end
out:
  r0 = 2
end:
  exit`;

describe("sk_assign", () => {
  it("at tc ingress: the packet goes to the chosen socket, not to the one of its port", () => {
    const chosen = bound(b, "10.0.0.2", 4000);
    const addressed = bound(b, "10.0.0.2", 5000);
    attachTcx(b.devByName.get("eth0")!, "ingress", program(b, steal(4000, 0), { kind: "sched_cls" }));
    bound(a, "10.0.0.1", 1000).sendTo(new Uint8Array(8), new IpAddr(AF_INET, 0x0a000002), 5000);
    runFor(a.kernel, 1e9);
    expect([chosen.readable, addressed.readable]).toEqual([1, 0]);
  });

  it("on the way out it is refused, and the packet goes where it went", () => {
    bound(a, "10.0.0.1", 4000);
    const addressed = bound(b, "10.0.0.2", 5000);
    attachTcx(b.devByName.get("eth0")!, "egress", program(b, steal(5000, -95), { kind: "sched_cls" }));
    bound(a, "10.0.0.1", 1000).sendTo(new Uint8Array(8), new IpAddr(AF_INET, 0x0a000002), 5000);
    runFor(a.kernel, 1e9);
    expect(addressed.readable).toBe(1);
  });
});

describe("views of sockets", () => {
  it("a socket keeps its address until it is closed, and the next one gets it", () => {
    const { sockets } = a.kernel.env;
    const first = bound(a, "10.0.0.1", 4000);
    const at = sockets.addressOf(first);
    expect(sockets.addressOf(first)).toBe(at);
    expect(sockets.at(at)).toBe(first);
    first.close();
    expect(() => sockets.at(at)).toThrow(VerifierError);
    expect(sockets.addressOf(bound(a, "10.0.0.1", 4001))).toBe(at);
  });

  it("more sockets than a page holds have addresses of their own", () => {
    const { sockets } = a.kernel.env;
    const list = Array.from({ length: 120 }, (_, i) => bound(a, "10.0.0.1", 6000 + i));
    const at = list.map((s) => sockets.addressOf(s));
    expect(new Set(at).size).toBe(120);
    expect(at.map((addr) => sockets.at(addr))).toEqual(list);
  });

  it("a pointer into the middle of a socket is none", () => {
    const { sockets } = a.kernel.env;
    const at = sockets.addressOf(bound(a, "10.0.0.1", 4000));
    expect(() => sockets.at(at + 4)).toThrow("is no socket");
    expect(() => sockets.at(at + BPF_SOCK_BYTES)).toThrow("is no socket");
  });

  it("connect is seen without another lookup", () => {
    const { arena, env } = a.kernel;
    const s = bound(a, "10.0.0.1", 4000);
    const at = env.sockets.addressOf(s);
    s.connect(new IpAddr(AF_INET, 0x0a000002), 5000);
    expect(arena.dv.getUint16(at + 48)).toBe(5000);
    expect(arena.dv.getUint32(at + 52)).toBe(0x0a000002);
    expect(arena.dv.getUint32(at + 72, true)).toBe(1);
  });

  it("cookies count in the order in which they are asked for", () => {
    const [s, t] = [bound(a, "10.0.0.1", 4000), bound(a, "10.0.0.1", 4001)];
    expect([t.cookie, s.cookie, t.cookie]).toEqual([1, 2, 1]);
  });

  it("programs read a socket and cannot write it", () => {
    const { env } = b.kernel;
    bound(b, "10.0.0.2", 4000);
    const read = `${lookup(4000)}\n if r0 == 0 goto out\n r0 = *(u32 *)(r0 + 44)\nout:\n exit`;
    const write = `${lookup(4000)}\n if r0 == 0 goto out\n *(u32 *)(r0 + 16) = 7\nout:\n r0 = 0\n exit`;
    env.host = b;
    env.dev = b.devByName.get("eth0")!;
    env.currentCpu = b.cpus[0]!;
    const ctx = b.kernel.arena.alloc(24, 64);
    env.ctx = ctx;
    expect(program(b, read).run(ctx)).toBe(4000);
    expect(() => program(b, write).run(ctx)).toThrow(VerifierError);
  });
});
