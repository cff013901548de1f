/** prio, drr, ets and sfq: which packet goes next, by the kernel's rules; the queue is filled while the driver is stopped. */
import { describe, expect, it } from "vitest";
import { NET_XMIT_CN, NET_XMIT_DROP, NET_XMIT_SUCCESS } from "../../../sim/net/netdev.ts";
import type { ClassfulQdisc } from "../../../sim/net/qdiscs/classful.ts";
import { ToolNetwork } from "../../tools/kit.ts";
import { frame, packet } from "../kit.ts";

/** va with commands; what leaves is recorded by the mark of the packet. */
function device(...commands: readonly string[]) {
  const net = new ToolNetwork("pair");
  const dev = net.hosts.get("a")!.devByName.get("va")!;
  const { kernel } = net;
  const sent: number[] = [];
  for (const c of commands) net.do("a", `tc ${c}`);
  dev.txQueues[0]!.stopped = true;
  dev.taps = [
    {
      onPacket(skb, outgoing) {
        if (outgoing) sent.push(skb.mark);
      },
    },
  ];
  return {
    net,
    dev,
    sent,
    tc: (words: string) => net.do("a", `tc ${words}`),
    send(mark: number, bytes: number, priority: number, flow: number = 0): number {
      const skb = packet(dev, udpFrame(bytes, flow));
      skb.priority = priority | 0;
      skb.mark = mark;
      return kernel.paths.devQueueXmit(skb);
    },
    release(): readonly number[] {
      dev.txQueues[0]!.stopped = false;
      kernel.paths.qdiscRun(dev.txQueues[0]!);
      net.wait(1e9);
      return sent;
    },
  };
}

/** IPv4 and UDP from 10.0.0.1 to 10.0.0.2 with the flow's number as source port. */
function udpFrame(bytes: number, flow: number): Uint8Array {
  const b = frame(bytes, 0x0800);
  b.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, flow >>> 8, flow & 255, 0, 53], 14);
  return b;
}

const repeat = (n: number, mark: number): number[] => new Array<number>(n).fill(mark);

describe("drr", () => {
  const classes = [
    "qdisc add dev va root handle 1: drr",
    "class add dev va parent 1: classid 1:1 drr quantum 1000",
    "class add dev va parent 1: classid 1:2 drr quantum 3000",
  ];
  it("quanta of 1000 and 3000 share 1 to 3, turn by turn", () => {
    const d = device(...classes);
    for (let i = 0; i < 6; i++) d.send(1, 1000, 0x10001);
    for (let i = 0; i < 12; i++) d.send(2, 1000, 0x10002);
    expect(d.release()).toEqual([1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 1, 1]);
  });
  it("a packet larger than the quantum waits until turns have added up", () => {
    const d = device(...classes);
    d.send(1, 1400, 0x10001);
    for (let i = 0; i < 6; i++) d.send(2, 1000, 0x10002);
    expect(d.release()).toEqual([2, 2, 2, 1, 2, 2, 2]);
  });
  it("what no class takes is dropped, and the deficit is shown while packets wait", () => {
    const d = device(...classes);
    expect(d.send(9, 100, 0x10009)).toBe(NET_XMIT_SUCCESS);
    d.send(1, 1000, 0x10001);
    expect(d.tc("-s class show dev va classid 1:1")).toBe(
      "class drr 1:1 root quantum 1000b \n" +
        " Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0) \n backlog 1000b 1p requeues 0\n deficit 1000b \n",
    );
    expect(d.dev.rootQdisc!.stats).toMatchObject({ drops: 1, qlen: 1 });
    expect(d.tc("-s qdisc show dev va")).toBe(
      "qdisc drr 1: root refcnt 2 \n Sent 0 bytes 0 pkt (dropped 1, overlimits 0 requeues 0) \n backlog 1000b 1p requeues 0\n",
    );
  });
  it.each([
    ["class add dev va parent 1: classid 1:3 drr quantum 0", "Error: Specified DRR quantum cannot be zero.\n", 2],
    ["class add dev va parent 1: classid 1:1 drr", "RTNETLINK answers: File exists\n", 2],
    ["class add dev va parent 1: classid 1:3 drr bla", 'What is "bla"?\nUsage: ... drr quantum SIZE\n', 1],
    ["class add dev va parent 1: classid 1:3 drr quantum x", 'Illegal "quantum"\n', 1],
    ["qdisc add dev va parent 1:1 drr bla", 'What is "bla"?\nUsage: ... drr\n', 1],
    [
      "filter add dev va parent 1:1 protocol ip u32 match u32 0 0",
      "Error: DRR classid must be zero.\nWe have an error talking to the kernel\n",
      2,
    ],
  ])("%s is refused", async (words, text, status) => {
    const { net } = device(...classes);
    expect(await net.exec("a", `tc ${words}`)).toMatchObject({ status, stderr: text });
  });
});

