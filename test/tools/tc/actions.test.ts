/** What actions do to packets, by their command lines: filters at va's egress, and what vb receives. */
import { describe, expect, it } from "vitest";
import type { PacketTap } from "../../../sim/net/netdev.ts";
import type { Skb } from "../../../sim/net/skb.ts";
import { ToolNetwork } from "../kit.ts";
import { ip4Frame, ip6Frame } from "./classifying.ts";

/** A received packet. */
interface Received {
  readonly bytes: string;
  readonly tag: readonly [proto: number, tci: number] | null;
  readonly mark: number;
}

class Catcher implements PacketTap {
  readonly received: Received[] = [];
  onPacket(skb: Skb, outgoing: boolean): void {
    if (outgoing) return;
    const { u8 } = skb.dev!.host.kernel.arena;
    const bytes = Buffer.from(u8.slice(skb.data, skb.data + skb.len)).toString("hex");
    this.received.push({ bytes, tag: skb.vlanPresent ? [skb.vlanProto, skb.vlanTci] : null, mark: skb.mark });
  }
}

class Egress {
  readonly net: ToolNetwork = new ToolNetwork("pair");
  private readonly catcher: Catcher = new Catcher();

  constructor() {
    this.net.do("a", "tc qdisc add dev va clsact");
    this.net.hosts.get("b")!.devByName.get("vb")!.taps = [this.catcher];
  }

  tc(line: string): string {
    return this.net.do("a", `tc ${line}`);
  }

  async refused(action: string): Promise<string> {
    const line = `tc filter add dev va egress matchall action ${action}`;
    const { status, stderr } = await this.net.exec("a", line);
    return status === 0 ? "" : stderr;
  }

  /** Sends a frame through an action. */
  through(action: string, frame: string): Received | undefined {
    this.tc(`filter add dev va egress matchall action ${action}`);
    const before = this.catcher.received.length;
    this.net.send("a", "va", frame, 1);
    this.net.wait(1e6);
    this.tc("filter del dev va egress");
    return this.catcher.received[before];
  }
}

const UDP = ip4Frame({ sport: 0x1111, dport: 0x2222, tos: 0x12, ttl: 9 });
const TCP = ip4Frame({ proto: 6, sport: 0x1111, dport: 0x2222 });
/** Bytes of the frame at an offset. */
const at = (received: Received | undefined, offset: number, bytes: number): string =>
  received?.bytes.slice(2 * offset, 2 * (offset + bytes)) ?? "nothing came";

describe("pedit", () => {
  const e = new Egress();
  it.each([
    ["munge ip src set 1.2.3.4", UDP, 26, "01020304"],
    ["munge ip dst set 1.2.3.4", UDP, 30, "01020304"],
    ["munge ip tos set 0x40 retain 0xfc", UDP, 15, "42"],
    ["munge ip ttl clear", UDP, 22, "00"],
    ["munge ip dport set 80", UDP, 36, "0050"],
    ["munge offset 12 u32 set 0x0a0b0c0d", UDP, 26, "0a0b0c0d"],
    ["munge offset 1 u8 invert", UDP, 15, "ed"],
    ["munge offset -14 u16 set 0xffee", UDP, 0, "ffee"],
    ["munge offset 0 u16 at 0 f0 4 set 0x4500", UDP, 18, "4500"],
    ["ex munge ip ttl decrement", UDP, 22, "08"],
    ["ex munge ip ttl add 3", UDP, 22, "0c"],
    ["ex munge udp dport set 443", UDP, 36, "01bb"],
    ["ex munge tcp sport set 443", TCP, 34, "01bb"],
    ["ex munge tcp flags set 0x10", TCP, 47, "10"],
    ["ex munge eth dst set 02:aa:bb:cc:dd:ee", UDP, 0, "02aabbccddee"],
    ["ex munge eth src set 02:aa:bb:cc:dd:ee", UDP, 6, "02aabbccddee"],
    ["ex munge ip src set 1.1.1.1 munge ip dst set 2.2.2.2", UDP, 26, "0101010102020202"],
    ["ex munge ip6 hoplimit decrement", ip6Frame(1, 2), 21, "3f"],
    ["ex munge ip6 dst set 2001:db8::ff", ip6Frame(1, 2), 38, "20010db80000000000000000000000ff"],
    ["ex munge ip6 traffic_class set 0x20", ip6Frame(1, 2), 14, "62000000"],
    ["ex munge tcp dport set 443", ip6Frame(1, 2), 56, "01bb"],
  ])("%s", (words, frame, offset, bytes) => {
    expect(at(e.through(`pedit ${words} pipe`, frame), offset, bytes.length / 2)).toBe(bytes);
  });

  it("a place outside of the packet is an overlimit, and the packet goes on", () => {
    e.tc("actions add action pedit munge offset 400 u32 clear index 5");
    expect(e.through("pedit index 5", UDP)?.bytes).toBe(UDP);
    expect(e.tc("-s actions ls action pedit")).toContain("(dropped 0, overlimits 1 requeues 0)");
  });

  it("is printed as tc prints it", () => {
    const one = new Egress();
    one.tc("filter add dev va egress matchall action pedit ex munge ip ttl decrement munge eth type set 0x1234");
    expect(one.tc("filter show dev va egress")).toContain(
      "\taction order 1:  pedit action pass keys 2\n \t index 1 ref 1 bind 1\n" +
        "\t key #0  at ipv4+8: add ff000000 mask 00ffffff\n" +
        "\t key #1  at eth+12: val 12340000 mask 0000ffff\n",
    );
  });

  it.each([
    ["pedit munge ip ttl decrement", "Non extended mode. only 'set' command is supported\n"],
    ["pedit ex munge ip dport set 5", "bad pedit parsing\n"],
    ["pedit munge tcp dport set 5", "bad pedit parsing\n"],
    ["pedit munge offset 3 u16 clear", "pack_key16 bad index value 3\n"],
    ["pedit munge ip src add 1.1.1.1", "Non extended mode. only 'set' command is supported\n"],
    ["pedit", "Command line is not complete"],
  ])("%s is refused", async (words, why) => {
    expect(await e.refused(words)).toContain(why);
  });
});

