/** What programs that are bound to a device may do and are told, as the kernel answered it (record.mjs); and what a NIC tells them. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import type { BpfMap } from "../../../../sim/bpf/map.ts";
import { parseObject } from "../../../../sim/bpf/object/parse-object.ts";
import type { Program } from "../../../../sim/bpf/program.ts";
import { ObjectError } from "../../../../sim/engine/errors.ts";
import { type LoadedObject, type LoadObjectOptions, loadObjectOnHost } from "../../../../sim/net/bpf-objects.ts";
import { rssHash } from "../../../../sim/net/devices/rss.ts";
import { ETH_P_ALL } from "../../../../sim/net/ether.ts";
import type { Host } from "../../../../sim/net/host.ts";
import type { Netdev } from "../../../../sim/net/netdev.ts";
import { NetlinkError } from "../../../../sim/net/netlink-error.ts";
import { progTestRun } from "../../../../sim/net/prog-test-run.ts";
import { openPacket } from "../../../../sim/net/sockets/index.ts";
import { addHost } from "../../../../sim/net/stack.ts";
import { attachTcx } from "../../../../sim/net/tc/control.ts";
import { attachXdp, detachXdp, type XdpModeWord } from "../../../../sim/net/xdp/attach.ts";
import { fromHex, packetHex, toHex } from "../../../kernel/replay-kit.ts";
import { ToolNetwork } from "../../../tools/kit.ts";
import { cable, runFor } from "../../kit.ts";

type Frame = readonly [name: string, from: string, ...said: number[]];

const golden = JSON.parse(readFileSync(new URL("answers.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly errno: Readonly<Record<string, number>>;
  readonly frames: readonly Frame[];
};
const OBJECT = fileURLToPath(new URL("metadata.o", import.meta.url));
const spec = parseObject(readFileSync(OBJECT), "metadata.o");
const ENODATA = 61;
let net: ToolNetwork;
let host: Host;
let v0: Netdev;
let v1: Netdev;

beforeEach(() => {
  net = new ToolNetwork("pair");
  host = net.hosts.get("a")!;
  v0 = host.devByName.get("va")!;
  v1 = net.hosts.get("b")!.devByName.get("vb")!;
});

function load(name: string, device?: Netdev, more: LoadObjectOptions = {}, on: Host = host): LoadedObject {
  return loadObjectOnHost(on, spec, { programs: [name], ...(device === undefined ? {} : { device }), ...more });
}

/** The errno of what an action throws. */
function errnoOf(action: () => unknown): number {
  try {
    action();
    return 0;
  } catch (error) {
    if (error instanceof NetlinkError) return error.errno;
    if (!(error instanceof ObjectError)) throw error;
    return Number(/\(errno (\d+)\)/.exec(error.message)?.[1] ?? 22);
  }
}

function attachErrno(dev: Netdev, prog: Program, mode: XdpModeWord): number {
  return errnoOf(() => {
    attachXdp(dev, prog, { mode });
    detachXdp(dev, mode);
  });
}

const words = (...n: number[]): Uint8Array => new Uint8Array(Uint32Array.from(n).buffer);
const put = (map: BpfMap, ...value: number[]): number => Math.abs(map.write(words(0), words(...value), 0));

describe(`bound programs on Linux ${golden.kernel}`, () => {
  it("load, run, attach and enter maps where they may", () => {
    const bound = load("bound", v0).program("bound");
    const plain = load("with_maps");
    const maps = load("with_maps", v0);
    const inDevmap = load("in_devmap", v0).program("in_devmap");
    const inCpumap = load("in_cpumap", v0).program("in_cpumap");
    const answer = progTestRun(host, bound, { data: new Uint8Array(64) });
    const tried = {
      unbound: errnoOf(() => load("bound")),
      "bound to lo": errnoOf(() => load("bound", host.devices[1])),
      bound: 0,
      run: answer,
      "attached in the driver": attachErrno(v0, bound, "xdpdrv"),
      "attached in generic mode": attachErrno(v0, bound, "xdpgeneric"),
      "attached to another device": attachErrno(v1, bound, "xdpdrv"),
      "attached in generic mode to another device": attachErrno(v1, bound, "xdpgeneric"),
      "prog array": put(plain.map("progs"), maps.program("with_maps").id),
      "its own prog array": put(maps.map("progs"), maps.program("with_maps").id),
      "unbound one into its prog array": put(maps.map("progs"), plain.program("with_maps").id),
      devmap: put(plain.map("devs"), v0.ifindex, inDevmap.id),
      cpumap: put(plain.map("cpus"), 192, inCpumap.id),
    };
    expect(golden.errno).toMatchObject(tried);
  });

  it("refusals bear the kernel's words", () => {
    const bound = load("bound", v0).program("bound");
    expect(() => load("bound")).toThrow(/metadata kfuncs require device-bound program/);
    expect(() => attachXdp(v1, bound)).toThrow(/Program bound to different device/);
    expect(() => attachXdp(v0, bound, { mode: "xdpgeneric" })).toThrow(
      /Can't attach device-bound programs in generic mode/,
    );
  });
});