describe("ets", () => {
  it("strict bands go first, in order; the others share by quanta", () => {
    const d = device("qdisc add dev va root handle 1: ets strict 2 quanta 2000 1000 priomap 3 2 1 0");
    for (let i = 0; i < 4; i++) d.send(4, 1000, 0);
    for (let i = 0; i < 6; i++) d.send(3, 1000, 1);
    for (let i = 0; i < 2; i++) d.send(2, 1000, 2);
    for (let i = 0; i < 2; i++) d.send(1, 1000, 3);
    // the band that came first is the first of the round
    expect(d.release()).toEqual([1, 1, 2, 2, 4, 3, 3, 4, 3, 3, 4, 3, 3, 4]);
  });
  it("a class id in the priority chooses the band, a foreign one the band of priority 0", () => {
    const d = device("qdisc add dev va root handle 1: ets strict 3 priomap 1 2");
    d.send(2, 100, 0x20001);
    d.send(3, 100, 0x10003);
    d.send(1, 100, 0x10001);
    expect(d.release()).toEqual([1, 2, 3]);
  });
  it("a quantum is changed by its class, not that of a strict band", async () => {
    const d = device("qdisc add dev va root handle 1: ets bands 3 strict 1");
    d.tc("class change dev va classid 1:2 ets quantum 2650");
    expect(d.tc("qdisc show dev va")).toContain("bands 3 strict 1 quanta 2650 1514 priomap 2 2 2");
    const refusals: readonly (readonly [string, string])[] = [
      ["class change dev va classid 1:1 ets quantum 5", "Error: Strict bands do not have a configurable quantum.\n"],
      ["class change dev va classid 1:2 ets quantum 0", '"quanta" must be > 0\n'],
      ["class del dev va classid 1:2", "RTNETLINK answers: Operation not supported\n"],
      [
        "class add dev va parent 1: classid 1:9 ets",
        "Error: Fine-grained class addition and removal is not supported.\n",
      ],
    ];
    for (const [words, text] of refusals) expect((await d.net.exec("a", `tc ${words}`)).stderr, words).toBe(text);
  });
  it.each([
    ["ets", 'One of "bands", "quanta" or "strict" needs to be specified\n'],
    ["ets bands 2 strict 1 quanta 1 2", "Not enough total bands to cover all the strict bands and quanta\n"],
    ["ets bands 17", 'The number of "bands" must be <= 16\n'],
    ["ets bands 2 priomap 0 2", '"priomap" element is out of bounds\n'],
    ["ets quanta 0", '"quanta" must be > 0\n'],
    ["ets quanta x", 'Illegal "quanta" element\n'],
    ["ets bands 2 bands 3", 'Duplicate "bands"\n'],
    ["ets 5", 'What is "5"?\n'],
  ])("%s is refused as tc does", async (words, text) => {
    const result = await new ToolNetwork("pair").exec("a", `tc qdisc add dev va root ${words}`);
    expect(result.status).toBe(1);
    expect(result.stderr.startsWith(text)).toBe(true);
  });
  it("fewer bands: what the last ones hold counts as dropped", () => {
    const d = device("qdisc add dev va root handle 1: ets bands 3 priomap 2 1 0");
    for (let i = 0; i < 5; i++) d.send(i, 500, i % 3);
    d.tc("qdisc change dev va root ets bands 2");
    expect(d.dev.rootQdisc!.stats).toMatchObject({ drops: 2, qlen: 3, backlog: 1500 });
    expect(d.release()).toEqual([1, 4, 2]);
  });
});

