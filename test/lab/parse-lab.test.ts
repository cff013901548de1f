import { describe, expect, it } from "vitest";
import { type ParseOptions, parseLab } from "../../sim/lab/parse-lab.ts";
import type { LabSpec, NodeSpec } from "../../sim/lab/spec.ts";

function parse(text: string, options: ParseOptions = {}): LabSpec {
  return parseLab(text, "lab.yaml", options);
}

function node(spec: LabSpec, name: string): NodeSpec {
  return spec.nodes.find((n) => n.name === name)!;
}

const PAIR = `
topology:
  nodes: {h1: , h2: }
  links: [{endpoints: [h1:eth0, h2:eth0]}]
`;

describe("parseLab", () => {
  it("a lab that says nothing has the defaults, and its name is the file's", () => {
    const spec = parseLab(PAIR, "labs/two-hosts.clab.yml");
    expect(spec).toMatchObject({
      name: "two-hosts",
      seed: 1,
      durationNs: 1e9,
      cpu: "modelled",
      traffic: [],
      expect: [],
    });
    expect(spec.nodes.map((n) => [n.name, n.kind, n.cpus])).toEqual([
      ["h1", "linux", 1],
      ["h2", "linux", 1],
    ]);
  });

  it("what the caller says goes before what the lab says", () => {
    const spec = parse(`seed: 4\nduration: 10s\n${PAIR}`, { seed: 9, durationNs: 5 });
    expect(spec).toMatchObject({ seed: 9, durationNs: 5 });
  });

  it("a spec is plain data: it survives JSON", () => {
    const spec = parse(`${PAIR}\ntraffic: [{type: ping, from: h1, to: h2, packets: 3}]`);
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
  });

  it("containerlab's keys without meaning are accepted and noted at their place", () => {
    const spec = parse(`
name: x
prefix: ""
mgmt: {network: n}
topology:
  kinds: {linux: {image: alpine}}
  nodes:
    h1: {env: {A: b}, binds: ["/a:/b"], cpu: 0.5}
`);
    expect(spec.notes.map((n) => `${n.place?.line} ${n.message}`)).toEqual([
      "3 prefix has no effect in a simulation",
      "4 mgmt has no effect in a simulation",
      "6 image has no effect in a simulation",
      "8 env has no effect in a simulation",
      "8 binds has no effect in a simulation",
      "8 cpu has no effect in a simulation",
    ]);
  });

  describe("inheritance", () => {
    const spec = parse(`
topology:
  defaults: {cpus: 1, exec: [echo defaults], sysctls: {a.b: 0, a.c: 0, a.d: 0, a.e: 0}, group: g}
  kinds: {linux: {cpus: 2, exec: [echo kind], sysctls: {a.c: 1, a.d: 1, a.e: 1}, interfaces: {eth0: {mtu: 9000, queues: 2}}}}
  groups: {g: {cpus: 3, exec: [echo group], sysctls: {a.d: 2, a.e: 2}}, h: {}}
  nodes:
    own: {cpus: 4, exec: echo node, sysctls: {a.e: 3}, interfaces: {eth0: {mtu: 1400}}}
    group:
    kind: {group: h}
  links: [{endpoints: [own:eth0, group:eth0]}]
`);
    it.each([
      ["own", 4],
      ["group", 3],
      ["kind", 2],
    ])("%s: the first of node, group, kind, defaults that says something", (name, cpus) => {
      expect(node(spec, name).cpus).toBe(cpus);
    });

    it("exec lists are all run, defaults first", () => {
      expect(node(spec, "own").exec.map((c) => c.line)).toEqual([
        "echo defaults",
        "echo kind",
        "echo group",
        "echo node",
      ]);
    });

    it("mappings are merged by key", () => {
      const sysctls = Object.fromEntries(node(spec, "own").sysctls.map((s) => [s.name, s.value]));
      expect(sysctls).toEqual({ "a.b": "0", "a.c": "1", "a.d": "2", "a.e": "3" });
      expect(node(spec, "own").interfaces[0]).toMatchObject({ mtu: 1400, queues: 2 });
    });

    it("what a kind says of an interface is for the nodes that have it", () => {
      expect(node(spec, "group").interfaces.map((i) => [i.name, i.mtu])).toEqual([["eth0", 9000]]);
      expect(node(spec, "kind").interfaces).toEqual([]);
    });
  });

  describe("repetition", () => {
    it("a range in a node's name makes as many nodes", () => {
      const spec = parse(`topology: {nodes: {"b[08-10]": {exec: ["echo \${i}"]}, "r[r=1-2]-x": {exec: ["\${r*10}"]}}}`);
      expect(spec.nodes.map((n) => [n.name, n.exec[0]!.line])).toEqual([
        ["b08", "echo 8"],
        ["b09", "echo 9"],
        ["b10", "echo 10"],
        ["r1-x", "10"],
        ["r2-x", "20"],
      ]);
    });

    it("count numbers a node, where it says so or at its end", () => {
      const spec = parse(`
topology:
  nodes:
    c: {count: 2}
    x\${i}y: {count: 2}
    z\${i}:
      count: 1
      cpus: \${i+1}
`);
      expect(spec.nodes.map((n) => n.name)).toEqual(["c1", "c2", "x1y", "x2y", "z1"]);
      expect(node(spec, "z1").cpus).toBe(2);
    });

    it("the ranges of a link go pairwise", () => {
      const spec = parse(`
topology:
  nodes: {"h[1-3]": , sw: {kind: bridge}}
  links:
    - {endpoints: ["h[1-3]:eth0", "sw:p[0-2]"], delay: "\${i}ms"}
`);
      expect(spec.links.map((l) => [l.a.node, l.b.interface, l.forward.delayNs])).toEqual([
        ["h1", "p0", 1e6],
        ["h2", "p1", 2e6],
        ["h3", "p2", 3e6],
      ]);
    });

    it("for repeats entries of any list, within one another too", () => {
      const spec = parse(`
topology:
  nodes:
    h1:
      exec:
        - first
        - for: a in 1-2
          do:
            - outer \${a}
            - {for: b in 0-1, do: "inner \${a}.\${b:02x}"}
      maps: {m: [{for: 1-2, key: "\${i-1}", value: "\${i*100}"}]}
`);
      expect(node(spec, "h1").exec.map((c) => c.line)).toEqual([
        "first",
        "outer 1",
        "inner 1.00",
        "inner 1.01",
        "outer 2",
        "inner 2.00",
        "inner 2.01",
      ]);
      expect(node(spec, "h1").maps[0]!.elements.map((e) => [e.key, e.value])).toEqual([
        [0, 100],
        [1, 200],
      ]);
    });

    it("a hundred backends take one entry", () => {
      const spec = parse(`
topology:
  nodes:
    sw: {kind: bridge}
    backend[1-100]:
      interfaces: {eth0: {ip: "10.0.\${i/50}.\${i%50+1}/16", mac: "02:00:00:00:01:\${i:02x}"}}
  links: [{endpoints: ["backend[1-100]:eth0", "sw:b[1-100]"]}]
traffic:
  - {type: ping, from: "backend[1-3]", to: "backend*"}
`);
      expect(spec.nodes).toHaveLength(101);
      const last = node(spec, "backend100").interfaces[0]!;
      expect([last.addresses[0]!.line, last.mac]).toEqual(["10.0.2.1/16", "02:00:00:00:01:64"]);
      const ping = spec.traffic[0]!;
      expect(ping.from.map((f) => f.node)).toEqual(["backend1", "backend2", "backend3"]);
      expect(ping.type === "ping" && ping.to).toHaveLength(100);
    });
  });

  describe("environment", () => {
    const lab = `
name: \${NAME:=plain}
seed: \${SEED:-3}
topology: {nodes: {h1: {exec: ["echo \${WHO-nobody}"]}}}
`;
    it("defaults hold where nothing is set", () => {
      const spec = parse(lab);
      expect([spec.name, spec.seed, spec.nodes[0]!.exec[0]!.line]).toEqual(["plain", 3, "echo nobody"]);
    });
    it("what is set goes into the text before it is read", () => {
      const spec = parse(lab, { env: { NAME: "x", SEED: "12", WHO: "me" } });
      expect([spec.name, spec.seed, spec.nodes[0]!.exec[0]!.line]).toEqual(["x", 12, "echo me"]);
    });
    it("set and empty counts for - and not for :-", () => {
      const spec = parse(lab, { env: { NAME: "", SEED: "", WHO: "" } });
      expect([spec.name, spec.seed, spec.nodes[0]!.exec[0]!.line]).toEqual(["plain", 3, "echo "]);
    });
    it("an error behind a long value is shown where the file has it", () => {
      const text = [`name: \${NAME}`, `seed: \${A}\${B} # x`, "topology: {nodes: {h1: {cpus: none}}}"].join("\n");
      const env = { NAME: "a-much-longer-name", A: "1", B: "2" };
      expect(() => parse(text, { env })).toThrow(
        'lab.yaml:3:31: topology.nodes.h1.cpus: expected a whole number from 1 to 256, got "none" [LAB_VALUE]',
      );
    });
    it("a comment may speak of variables", () => {
      expect(parse(`# set \${WHATEVER}\n${PAIR}`).nodes).toHaveLength(2);
    });
  });

  describe("links", () => {
    it.each([
      ["endpoints: [h1:eth0, h2:eth0]", "veth", "nothing said"],
      ["endpoints: [h1:eth0, h2:eth0], delay: 1ms", "nic", "only a cable has a delay"],
      ["endpoints: [h1:eth0, h2:eth0], backward: {loss: 1%}", "nic", "in one direction, too"],
      ["endpoints: [h1:eth0, h2:eth0], driver: nic", "nic", "said"],
      ["endpoints: [h1:eth0, h2:eth0], mtu: 9000", "veth", "the MTU is the devices'"],
    ])("%s is %s: %s", (link, driver) => {
      const spec = parse(`topology: {nodes: {h1: , h2: }, links: [{${link}}]}`);
      expect(spec.links[0]!.driver).toBe(driver);
      expect(spec.nodes.map((n) => n.interfaces[0]!.driver)).toEqual([driver, driver]);
    });

    it("an interface may say the driver for both ends", () => {
      const spec = parse(
        "topology: {nodes: {h1: {interfaces: {eth0: {driver: nic}}}, h2: }, links: [{endpoints: [h1:eth0, h2:eth0]}]}",
      );
      expect(spec.links[0]!.driver).toBe("nic");
      expect(node(spec, "h2").interfaces[0]!.driver).toBe("nic");
    });

    it("a link that the timeline cuts is a cable", () => {
      expect(parse(`${PAIR}\ntimeline: [{at: 1s, link: h2:eth0, state: down}]`).links[0]!.driver).toBe("nic");
    });

    it("directions override what the link says of both", () => {
      const spec = parse(
        "topology: {nodes: {h1: , h2: }, links: [{endpoints: [h1:e, h2:e], rate: 1gbit, delay: 2ms, forward: {delay: 5ms}, backward: {loss: 1%}}]}",
      );
      expect(spec.links[0]!.forward).toEqual({ rateBps: 1e9, delayNs: 5e6, jitterNs: 0, loss: 0 });
      expect(spec.links[0]!.backward).toEqual({ rateBps: 1e9, delayNs: 2e6, jitterNs: 0, loss: 0.01 });
    });

    it("containerlab's brief and extended forms carry addresses", () => {
      const spec = parse(`
topology:
  nodes: {h1: , h2: }
  links:
    - {endpoints: [h1:eth1, h2:eth1], mtu: 1400, ipv4: [10.0.0.1/24, 10.0.0.2/24]}
    - type: veth
      endpoints:
        - {node: h1, interface: eth2, mac: 02:00:00:00:00:01, ipv4: 10.1.0.1/24}
        - {node: h2, interface: eth2, ipv6: [2001:db8::2/64]}
`);
      const rows = spec.nodes.flatMap((n) =>
        n.interfaces.map((i) => [n.name, i.name, i.mtu, i.mac, i.addresses[0]!.line]),
      );
      expect(rows).toEqual([
        ["h1", "eth1", 1400, null, "10.0.0.1/24"],
        ["h1", "eth2", null, "02:00:00:00:00:01", "10.1.0.1/24"],
        ["h2", "eth1", 1400, null, "10.0.0.2/24"],
        ["h2", "eth2", null, null, "2001:db8::2/64"],
      ]);
    });
  });

  it("traffic has its defaults; unnamed traffic is named by type", () => {
    const spec = parse(`${PAIR}
traffic:
  - {type: ping, from: h1, to: h2}
  - {type: ping, from: h2, to: 10.0.0.1, start: 100ms, stop: 5s}
  - {type: udp, name: web, from: h1, to: h2, rate: 1kpps, flows: 8}
  - {type: packets, from: h1, rate: 1mbit, template: {ip.dst: 10.0.0.1-10.0.0.9}}
`);
    expect(spec.traffic.map(({ origin: _, ...t }) => t)).toMatchObject([
      { name: "ping", intervalNs: 1e9, sizeBytes: 56, startNs: 0, stopNs: 1e9, to: [{ node: "h2", interface: null }] },
      { name: "ping-2", startNs: 1e8, stopNs: 1e9, to: [{ address: "10.0.0.1" }] },
      { name: "web", rate: { pps: 1000 }, port: 9, flows: 8, poisson: false, sinks: [{ node: "h2" }] },
      { name: "packets", rate: { bps: 1e6 }, from: [{ node: "h1", interface: "eth0" }], order: "sequence" },
    ]);
  });

  it("the timeline is in order of time, entries of one time as written", () => {
    const spec = parse(`duration: 9s
${PAIR}
timeline:
  - {at: 3s, crash: h1}
  - {at: 1s, on: "h*", exec: [ip link, ip addr]}
  - {at: 3s, restart: h1}
  - {at: 2s, link: h1:eth0, set: {delay: 5ms}, direction: forward}
  - {at: 2s, on: h2, maps: {m: {1: 2}}}
`);
    expect(spec.timeline.map((e) => [e.atNs / 1e9, e.kind])).toEqual([
      [1, "exec"],
      [2, "link"],
      [2, "maps"],
      [3, "crash"],
      [3, "restart"],
    ]);
    expect(spec.timeline[0]).toMatchObject({ nodes: ["h1", "h2"] });
    expect(spec.timeline[1]).toMatchObject({ link: 0, up: null, set: { delayNs: 5e6 }, direction: "forward" });
  });

  it.each([
    ["traffic.web.lost == 0", "traffic.web.lost", "==", 0],
    ["traffic.web.p99 < 2ms", "traffic.web.p99", "<", 2e6],
    ["traffic.web.loss <= 1.5%", "traffic.web.loss", "<=", 0.015],
    ["lb:eth0.rx_packets >= lb:eth0.tx_packets", "lb:eth0.rx_packets", ">=", "lb:eth0.tx_packets"],
    ["drop.SKB_DROP_REASON_XDP != 5", "drop.SKB_DROP_REASON_XDP", "!=", 5],
  ])("expectation %s", (text, metric, comparison, value) => {
    expect(parse(`${PAIR}\nexpect: [${JSON.stringify(text)}]`).expect[0]).toMatchObject({
      text,
      metric,
      comparison,
      value,
    });
  });

  it("min and max are two expectations", () => {
    const spec = parse(`${PAIR}\nexpect: [{metric: a.b, min: 1, max: 5}, {metric: c.d, equals: 100, tolerance: 10%}]`);
    expect(spec.expect.map((e) => [e.text, e.tolerance])).toEqual([
      ["a.b >= 1", 0],
      ["a.b <= 5", 0],
      ["c.d == 100", 0.1],
    ]);
  });
});
