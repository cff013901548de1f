/** The commands and arrivals of scenarios.mjs: netsim delivers, drops, counts and prints what the running kernel did, at the same times. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NET_XMIT_DROP } from "../../../../sim/net/netdev.ts";
import { ERRNO } from "../../../../sim/net/netlink-error.ts";
import { runCommand } from "../../../../sim/tools/run-command.ts";
import type { ToolResult } from "../../../../sim/tools/tool.ts";
import { ToolNetwork } from "../../../tools/kit.ts";
import { packet } from "../../kit.ts";

/** Noise of a loaded machine's clock: no packet came this much earlier or later, ns. */
const NOISE_NS = 5e6;
/** And half of them came within this, ns. */
const MEDIAN_NS = 5e5;

interface Command {
  readonly tc: string;
  readonly startNs: number;
  readonly endNs: number;
  readonly status: number;
  readonly text: string;
}

interface Arrival {
  readonly atNs: number;
  readonly tag: number;
  readonly bytes: number;
  readonly prio: number;
  readonly errno?: number;
}

interface Scenario {
  readonly name: string;
  readonly events: readonly (Command | Arrival)[];
  /** [time, tag, bytes] in the order of arrival */
  readonly received: readonly (readonly [number, number, number])[];
}

const { scenarios } = JSON.parse(readFileSync(new URL("answers.json", import.meta.url), "utf8")) as {
  scenarios: readonly Scenario[];
};

/** What netsim does with one scenario: the texts of its commands and what arrives. */
function replay(scenario: Scenario): {
  readonly texts: readonly (readonly [string, number, string])[];
  /** errno of each send, as a packet socket says it */
  readonly errors: readonly number[];
  readonly received: readonly (readonly [number, number, number])[];
} {
  const net = new ToolNetwork("pair");
  const { kernel } = net;
  const host = net.hosts.get("a")!;
  const va = host.devByName.get("va")!;
  const received: [number, number, number][] = [];
  const startNs = kernel.engine.nowNs;
  const vb = net.hosts.get("b")!.devByName.get("vb")!;
  vb.taps = [
    {
      onPacket(skb) {
        const u8 = kernel.arena.u8;
        const tag = u8[skb.data + 14]! + 256 * u8[skb.data + 15]!;
        received.push([kernel.engine.nowNs - startNs, tag, skb.len]);
      },
    },
  ];
  const texts: [string, number, string][] = [];
  const errors: number[] = [];
  for (const e of scenario.events) {
    // a command acts on the kernel a little before it is done
    const atNs = startNs + ("tc" in e ? Math.max(e.startNs, e.endNs - 500_000) : e.atNs);
    while (!kernel.engine.run(Math.max(atNs, kernel.engine.nowNs), 1e6));
    if ("tc" in e) {
      const result = runCommand(net.session("a"), `tc ${e.tc}`)[Symbol.iterator]().next().value as ToolResult;
      texts.push([e.tc, result.status, result.stdout + result.stderr]);
      continue;
    }
    const frame = new Uint8Array(e.bytes);
    frame.fill(0xff, 0, 6);
    frame.set([2, 0, 0, 0, 0, 0, 0x88, 0xb5], 6);
    new DataView(frame.buffer).setUint32(14, e.tag, true);
    const skb = packet(va, frame);
    skb.protocol = 0x88b5;
    skb.priority = e.prio | 0;
    const rc = kernel.paths.devQueueXmit(skb);
    // net_xmit_errno: congestion is no error
    errors.push(rc === NET_XMIT_DROP ? ERRNO.ENOBUFS : 0);
  }
  return { texts, errors, received };
}

/** Token counts depend on the nanosecond of the last packet, and handles that the kernel chose on what it did before. */
function comparable(text: string): string {
  return text.replace(/tokens: -?\d+ ctokens: -?\d+/g, "tokens: N").replace(/\b8[0-9a-f]{3}:/g, "8NNN:");
}

describe("arrivals at a qdisc, against the kernel's record", () => {
  it.each(scenarios.map((s) => [s.name, s] as const))("%s", (_name, scenario) => {
    const { texts, errors, received } = replay(scenario);
    const recorded = scenario.events.filter((e) => "tc" in e).map((e) => [e.tc, e.status, comparable(e.text)]);
    expect(received.map(([, tag, bytes]) => [tag, bytes])).toEqual(scenario.received.map(([, tag, b]) => [tag, b]));
    expect(texts.map(([tc, status, text]) => [tc, status, comparable(text)])).toEqual(recorded);
    expect(errors).toEqual(scenario.events.filter((e) => "tag" in e).map((e) => e.errno ?? 0));
    const late = scenario.received.map(([atNs], i) => Math.abs(atNs - received[i]![0])).sort((a, b) => a - b);
    expect(late[late.length - 1] ?? 0).toBeLessThan(NOISE_NS);
    expect(late[late.length >> 1] ?? 0).toBeLessThan(MEDIAN_NS);
  });
});
