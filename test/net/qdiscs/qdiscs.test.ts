import { describe, expect, it } from "vitest";
import { NET_XMIT_DROP, NET_XMIT_SUCCESS, type TxQueue } from "../../../sim/net/netdev.ts";
import { TC_H_ROOT } from "../../../sim/net/qdiscs/base.ts";
import { qdiscDef, qdiscDefs } from "../../../sim/net/qdiscs/index.ts";
import { parseQdiscWords } from "../../../sim/net/qdiscs/params.ts";
import { deleteQdisc, listQdiscs, modifyQdisc } from "../../../sim/net/qdiscs/tree.ts";
import { qdiscKit } from "./kit.ts";

const MS = 1e6;

describe("tbf", () => {
  it("a burst passes at once, then packets leave at the rate", () => {
    const kit = qdiscKit("tbf rate 8mbit burst 3000 limit 100k");
    for (let i = 0; i < 6; i++) kit.send(1000);
    expect(kit.sent.length).toBe(3);
    kit.run(10 * MS);
    expect(kit.sent.map((s) => s.atNs)).toEqual([0, 0, 0, 1e6, 2e6, 3e6]);
    expect(kit.root().stats).toMatchObject({ packets: 6, bytes: 6000, drops: 0, qlen: 0, backlog: 0 });
  });
  it("a packet larger than the burst is dropped", () => {
    const kit = qdiscKit("tbf rate 8mbit burst 1000 limit 100k");
    expect(kit.send(1001)).toBe(NET_XMIT_DROP);
    expect(kit.root().stats.drops).toBe(1);
  });
  it("bytes beyond the limit are dropped and counted at the shaper", () => {
    const kit = qdiscKit("tbf rate 8kbit burst 1000 limit 2000");
    const rcs = [1, 2, 3, 4].map(() => kit.send(1000));
    expect(rcs).toEqual([NET_XMIT_SUCCESS, NET_XMIT_SUCCESS, NET_XMIT_SUCCESS, NET_XMIT_DROP]);
    expect(kit.root().stats).toMatchObject({ drops: 1, qlen: 2, backlog: 2000 });
  });
  it.each([
    ["tbf rate 100mbit burst 32kbit latency 50ms", "rate 100Mbit burst 4Kb lat 50ms "],
    ["tbf rate 1gbit burst 100k limit 1m", "rate 1Gbit burst 102375b lat 7.57ms "],
    [
      "tbf rate 10mbit burst 5k limit 20k peakrate 20mbit mtu 1540",
      "rate 10Mbit burst 5Kb peakrate 20Mbit minburst 1540b lat 12.3ms ",
    ],
  ])("%s prints as iproute2 6.1 on Linux 6.18 does", (command, text) => {
    expect(qdiscKit(command).root().printOptions()).toBe(text);
  });
  it("json carries what went through psched ticks", () => {
    const json = qdiscKit("tbf rate 100mbit burst 32kbit latency 50ms").root().jsonOptions();
    expect(json).toEqual({ rate: 12500000, burst: 4087, lat: 50000 });
  });
  it("missing parameters are all named", () => {
    expect(qdiscDef("tbf")!.check({})).toEqual([
      'tbf: the "rate" parameter is mandatory.',
      'tbf: the "burst" parameter is mandatory.',
      'tbf: either "limit" or "latency" is required.',
    ]);
  });
});

describe("prio", () => {
  it("lower bands go first, and a class id in the priority chooses the band", () => {
    const kit = qdiscKit("prio");
    kit.dev.txQueues[0]!.stopped = true;
    kit.send(100, 0, 1); // band 1
    kit.send(100, 2, 2); // band 2
    kit.send(100, 6, 3); // band 0
    kit.send(100, 0x10001, 4); // class 1:1
    kit.dev.txQueues[0]!.stopped = false;
    kit.kernel.paths.qdiscRun(kit.dev.txQueues[0]!);
    expect(kit.sent.map((s) => s.tag)).toEqual([3, 4, 1, 2]);
  });
  it.each(["prio bands 1", "prio bands 17", "prio bands 2"])("%s is refused as invalid", (command) => {
    expect(() => qdiscKit(command)).toThrow("Invalid argument");
  });
});

