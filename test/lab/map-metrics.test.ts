/** Maps in expectations, and Maglev rings in `maps`. */
import { readFileSync } from "node:fs";
import { run } from "effection";
import { describe, expect, it } from "vitest";
import { LabError } from "../../sim/engine/errors.ts";
import { buildNetwork } from "../../sim/lab/build-network.ts";
import { defaultParts } from "../../sim/lab/default-parts.ts";
import { maglevRing } from "../../sim/lab/maglev.ts";
import { mapMetric } from "../../sim/lab/map-metrics.ts";
import type { Network } from "../../sim/lab/network.ts";
import { parseLab } from "../../sim/lab/parse-lab.ts";
import { runNetwork } from "../../sim/lab/run-network.ts";
import { crashHost } from "../../sim/net/stack.ts";

const programs = new URL("../../programs/", import.meta.url);
const files = { read: (name: string): Uint8Array => readFileSync(new URL(name, programs)) };

/** h1 sends 100 datagrams to h2, which has a program and map contents. */
interface Given {
  readonly xdp: string;
  readonly maps?: string;
}

function lab({ xdp, maps = "" }: Given): string {
  return [
    "topology:",
    "  nodes:",
    "    h1: {interfaces: {eth0: {ip: 10.0.0.1/24}}}",
    `    h2: {cpus: 2, interfaces: {eth0: {ip: 10.0.0.2/24, xdp: "${xdp}"}}, maps: {${maps}}}`,
    "  links: [{endpoints: [h1:eth0, h2:eth0]}]",
    "traffic: [{type: udp, from: h1, to: h2, rate: 1kpps, packets: 100, size: 58, flows: 10}]",
  ].join("\n");
}

async function network(given: Given, andRun: boolean): Promise<Network> {
  const spec = parseLab(lab(given), "lab.yaml");
  return await run(function* () {
    const built = yield* buildNetwork(spec, files, defaultParts);
    if (andRun) yield* runNetwork(built);
    return built;
  });
}

/** What is wrong with a lab, on one line each. */
async function complaints(given: Given): Promise<readonly string[]> {
  try {
    await network(given, false);
    return [];
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return error.diagnostics.map((d) => `${d.path}: ${d.message} [${d.code}] ${d.fix ?? ""}`.trim());
  }
}

function value(net: Network, name: string): number | string | null {
  const m = mapMetric(net.kernel, name);
  if (m === null) return null;
  if ("value" in m) return m.value;
  return m.fix === undefined ? m.problem : `${m.problem}; ${m.fix}`;
}

const L4LB: Given = {
  xdp: "xdp_l4lb.o",
  maps: [
    "vips: [{key: {addr: 198.51.100.1, port: 53, proto: 17}, value: {id: 7}}]",
    "backends: [{key: 3, value: {addr: 10.0.0.9, flags: 1}}]",
    'lb_config: [{key: 0, value: {source: 1.2.3.4, next_hop: "02:00:00:00:00:05"}}]',
  ].join(", "),
};

