/** Replays test/kernel/vectors/netns/xdp-actions.json: the same objects, frames and commands as a real kernel had, counter for counter. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { type LoadedObject, loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import { setDown, setMtu, setUp } from "../../../sim/net/devices/device.ts";
import { createVethPair } from "../../../sim/net/devices/veth.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { NetlinkError } from "../../../sim/net/netlink-error.ts";
import { PACKET_OTHERHOST } from "../../../sim/net/skb.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { attachXdp, type XdpModeWord } from "../../../sim/net/xdp/attach.ts";
import { ethtool, imbalance, runFor, send, Tap, testKernel, words } from "../kit.ts";

interface End {
  readonly host: string;
  readonly dev: string;
  readonly index: number;
  readonly mac: string;
}
type MapOp =
  | { readonly op: "map"; readonly map: string; readonly key: string; readonly value: string }
  | {
      readonly op: "dev";
      readonly map: string;
      readonly slot: number;
      readonly dev: string;
      readonly program: string | null;
    };
interface Attach {
  readonly host: string;
  readonly dev: string;
  readonly at: string;
  readonly object: string;
  readonly program: string;
  readonly maps?: readonly MapOp[];
}
interface DeviceResult {
  readonly rx: Record<string, number>;
  readonly tx: Record<string, number>;
  readonly ethtool: Record<string, number>;
}
interface Case {
  readonly name: string;
  readonly network: { readonly hosts: readonly string[]; readonly links: readonly (readonly [End, End])[] };
  readonly attach: readonly Attach[];
  readonly commands: readonly { readonly host: string; readonly run: string }[];
  readonly send: {
    readonly from: string;
    readonly frames: readonly { readonly hex: string; readonly count: number }[];
  };
  readonly result: {
    readonly commands: readonly { readonly run: string; readonly stdout: string; readonly stderr: string }[];
    readonly taps: Record<string, { readonly in: number; readonly out: number }>;
    readonly ipInReceives: Record<string, number>;
    readonly devices: Record<string, DeviceResult>;
  };
}

const root = new URL("../../../", import.meta.url);
const file = JSON.parse(readFileSync(new URL("test/kernel/vectors/netns/xdp-actions.json", root), "utf8")) as {
  readonly cases: readonly Case[];
};

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

class Network {
  readonly kernel: Kernel = testKernel();
  readonly devs: Map<string, Netdev> = new Map();
  readonly taps: Map<string, Tap> = new Map();
  readonly ipInReceives: Record<string, number> = {};
  readonly output: { run: string; stdout: string; stderr: string }[] = [];

  constructor(c: Case) {
    for (const name of c.network.hosts) this.watchIp(addHost(this.kernel, name));
    for (const [a, b] of c.network.links) {
      const ends = [a, b].map((end) => {
        const host = this.kernel.hostByName.get(end.host)!;
        const mac = Uint8Array.from(end.mac.split(":").map((x) => Number.parseInt(x, 16)));
        return { host, end, options: { name: end.dev, mac, ifindex: end.index } };
      });
      const [x, y] = ends as [(typeof ends)[0], (typeof ends)[0]];
      const pair = createVethPair(x.host, x.options, y.host, y.options);
      for (const [i, dev] of pair.entries()) {
        expect(dev.ifindex).toBe(ends[i]!.end.index);
        setUp(dev);
        this.devs.set(`${ends[i]!.end.host}:${dev.name}`, dev);
        this.taps.set(`${ends[i]!.end.host}:${dev.name}`, new Tap(dev));
      }
    }
  }

  private watchIp(host: Host): void {
    this.ipInReceives[host.name] = 0;
    host.packetTypes.set(0x0800, (skb) => {
      if (skb.pktType !== PACKET_OTHERHOST) this.ipInReceives[host.name]!++;
      this.kernel.consumeSkb(skb);
    });
  }

  attach(
    host: string,
    dev: string,
    mode: XdpModeWord,
    object: string,
    program: string | null,
    maps: readonly MapOp[],
  ): void {
    const h = this.kernel.hostByName.get(host)!;
    const spec = parseObject(new Uint8Array(readFileSync(new URL(`programs/${object}`, root))), object);
    const loaded = loadObjectOnHost(h, spec);
    for (const op of maps) this.fill(h, loaded, op);
    const name = program ?? spec.programs[0]!.name;
    attachXdp(h.devByName.get(dev)!, loaded.program(name), { mode });
  }

  private fill(host: Host, loaded: LoadedObject, op: MapOp): void {
    const map = loaded.map(op.map);
    if (op.op === "map") {
      expect(map.write(fromHex(op.key), fromHex(op.value), 0)).toBe(0);
      return;
    }
    const ifindex = host.devByName.get(op.dev)!.ifindex;
    const value = op.program === null ? words(ifindex, 0) : words(ifindex, loaded.program(op.program).id);
    expect(map.write(words(op.slot), value.subarray(0, map.spec.valueSize), 0)).toBe(0);
  }

  command(host: string, run: string): void {
    const h = this.kernel.hostByName.get(host)!;
    const known = COMMANDS.find(([pattern]) => pattern.test(run));
    if (known === undefined) throw new Error(`the recording has a command that this test does not know: ${run}`);
    let stdout = "";
    let stderr = "";
    try {
      const m = known[0].exec(run)!;
      stdout = known[1](this, h, h.devByName.get(m[1]!)!, m) ?? "";
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      stderr = `Error: ${error.message}.\n`;
    }
    this.output.push({ run, stdout, stderr });
  }
}

type Command = (net: Network, host: Host, dev: Netdev, m: RegExpExecArray) => string | undefined;

/** The few commands that the recording uses; the first group is the device. */
const COMMANDS: readonly (readonly [RegExp, Command])[] = [
  [/^ethtool -K (\w+) gro on$/, (_net, _host, dev) => void dev.ops.setGro!(dev, true)],
  [/^ip link set (?:dev )?(\w+) down$/, (_net, _host, dev) => void setDown(dev)],
  [/^ip link set dev (\w+) mtu (\d+)$/, (_net, _host, dev, m) => void setMtu(dev, Number(m[2]))],
  [
    /^ip link set dev (\w+) (xdp\w*) obj (\S+) sec xdp(?:\.frags)?$/,
    (net, host, dev, m) => void net.attach(host.name, dev.name, m[2] as XdpModeWord, m[3]!, null, []),
  ],
  [
    /^ip -d -j link show dev (\w+) \| jq -r '\.\[0\]\.xdp\.mode'$/,
    (_net, _host, dev) => (dev.xdp?.mode === "xdp" ? "1\n" : "2\n"),
  ],
];