describe("pfifo_fast", () => {
  it("each band holds txqueuelen packets", () => {
    const kit = qdiscKit("pfifo_fast");
    kit.dev.txQueues[0]!.stopped = true;
    let dropped = 0;
    for (let i = 0; i < 1001; i++) if (kit.send(60, 0) === NET_XMIT_DROP) dropped++;
    for (let i = 0; i < 1000; i++) if (kit.send(60, 6) === NET_XMIT_DROP) dropped++;
    expect(dropped).toBe(1);
    expect(kit.root().stats.qlen).toBe(2000);
  });
});

describe("netem", () => {
  it("delays every packet by the same time", () => {
    const kit = qdiscKit("netem delay 10ms");
    kit.send(100);
    kit.run(MS);
    kit.send(100);
    kit.run(100 * MS);
    expect(kit.sent.map((s) => s.atNs)).toEqual([10 * MS, 11 * MS]);
  });
  it("a rate makes packets wait for those before them", () => {
    const kit = qdiscKit("netem rate 8mbit");
    for (let i = 0; i < 3; i++) kit.send(1000);
    kit.run(100 * MS);
    expect(kit.sent.map((s) => s.atNs)).toEqual([1e6, 2e6, 3e6]);
  });
  it("jitter may reorder, and the same seed repeats", () => {
    const once = (): number[] => {
      const kit = qdiscKit("netem delay 10ms 5ms seed 7");
      for (let i = 0; i < 50; i++) kit.send(100, 0, i);
      kit.run(100 * MS);
      return kit.sent.map((s) => s.tag);
    };
    const first = once();
    expect(first).toHaveLength(50);
    expect(first).not.toEqual([...first].sort((a, b) => a - b));
    expect(once()).toEqual(first);
  });
  it("loss and duplication come at their rates", () => {
    const kit = qdiscKit("netem loss 20% duplicate 10% limit 100000 seed 1");
    for (let i = 0; i < 20000; i++) kit.send(100);
    kit.run(MS);
    const { drops, packets } = kit.root().stats;
    // lost unless duplicated as well: 0.2 * 0.9; copies are made of 0.1 * 0.8 and meet the loss again
    expect(Math.abs(drops / 20000 - 0.196)).toBeLessThan(0.01);
    expect(Math.abs(packets / 20000 - 0.884)).toBeLessThan(0.01);
  });
  it("what netsim does not have is refused by name", () => {
    const def = qdiscDef("netem")!;
    const parse = (w: string) => parseQdiscWords("netem", def.params, w.split(" "), def.refused, def.style);
    expect(parse("delay 1ms distribution normal")).toMatchObject({
      errors: ['netem: netsim has no "distribution" yet'],
    });
    expect(parse("loss gemodel 1%")).toMatchObject({ errors: ['netem: netsim has no "gemodel" yet'] });
    expect(parse("loss random 1%")).toMatchObject({ ok: true });
    expect(parse("bogus 1")).toMatchObject({ errors: ['What is "bogus"?'], showUsage: true });
  });
});

describe("every qdisc", () => {
  const commands = [
    "pfifo limit 20",
    "bfifo limit 9000",
    "pfifo_fast",
    "pfifo_head_drop limit 20",
    "prio",
    "drr",
    "ets strict 1 quanta 1500 3000",
    "sfq limit 20 flows 8",
    "htb direct_qlen 20",
    "tbf rate 1mbit burst 2k limit 8k",
    "netem delay 1ms loss 10% limit 50",
    "mq",
  ];
  it("is covered here", () => {
    expect([...new Set(commands.map((c) => c.split(" ")[0]))].sort()).toEqual(qdiscDefs.map((d) => d.kind).sort());
  });
  it.each(commands)("%s: received = dropped + queued + sent, and reset frees all", (command) => {
    const kit = qdiscKit(command, command === "mq" ? 4 : 1);
    let n = 0;
    for (let round = 0; round < 20; round++) {
      kit.dev.txQueues[0]!.stopped = round % 3 === 0;
      for (let i = 0; i < 15; i++, n++) kit.send(60 + ((i * 97) % 900), (round * 5 + i) % 16);
      kit.run((round + 1) * MS);
    }
    const q = kit.root();
    q.syncStats();
    const s = q.stats;
    const requeued = kit.dev.txQueues.filter((t) => t.requeued !== null).length;
    expect(s.packets + s.drops + s.qlen).toBe(n);
    expect(kit.kernel.pool.live).toBe(s.qlen + requeued);
    expect(kit.sent.length).toBe(s.packets);
    q.reset();
    expect(kit.kernel.pool.live).toBe(requeued);
    q.syncStats();
    expect([q.stats.qlen, q.stats.backlog]).toEqual([0, 0]);
  });
});

