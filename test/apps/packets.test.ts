import { describe, expect, it } from "vitest";
import { LabError } from "../../sim/engine/errors.ts";
import { setUp } from "../../sim/net/devices/device.ts";
import { ipStack } from "../../sim/net/ip/ip-stack.ts";
import { crashHost, restartHost } from "../../sim/net/stack.ts";
import { attachXdp } from "../../sim/net/xdp/attach.ts";
import { returning, runFor, Tap } from "../net/kit.ts";
import { sum16 } from "./frames.ts";
import { finish, type Pair, pair, start } from "./kit.ts";

type Template = Readonly<Record<string, string | number>>;

/** The frames that h1 sends from this template; what the stacks themselves send is left out. */
function frames(template: Template, n: number, settings: object = {}, p: Pair = pair()): readonly Uint8Array[] {
  const out: Uint8Array[] = [];
  p.eth1.taps = [
    {
      onPacket: (skb) => {
        if (skb.source !== 0) out.push(p.kernel.arena.u8.slice(skb.data, skb.data + skb.len));
      },
    },
  ];
  finish(p, start(p, "packets", { template, packets: n, ...settings }), 1e8);
  return out;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const ipOf = (bytes: Uint8Array, at: number): string => bytes.slice(at, at + 4).join(".");
const u16 = (bytes: Uint8Array, at: number): number => bytes[at]! * 256 + bytes[at + 1]!;

/** 02:00:00:00:00:02 and ...:01:00:02 are what the kit's NICs have as MAC addresses. */
const MACS = "020000010002" + "020000000002";

describe("packets: headers", () => {
  it("only UDP's destination is said: source, MACs, lengths and checksums follow", () => {
    const [f] = frames({ "ip.dst": "10.0.0.2", "udp.dport": 53 }, 1);
    // by hand: RFC 791 header 4500 002e 0000 0000 4011 csum, 18 bytes of zeros as payload
    expect(hex(f!)).toBe(`${MACS}08004500002e00000000401166bd0a0000010a00000200090035001aeb79${"00".repeat(18)}`);
  });

  it("IPv6 and TCP: version, next header, data offset and checksum", () => {
    const [f] = frames(
      { "ip6.dst": "fd00::2", "tcp.dport": 80, "tcp.flags": "syn,ack", "tcp.seq": 1, "tcp.ack": 0xffffffff },
      1,
    );
    expect(f).toHaveLength(74);
    expect(hex(f!.slice(0, 22))).toBe(`${MACS}86dd6000000000140640`);
    expect(hex(f!.slice(54, 70))).toBe("0009005000000001ffffffff5012faf0");
    const l4 = f!.slice(54);
    expect(sum16(f!.slice(22, 54), [0, 0, 0, l4.length, 0, 0, 0, 6], l4)).toBe(0xffff);
  });

  it("a VLAN tag stands before the network header, with its ethertypes in order", () => {
    const [f] = frames({ "vlan.id": 100, "vlan.pcp": 5, "ip.dst": "10.0.0.2" }, 1);
    expect(hex(f!.slice(12, 20))).toBe("8100a06408004500");
    const [q] = frames({ "vlan.proto": "0x88a8", "vlan.id": 7, "eth.type": "0x88b5" }, 1);
    expect(hex(q!.slice(12, 18))).toBe("88a8000788b5");
  });

  it("ARP: a request to everybody, from the interface's own addresses", () => {
    const [f] = frames({ "arp.tpa": "10.0.0.2" }, 1);
    expect(hex(f!)).toBe(
      `ffffffffffff020000000002080600010800060400010200000000020a0000010000000000000a000002${"00".repeat(18)}`,
    );
  });

  it.each([
    { template: { "ip.dst": "10.0.0.2", "icmp.seq": 7 }, proto: 1, pseudo: false },
    { template: { "ip.dst": "10.0.0.2", "udp.sport": 1 }, proto: 17, pseudo: true },
    { template: { "ip.dst": "10.0.0.2", "tcp.sport": 1 }, proto: 6, pseudo: true },
  ])("IPv4 protocol $proto: header and transport checksums are good", ({ template, proto, pseudo }) => {
    for (const f of frames({ ...template, "ip.id": "1-50", payload: "00112233445566" }, 50, { sizeBytes: 101 })) {
      expect(f[23]).toBe(proto);
      expect(sum16(f.slice(14, 34))).toBe(0xffff);
      const l4 = f.slice(34);
      expect(sum16(pseudo ? [...f.slice(26, 34), 0, proto, 0, l4.length] : [], l4)).toBe(0xffff);
    }
  });

  it("the receiving host finds nothing wrong with them", () => {
    const p = pair();
    finish(p, start(p, "packets", { template: { "ip.dst": "10.0.0.2", "icmp.id": "1-100" }, packets: 100 }), 1e8);
    finish(
      p,
      start(p, "packets", {
        name: "v6",
        template: { "ip6.dst": "fd00::2", "icmp6.id": "1-100" },
        startNs: 2e8,
        stopNs: 1e9,
        packets: 100,
      }),
      1e9,
    );
    expect(ipStack(p.h2).snmp).toMatchObject({
      IcmpInEchos: 100,
      IcmpOutEchoReps: 100,
      Icmp6InEchos: 100,
      IcmpInCsumErrors: 0,
    });
  });

  it("fields that follow from others can be set wrong on purpose", () => {
    const [f] = frames({ "ip.dst": "10.0.0.2", "ip.csum": 0, "ip.len": 5, "udp.csum": "0xbeef", "udp.len": 3 }, 1);
    expect([u16(f!, 16), u16(f!, 24), u16(f!, 38), u16(f!, 40)]).toEqual([5, 0, 3, 0xbeef]);
  });

  it("bits of a word do not disturb their neighbours", () => {
    const [f] = frames({ "ip.dst": "10.0.0.2", "ip.df": 1, "ip.frag": 0x1abc }, 1);
    expect(u16(f!, 20)).toBe(0x5abc);
    const [g] = frames({ "ip6.dst": "fd00::2", "ip6.tc": 0xab, "ip6.flow": 0x12345 }, 1);
    expect(hex(g!.slice(14, 18))).toBe("6ab12345");
  });

  it("hex: the frame is what it says, padded to the size", () => {
    const [f] = frames({ hex: "0x02 00 00 01 00 02 02:00:00:00:00:09 88b5 cafe" }, 1, { sizeBytes: 20 });
    expect(hex(f!)).toBe("02000001000202000000000988b5cafe00000000");
  });
});

describe("packets: ranges", () => {
  it("the range that is named first turns fastest", () => {
    const list = frames({ "udp.sport": "1024-1026", "ip.src": "10.9.0.254-10.9.1.0", "ip.dst": "10.0.0.2" }, 11);
    expect(list.map((f) => `${ipOf(f, 26)} ${u16(f, 34)}`)).toEqual([
      "10.9.0.254 1024",
      "10.9.0.254 1025",
      "10.9.0.254 1026",
      "10.9.0.255 1024",
      "10.9.0.255 1025",
      "10.9.0.255 1026",
      "10.9.1.0 1024",
      "10.9.1.0 1025",
      "10.9.1.0 1026",
      "10.9.0.254 1024",
      "10.9.0.254 1025",
    ]);
  });

  it("sizes are a range like any other", () => {
    const list = frames({ "udp.sport": "1-2", size: "100-102", "ip.id": "5-6", "ip.dst": "10.0.0.2" }, 13);
    expect(list.map((f) => [u16(f, 34), f.length, u16(f, 18)])).toEqual([
      [1, 100, 5],
      [2, 100, 5],
      [1, 101, 5],
      [2, 101, 5],
      [1, 102, 5],
      [2, 102, 5],
      [1, 100, 6],
      [2, 100, 6],
      [1, 101, 6],
      [2, 101, 6],
      [1, 102, 6],
      [2, 102, 6],
      [1, 100, 5],
    ]);
    expect(list.map((f) => u16(f, 16))).toEqual(list.map((f) => f.length - 14));
  });

  it("MAC and IPv6 addresses vary in their last four bytes", () => {
    const list = frames(
      { "eth.src": "02:00:00:00:00:ff-02:00:00:00:01:00", "ip6.src": "fd00::1:ffff-fd00::2:0", "ip6.dst": "fd00::2" },
      4,
    );
    expect(list.map((f) => `${hex(f.slice(10, 12))} ${hex(f.slice(34, 38))}`)).toEqual([
      "00ff 0001ffff",
      "0100 0001ffff",
      "00ff 00020000",
      "0100 00020000",
    ]);
  });

  it("random order draws from the whole range, the same for the same seed", () => {
    const run = (seed: number): string[] =>
      frames({ "ip.src": "10.1.0.0-10.1.0.255", "ip.dst": "10.0.0.2" }, 2000, { order: "random" }, pair({ seed })).map(
        (f) => ipOf(f, 26),
      );
    const list = run(3);
    expect(new Set(list).size).toBeGreaterThan(250);
    expect(list.slice(0, 256)).not.toEqual([...list.slice(0, 256)].sort());
    expect(run(3)).toEqual(list);
    expect(run(4)).not.toEqual(list);
  });
});

describe("packets: rates and ends", () => {
  it("several interfaces are spread over the gap", () => {
    const p = pair();
    const a = new Tap(p.eth1);
    const b = new Tap(p.eth2);
    const from = [
      { host: p.h1, dev: p.eth1 },
      { host: p.h2, dev: p.eth2 },
    ];
    const template = { "eth.dst": "02:00:00:00:00:99", "eth.type": 0x88b5 };
    finish(p, start(p, "packets", { template, rate: { pps: 1e5 }, packets: 3 }, { from }), 1e8);
    expect(a.frames.filter((f) => f.outgoing).map((f) => f.atNs)).toEqual([0, 10_000, 20_000]);
    expect(b.frames.filter((f) => f.outgoing).map((f) => f.atNs)).toEqual([5000, 15_000, 25_000]);
  });

  it("a bit rate counts whole frames", () => {
    const p = pair();
    const r = finish(
      p,
      start(p, "packets", { template: { hex: "ff".repeat(125) }, rate: { bps: 1e9 }, stopNs: 1e6 }),
      1e7,
    );
    expect(r).toMatchObject({ sent: 1000, sentBytes: 125_000 });
  });

  it("received, lost for a reason, or under way: every frame is one of them", () => {
    const p = pair({ there: { delayNs: 50_000, loss: 0.25 } });
    attachXdp(p.eth2, returning(p.h2, 2), { mode: "xdpdrv" });
    const live = start(p, "packets", { template: { "ip.dst": "10.0.0.2" }, rate: { pps: 1e6 }, stopNs: 1e6 });
    const half = finish(p, live, 500_000);
    expect(half.sent).toBe(501);
    expect(half.inFlight).toBeGreaterThan(25);
    expect(half.received + half.lost + half.inFlight).toBe(501);
    const end = finish(p, live, 1e7);
    expect(end).toMatchObject({ sent: 1000, inFlight: 0 });
    // no protocol is 0: the host refuses what gets through
    expect(end.received + end.lost).toBe(1000);
  });

  it("frames that a host takes are received there", () => {
    const p = pair();
    const r = finish(p, start(p, "packets", { template: { "ip.dst": "10.0.0.2", "icmp.id": 5 }, packets: 100 }), 1e8);
    expect(r).toMatchObject({ received: 100, lost: 0, receivers: [{ node: "h2", packets: 100 }] });
  });

  it("a host that crashes sends nothing until it is back, then goes on", () => {
    const p = pair();
    const live = start(p, "packets", { template: { hex: "ff".repeat(60) }, rate: { pps: 1e5 }, stopNs: 3e6 });
    expect(finish(p, live, 1e6).sent).toBe(101);
    crashHost(p.h1);
    expect(finish(p, live, 1e6).sent).toBe(101);
    restartHost(p.h1);
    setUp(p.eth1);
    live.restart(p.h1);
    expect(finish(p, live, 1e7).sent).toBe(200);
  });

  it("two traffics do not count each other's frames", () => {
    const p = pair();
    const a = start(p, "packets", { name: "a", template: { "ip.dst": "10.0.0.2", "icmp.id": 5 }, packets: 10 });
    const b = start(p, "packets", { name: "b", template: { "ip.dst": "10.0.0.77", "icmp.id": 5 }, packets: 20 });
    runFor(p.kernel, 1e8);
    expect(a.result()).toMatchObject({ sent: 10, received: 10, lost: 0 });
    expect(b.result()).toMatchObject({ sent: 20, received: 0, lost: 20 });
  });
});

describe("packets: templates that cannot be", () => {
  it.each([
    {
      template: { "ip.dts": "1.2.3.4" },
      error: "traffic t: there is no header field ip.dts [TEMPLATE_FIELD]\n  fix: did you mean ip.dst?",
    },
    {
      template: { "ip.dst": "10.0.0.300" },
      error: "traffic t: ip.dst: 10.0.0.300: expected an IPv4 address, or a range such as 10.0.0.1-10.0.0.250",
    },
    {
      template: { "ip.dst": "10.0.0.9-10.0.0.1" },
      error: "traffic t: ip.dst: 10.0.0.9-10.0.0.1: expected an IPv4 address",
    },
    {
      template: { "ip.dst": "10.0.0.2", "udp.dport": 65536 },
      error: "traffic t: udp.dport: 65536: expected a number from 0 to 65535",
    },
    { template: { "vlan.id": "0-4096" }, error: "traffic t: vlan.id: 0-4096: expected a number from 0 to 4095" },
    {
      template: { "ip6.src": "fd00::1-fe00::1", "ip6.dst": "::1" },
      error: "expected an IPv6 address, or a range within the last 32 bits",
    },
    {
      template: { "ip.dst": "10.0.0.2", "tcp.flags": "sny" },
      error: "traffic t: tcp.flags: sny: expected flags such as syn",
    },
    {
      template: { "ip.dst": "1.1.1.1", "ip6.dst": "::1" },
      error: "traffic t: a frame has one of ip and ip6, not both [TEMPLATE_HEADERS]",
    },
    {
      template: { "ip.dst": "1.1.1.1", "udp.dport": 1, "tcp.dport": 1 },
      error: "traffic t: a frame has one of udp and tcp, not both",
    },
    {
      template: { "udp.dport": 1 },
      error: "traffic t: udp needs an IP header around it [TEMPLATE_HEADERS]\n  fix: name ip.dst",
    },
    { template: { "ip.dst": "1.1.1.1", "icmp6.id": 1 }, error: "traffic t: ip carries no icmp6" },
    { template: { "arp.op": 1, "udp.dport": 1 }, error: "traffic t: arp carries no udp" },
    { template: { hex: "0xabc" }, error: "traffic t: hex: expected bytes in hexadecimal [TEMPLATE_VALUE]" },
    { template: { hex: "abcd" }, error: "traffic t: a frame has 14 to 65549 bytes, not 2 [TEMPLATE_SIZE]" },
    {
      template: { hex: "00".repeat(20), "eth.type": 1 },
      error: "traffic t: hex is the whole frame; fields and payload cannot be named with it",
    },
    {
      template: { size: "100-60", "ip.dst": "1.1.1.1" },
      error: "traffic t: size: 100-60: expected a frame's bytes from 14 to 65549",
    },
  ] as readonly { template: Template; error: string }[])("$template is refused", ({ template, error }) => {
    expect(() => start(pair(), "packets", { template })).toThrow(LabError);
    expect(() => start(pair(), "packets", { template })).toThrow(error);
  });

  it("a size below the headers is refused", () => {
    const settings = { template: { "ip.dst": "10.0.0.2", "tcp.dport": 1 }, sizeBytes: 40 };
    expect(() => start(pair(), "packets", settings)).toThrow("the headers and payload take 54 bytes, the size is 40");
  });

  it("all findings are reported together", () => {
    const run = (): unknown => start(pair(), "packets", { template: { "ip.dts": 1, "udp.dport": -1, "ip.ttl": 256 } });
    expect(run).toThrow(/ip\.dts.*\n.*\n.*udp\.dport.*\n.*ip\.ttl/);
  });
});
