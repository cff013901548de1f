import { describe, expect, it } from "vitest";
import { assembleClassic } from "../../../sim/bpf/cbpf/assemble.ts";
import type { ClassicProgram } from "../../../sim/bpf/cbpf/insn.ts";
import { translateClassic } from "../../../sim/bpf/cbpf/translate.ts";
import { ObjectError } from "../../../sim/engine/errors.ts";
import { AF_INET } from "../../../sim/net/ip/address.ts";
import { NetlinkError } from "../../../sim/net/netlink-error.ts";
import { openRaw, openUdp } from "../../../sim/net/sockets/index.ts";
import { ip, MS, pair } from "../ip/kit.ts";
import { runFor } from "../kit.ts";

const asm = (text: string): ClassicProgram => assembleClassic(text, "test");
/** So many indirect loads, each of 9 instructions in Linux's translation. */
const loads = (n: number): ClassicProgram => asm(`${"ld [x + 1]\n".repeat(n)}ret #1`);

function errnoOf(run: () => void): number {
  try {
    run();
  } catch (error) {
    if (error instanceof NetlinkError) return error.errno;
    throw error;
  }
  return 0;
}

describe("SO_ATTACH_FILTER", () => {
  // on Linux 6.18, over lo: what `recv` gives of "abcdefghij"
  it.each([
    ["ret #3", "", "the UDP header is never cut"],
    ["ret #8", "", "only the header is kept"],
    ["ret #12", "abcd", "the rest is cut"],
    ["ret #-1", "abcdefghij", "more than there is"],
    ["ret #0", null, "dropped"],
    [
      "ldh [2]\njeq #4242, yes, no\nyes: ret #10\nno: ret #9",
      "ab",
      "the destination port: the packet begins with the UDP header",
    ],
    ["ldb [-1048567]\njeq #17, yes, no\nyes: ret #11\nno: ret #9", "abc", "the protocol, from the network header on"],
    ["ldh [-2097140]\njeq #0x800, yes, no\nyes: ret #11\nno: ret #9", "abc", "the ethertype, from the link header on"],
    ["ld #len\nsub #1\nret a", "abcdefghi", "the length with the UDP header"],
    ["ld hatype\njeq #772, yes, no\nyes: ret #11\nno: ret #9", "abc", "lo is no Ethernet"],
    ["ld poff\nadd #8\nret a", "abcdefgh", "the payload begins behind the UDP header"],
    ["ld ifidx\nadd #8\nret a", "a", "lo's number"],
    ["ld type\nadd #10\nret a", "ab", "PACKET_HOST"],
    ["ld proto\nrsh #8\nadd #8\nret a", "abcdefgh", "IPv4"],
  ])("on a UDP socket: %j leaves %j: %s", (text, wanted, _why) => {
    const { kernel, a } = pair();
    const s = openUdp(a, AF_INET);
    s.bind(ip("127.0.0.1"), 4242);
    const got: string[] = [];
    s.onPacket = (_s, addr, len) => got.push(Buffer.from(kernel.arena.u8.slice(addr, addr + len)).toString());
    s.attachFilter(asm(text));
    openUdp(a, AF_INET).sendTo(Buffer.from("abcdefghij"), ip("127.0.0.1"), 4242);
    runFor(kernel, MS);
    expect(got).toEqual(wanted === null ? [] : [wanted]);
  });

  it("on a raw socket sees the IP header", () => {
    const { kernel, a } = pair();
    const s = openRaw(a, AF_INET, 17);
    const got: number[] = [];
    s.onPacket = (_s, _addr, len) => got.push(len);
    s.attachFilter(asm("ldb [9]\njne #17, drop\nldx 4*([0]&0xf)\nldh [x + 2]\njne #4242, drop\nret #25\ndrop: ret #0"));
    openUdp(a, AF_INET).sendTo(new Uint8Array(10), ip("127.0.0.1"), 4242);
    openUdp(a, AF_INET).sendTo(new Uint8Array(10), ip("127.0.0.1"), 4243);
    runFor(kernel, MS);
    expect(got).toEqual([25]);
  });

  it("refuses with the reason what Linux refuses, and keeps the filter that is there", () => {
    const s = openUdp(pair().a, AF_INET);
    s.attachFilter(asm("ret #1"));
    const before = s.filter;
    expect(() => s.attachFilter(asm("ld M[0]\nret a"))).toThrow(ObjectError);
    expect(() => s.attachFilter(asm("ld M[0]\nret a"))).toThrow("insn 0: M[0] is read");
    expect(s.filter).toBe(before);
  });

  it("counts against the socket's option memory, the one that it replaces included", () => {
    const s = openUdp(pair().a, AF_INET);
    expect(errnoOf(() => s.attachFilter(loads(1900)))).toBe(12);
    expect(errnoOf(() => s.attachFilter(loads(1800)))).toBe(0);
    expect(errnoOf(() => s.attachFilter(loads(1800)))).toBe(12);
    s.detachFilter();
    expect(errnoOf(() => s.attachFilter(loads(1800)))).toBe(0);
    s.detachFilter();
    expect(errnoOf(() => s.detachFilter())).toBe(2);
  });

  it("what does not fit into it is not loaded either", () => {
    const s = openUdp(pair().a, AF_INET);
    s.attachFilter(asm("ret #1"));
    const first = s.filter!.tableIndex;
    for (let i = 0; i < 5; i++) expect(errnoOf(() => s.attachFilter(loads(1900)))).toBe(12);
    s.attachFilter(asm("ret #2"));
    expect(s.filter!.tableIndex).toBe(first + 1);
  });

  it("leaves no program that could be listed", () => {
    const { a } = pair();
    openUdp(a, AF_INET).attachFilter(asm("ret #1"));
    expect(a.bpf.programs.size).toBe(0);
  });
});

describe("helpers of translated classic programs", () => {
  it.each(["poff", "nla", "nlan", "hatype"])("%s: no object can call it", (name) => {
    const { a } = pair();
    const { classic, ...spec } = translateClassic(asm(`ld ${name}\nret a`), "socket_filter", "p");
    const options = { id: 1, license: "GPL", maps: new Map() };
    expect(() => a.kernel.machine.loadProgram(spec, options)).toThrow(/invalid func unknown#-\d/);
    expect(a.kernel.machine.loadProgram({ ...spec, classic: classic! }, options).kind).toBe("socket_filter");
  });
});