describe("tc qdisc add, replace, change, del", () => {
  const tbf = { def: qdiscDef("tbf")!, options: { rate: 1e6, burst: 2000, limit: 3000 } };
  it.each([
    [
      "a second add of the same kind",
      { verb: "add", handle: 0, def: qdiscDef("pfifo")! },
      "Exclusivity flag on, cannot modify",
    ],
    ["a second add with another handle", { verb: "add", handle: 0x20000 }, "NLM_F_REPLACE needed to override"],
    ["a handle with a minor number", { verb: "replace", handle: 0x20001 }, "Invalid minor handle"],
    [
      "a change of kind at its handle",
      { verb: "change", handle: 0x10000 },
      "Invalid qdisc name: must match existing qdisc",
    ],
  ] as const)("%s is refused in the kernel's words", (_why, req, message) => {
    const kit = qdiscKit("pfifo");
    expect(() => modifyQdisc(kit.dev, { ...tbf, parent: TC_H_ROOT, ...req })).toThrow(message);
  });
  it("replacing the root frees what it held", () => {
    const kit = qdiscKit("netem delay 1s");
    for (let i = 0; i < 5; i++) kit.send(100);
    modifyQdisc(kit.dev, { ...tbf, verb: "replace", parent: TC_H_ROOT, handle: 0 });
    expect(kit.kernel.pool.live).toBe(0);
    expect(kit.root().kind).toBe("tbf");
    expect(kit.root().handle).toBe(0x80010000);
  });
  it("deleting the root brings the default back, which cannot be deleted", () => {
    const kit = qdiscKit("pfifo");
    deleteQdisc(kit.dev, TC_H_ROOT, 0, null);
    expect(listQdiscs(kit.dev).map((q) => [q.kind, q.handle])).toEqual([["pfifo_fast", 0]]);
    expect(() => deleteQdisc(kit.dev, TC_H_ROOT, 0, null)).toThrow("Cannot delete qdisc with handle of zero");
  });
  it("a child below a class shapes what the class gets", () => {
    const kit = qdiscKit("prio");
    modifyQdisc(kit.dev, {
      ...tbf,
      options: { rate: 1000, burst: 100, limit: 3000 },
      verb: "add",
      parent: 0x10001,
      handle: 0x100000,
    });
    kit.send(100, 6, 1);
    kit.send(100, 6, 2);
    kit.send(100, 0, 3);
    expect(kit.sent.map((s) => s.tag)).toEqual([1, 3]);
    kit.run(1000 * MS);
    expect(kit.sent.map((s) => s.tag)).toEqual([1, 3, 2]);
    expect(kit.root().stats).toMatchObject({ packets: 3, qlen: 0, backlog: 0 });
  });
});

describe("a root before several transmit queues", () => {
  it("each packet leaves by its own queue; one for a stopped queue waits and holds up the others", () => {
    const kit = qdiscKit("pfifo", 2);
    const [first, second] = kit.dev.txQueues as [TxQueue, TxQueue];
    const queues: number[] = [];
    const { startXmit } = kit.dev.ops;
    kit.dev.ops.startXmit = (skb, dev, txq) => {
      queues.push(txq.index);
      return startXmit(skb, dev, txq);
    };
    const send = (queue: number): void => {
      const skb = kit.kernel.allocSkb(100)!;
      skb.dev = kit.dev;
      skb.queueMapping = queue + 1;
      kit.kernel.paths.devQueueXmit(skb);
    };
    send(1);
    send(0);
    second.stopped = true;
    send(1);
    send(0);
    expect(queues).toEqual([1, 0]);
    expect(kit.root().stats).toMatchObject({ qlen: 2, requeues: 1, packets: 3 });
    second.stopped = false;
    kit.kernel.paths.qdiscRun(second);
    expect(queues).toEqual([1, 0, 1, 0]);
    expect(kit.root().stats).toMatchObject({ qlen: 0, backlog: 0, packets: 4 });
    expect(first.requeued).toBe(null);
  });
});