describe("csum", () => {
  const e = new Egress();
  /** Ones' complement sum of 16-bit words. */
  const sum = (hex: string): number => {
    let s = 0;
    for (const w of hex.match(/..../g) ?? []) s += Number.parseInt(w, 16);
    while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
    return s;
  };

  it("makes IPv4's and TCP's checksums right", () => {
    const r = e.through("csum ip4h and tcp", TCP);
    expect(sum(at(r, 14, 20))).toBe(0xffff);
    const pseudo = `${at(r, 26, 8)}0006${(44).toString(16).padStart(4, "0")}`;
    expect(sum(pseudo + at(r, 34, 44))).toBe(0xffff);
  });

  it("UDP without a checksum stays without, one whose length is not IP's is left alone", () => {
    expect(at(e.through("csum udp", UDP), 40, 2)).toBe("0000");
    const wrong = `${UDP.slice(0, 80)}1234${UDP.slice(84)}`;
    const short = `${wrong.slice(0, 76)}0020${wrong.slice(80)}`;
    expect(at(e.through("csum udp", short), 40, 2)).toBe("1234");
    const right = at(e.through("csum udp", wrong), 34, 44);
    expect(sum(`${wrong.slice(52, 68)}0011002c${right}`)).toBe(0xffff);
  });

  it("pedit and csum behind it: what arrives is right", () => {
    const r = e.through("pedit ex munge ip ttl set 63 pipe csum ip4h", UDP);
    expect([at(r, 22, 1), sum(at(r, 14, 20))]).toEqual(["3f", 0xffff]);
  });
});

describe("vlan", () => {
  const e = new Egress();
  const tagged = ip4Frame({ tags: [[0x8100, 0x2064]] });

  it("push, modify, pop", () => {
    expect(e.through("vlan push id 5 priority 2", UDP)?.tag).toEqual([0x8100, 0x4005]);
    expect(e.through("vlan push protocol 802.1ad id 6", tagged)).toMatchObject({ tag: [0x88a8, 6] });
    expect(e.through("vlan modify id 7", tagged)?.tag).toEqual([0x8100, 0x2007]);
    expect(e.through("vlan modify id 7 priority 5", tagged)?.tag).toEqual([0x8100, 0xa007]);
    expect(e.through("vlan modify id 7", UDP)).toMatchObject({ tag: null, bytes: UDP });
    const popped = e.through("vlan pop", tagged);
    expect([popped?.tag, popped?.bytes]).toEqual([null, ip4Frame()]);
  });

  it("is printed and refused as by tc", async () => {
    e.tc("actions add action vlan push id 5 priority 2 index 9");
    expect(e.tc("actions get action vlan index 9")).toContain(
      "vlan  push id 5 protocol 802.1Q priority 2 pipe\n\t index 9 ref 1 bind 0\n",
    );
    expect(await e.refused("vlan push priority 2")).toContain("id needs to be set for push\n");
    expect(await e.refused("vlan id 3")).toContain('Error: argument "id" is wrong: only valid for push/modify\n');
    expect(await e.refused("vlan push_eth src_mac 02:00:00:00:00:01")).toContain(
      "dst_mac needs to be set for push_eth\n",
    );
  });
});