describe("prio", () => {
  it("fewer bands: what the last ones hold counts as dropped", () => {
    const d = device("qdisc add dev va root handle 1: prio bands 4 priomap 0 1 2 3 0 0 0 0 0 0 0 0 0 0 0 0");
    for (let i = 0; i < 8; i++) d.send(i, 100, i % 4);
    d.tc("qdisc change dev va root prio bands 2 priomap 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    expect(d.dev.rootQdisc!.stats).toMatchObject({ drops: 4, qlen: 4, backlog: 400 });
    expect(d.release()).toEqual([0, 4, 1, 5]);
  });
  it("filters choose the band", () => {
    const d = device(
      "qdisc add dev va root handle 1: prio",
      "filter add dev va parent 1: protocol ip pref 1 u32 match ip sport 7 0xffff flowid 1:1",
      "filter add dev va parent 1: protocol ip pref 2 u32 match ip sport 8 0xffff flowid 1:3",
    );
    d.send(3, 100, 0, 8);
    d.send(2, 100, 0, 9);
    d.send(1, 100, 0, 7);
    expect(d.release()).toEqual([1, 2, 3]);
  });
});

describe("sfq", () => {
  it("flows take turns of a quantum", () => {
    const d = device("qdisc add dev va root handle 1: sfq quantum 1500");
    for (let i = 0; i < 4; i++) d.send(1, 1500, 0, 1);
    for (let i = 0; i < 8; i++) d.send(2, 750, 0, 2);
    // credit may be overdrawn once: two small packets, then every second turn
    const order = d.release();
    expect(order.filter((m) => m === 1)).toHaveLength(4);
    expect(order.slice(0, 9)).toEqual([1, 2, 2, 1, 2, 2, 1, 2, 2]);
  });
  it("a full queue drops from the longest flow, and the sender of that flow hears of it", () => {
    const d = device("qdisc add dev va root handle 1: sfq limit 6");
    for (let i = 0; i < 5; i++) expect(d.send(10 + i, 100, 0, 1)).toBe(NET_XMIT_SUCCESS);
    expect(d.send(20, 100, 0, 2)).toBe(NET_XMIT_SUCCESS);
    // the long flow's newest packet goes, for a packet of another flow and for one of its own
    expect(d.send(21, 100, 0, 2)).toBe(NET_XMIT_SUCCESS);
    expect(d.send(15, 100, 0, 1)).toBe(NET_XMIT_CN);
    expect(d.dev.rootQdisc!.stats).toMatchObject({ drops: 2, qlen: 6, backlog: 600 });
    expect([...d.release()].sort()).toEqual([10, 11, 12, 13, 20, 21]);
  });
  it("headdrop takes the oldest instead; depth bounds a flow", () => {
    const d = device("qdisc add dev va root handle 1: sfq limit 100 depth 2 headdrop");
    expect([1, 2, 3, 4].map((m) => d.send(m, 100 + m, 0, 1))).toEqual([0, 0, NET_XMIT_CN, NET_XMIT_CN]);
    expect(d.dev.rootQdisc!.stats).toMatchObject({ drops: 2, qlen: 2, backlog: 207 });
    expect(d.release()).toEqual([3, 4]);
    const tail = device("qdisc add dev va root handle 1: sfq limit 100 depth 2");
    expect([1, 2, 3].map((m) => tail.send(m, 100, 0, 1))).toEqual([0, 0, NET_XMIT_DROP]);
  });
  it("flows beyond the slots are dropped", () => {
    const d = device("qdisc add dev va root handle 1: sfq flows 2 limit 50");
    expect([1, 2, 3, 4].map((m) => d.send(m, 100, 0x10000 + m))).toEqual([0, 0, NET_XMIT_DROP, NET_XMIT_DROP]);
  });
  it("a new key sorts what is queued into flows anew and loses nothing", () => {
    const d = device("qdisc add dev va root handle 1: sfq perturb 1 divisor 16 limit 100");
    for (let i = 0; i < 40; i++) d.send(i, 100 + i, 0, i);
    const flows = (): string =>
      (d.dev.rootQdisc as ClassfulQdisc)
        .classes()
        .map((c) => c.classid)
        .join();
    const before = flows();
    d.net.wait(1.5e9);
    d.tc("-s qdisc show dev va");
    expect(flows()).not.toBe(before);
    expect(d.dev.rootQdisc!.stats).toMatchObject({ drops: 0, qlen: 40 });
    expect([...d.release()].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });
  it("64 flows of unequal rates get equal shares within a packet", () => {
    const d = device("qdisc add dev va root handle 1: sfq limit 4000 flows 512 divisor 65536");
    for (let f = 0; f < 64; f++) for (let i = 0; i < 10 + (f % 40); i++) d.send(f, 1000, 0, f + 1);
    // while all flows have packets, each round has one of each
    const first = d.release().slice(0, 64 * 8);
    const counts = Array.from({ length: 64 }, (_, f) => first.filter((m) => m === f).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });
  it("its flows are listed as classes with what waits", () => {
    const d = device("qdisc add dev va root handle 1: sfq quantum 1500");
    d.send(1, 100, 0x10005);
    d.send(1, 200, 0x10005);
    expect(d.tc("class show dev va")).toBe("class sfq 1:5 parent 1: \n");
    expect(d.tc("-s class show dev va")).toBe(
      "class sfq 1:5 parent 1: \n (dropped 0, overlimits 0 requeues 0) \n backlog 300b 2p requeues 0\n  allot 1500\n",
    );
  });
  it.each([
    ["sfq limit 1", 'Illegal "limit", must be > 1\n', 1],
    ["sfq limit x", 'Illegal "limit"\n', 1],
    ["sfq divisor 100", "RTNETLINK answers: Invalid argument\n", 2],
    ["sfq perturb 1000000000", "Error: sch_sfq: invalid perturb period.\n", 2],
    ["sfq limit 2 flows 1 depth 1", "Error: sch_sfq: invalid limit.\n", 2],
    ["sfq redflowlimit 100000", 'sfq: netsim has no "redflowlimit" yet\n', 1],
  ])("%s is refused", async (words, text, status) => {
    const result = await new ToolNetwork("pair").exec("a", `tc qdisc add dev va root ${words}`);
    expect(result).toMatchObject({ status, stderr: text });
  });
});

describe("what tc prints of kinds that the recording kernel lacks, by iproute2's sources", () => {
  it.each([
    ["sfq", "sfq 1: root refcnt 2 limit 127p quantum 1514b depth 127 divisor 1024 \n"],
    [
      "sfq perturb 10 headdrop quantum 3k",
      "sfq 1: root refcnt 2 limit 127p quantum 3Kb depth 127 headdrop divisor 1024 perturb 10sec \n",
    ],
    [
      "ets bands 8 priomap 7 6 5 4 3 2 1 0",
      "ets 1: root refcnt 2 bands 8 quanta 1514 1514 1514 1514 1514 1514 1514 1514 priomap 7 6 5 4 3 2 1 0 7 7 7 7 7 7 7 7 \n",
    ],
    [
      "ets strict 8 priomap 7 6 5 4 3 2 1 0",
      "ets 1: root refcnt 2 bands 8 strict 8 priomap 7 6 5 4 3 2 1 0 7 7 7 7 7 7 7 7 \n",
    ],
    [
      "ets strict 3 quanta 3500 3000 2500 priomap 0 1 1 1 2 3 4 5",
      "ets 1: root refcnt 2 bands 6 strict 3 quanta 3500 3000 2500 priomap 0 1 1 1 2 3 4 5 5 5 5 5 5 5 5 5 \n",
    ],
    ["prio bands 4", "prio 1: root refcnt 2 bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1\n"],
    ["drr", "drr 1: root refcnt 2 \n"],
  ])("%s", (words, text) => {
    const d = device(`qdisc add dev va root handle 1: ${words}`);
    expect(d.tc("qdisc show dev va")).toBe(`qdisc ${text}`);
  });
  it("as JSON", () => {
    const options = (words: string): unknown => {
      const d = device(`qdisc add dev va root handle 1: ${words}`);
      return (JSON.parse(d.tc("-d -j qdisc show dev va")) as { options: unknown }[])[0]!.options;
    };
    expect(options("sfq headdrop perturb 5")).toEqual({
      limit: 127,
      quantum: 1514,
      depth: 127,
      headdrop: true,
      flows: 128,
      divisor: 1024,
      perturb: 5,
    });
    expect(options("ets strict 1 quanta 100 200")).toEqual({
      bands: 3,
      strict: 1,
      quanta: [100, 200],
      priomap: repeat(16, 2),
    });
    expect(options("drr")).toEqual({});
  });
});

describe("a device without a queue length", () => {
  it("gets one when it is given a qdisc; queues of classes that are made while it has none take nothing", () => {
    const d = device();
    d.net.do("a", "ip link set va txqueuelen 0");
    d.tc("qdisc add dev va root handle 1: htb default 1");
    expect(d.dev.txQueueLen).toBe(1000);
    d.net.do("a", "ip link set va txqueuelen 0");
    d.tc("class add dev va parent 1: classid 1:1 htb rate 1mbit");
    expect(d.send(1, 100, 0)).toBe(NET_XMIT_DROP);
    expect(d.dev.rootQdisc!.stats).toMatchObject({ drops: 1, qlen: 0 });
  });
});

describe("examples of the man pages", () => {
  it.each([
    [
      "tc-tbf(8)",
      [
        "qdisc add dev va handle 10: root tbf rate 0.5mbit burst 5kb latency 70ms peakrate 1mbit minburst 1540",
        "qdisc add dev va parent 10:1 handle 100: sfq",
      ],
    ],
    [
      "tc-drr(8)",
      [
        "qdisc add dev va handle 1 root drr",
        "class add dev va parent 1: classid 1:1 drr",
        "class add dev va parent 1: classid 1:2 drr",
      ],
    ],
    [
      "tc-ets(8)",
      [
        "qdisc add dev va root handle 1: ets bands 8 priomap 7 6 5 4 3 2 1 0",
        "class change dev va classid 1:1 ets quantum 2650",
      ],
    ],
    ["tc-ets(8)", ["qdisc add dev va root handle 1: ets bands 8 strict 3 priomap 3 4 0 1 2 5 6 7"]],
    ["tc-sfq(8)", ["qdisc add dev va root sfq"]],
  ])("%s acts", (_page, commands) => {
    const d = device(...commands);
    d.send(1, 100, 0x10001);
    expect(d.release()).toEqual([1]);
  });
  it.each(["hfsc", "mqprio", "multiq"])("%s is refused by name", async (kind) => {
    const result = await new ToolNetwork("pair").exec("a", `tc qdisc add dev va root ${kind}`);
    expect(result).toMatchObject({ status: 255, stderr: `netsim has no qdisc ${kind} yet\n` });
  });
});
