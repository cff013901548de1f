/** matchall and fw, gact and police, by their command lines. */
import { describe, expect, it } from "vitest";
import { Classifying, ip4Frame } from "./classifying.ts";

const FRAME = ip4Frame();
/** Bytes of FRAME as ingress counts them: without the MAC header. */
const LEN = FRAME.length / 2 - 14;

describe("matchall", () => {
  it("matches everything, counts its hits, and stands alone in its preference", async () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress pref 5 matchall classid 1:7 action pass");
    n.send(FRAME, 3);
    expect(n.tc("-s filter show dev vb ingress").split("\n").slice(0, 3)).toEqual([
      "filter protocol all pref 5 matchall chain 0 ",
      "filter protocol all pref 5 matchall chain 0 handle 0x1 flowid 1:7 ",
      "  not_in_hw (rule hit 3)",
    ]);
    const again = await n.refused("filter replace dev vb ingress pref 5 matchall action drop");
    expect(again).toContain("RTNETLINK answers: File exists");
  });
});

describe("fw", () => {
  it("takes the mark under the preference's mask for the handle", () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress pref 1 matchall action skbedit mark 0x123 continue");
    n.tc("filter add dev vb ingress pref 2 handle 0x23/0xff fw classid 1:2 action pass index 1");
    n.tc("filter add dev vb ingress pref 3 handle 0x123 fw action pass index 2");
    n.send(FRAME);
    expect([n.seen("gact", 1).packets, n.seen("gact", 2).packets]).toEqual([1, 0]);
    expect(n.tc("filter show dev vb ingress pref 2")).toContain("handle 0x23/0xff classid 1:2 \n");
  });
});

describe("gact", () => {
  it("random determ: every VAL-th packet has the other verdict", () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress matchall action pass random determ drop 4 index 1");
    n.send(FRAME, 10);
    expect(n.seen("gact", 1)).toMatchObject({ packets: 10, drops: 2 });
    expect(n.tc("actions ls action gact")).toContain("gact action pass\n\t random type determ drop val 4\n");
  });

  it("random netrand: about one packet in VAL", () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress matchall action pass random netrand drop 10 index 1");
    for (let i = 0; i < 4; i++) n.send(FRAME, 500);
    const { drops } = n.seen("gact", 1);
    expect(drops).toBeGreaterThan(150);
    expect(drops).toBeLessThan(250);
  });

  it("goto chain begins there, and ends in a drop when nothing leads back", () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress pref 1 matchall action goto chain 7");
    n.tc("filter add dev vb ingress pref 2 matchall action pass index 10");
    n.tc("filter add dev vb ingress chain 7 matchall action reclassify index 11");
    n.send(FRAME);
    // 16 times around, then the packet is dropped
    expect(n.seen("gact", 11).packets).toBe(8);
    expect(n.seen("gact", 10).packets).toBe(0);
    expect(n.tc("-s qdisc show dev vb")).toContain("(dropped 1,");
  });
});

describe("police", () => {
  it("conforms while there are tokens: a burst, then the rate", () => {
    const n = new Classifying();
    const burst = 10 * LEN;
    n.tc(
      `filter add dev vb ingress matchall action police rate ${LEN * 8 * 1000}bit burst ${burst} conform-exceed drop/pass index 3`,
    );
    n.send(FRAME, 15);
    expect(n.seen("police", 3)).toMatchObject({ packets: 15, overlimits: 5, drops: 5 });
    // a packet's worth of tokens a millisecond
    n.net.wait(3e6);
    n.send(FRAME, 10);
    expect(n.seen("police", 3)).toMatchObject({ packets: 25, overlimits: 11, drops: 11 });
  });

  it("pkts_rate counts packets, mtu bounds them", () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress matchall action police pkts_rate 1000 pkts_burst 4 conform-exceed drop index 1");
    n.send(FRAME, 6);
    expect(n.seen("police", 1)).toMatchObject({ packets: 6, drops: 2 });
    n.tc("filter del dev vb ingress");
    n.tc("filter add dev vb ingress matchall action police mtu 70 conform-exceed drop index 2");
    n.send(FRAME, 2);
    expect(n.seen("police", 2)).toMatchObject({ packets: 2, overlimits: 2 });
  });

  it("is printed as tc prints it, in both ways of saying it", () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress protocol ip u32 match u32 0 0 police rate 1mbit burst 10k mtu 1500 drop flowid :1");
    const shown = n.tc("filter show dev vb ingress");
    expect(shown).toContain(
      "\n police 0x1 rate 1Mbit burst 10Kb mtu 1500b action drop overhead 0b \n\tref 1 bind 1 \n",
    );
    expect(n.tc("-d actions ls action police")).toContain(
      "\taction order 0:  police 0x1 rate 1Mbit burst 10Kb mtu 1500b action drop overhead 0b linklayer ethernet \n",
    );
  });

  it("refuses what tc and the kernel refuse", async () => {
    const n = new Classifying();
    const add = (words: string) => n.refused(`filter add dev vb ingress matchall action police ${words}`);
    expect(await add("rate 1mbit")).toContain("'burst' requires 'rate'.\n");
    expect(await add("burst 10k")).toContain("'rate' or 'avrate' or 'mtu' or 'pkts_rate' MUST be specified.\n");
    expect(await add("rate 1mbit burst 10k peakrate 2mbit")).toContain(
      "'mtu' is required, if 'peakrate' is requested.\n",
    );
    expect(await add("rate 1mbit burst 10k pkts_rate 3 pkts_burst 3")).toContain(
      "'rate' and 'pkts_rate' are not allowed in same action.\n",
    );
  });
});