describe("metrics of maps", () => {
  it("per-CPU values are added up over the CPUs, and fields are named", async () => {
    const net = await network({ xdp: "xdp_proto_count.o" }, true);
    expect(value(net, "h2.map.proto_count[17].packets")).toBe(100);
    expect(value(net, "h2.map.proto_count[17].bytes")).toBe(10_000);
    expect(value(net, "h2.map.proto_count[0x11].packets")).toBe(100);
    expect(value(net, "h2.map.proto_count[1].packets")).toBe(0);
  });

  it("a value without BTF is 64-bit words", async () => {
    const net = await network({ xdp: "xdp_legacy_count.o" }, true);
    // with the ARP request
    expect(value(net, "h2.map.legacy_count[0].0")).toBe(101);
    expect(value(net, "h2.map.legacy_count[0].1")).toBe(10_042);
  });

  it("records that user space got are counted by map", async () => {
    const net = await network({ xdp: "xdp_events.o:xdp_ringbuf" }, true);
    expect(value(net, "h2.map.ring_events.records")).toBe(100);
    expect(value(net, "h2.map.perf_events.records")).toBe(0);
  });

  it("keys of structures are written by field, prefixes as such", async () => {
    const net = await network(L4LB, false);
    expect(value(net, "h2.map.vips[addr=198.51.100.1,port=53,proto=17].id")).toBe(7);
    expect(value(net, "h2.map.vips[addr=198.51.100.1,port=54,proto=17].id")).toBe(0);
    expect(value(net, "h2.map.vips.entries")).toBe(1);
    expect(value(net, "h2.map.backends[3].flags")).toBe(1);
    expect(value(net, "h2.map.lb_config[0].next_hop.5")).toBe(5);
    const maps = "blocked_v4: {10.0.0.0/8: 4, 10.0.0.1/32: 5}";
    const blocking = await network({ xdp: "xdp_blocklist.o", maps }, false);
    expect(value(blocking, "h2.map.blocked_v4[10.0.0.0/8]")).toBe(4);
    expect(value(blocking, "h2.map.blocked_v4[10.0.0.1/32]")).toBe(5);
    expect(value(blocking, "h2.map.blocked_v4.entries")).toBe(2);
  });

  it("a host that is down has 0 in all its maps", async () => {
    const net = await network(L4LB, false);
    crashHost(net.host("h2"));
    expect(value(net, "h2.map.vips.entries")).toBe(0);
  });

  it.each([
    ["h3.map.vips[0]", 'there is no node "h3"; did you mean h1? known: h1, h2'],
    ["h2.map.vipz[0]", /^no program on h2 has a map "vipz"; did you mean vips\? known: /],
    ["h2.map.backends[ten].flags", /^map backends: key "ten": expected an integer/],
    ["h2.map.backends[3]", "the values of map backends are no numbers; name a field: .addr, .flags"],
    ["h2.map.backends[3].flag", 'the values of map backends have no ".flag"; did you mean flags? known: addr, flags'],
    ["h2.map.backends[3].flags.x", 'map backends: a number has no ".x"'],
  ])("%s is refused with the reason", async (name, reason) => {
    const said = value(await network(L4LB, false), name);
    if (typeof reason === "string") expect(said).toBe(reason);
    else expect(said).toMatch(reason);
  });

  it.each(["h2:eth0.rx_packets", "traffic.udp.sent", "h2.map", "h2.map.vips", "drop.total"])(
    "%s is no metric of a map",
    async (name) => {
      expect(value(await network(L4LB, false), name)).toBeNull();
    },
  );
});

describe("a Maglev ring in maps", () => {
  it("is computed and written from its offset on", async () => {
    const backends = "[{name: a, slot: 1}, {name: b, slot: 2, weight: 2}]";
    const net = await network(
      { xdp: "xdp_l4lb.o", maps: `ring: {maglev: {size: 101, offset: 8191, backends: ${backends}}}` },
      false,
    );
    const expected = maglevRing(
      [
        { name: "a", slot: 1, weight: 1 },
        { name: "b", slot: 2, weight: 2 },
      ],
      101,
    );
    const written = Array.from({ length: 101 }, (_, i) => value(net, `h2.map.ring[${8191 + i}]`));
    expect(written).toEqual([...expected]);
    expect(value(net, "h2.map.ring[8190]")).toBe(0);
    expect(value(net, "h2.map.ring[8292]")).toBe(0);
  });

  it.each([
    [
      "ring: {maglev: {size: 100, backends: []}}",
      "topology.nodes.h2.maps.ring.maglev.size: the size of a Maglev ring is a prime, 100 is none [MAGLEV] the next one is 101",
    ],
    [
      "ring: {maglev: {size: 2, backends: [{for: 1-3, name: x, slot: 1}]}}",
      "topology.nodes.h2.maps.ring.maglev.backends: 3 backends do not fit a ring of 2 [MAGLEV] enlarge the ring",
    ],
    [
      "ring: {maglev: {size: 3, backends: [], offsets: 3}}",
      'topology.nodes.h2.maps.ring.maglev: unknown key "offsets" [KEY_UNKNOWN] did you mean offset? known: size, offset, backends',
    ],
    [
      "vips: {maglev: {size: 3, backends: []}}",
      "topology.nodes.h2.maps.vips: map vips has keys of 8 and values of 4 bytes, a ring needs 4 and 4 [MAP_VALUE]",
    ],
    [
      "ring: {maglev: {size: 524309, backends: []}}",
      "topology.nodes.h2.maps.ring: map ring: entry 524224 of the ring: Argument list too long [MAP_REFUSED]",
    ],
  ])("%s is refused", async (maps, complaint) => {
    expect(await complaints({ xdp: "xdp_l4lb.o", maps })).toEqual([complaint]);
  });
});
