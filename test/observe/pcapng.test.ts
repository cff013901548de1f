import { describe, expect, it } from "vitest";
import { LINKTYPE_ETHERNET, PcapngWriter } from "../../sim/observe/pcapng.ts";
import { blocksOf, MemorySink, packetsOf } from "./kit.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("PcapngWriter", () => {
  // written out from draft-ietf-opsawg-pcapng sections 4.1 to 4.3
  it("a file with one packet, byte for byte", () => {
    const sink = new MemorySink();
    const writer = new PcapngWriter(sink, "h1:e0", LINKTYPE_ETHERNET);
    writer.packet(0x1_0000_0002, Uint8Array.of(0, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0), 1, 5, true, 0);
    expect(hex(sink.bytes())).toBe(
      [
        // section header: type, length 44, byte order, version 1.0, unknown length, userappl "netsim", end, length
        "0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff 0400 0600 6e657473696d0000 00000000 2c000000",
        // interface: type, length 44, Ethernet, reserved, no snap length, if_name "h1:e0", if_tsresol 9, end, length
        "01000000 2c000000 0100 0000 00000000 0200 0500 68313a6530000000 0900 0100 09000000 00000000 2c000000",
        // packet: type, length 52, interface 0, time high 1, low 2, captured 5, original 5, bytes, epb_flags outbound, end, length
        "06000000 34000000 00000000 01000000 02000000 05000000 05000000 aabbccddee000000 0200 0400 02000000 00000000 34000000",
      ]
        .join("")
        .replaceAll(" ", ""),
    );
  });

  it("received packets are marked inbound", () => {
    const sink = new MemorySink();
    const writer = new PcapngWriter(sink, "h1:e0", LINKTYPE_ETHERNET);
    writer.packet(7, new Uint8Array(60), 0, 60, false, 0);
    expect(packetsOf(sink.bytes())).toEqual([{ atNs: 7, outgoing: false, bytes: new Uint8Array(60) }]);
  });

  it("a tag that the kernel took out stands behind the MAC addresses again", () => {
    const sink = new MemorySink();
    const writer = new PcapngWriter(sink, "h1:e0", LINKTYPE_ETHERNET);
    const frame = Uint8Array.from({ length: 20 }, (_, i) => i);
    writer.packet(0, frame, 0, 20, false, 0x8100 * 65536 + 0xa064);
    const [p] = packetsOf(sink.bytes());
    expect([...p!.bytes]).toEqual([...frame.slice(0, 12), 0x81, 0x00, 0xa0, 0x64, ...frame.slice(12)]);
  });

  it.each([0, 1, 2, 3, 4, 1500, 2047, 2048, 9000, 65549])(
    "a packet of %i bytes is padded with zeros to four",
    (length) => {
      const sink = new MemorySink();
      const writer = new PcapngWriter(sink, "h1:e0", LINKTYPE_ETHERNET);
      // the scratch is dirty from the packet before
      writer.packet(0, new Uint8Array(100).fill(0xff), 0, 100, false, 0);
      const bytes = new Uint8Array(length).fill(0x11);
      writer.packet(1, bytes, 0, length, false, 0);
      const { body } = blocksOf(sink.bytes())[3]!;
      expect(packetsOf(sink.bytes())[1]!.bytes).toEqual(bytes);
      expect(body.length).toBe(20 + Math.ceil(length / 4) * 4 + 12);
      expect([...body.slice(20 + length, 20 + Math.ceil(length / 4) * 4)].every((v) => v === 0)).toBe(true);
    },
  );

  it("times keep their nanoseconds up to the end of the clock", () => {
    const sink = new MemorySink();
    const writer = new PcapngWriter(sink, "h1:e0", LINKTYPE_ETHERNET);
    const times = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
    for (const t of times) writer.packet(t, new Uint8Array(14), 0, 14, false, 0);
    expect(packetsOf(sink.bytes()).map((p) => p.atNs)).toEqual(times);
  });
});