describe("skbedit", () => {
  it("sets mark and priority, which the next filter and the qdisc see", () => {
    const e = new Egress();
    e.tc("filter add dev va egress pref 1 matchall action skbedit mark 0x1f/0xf priority 1:2 continue index 1");
    e.tc("filter add dev va egress pref 2 handle 0xf fw action pass index 2");
    e.net.send("a", "va", UDP, 1);
    expect(e.tc("-s actions ls action gact")).toContain("Sent 78 bytes 1 pkt");
    expect(e.tc("actions ls action skbedit")).toContain(
      "skbedit  priority 1:2 mark 31/0xf continue\n\t index 1 ref 1 bind 1\n",
    );
  });

  it("inheritdsfield takes the DS field for the priority", () => {
    const e = new Egress();
    e.tc("qdisc add dev va root handle 1: prio bands 3 priomap 0 0 0 0 2 0 0 0 0 0 0 0 0 0 0 0");
    e.tc("qdisc add dev va parent 1:3 pfifo");
    e.through("skbedit inheritdsfield", UDP);
    expect(JSON.parse(e.tc("-s -j qdisc show dev va"))[1]).toMatchObject({ kind: "pfifo", packets: 1 });
  });
});

describe("tunnel_key", () => {
  it("is printed as tc prints it, and refuses what tunnels here lack", async () => {
    const e = new Egress();
    e.tc("actions add action tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 id 11 tos 0x10 ttl 64 nocsum index 1");
    e.tc("actions add action tunnel_key unset index 2");
    expect(e.tc("actions ls action tunnel_key")).toContain(
      "tunnel_key  set\n\tsrc_ip 10.0.0.1\n\tdst_ip 10.0.0.2\n\tkey_id 11\n\tnocsum\n\ttos 0x10\n\tttl 64 pipe\n\t index 1 ref 1 bind 0\n",
    );
    expect(await e.refused("tunnel_key set src_ip 10.0.0.1")).toContain("set needs tunnel_key parameters\n");
    expect(await e.refused("tunnel_key set src_ip 10.0.0.1 dst_ip 1.1.1.1 dst_port 4789")).toContain(
      "netsim has no `tunnel_key dst_port`",
    );
    expect(await e.refused("tunnel_key set src_ip ::1 dst_ip 1.1.1.1")).toContain(
      "Missing either ipv4 or ipv6 src and dst",
    );
  });

  it("what one sets flower's enc_ keys see, until another one takes it away", () => {
    const e = new Egress();
    const set = "tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 id 11";
    e.tc(`filter add dev va egress pref 1 matchall action ${set} continue`);
    e.tc(
      "filter add dev va egress pref 2 protocol ip flower enc_key_id 11 enc_dst_ip 10.0.0.2 action tunnel_key unset continue",
    );
    e.tc("filter add dev va egress pref 3 protocol ip flower enc_key_id 11 action drop index 3");
    e.tc("filter add dev va egress pref 4 matchall action pass index 4");
    e.net.send("a", "va", UDP, 1);
    const listed = JSON.parse(e.tc("-s -j actions ls action gact"))[1].actions;
    expect(listed.map((a: { index: number; stats: { packets: number } }) => [a.index, a.stats.packets])).toEqual([
      [3, 0],
      [4, 1],
    ]);
  });
});

describe("bpf", () => {
  it.each([
    [2, "drop"],
    [0, "pass"],
    [3, "pipe"],
    [4294967295, "the action's own verdict"],
    [77, "no verdict: the next filter"],
  ])("a program that answers %i: %s", (code, _why) => {
    const e = new Egress();
    e.tc(
      `filter add dev va egress pref 1 matchall action bpf bytecode '1,6 0 0 ${code}' drop index 1 action pass index 2`,
    );
    e.tc("filter add dev va egress pref 2 matchall action pass index 3");
    const drops = code === 2 || code === 4294967295;
    e.net.send("a", "va", UDP, 1);
    const gact = JSON.parse(e.tc("-s -j actions ls action gact"))[1].actions as { stats: { packets: number } }[];
    expect(gact.map((a) => a.stats.packets)).toEqual([code === 3 ? 1 : 0, code === 77 ? 1 : 0]);
    expect(e.tc("-s qdisc show dev va clsact")).toContain(`(dropped ${drops ? 1 : 0},`);
  });

  it("an object's program, loaded with the action and unloaded with it", () => {
    const e = new Egress();
    e.tc("filter add dev va egress matchall action bpf obj tc_mark.o sec tc/egress ok index 4");
    expect(e.tc("filter show dev va egress")).toMatch(
      /bpf tc_mark\.o:\[tc\/egress\] id \d+ name \w+ tag [0-9a-f]{16} jited default-action pass\n\t index 4 ref 1 bind 1\n/,
    );
    expect(e.net.do("a", "bpftool prog show")).not.toBe("");
    e.tc("filter del dev va egress");
    expect(e.net.do("a", "bpftool prog show")).toBe("");
  });
});
