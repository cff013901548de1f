import { describe, expect, it } from "vitest";
import { readCapture } from "../../sim/apps/capture-file.ts";
import { LabError, ObjectError } from "../../sim/engine/errors.ts";
import { frame } from "../net/kit.ts";
import { block, half, interfaceBlock, packetBlock, pcapFile, section, word } from "./frames.ts";

const a = frame(60);
const b = frame(100);

describe("readCapture: pcap", () => {
  it.each([
    { name: "little-endian, microseconds", o: {}, unit: 1000 },
    { name: "big-endian, microseconds", o: { le: false }, unit: 1000 },
    { name: "little-endian, nanoseconds", o: { ns: true }, unit: 1 },
    { name: "big-endian, nanoseconds", o: { le: false, ns: true }, unit: 1 },
  ])("$name: times are counted from the first frame", ({ o, unit }) => {
    const file = pcapFile(
      [
        { seconds: 1_700_000_000, fraction: 999_999, bytes: a },
        { seconds: 1_700_000_002, fraction: 1, bytes: b },
      ],
      o,
    );
    expect(readCapture(file, "x.pcap")).toEqual([
      { atNs: 0, bytes: a },
      { atNs: 2e9 - 999_998 * unit, bytes: b },
    ]);
  });

  it("a frame that the capture cut off is as long as it was, with zeros", () => {
    const frames = readCapture(pcapFile([{ seconds: 0, fraction: 0, bytes: a, original: 1500 }]), "x.pcap");
    expect(frames[0]!.bytes).toHaveLength(1500);
    expect(frames[0]!.bytes.slice(0, 60)).toEqual(a);
    expect(frames[0]!.bytes.slice(60).every((v) => v === 0)).toBe(true);
  });

  it("times that go back stand still", () => {
    const file = pcapFile([5, 3, 6].map((seconds) => ({ seconds, fraction: 0, bytes: a })));
    expect(readCapture(file, "x.pcap").map((f) => f.atNs)).toEqual([0, 0, 1e9]);
  });
});

describe("readCapture: pcapng", () => {
  it.each([
    { name: "microseconds by default", options: [], units: 1_500_000, atNs: 1.5e9 },
    { name: "if_tsresol 9", options: [[9, [9]]], units: 1_500_000, atNs: 1_500_000 },
    { name: "if_tsresol 2^-10", options: [[9, [0x80 | 10]]], units: 1536, atNs: 1.5e9 },
  ] as const)("$name", ({ options, units, atNs }) => {
    const file = [
      ...section(),
      ...interfaceBlock(1, options as never),
      ...packetBlock(0, 0, 0, a),
      ...packetBlock(0, 0, units, b),
    ];
    expect(readCapture(Uint8Array.from(file), "x.pcapng")).toEqual([
      { atNs: 0, bytes: a },
      { atNs, bytes: b },
    ]);
  });

  it("64-bit times of the present keep their nanoseconds", () => {
    const t = 1_700_000_000_123_456_789n;
    const at = (v: bigint): [number, number] => [Number(v >> 32n), Number(v & 0xffffffffn)];
    const file = [
      ...section(),
      ...interfaceBlock(1, [[9, [9]]]),
      ...packetBlock(0, ...at(t), a),
      ...packetBlock(0, ...at(t + 1n), b),
    ];
    expect(readCapture(Uint8Array.from(file), "x").map((f) => f.atNs)).toEqual([0, 1]);
  });

  it("big-endian sections, unknown blocks, simple packets and a second section are read", () => {
    const le = false;
    const file = [
      ...section(le),
      ...interfaceBlock(1, [], le),
      ...block(0x0bad, [1, 2, 3], le),
      ...packetBlock(0, 0, 7, a, a.length, le),
      ...block(3, [...word(b.length, le), ...b], le),
      ...section(true),
      ...interfaceBlock(1),
      ...packetBlock(0, 0, 9, a),
    ];
    const frames = readCapture(Uint8Array.from(file), "x");
    expect(frames.map((f) => [f.atNs, f.bytes.length])).toEqual([
      [0, 60],
      [0, 100],
      [2000, 60],
    ]);
  });

  it("packets of several interfaces are taken together", () => {
    const file = [
      ...section(),
      ...interfaceBlock(1),
      ...interfaceBlock(1, [[9, [9]]]),
      ...packetBlock(0, 0, 1, a),
      ...packetBlock(1, 0, 5000, b),
    ];
    expect(readCapture(Uint8Array.from(file), "x").map((f) => f.atNs)).toEqual([0, 4000]);
  });
});

