import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addHost } from "../../sim/net/stack.ts";
import { attachXdp } from "../../sim/net/xdp/attach.ts";
import { captureDevice } from "../../sim/observe/capture.ts";
import { finish, pair, start } from "../apps/kit.ts";
import { frame, returning, runFor, send, testKernel, veth } from "../net/kit.ts";
import { MemorySink, packetsOf } from "./kit.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;

describe("captureDevice", () => {
  it("sees what a packet socket sees: both directions, until it is stopped", () => {
    const kernel = testKernel();
    const [va, vb] = veth(addHost(kernel, "a"), "va", addHost(kernel, "b"), "vb");
    const sink = new MemorySink();
    const stop = captureDevice(va, sink);
    send(va, frame(60));
    runFor(kernel, 1000);
    send(vb, frame(61));
    runFor(kernel, 1000);
    stop();
    send(va);
    runFor(kernel, 1000);
    expect(packetsOf(sink.bytes()).map((p) => [p.atNs, p.outgoing, p.bytes.length])).toEqual([
      [0, true, 60],
      [1000, false, 61],
    ]);
  });

  // FACTS 4.1: tcpdump column
  it.each([
    { mode: "xdpdrv", code: 1, seen: 0, why: "native XDP drops before the tap" },
    { mode: "xdpgeneric", code: 1, seen: 0, why: "generic XDP drops before the tap, too" },
    { mode: "xdpdrv", code: 2, seen: 10, why: "what passes is seen" },
  ] as const)("$mode answering $code: $why", ({ mode, code, seen }) => {
    const kernel = testKernel();
    const b = addHost(kernel, "b");
    const [va, vb] = veth(addHost(kernel, "a"), "va", b, "vb");
    const sink = new MemorySink();
    captureDevice(vb, sink);
    attachXdp(vb, returning(b, code), { mode });
    for (let i = 0; i < 10; i++) send(va);
    runFor(kernel, 1e6);
    expect(packetsOf(sink.bytes())).toHaveLength(seen);
  });

  it("with a CPU that costs time, packets are stamped when the CPU has got to them", () => {
    const p = pair({ idealCpu: false });
    const sink = new MemorySink();
    captureDevice(p.eth2, sink);
    finish(p, start(p, "udp", { packets: 1 }), 1e7);
    const udp = packetsOf(sink.bytes()).filter((x) => !x.outgoing && x.bytes[23] === 17);
    expect(udp).toHaveLength(1);
    // driver, skb and receive cost more than 200 ns before the tap
    expect(udp[0]!.atNs % 1000).not.toBe(0);
  });

  it("two runs with the same seed give the same file", () => {
    const run = (seed: number): Uint8Array => {
      const p = pair({ seed, there: { loss: 0.1, delayNs: 1000, jitterNs: 500 } });
      const sink = new MemorySink();
      captureDevice(p.eth2, sink);
      finish(p, start(p, "udp", { packets: 200, poisson: true }), 1e8);
      return sink.bytes();
    };
    expect(run(5)).toEqual(run(5));
    expect(run(6)).not.toEqual(run(5));
  });

  it.skipIf(!tshark)(`tshark reads it (${tshark ? "installed" : "skipped: tshark is not installed"})`, () => {
    const p = pair({ there: { delayNs: 123_456 } });
    const sink = new MemorySink();
    captureDevice(p.eth2, sink);
    start(p, "ping", { packets: 1 });
    finish(p, start(p, "udp", { startNs: 1e6, packets: 2, sizeBytes: 30 }), 1e8);
    const directory = mkdtempSync(join(tmpdir(), "netsim-"));
    try {
      const file = join(directory, "x.pcapng");
      writeFileSync(file, sink.bytes());
      const fields =
        "frame.interface_name frame.packet_flags_direction frame.time_epoch ip.src ip.dst _ws.col.Protocol";
      const checks = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
        "-o",
        "gui.column.format:Protocol,%p",
      ];
      const args = [
        "-r",
        file,
        ...checks,
        "-T",
        "fields",
        "-E",
        "separator= ",
        ...fields.split(" ").flatMap((f) => ["-e", f]),
      ];
      const extra = ["-e", "ip.checksum.status", "-e", "udp.checksum.status", "-e", "udp.length"];
      const out = spawnSync("tshark", [...args, ...extra], { encoding: "utf8" });
      expect(out.status).toBe(0);
      const lines = out.stdout.trim().split("\n");
      const udp = lines.filter((l) => / UDP| DISCARD/i.test(l));
      expect(udp.map((l) => l.replace(/0x0*/, "").split(" ").slice(0, 5))).toEqual([
        ["h2:eth0", "1", "0.001123456", "10.0.0.1", "10.0.0.2"],
        ["h2:eth0", "1", "0.001124456", "10.0.0.1", "10.0.0.2"],
      ]);
      // checksums are good, 8 bytes of header and 30 of payload
      expect(udp.map((l) => l.split(" ").slice(-3))).toEqual([
        ["1", "1", "38"],
        ["1", "1", "38"],
      ]);
      expect(lines.filter((l) => /ICMP(?!v6)/.test(l)).map((l) => l.split(" ")[3])).toEqual(["10.0.0.1", "10.0.0.2"]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
