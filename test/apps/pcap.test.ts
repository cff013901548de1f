import { describe, expect, it } from "vitest";
import { attachXdp } from "../../sim/net/xdp/attach.ts";
import { frame, returning, Tap } from "../net/kit.ts";
import { type FileFrame, pcapFile } from "./frames.ts";
import { finish, pair, start } from "./kit.ts";

const three: readonly FileFrame[] = [0, 100, 400].map((us, i) => ({ seconds: 9, fraction: us, bytes: frame(60 + i) }));
const times = (tap: Tap): number[] => tap.frames.map((f) => f.atNs);

describe("pcap", () => {
  it("sends the frames as they are at the times of the capture", () => {
    const p = pair();
    const tap = new Tap(p.eth2);
    const r = finish(p, start(p, "pcap", { startNs: 5000 }, { capture: pcapFile(three) }), 1e8);
    expect(times(tap)).toEqual([5000, 105_000, 405_000]);
    expect(tap.frames.map((f) => f.bytes)).toEqual(three.map((f) => f.bytes));
    expect(r).toMatchObject({
      sent: 3,
      received: 3,
      lost: 0,
      inFlight: 0,
      sentBytes: 183,
      receivedBytes: 183,
      latency: null,
    });
    expect(r.receivers).toEqual([{ node: "h2", packets: 3 }]);
  });

  it.each([
    { why: "twice the speed", settings: { speed: 2 }, at: [0, 50_000, 200_000] },
    { why: "again after the mean gap", settings: { loop: 2 }, at: [0, 100_000, 400_000, 600_000, 700_000, 1_000_000] },
    { why: "a packet rate", settings: { rate: { pps: 1e6 }, loop: 2 }, at: [0, 1000, 2000, 3000, 4000, 5000] },
    // 60 and 61 bytes at 8 bits a microsecond
    { why: "a bit rate", settings: { rate: { bps: 8e6 } }, at: [0, 60_000, 121_000] },
    { why: "an end before the file's", settings: { stopNs: 100_000 }, at: [0] },
  ])("$why", ({ settings, at }) => {
    const p = pair();
    const tap = new Tap(p.eth2);
    finish(p, start(p, "pcap", settings, { capture: pcapFile(three) }), 1e8);
    expect(times(tap)).toEqual(at);
  });

  it("what a program drops is lost", () => {
    const p = pair();
    attachXdp(p.eth2, returning(p.h2, 1), { mode: "xdpdrv" });
    const r = finish(p, start(p, "pcap", { loop: 10 }, { capture: pcapFile(three) }), 1e8);
    expect(r).toMatchObject({ sent: 30, received: 0, lost: 30, receivers: [] });
  });

  it("frames on the wire are in flight", () => {
    const p = pair({ there: { delayNs: 1e6 } });
    // somebody at h2 listens, else the ethertype is nobody's
    new Tap(p.eth2);
    const live = start(p, "pcap", {}, { capture: pcapFile(three) });
    expect(finish(p, live, 500_000)).toMatchObject({ sent: 3, received: 0, lost: 0, inFlight: 3 });
    expect(finish(p, live, 1e7)).toMatchObject({ sent: 3, received: 3, inFlight: 0 });
  });

  it("stop: nothing more is sent", () => {
    const p = pair();
    const live = start(p, "pcap", {}, { capture: pcapFile(three) });
    finish(p, live, 50_000);
    live.stop();
    expect(finish(p, live, 1e7).sent).toBe(1);
  });

  it.each([
    {
      why: "a sender without an interface",
      run: () => {
        const p = pair();
        start(p, "pcap", {}, { from: [{ host: p.h1, dev: null }], capture: pcapFile(three) });
      },
      error: "traffic t: h1 sends frames and needs an interface [TRAFFIC_INTERFACE]",
    },
    {
      why: "a frame without a whole header",
      run: () =>
        start(pair(), "pcap", {}, { capture: pcapFile([{ seconds: 0, fraction: 0, bytes: new Uint8Array(13) }]) }),
      error: "test.pcap: frame 1 has 13 bytes; an Ethernet header has 14 [CAPTURE_FORMAT]",
    },
    {
      why: "a loop without time",
      run: () => start(pair(), "pcap", { loop: 2 }, { capture: pcapFile(three.slice(0, 1)) }),
      error: "traffic t: test.pcap takes no time, so there is no gap to repeat it at [CAPTURE_LOOP]",
    },
  ])("$why is refused: $error", ({ run, error }) => {
    expect(run).toThrow(error);
  });
});
