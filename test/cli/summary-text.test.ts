import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PLAIN, summaryText } from "../../sim/cli/summary-text.ts";
import { count, percent, table } from "../../sim/cli/table.ts";
import type { RunSummary } from "../../sim/lab/summary.ts";

const EMPTY: RunSummary = {
  version: 1,
  lab: "nothing",
  seed: 1,
  durationNs: 1e9,
  events: 0,
  interfaces: [],
  xdp: [],
  tc: [],
  qdiscs: [],
  drops: [],
  traffic: [],
  sockets: [],
  balance: { entered: 0, delivered: 0, handled: 0, inFlight: 0, dropped: 0 },
  commands: [],
  printed: [],
  hints: [],
  expect: [],
};

const eth = { node: "lb", interface: "eth0" };
const FULL: RunSummary = {
  ...EMPTY,
  lab: "l4lb",
  seed: 7,
  durationNs: 10e9,
  events: 12_345_678,
  commands: [{ atNs: 1e9, node: "lb", command: "ip -br link", status: 0, stdout: "lo  UP\neth0  UP\n", stderr: "" }],
  traffic: [
    {
      name: "web",
      type: "udp",
      sent: 100_000,
      received: 98_500,
      lost: 1_480,
      inFlight: 20,
      duplicates: 0,
      reordered: 3,
      sentBytes: 6_400_000,
      receivedBytes: 6_304_000,
      latency: {
        count: 98_500,
        minNs: 9000,
        meanNs: 20_000,
        p50Ns: 18_400,
        p90Ns: 31_000,
        p99Ns: 120_300,
        maxNs: 2_000_000,
      },
      receivers: [
        { node: "backend1", packets: 50_000 },
        { node: "backend2", packets: 48_500 },
      ],
    },
    {
      name: "raw",
      type: "packets",
      sent: 10,
      received: 10,
      lost: 0,
      inFlight: 0,
      duplicates: 0,
      reordered: 0,
      sentBytes: 600,
      receivedBytes: 600,
      latency: null,
      receivers: [],
    },
  ],
  interfaces: [
    { ...eth, interface: "lo", rxPackets: 0, rxBytes: 0, rxDropped: 0, txPackets: 0, txBytes: 0, txDropped: 0 },
    {
      ...eth,
      rxPackets: 100_010,
      rxBytes: 10_601_060,
      rxDropped: 0,
      txPackets: 98_530,
      txBytes: 12_414_780,
      txDropped: 0,
    },
    { ...eth, interface: "eth1", rxPackets: 0, rxBytes: 0, rxDropped: 0, txPackets: 0, txBytes: 0, txDropped: 0 },
  ],
  sockets: [{ node: "lb", name: "ip-only", type: "packet", packets: 12_345, bytes: 1_234_500, drops: 0 }],
  xdp: [
    { ...eth, mode: "native", program: "xdp_l4lb", pass: 10, drop: 0, tx: 98_530, redirect: 0, aborted: 0, invalid: 0 },
  ],
  tc: [{ ...eth, hook: "ingress", program: "tc_mark_ingress", verdicts: { TC_ACT_OK: 1_000, TC_ACT_SHOT: 2 } }],
  qdiscs: [
    {
      ...eth,
      kind: "tbf",
      handle: "8001:",
      sentBytes: 12_414_780,
      sentPackets: 98_530,
      drops: 5,
      overlimits: 70,
      requeues: 0,
      backlogBytes: 1514,
      backlogPackets: 1,
    },
  ],
  drops: [
    { ...eth, reason: "XDP_TX_ERROR", packets: 1_470 },
    { ...eth, reason: "SKB_DROP_REASON_NEIGH_FAILED", packets: 10 },
  ],
  balance: { entered: 100_200, delivered: 98_510, handled: 190, inFlight: 20, dropped: 1_480 },
  hints: [
    { code: "VETH_TX_NO_NAPI", text: "XDP_TX dropped: peer `va` has no native XDP program, so its NAPI ring is off" },
  ],
  expect: [
    {
      text: "traffic.web.lost == 0",
      ok: false,
      metric: "traffic.web.lost",
      actual: 1480,
      comparison: "==",
      expected: 0,
    },
    {
      text: "traffic.web.p99 < 2ms",
      ok: true,
      metric: "traffic.web.p99",
      actual: 120300,
      comparison: "<",
      expected: 2e6,
    },
  ],
};

describe("the summary's text", () => {
  it("shows the first lines that programs printed, as trace_pipe does", () => {
    const line = (i: number) => ({ atNs: 1_500_000 + i, node: "lb", cpu: 3, text: `line ${i}` });
    const text = summaryText({ ...EMPTY, printed: Array.from({ length: 1234 }, (_, i) => line(i)) }, PLAIN);
    expect(text).toContain("printed by programs\n  lb [003] 0.001500: line 0\n  lb [003] 0.001500: line 1\n");
    expect(text).toContain("line 19\n  and 1 214 more; --json has them\n\nbalance");
    expect(summaryText(EMPTY, PLAIN)).not.toContain("printed");
  });

  it("lays everything out in aligned tables", () => {
    const golden = readFileSync(new URL("../golden/summary.txt", import.meta.url), "utf8");
    expect(summaryText(FULL, PLAIN)).toBe(golden);
  });

  it("fits 100 columns, also with long names", () => {
    const long = "a-node-with-a-very-long-name-".repeat(3);
    const wide: RunSummary = {
      ...FULL,
      drops: FULL.drops.map((d) => ({ ...d, node: long })),
      xdp: FULL.xdp.map((x) => ({ ...x, node: long, program: "p".repeat(60) })),
      qdiscs: FULL.qdiscs.map((q) => ({ ...q, node: long })),
      interfaces: FULL.interfaces.map((i) => ({ ...i, node: long, rxBytes: 9e15 })),
    };
    const lines = summaryText(wide, PLAIN).split("\n");
    for (const line of lines) expect([line, line.length <= 100]).toEqual([line, true]);
  });

  it("leaves out what has nothing to say", () => {
    expect(summaryText(EMPTY, PLAIN)).toBe(
      [
        "nothing  1s simulated, seed 1, 0 events",
        "",
        "balance",
        "  0 entered = 0 delivered + 0 handled by kernels + 0 in flight + 0 dropped",
        "",
      ].join("\n"),
    );
  });
});

describe("tables", () => {
  it("numbers stand right, words left, and a repeated first cell is left out", () => {
    const columns = [{ head: "who" }, { head: "n", right: true }];
    const rows = [
      ["a", "1"],
      ["a", "1 000"],
      ["bcde", "22"],
    ];
    expect(table(columns, rows, 80)).toEqual(["  who       n", "  a         1", "        1 000", "  bcde     22"]);
  });

  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1 000"],
    [1234567, "1 234 567"],
  ])("count %s is %s", (n, text) => {
    expect(count(n)).toBe(text);
  });

  it.each([
    [0, 0, "0%"],
    [0, 10, "0%"],
    [1, 3, "33.3%"],
    [1, 2, "50%"],
    [1, 100_000, "0.001%"],
    [10, 10, "100%"],
  ])("%s of %s is %s", (part, whole, text) => {
    expect(percent(part, whole)).toBe(text);
  });
});
