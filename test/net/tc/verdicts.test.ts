/** The tables of FACTS 4.3, row by row: what tc's return codes do with a packet, and what is counted. Measured on Linux 6.18. */
import { describe, expect, it } from "vitest";
import { NET_XMIT_DROP, NET_XMIT_SUCCESS } from "../../../sim/net/netdev.ts";
import { addBpfFilter } from "../../../sim/net/tc/bpf-filters.ts";
import { addClsact, attachTcx } from "../../../sim/net/tc/control.ts";
import { drops, frame, imbalance, runFor, send } from "../kit.ts";
import { answering, pair, TEST_PROTO, tcProg } from "./kit.ts";

/** 1 for each program that ran, in order. */
const MS = 1_000_000;

const DIRECT_ACTION = [
  { code: -1, next: true, fate: "pass", why: "UNSPEC" },
  { code: 0, next: false, fate: "pass", why: "OK" },
  { code: 1, next: true, fate: "pass", why: "RECLASSIFY counts as UNSPEC" },
  { code: 2, next: false, fate: "shot", why: "SHOT" },
  { code: 3, next: true, fate: "pass", why: "PIPE counts as UNSPEC" },
  { code: 4, next: false, fate: "gone", why: "STOLEN is consumed, not dropped" },
  { code: 5, next: true, fate: "pass", why: "QUEUED counts as UNSPEC" },
  { code: 6, next: true, fate: "pass", why: "REPEAT counts as UNSPEC" },
  { code: 7, next: false, fate: "lost", why: "REDIRECT without a helper is lost silently" },
  { code: 8, next: false, fate: "gone", why: "TRAP is consumed" },
  { code: 42, next: true, fate: "pass", why: "unknown codes count as UNSPEC" },
];

describe.each(["ingress", "egress"] as const)("cls_bpf direct-action at %s", (direction) => {
  it.each(DIRECT_ACTION)("code $code: $why", ({ code, next, fate }) => {
    const { kernel, hostA, hostB, a, b, received } = pair();
    const dev = direction === "ingress" ? b : a;
    const host = direction === "ingress" ? hostB : hostA;
    const qdisc = addClsact(dev);
    const first = addBpfFilter(dev, { direction, prog: answering(host, code), pref: 1, directAction: true });
    const second = addBpfFilter(dev, { direction, prog: answering(host, 0), pref: 2, directAction: true });
    const rcs: number[] = [];
    for (let i = 0; i < 10; i++) rcs.push(send(a, frame(60)));
    runFor(kernel, MS);

    const { unspec, ok, shot, stolen, redirect, trap, other } = first.verdicts;
    expect(unspec + ok + shot + stolen + redirect + trap + other).toBe(10);
    expect(second.verdicts.ok).toBe(next ? 10 : 0);
    expect(received.length).toBe(fate === "pass" ? 10 : 0);
    expect({ ...qdisc.stats }).toMatchObject({
      packets: 10,
      bytes: direction === "ingress" ? 460 : 600,
      drops: fate === "shot" ? 10 : 0,
    });
    const sender = direction === "egress" && fate === "shot" ? NET_XMIT_DROP : NET_XMIT_SUCCESS;
    expect(new Set(rcs)).toEqual(new Set([sender]));
    const reason = direction === "ingress" ? "SKB_DROP_REASON_TC_INGRESS" : "SKB_DROP_REASON_TC_EGRESS";
    const expected: Record<string, Record<string, number>> = {
      pass: {},
      shot: { [reason]: 10 },
      gone: { TC_STOLEN: 10 },
      lost: { SKB_DROP_REASON_NOT_SPECIFIED: 10 },
    };
    expect(drops(dev)).toEqual(expected[fate]);
    expect(imbalance(kernel)).toBe(0);
  });
});

describe("cls_bpf classic", () => {
  it.each([
    { code: 0, tcIndex: 9, why: "no match: the next filter decides" },
    { code: -1, tcIndex: 5, why: "a match: the filter's classid" },
    { code: 0x10007, tcIndex: 7, why: "a match: the class that the program said" },
  ])("answer $code: $why", ({ code, tcIndex }) => {
    const { kernel, hostB, a, b, seen } = pair();
    addClsact(b);
    addBpfFilter(b, { direction: "ingress", prog: answering(hostB, code), pref: 1, classid: 0x10005 });
    addBpfFilter(b, { direction: "ingress", prog: answering(hostB, -1), pref: 2, classid: 0x10009 });
    send(a);
    runFor(kernel, MS);
    expect(seen).toMatchObject([{ tcIndex }]);
  });
});

