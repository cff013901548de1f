/**
 * The command lines in the EXAMPLES of tc-u32(8), tc-mirred(8), tc-bpf(8) and other man pages of tc act: names of devices and objects
 * are those of the test. What netsim has not is refused in clear words.
 */
import { describe, expect, it } from "vitest";
import { Classifying, ip4Frame } from "./classifying.ts";

const SSH = ip4Frame({ proto: 6, sport: 22, dport: 40000, src: "192.168.8.77" });
const WEB = ip4Frame({ proto: 6, sport: 80, dport: 40000, src: "192.168.8.77" });

/** A host with a classful qdisc 1: on vb, and what its class 3 has sent. */
class Classes extends Classifying {
  constructor() {
    super();
    this.tc("qdisc add dev vb root handle 1: prio bands 4 priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    for (let i = 1; i <= 4; i++) this.tc(`qdisc add dev vb parent 1:${i} handle ${i}0: pfifo`);
  }

  /** Sends a frame out of vb. @returns the classes that sent it */
  classesOf(frame: string): readonly number[] {
    const sent = (): readonly number[] => {
      const rows = JSON.parse(this.tc("-s -j qdisc show dev vb")) as { handle: string; packets: number }[];
      return [1, 2, 3, 4].map((i) => rows.find((r) => r.handle === `${i}0:`)!.packets);
    };
    const before = sent();
    this.net.send("b", "vb", frame, 1);
    return sent().flatMap((n, i) => (n > before[i]! ? [i + 1] : []));
  }
}

describe("tc-u32(8)", () => {
  it("a subnet into a class", () => {
    const n = new Classes();
    n.tc("filter add dev vb parent 1:0 prio 99 protocol ip u32 match ip src 192.168.8.0/24 classid 1:2");
    expect([n.classesOf(SSH), n.classesOf(ip4Frame())]).toEqual([[2], [1]]);
    expect(n.tc("filter show dev vb")).toBe(
      "filter parent 1: protocol ip pref 99 u32 chain 0 \n" +
        "filter parent 1: protocol ip pref 99 u32 chain 0 fh 800: ht divisor 1 \n" +
        "filter parent 1: protocol ip pref 99 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 *flowid 1:2 not_in_hw \n" +
        "  match c0a80800/ffffff00 at 12\n",
    );
  });

  it("a hash table of 256 buckets, linked to", () => {
    const n = new Classes();
    n.tc("filter add dev vb prio 99 handle 1: u32 divisor 256");
    n.tc("filter add dev vb parent 1: prio 1 u32 link 1: hashkey mask 0x0000ff00 at 12 match ip src 192.168.0.0/16");
    n.tc(
      "filter add dev vb parent 1: prio 99 u32 ht 1: sample u32 0x00000800 0x0000ff00 at 12 " +
        "match ip src 192.168.8.0/24 classid 1:3",
    );
    expect([n.classesOf(SSH), n.classesOf(ip4Frame({ src: "192.168.9.1" }))]).toEqual([[3], [1]]);
  });

  it("a field behind IPv4's options", () => {
    const n = new Classes();
    n.tc("filter add dev vb parent 1:0 protocol ip handle 1: u32 divisor 1");
    n.tc("filter add dev vb parent 1:0 protocol ip u32 ht 1: match tcp src 22 FFFF classid 1:4");
    n.tc(
      "filter add dev vb parent 1:0 protocol ip u32 ht 800: match ip protocol 6 FF match u16 0 1fff at 6 " +
        "offset at 0 mask 0f00 shift 6 link 1:",
    );
    expect([n.classesOf(SSH), n.classesOf(WEB)]).toEqual([[4], [1]]);
  });
});

describe("tc-mirred(8)", () => {
  it("redirects what exceeds a rate", () => {
    const n = new Classifying();
    n.tc("qdisc del dev vb clsact");
    n.tc("qdisc add dev vb handle ffff: ingress");
    n.tc(
      "filter add dev vb parent ffff: u32 match u32 0 0 action police rate 1mbit burst 1k conform-exceed pipe " +
        "action mirred egress redirect dev lo",
    );
    n.send(SSH, 30);
    const exceeding = n.seen("police", 1).overlimits;
    expect(exceeding).toBeGreaterThan(10);
    expect(n.seen("mirred", 1).packets).toBe(exceeding);
  });

  it("mirrors ICMP to another interface", () => {
    const n = new Classifying();
    n.net.do("b", "ip link add d0 type veth peer name d1");
    for (const dev of ["d0", "d1"]) n.net.do("b", `ip link set ${dev} up`);
    n.tc("qdisc del dev vb clsact");
    n.tc("qdisc add dev vb handle ffff: ingress");
    n.tc("filter add dev vb parent ffff: protocol ip u32 match ip protocol 1 0xff action mirred egress mirror dev d0");
    n.send(ip4Frame({ proto: 1 }), 3);
    n.send(SSH, 2);
    expect(JSON.parse(n.net.do("b", "ip -s -j link show dev d1"))[0].stats64.rx.packets).toBe(3);
  });
});

describe("tc-bpf(8)", () => {
  const OBJECT = "obj tc_actions.o sec tc";

  it("a classifier at a qdisc and at ingress", () => {
    const n = new Classes();
    n.tc(`filter add dev vb parent 1: bpf ${OBJECT} flowid 1:1`);
    expect(n.tc("filter show dev vb")).toMatch(
      /^filter parent 1: protocol all pref 49152 bpf chain 0 \nfilter parent 1: protocol all pref 49152 bpf chain 0 handle 0x1 flowid 1:1 tc_actions\.o:\[tc\] /,
    );
    n.tc("qdisc del dev vb clsact");
    n.tc("qdisc add dev vb handle ffff: ingress");
    n.tc(`filter add dev vb parent ffff: bpf ${OBJECT} flowid ffff:1`);
    expect(n.tc("filter show dev vb parent ffff:")).toContain("handle 0x1 flowid ffff:1 tc_actions.o:[tc] ");
  });

  it("a classifier with two actions, and direct-action", () => {
    const n = new Classes();
    n.tc(
      `filter add dev vb parent 1: bpf ${OBJECT} flowid 1:1 action bpf obj tc_mark.o sec tc/ingress ` +
        "action bpf obj tc_mark.o sec tc/egress ok",
    );
    expect(n.tc("filter show dev vb")).toMatch(
      /action order 1: bpf tc_mark\.o:\[tc\/ingress\] .* default-action pipe\n[\s\S]*action order 2: bpf tc_mark\.o:\[tc\/egress\] .* default-action pass\n/,
    );
    n.tc(`filter replace dev vb egress bpf da ${OBJECT}`);
    expect(n.tc("filter show dev vb egress")).toContain("direct-action not_in_hw ");
  });

  it("classic bytecode with an action", () => {
    const n = new Classes();
    n.tc("filter add dev vb parent 1: bpf bytecode '1,6 0 0 4294967295,' flowid 1:2 action drop");
    expect(n.classesOf(SSH)).toEqual([]);
    n.tc("filter del dev vb parent 1:");
    n.tc("filter add dev vb parent 1: bpf bytecode '1,6 0 0 4294967295,' flowid 1:2 action ok");
    expect(n.classesOf(SSH)).toEqual([2]);
  });
});

describe("other man pages", () => {
  it.each([
    ["tc-pedit", "u32 match ip dport 23 0xffff action pedit pedit munge ip dport set 22"],
    ["tc-pedit", "u32 match ip sport 22 0xffff action pedit pedit munge ip sport set 23"],
    ["tc-csum", "u32 match ip src 192.168.1.100/32 action pedit munge ip src set 1.2.3.100 pipe csum icmp"],
    ["tc-csum", "u32 match ip src 192.168.1.100/32 action pedit munge ip src set 1.2.3.100 pipe csum tcp"],
    ["tc-skbedit", "u32 match ip dport 22 0xffff action skbedit priority 6"],
    ["tc-vlan", "u32 match u32 0 0 action vlan push id 123"],
    ["tc-matchall", "matchall action mirred egress mirror dev lo"],
    ["tc-police", "matchall action police rate 1mbit burst 100k conform-exceed drop"],
    ["tc-flower", "flower ip_proto tcp dst_port 80 action drop"],
  ])("%s: %s", (_page, words) => {
    const n = new Classifying();
    n.tc(`filter add dev vb ingress protocol ip ${words}`);
    expect(n.tc("-s -d filter show dev vb ingress")).toContain("action order 1: ");
  });

  it.each([
    ["flow", "flow hash keys src"],
    ["route", "route from 1"],
    ["cgroup", "cgroup"],
  ])("filter %s is refused by name", async (kind, words) => {
    const n = new Classifying();
    expect(await n.refused(`filter add dev vb ingress protocol ip ${words}`)).toContain(`netsim has no filter ${kind}`);
  });
});