describe("readCapture: files that are none", () => {
  const whole = pcapFile([{ seconds: 0, fraction: 0, bytes: a }]);
  const ng = [...section(), ...interfaceBlock(1)];
  it.each([
    { why: "empty file", bytes: [], error: "bad.pcap: not a pcap or pcapng file [CAPTURE_FORMAT]" },
    {
      why: "text",
      bytes: [...new TextEncoder().encode("hello world")],
      error: "bad.pcap: not a pcap or pcapng file [CAPTURE_FORMAT]",
    },
    {
      why: "gzip",
      bytes: [0x1f, 0x8b, 8, 0],
      error: "bad.pcap: not a pcap or pcapng file [CAPTURE_FORMAT]\n  fix: it is compressed: gunzip it",
    },
    { why: "header only", bytes: [...whole.slice(0, 24)], error: "bad.pcap: there is no packet in it [CAPTURE_EMPTY]" },
    {
      why: "cut within a frame",
      bytes: [...whole.slice(0, 70)],
      error: "bad.pcap: the file ends within the packet at byte 40 [CAPTURE_TRUNCATED]",
    },
    {
      why: "cut within a frame's header",
      bytes: [...whole.slice(0, 30)],
      error: "bad.pcap: the file ends within the packet at byte 24 [CAPTURE_TRUNCATED]",
    },
    {
      why: "tcpdump -i any",
      bytes: [...pcapFile([{ seconds: 0, fraction: 0, bytes: a }], { linkType: 113 })],
      error: "bad.pcap: its link type is 113, Linux cooked (tcpdump -i any); Ethernet (1) is needed",
    },
    {
      why: "pcapng of raw IP",
      bytes: [...section(), ...interfaceBlock(101), ...packetBlock(0, 0, 0, a)],
      error: "bad.pcap: its link type is 101, raw IP; Ethernet (1) is needed [CAPTURE_LINK_TYPE]",
    },
    {
      why: "a packet of an interface that is not there",
      bytes: [...ng, ...packetBlock(1, 0, 0, a)],
      error: "bad.pcap: a packet of interface 1, which is not described [CAPTURE_FORMAT]",
    },
    {
      why: "a block that says it is short",
      bytes: [...ng, ...word(6, true), ...word(8, true), 0, 0, 0, 0],
      error: "bad.pcap: a block of 8 bytes at byte 48 [CAPTURE_FORMAT]",
    },
    {
      why: "a block that is cut off",
      bytes: [...ng, ...packetBlock(0, 0, 0, a)].slice(0, -8),
      error: "bad.pcap: the file ends within the packet at byte 48 [CAPTURE_TRUNCATED]",
    },
    {
      why: "a frame that says it is huge",
      bytes: [...whole.slice(0, 36), ...word(1 << 30, true), ...whole.slice(40)],
      error: "bad.pcap: a frame of 1073741824 bytes at byte 40 [CAPTURE_FORMAT]",
    },
    {
      why: "a section of neither byte order",
      bytes: [...block(0x0a0d0d0a, [1, 2, 3, 4, ...half(1, true), ...half(0, true)])],
      error: "bad.pcap: not a pcapng section [CAPTURE_FORMAT]",
    },
  ])("$why: $error", ({ bytes, error }) => {
    expect(() => readCapture(Uint8Array.from(bytes), "bad.pcap")).toThrow(LabError);
    expect(() => readCapture(Uint8Array.from(bytes), "bad.pcap")).toThrow(error);
  });

  it("any cut or flipped byte gives frames or a LabError", () => {
    const files = [whole, Uint8Array.from([...ng, ...packetBlock(0, 1, 2, a), ...packetBlock(0, 1, 3, b)])];
    for (const file of files) {
      for (let i = 0; i < file.length; i++) {
        for (const bytes of [file.slice(0, i), file.map((v, j) => (j === i ? v ^ 0xff : v))]) {
          try {
            readCapture(bytes, "x");
          } catch (error) {
            if (!(error instanceof LabError) || error instanceof ObjectError) throw error;
          }
        }
      }
    }
  });
});