describe("filters", () => {
  it("without a filter the qdisc counts nothing and the device has no hook", () => {
    const { kernel, a, b } = pair();
    const qdisc = addClsact(b);
    send(a);
    runFor(kernel, MS);
    expect(b.tcIngress).toBeNull();
    expect(qdisc.stats.packets).toBe(0);
  });

  it("a filter for another protocol does not run", () => {
    const { kernel, hostB, a, b, received } = pair();
    addClsact(b);
    const other = addBpfFilter(b, {
      direction: "ingress",
      prog: answering(hostB, 2),
      protocol: 0x0800,
      directAction: true,
    });
    const mine = addBpfFilter(b, {
      direction: "ingress",
      prog: answering(hostB, 0),
      protocol: TEST_PROTO,
      directAction: true,
    });
    send(a);
    runFor(kernel, MS);
    expect([other.verdicts.shot, mine.verdicts.ok, received.length]).toEqual([0, 1, 1]);
  });

  it("within one preference the newest filter runs first", () => {
    const { kernel, hostB, a, b, received } = pair();
    addClsact(b);
    const old = addBpfFilter(b, { direction: "ingress", prog: answering(hostB, 2), pref: 3, directAction: true });
    addBpfFilter(b, { direction: "ingress", prog: answering(hostB, 0), pref: 3, directAction: true });
    send(a);
    runFor(kernel, MS);
    expect([old.verdicts.shot, received.length]).toEqual([0, 1]);
  });

  it("direct-action OK leaves tc_classid in tc_index", () => {
    const { kernel, hostB, a, b, seen } = pair();
    addClsact(b);
    const prog = tcProg(hostB, "r2 = 77\n*(u32 *)(r1 +72) = r2\nr0 = 0\nexit");
    addBpfFilter(b, { direction: "ingress", prog, directAction: true });
    send(a);
    runFor(kernel, MS);
    expect(seen).toMatchObject([{ tcIndex: 77 }]);
  });
});

const TCX = [
  { code: -1, second: true, clsact: true, fate: "clsact", why: "NEXT" },
  { code: 0, second: false, clsact: false, fate: "pass", why: "PASS" },
  { code: 2, second: false, clsact: false, fate: "drop", why: "DROP" },
  { code: 7, second: false, clsact: false, fate: "redirect", why: "REDIRECT" },
  ...[1, 3, 4, 5, 8, 42].map((code) => ({
    code,
    second: false,
    clsact: true,
    fate: "clsact",
    why: "unknown to tcx: skips tcx, not clsact",
  })),
];

describe.each(["ingress", "egress"] as const)("tcx at %s", (direction) => {
  it.each(TCX)("code $code: $why", ({ code, second, clsact, fate }) => {
    const { kernel, hostA, hostB, a, b, received } = pair();
    const dev = direction === "ingress" ? b : a;
    const host = direction === "ingress" ? hostB : hostA;
    const qdisc = addClsact(dev);
    attachTcx(dev, direction, answering(host, code));
    const next = attachTcx(dev, direction, answering(host, -1));
    // the verdict of clsact shows in the fate of the packet
    const filter = addBpfFilter(dev, { direction, prog: answering(host, 4), directAction: true });
    send(a);
    runFor(kernel, MS);
    expect(next.verdicts.unspec).toBe(second ? 1 : 0);
    expect(filter.verdicts.stolen).toBe(clsact ? 1 : 0);
    expect(received.length).toBe(fate === "pass" ? 1 : 0);
    // tcx drops are no drops of the qdisc
    expect(qdisc.stats.drops).toBe(0);
    const reason = direction === "ingress" ? "SKB_DROP_REASON_TC_INGRESS" : "SKB_DROP_REASON_TC_EGRESS";
    const expected: Record<string, Record<string, number>> = {
      clsact: { TC_STOLEN: 1 },
      pass: {},
      drop: { [reason]: 1 },
      redirect: { SKB_DROP_REASON_NOT_SPECIFIED: 1 },
    };
    expect(drops(dev)).toEqual(expected[fate]);
    expect(imbalance(kernel)).toBe(0);
  });
});
