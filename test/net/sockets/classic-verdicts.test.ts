/** What packet sockets keep by their classic filters, compared with what Linux 6.18 kept: compiled and interpreted. */
import { beforeAll, describe, expect, it } from "vitest";
import type { BpfMachine } from "../../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import { loadClassic } from "../../../sim/net/classic-filter.ts";
import { setUp } from "../../../sim/net/devices/device.ts";
import { createVethPair } from "../../../sim/net/devices/veth.ts";
import { ETH_P_ALL } from "../../../sim/net/ether.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { PACKET_OUTGOING } from "../../../sim/net/skb.ts";
import { openPacket } from "../../../sim/net/sockets/index.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { corpusPrograms, expandKept, packets, recorded, type VerdictFile } from "../../bpf/cbpf/kit.ts";
import { runFor, testKernel } from "../kit.ts";

const file = recorded<VerdictFile>("verdicts.json");
const programs = corpusPrograms();
const all = packets();
const MAC = (last: number): number[] => [2, 0, 0, 0, 0, last];

/** Two ends of a pair on one host, as the recorder has them in one namespace. */
function network(): { readonly kernel: Kernel; readonly va: Netdev; readonly vb: Netdev } {
  const kernel = testKernel();
  const host = addHost(kernel, "h");
  const [va, vb] = createVethPair(host, { name: "va" }, host, { name: "vb" });
  va.mac.set(MAC(1));
  vb.mac.set(MAC(2));
  setUp(va);
  setUp(vb);
  runFor(kernel, 10e9);
  return { kernel, va, vb };
}

/** Lengths kept of each packet by each program: [incoming, outgoing]. */
function replay(engine: "compiled" | "interpreted"): ReadonlyMap<string, readonly (readonly [number, number])[]> {
  const { kernel, va, vb } = network();
  const interpreter = createInterpreter(kernel.machine as BpfMachine);
  const now = { in: new Int32Array(programs.size), out: new Int32Array(programs.size) };
  const kept = new Map<string, [number, number][]>();
  let n = 0;
  for (const [name, classic] of programs) {
    const live = loadClassic(kernel, classic, "socket_filter");
    const run = (ctx: number): number => interpreter.run(live, ctx);
    const filter: Program = engine === "compiled" ? live : { ...live, run };
    const index = n++;
    kept.set(name, []);
    for (const [dev, outgoing] of [
      [vb, false],
      [va, true],
    ] as const) {
      const s = openPacket(va.host, { dev, protocol: ETH_P_ALL });
      s.filter = filter;
      s.onFrame = (_s, _addr, len, skb) => {
        if ((skb.pktType === PACKET_OUTGOING) === outgoing) (outgoing ? now.out : now.in)[index] = len;
      };
    }
  }
  const sender = openPacket(va.host, { dev: va, protocol: 0x88b6 });
  for (const { bytes } of all) {
    now.in.fill(0);
    now.out.fill(0);
    const skb = sender.begin(bytes.length)!;
    kernel.arena.u8.set(bytes, skb.data);
    skb.mark = file.mark;
    sender.sendSkb(skb);
    runFor(kernel, 1e6);
    let i = 0;
    for (const list of kept.values()) list.push([now.in[i]!, now.out[i++]!]);
  }
  return kept;
}

describe("classic filters on packet sockets", () => {
  it("the recording is about these packets and programs", () => {
    expect(file.packets).toEqual(all.map((p) => p.name));
    expect(file.entries.map((e) => e.name)).toEqual([...programs.keys()]);
  });

  describe.each(["compiled", "interpreted"] as const)("%s", (engine) => {
    let kept: ReturnType<typeof replay>;
    beforeAll(() => {
      kept = replay(engine);
    }, 120_000);

    it.each(file.entries.map((e) => [e.name, e.kept] as const))("%s keeps what Linux 6.18 keeps", (name, wanted) => {
      const named = (list: readonly (readonly [number, number])[]): unknown =>
        Object.fromEntries(list.map((pair, i) => [file.packets[i], pair.join(" ")]));
      expect(named(kept.get(name)!)).toEqual(named(expandKept(wanted)));
    });
  });
});
