import { decodeMulti } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { LabError } from "../../sim/engine/errors.ts";
import { NETSIM_REASON } from "../../sim/net/drop-reason.ts";
import { addHost } from "../../sim/net/stack.ts";
import { attachXdp } from "../../sim/net/xdp/attach.ts";
import { readTrace, recordTrace, type TraceEvent } from "../../sim/observe/trace.ts";
import { finish, pair, start } from "../apps/kit.ts";
import { frame, returning, runFor, send, testKernel, veth } from "../net/kit.ts";
import { MemorySink } from "./kit.ts";

/** Ten frames to a device that drops them. */
function dropTen(): { readonly bytes: Uint8Array; readonly sink: MemorySink; readonly progId: number } {
  const kernel = testKernel(9);
  const b = addHost(kernel, "b");
  const [va, vb] = veth(addHost(kernel, "a"), "va", b, "vb");
  const prog = returning(b, 1);
  attachXdp(vb, prog, { mode: "xdpdrv" });
  const sink = new MemorySink();
  const stop = recordTrace(kernel, "drop-ten", sink);
  for (let i = 0; i < 10; i++) {
    send(va, frame(60 + i));
    runFor(kernel, 1e6);
  }
  stop();
  send(va);
  runFor(kernel, 1e6);
  return { bytes: sink.bytes(), sink, progId: prog.id };
}

describe("recordTrace", () => {
  it("the header says format, version, lab, seed, what tracepoints and reasons mean", () => {
    const { header } = readTrace(dropTen().bytes);
    expect(header).toMatchObject({ format: "netsim-trace", version: 1, lab: "drop-ten", seed: 9 });
    expect(header.tracepoints).toContainEqual(["xdp:xdp_run", "act", "prog_id"]);
    expect(header.tracepoints).toContainEqual(["skb:kfree_skb", "reason", ""]);
    expect(header.reasons).toMatchObject({ 72: "SKB_DROP_REASON_XDP", 168: "XDP_DROP" });
  });

  it("every event of a frame, in order, under its own identity, until it is stopped", () => {
    const { bytes, progId } = dropTen();
    const events = [...readTrace(bytes).events];
    const skbs = [...new Set(events.map((e) => e.skb))];
    expect(skbs).toHaveLength(10);
    const fourth = skbs[3]!;
    expect(events.filter((e) => e.skb === fourth)).toEqual([
      { timeNs: 3e6, tracepoint: "net:net_dev_start_xmit", device: "a:va", skb: fourth, len: 63, a: 0, b: 0 },
      { timeNs: 3e6, tracepoint: "xdp:xdp_run", device: "b:vb", skb: fourth, len: 63, a: 1, b: progId },
      {
        timeNs: 3e6,
        tracepoint: "skb:kfree_skb",
        device: "b:vb",
        skb: fourth,
        len: 63,
        a: NETSIM_REASON.XDP_DROP,
        b: 0,
      },
    ] satisfies TraceEvent[]);
  });

  it("is msgpack that the library reads: one value each, devices before their first event", () => {
    const values = [...decodeMulti(dropTen().bytes)] as unknown[][];
    expect(values.slice(1, 4)).toEqual([
      [-1, 0, "a:va"],
      [0, 11, 0, expect.any(Number), 60, 0, 0],
      [-1, 1, "b:vb"],
    ]);
  });

  it("every packet that was born in the trace ends in it once", () => {
    const p = pair({ there: { loss: 0.2 } });
    const sink = new MemorySink();
    const stop = recordTrace(p.kernel, "lab", sink);
    finish(p, start(p, "udp", { packets: 1000 }), 1e8);
    stop();
    const ends = [...readTrace(sink.bytes()).events].filter((e) => /kfree_skb|consume_skb/.test(e.tracepoint));
    expect(ends).toHaveLength(p.kernel.ledger.delivered + p.kernel.ledger.handled + p.kernel.ledger.dropped);
    expect(new Set(ends.map((e) => e.skb)).size).toBe(ends.length);
    const losses = ends.filter((e) => e.tracepoint === "skb:kfree_skb");
    expect(losses).toHaveLength(p.kernel.ledger.dropped);
    expect(losses.some((e) => e.a === NETSIM_REASON.LINK_LOSS && e.device === "h1:eth0")).toBe(true);
  });

  it("the same seed gives the same bytes; another seed, others", () => {
    const run = (seed: number): Uint8Array => {
      const p = pair({ seed, idealCpu: false, there: { loss: 0.05, delayNs: 10_000, jitterNs: 3000 } });
      const sink = new MemorySink();
      const stop = recordTrace(p.kernel, "lab", sink);
      start(p, "ping", { name: "ping", intervalNs: 50_000 });
      finish(p, start(p, "udp-rr", { outstanding: 4, flows: 7, timeoutNs: 1e6, stopNs: 2e6 }), 2e6);
      stop();
      return sink.bytes();
    };
    expect(run(1)).toEqual(run(1));
    expect(run(2)).not.toEqual(run(1));
  });

  it("observing changes nothing", () => {
    const run = (observed: boolean): unknown => {
      const p = pair({ there: { loss: 0.05, jitterNs: 500 } });
      const stop = observed ? recordTrace(p.kernel, "lab", new MemorySink()) : (): void => {};
      const r = finish(p, start(p, "udp", { packets: 500, poisson: true }), 1e8);
      stop();
      return { r, events: p.kernel.engine.executed };
    };
    expect(run(true)).toEqual(run(false));
  });
});

describe("readTrace", () => {
  it.each([
    { why: "nothing", bytes: [] },
    { why: "another msgpack value", bytes: [0x93, 1, 2, 3] },
    { why: "no msgpack", bytes: [0xc1, 0xc1] },
  ])("$why is refused", ({ bytes }) => {
    expect(() => readTrace(Uint8Array.from(bytes))).toThrow(LabError);
  });

  it("a trace that is cut off gives its events, then says so", () => {
    const { bytes } = dropTen();
    const { events } = readTrace(bytes.slice(0, -3));
    let n = 0;
    expect(() => {
      for (const _ of events) n++;
    }).toThrow("the trace is cut off or damaged [TRACE_FORMAT]");
    expect(n).toBe(29);
  });
});