/** What the bound program wrote down, frame by frame; whether there was a hash in the place of the hash. */
function said(map: BpfMap, n: number): number[][] {
  return Array.from({ length: n }, (_, i) =>
    [...new BigInt64Array(map.read(words(i))!.slice().buffer)].map((v) => Number(v)),
  );
}

describe("veth", () => {
  it.each(["peer", "peer, tagged", "reflected"])("says of frames by way of the %s what Linux's does", (way) => {
    const frames = golden.frames.filter(([, from]) => from === way);
    const object = load("bound", v0);
    attachXdp(v0, object.program("bound"));
    const sender = way === "reflected" ? v0 : v1;
    if (way === "peer, tagged") attachTcx(v1, "egress", load("tag", undefined, {}, v1.host).program("tag"));
    if (way === "reflected") attachXdp(v1, load("reflect", undefined, {}, v1.host).program("reflect"));
    const socket = openPacket(sender.host, { dev: sender, protocol: ETH_P_ALL });
    for (const [name] of frames) {
      expect(socket.send(fromHex(packetHex.get(name)!))).toBe(0);
      runFor(net.kernel, 1e6);
    }
    expect(said(object.map("frames"), frames.length)).toEqual(frames.map(([, , ...answers]) => answers));
  });

  it("bpftool prog load xdpmeta_dev binds to it", () => {
    net.do("a", `bpftool prog load ${OBJECT} /sys/fs/bpf/m xdpmeta_dev va`);
    expect(host.bpf.pinnedProgram("/sys/fs/bpf/m")?.device).toBe(v0);
    net.do("a", "ip link set va xdp pinned /sys/fs/bpf/m");
    expect(v0.xdp?.prog).toBe(host.bpf.pinnedProgram("/sys/fs/bpf/m"));
    const load = (dev: string): string => `bpftool prog load ${OBJECT} /sys/fs/bpf/n xdpmeta_dev ${dev}`;
    expect(() => net.do("a", load("nope"))).toThrow(/unrecognized netdevice 'nope': No such device/);
    expect(() => net.do("a", load("lo"))).toThrow(/nothing can be bound to lo/);
    expect(() => net.do("a", load("va xdpmeta_dev va"))).toThrow(/xdpmeta_dev already specified/);
  });
});

it("a NIC says the Toeplitz hash and what it goes over, with one queue as well", () => {
  const rows: [string, number][] = [
    ["ipv4_udp", 1 | 8 | 32],
    ["ipv4_tcp_syn", 1 | 8 | 16],
    ["ipv6_udp", 2 | 8 | 32],
    ["ipv4_icmp_echo", 1],
    ["ipv4_later_fragment", 1],
    ["vlan_ipv4_tcp", 1 | 8 | 16],
    ["arp_request", 0],
  ];
  const a = addHost(net.kernel, "x");
  const b = addHost(net.kernel, "y");
  const link = cable(a, "eth0", b, "eth0");
  runFor(net.kernel, 10e9);
  const object = load("bound", link.b, {}, b);
  attachXdp(link.b, object.program("bound"));
  const socket = openPacket(a, { dev: link.a, protocol: ETH_P_ALL });
  const { u8 } = net.kernel.arena;
  const at = net.kernel.arena.alloc(2048);
  const hashes = rows.map(([name]) => {
    const bytes = fromHex(packetHex.get(name)!);
    expect(socket.send(bytes)).toBe(0);
    runFor(net.kernel, 1e6);
    u8.set(bytes, at);
    return rssHash(u8, at, bytes.length);
  });
  const want = rows.map(([name, type], i) => {
    const hash = hashes[i] === 0 ? 0 : 1;
    return [packetHex.get(name)!.length / 2, -ENODATA, 7, 0, hash, type, -ENODATA, 7, 7];
  });
  expect(said(object.map("frames"), rows.length)).toEqual(want);
  expect(toHex(words(hashes[0]!))).not.toBe("00000000");
});