describe("XDP on veth as recorded on a real kernel", () => {
  it.each(file.cases)("$name", (c) => {
    const net = new Network(c);
    for (const a of c.attach) {
      net.attach(a.host, a.dev, a.at === "xdp native" ? "xdpdrv" : "xdpgeneric", a.object, a.program, a.maps ?? []);
    }
    for (const cmd of c.commands) net.command(cmd.host, cmd.run);
    const from = net.devs.get(c.send.from)!;
    for (const f of c.send.frames) {
      for (let i = 0; i < f.count; i++) {
        send(from, fromHex(f.hex));
        runFor(net.kernel, 0);
      }
    }
    const shown = new Set(c.result.commands.map((x) => x.run));
    const row = (dev: Netdev, way: "rx" | "tx"): Record<string, number> => {
      const s = dev.stats;
      return way === "rx"
        ? { packets: s.rxPackets, bytes: s.rxBytes, errors: s.rxErrors, dropped: s.rxDropped }
        : { packets: s.txPackets, bytes: s.txBytes, errors: s.txErrors, dropped: s.txDropped };
    };
    expect({
      commands: net.output.filter((x) => shown.has(x.run)),
      taps: Object.fromEntries([...net.taps].map(([name, t]) => [name, { in: t.count(false), out: t.count(true) }])),
      ipInReceives: net.ipInReceives,
      devices: Object.fromEntries(
        [...net.devs].map(([name, d]) => [name, { rx: row(d, "rx"), tx: row(d, "tx"), ethtool: ethtool(d) }]),
      ),
      imbalance: imbalance(net.kernel),
    }).toEqual({
      commands: c.result.commands.map(({ run, stdout, stderr }) => ({ run, stdout, stderr })),
      taps: c.result.taps,
      ipInReceives: c.result.ipInReceives,
      devices: Object.fromEntries(
        Object.entries(c.result.devices).map(([name, d]) => [name, { rx: d.rx, tx: d.tx, ethtool: d.ethtool }]),
      ),
      imbalance: 0,
    });
  });
});
