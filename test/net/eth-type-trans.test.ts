import { describe, expect, it } from "vitest";
import { frameType } from "../../sim/net/eth-type-trans.ts";

describe("the type of a received frame", () => {
  // asked of Linux 6.18: sll_protocol of a packet socket behind a veth
  it.each([
    ["08004500", 0x0800, "an ethertype"],
    ["0600ffff", 0x0600, "the smallest ethertype"],
    ["05ffaaaa", 0x0004, "a length, 802.2"],
    ["002eaaaa", 0x0004, "a length, 802.2"],
    ["002effff", 0x0001, "a length, raw 802.3"],
    ["002eff00", 0x0004, "a length, half a raw 802.3 header"],
    ["002eff", 0x0004, "a length, too short to tell"],
  ])("%s: %i (%s)", (hex, protocol) => {
    const bytes = Uint8Array.from(Buffer.from(`${hex}`, "hex"));
    const memory = new Uint8Array(16).fill(0xff);
    memory.set(bytes, 3);
    expect(frameType(memory, 3, 3 + bytes.length)).toBe(protocol);
  });
});
