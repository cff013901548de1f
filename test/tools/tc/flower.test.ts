/** flower on packets, and what tc prints of it; the reference kernel has none, so both are by its sources. */
import { describe, expect, it } from "vitest";
import { ARP_REQUEST, Classifying, ip4Frame, ip6Frame } from "./classifying.ts";

const TCP = ip4Frame({ proto: 6, sport: 40000, dport: 80 });
const UDP = ip4Frame({ sport: 5000, dport: 53, tos: 0x10 });
const PING = ip4Frame({ proto: 1, icmp: [8, 0] });
const TAGGED = ip4Frame({ tags: [[0x8100, 0x6064]] });
const QINQ = ip4Frame({
  tags: [
    [0x88a8, 0x000a],
    [0x8100, 0x2014],
  ],
});

describe("flower matches", () => {
  const network = new Classifying();
  it.each([
    ["protocol ip flower", TCP, true, "no key: all of the protocol"],
    ["protocol ip flower", ARP_REQUEST, false, "another protocol"],
    ["flower", ARP_REQUEST, true, "protocol all"],
    ["protocol ip flower ip_proto tcp dst_port 80", TCP, true, ""],
    ["protocol ip flower ip_proto tcp dst_port 81", TCP, false, ""],
    ["protocol ip flower ip_proto udp dst_port 80", TCP, false, "ports of another protocol"],
    ["protocol ip flower ip_proto tcp src_port 39990-40010", TCP, true, "a range"],
    ["protocol ip flower ip_proto tcp src_port 40001-40010", TCP, false, "below the range"],
    ["protocol ip flower ip_proto tcp dst_port 0x50/0xfff0", TCP, true, "ports under a mask"],
    ["protocol ip flower dst_ip 10.9.0.0/24 src_ip 10.9.0.1", TCP, true, ""],
    ["protocol ip flower dst_ip 10.9.0.0/31", TCP, false, ""],
    ["protocol ip flower ip_proto tcp tcp_flags 0x2/0x12", TCP, true, "SYN without ACK"],
    ["protocol ip flower ip_proto tcp tcp_flags 0x10/0x10", TCP, false, "ACK"],
    ["protocol ip flower ip_tos 0x10", UDP, true, ""],
    ["protocol ip flower ip_tos 0x10/0x1c", UDP, true, ""],
    ["protocol ip flower ip_ttl 63", UDP, false, ""],
    ["protocol ip flower ip_proto icmp type 8 code 0", PING, true, ""],
    ["protocol ip flower ip_proto icmp type 0", PING, false, ""],
    ["protocol ip flower ip_flags frag", ip4Frame({ frag: 0x2000 }), true, ""],
    ["protocol ip flower ip_flags frag/firstfrag", ip4Frame({ frag: 0x2000 }), true, ""],
    ["protocol ip flower ip_flags frag/firstfrag", ip4Frame({ frag: 0x2001 }), false, ""],
    ["protocol ip flower ip_flags nofrag", TCP, true, ""],
    ["protocol ip flower ip_proto udp dst_port 2000", ip4Frame({ frag: 0x2000 }), false, "fragments have no ports"],
    ["protocol ip flower dst_mac 02:00:00:00:00:11", TCP, true, ""],
    ["protocol ip flower src_mac 02:00:00:00:00:00/40", TCP, true, ""],
    ["protocol ip flower src_mac 02:00:00:00:00:00/ff:ff:ff:ff:ff:0f", TCP, true, ""],
    ["protocol ip flower src_mac 02:00:00:00:00:11", TCP, false, ""],
    ["protocol 802.1Q flower vlan_id 100 vlan_prio 3", TAGGED, true, ""],
    ["protocol 802.1Q flower vlan_id 101", TAGGED, false, ""],
    ["protocol 802.1Q flower vlan_id 100 vlan_ethtype ip dst_ip 10.9.0.2", TAGGED, true, "what is behind the tag"],
    ["protocol 802.1Q flower vlan_ethtype ipv6", TAGGED, false, ""],
    ["protocol ip flower", TAGGED, false, "a tagged packet is none of IP's"],
    [
      "protocol 802.1ad flower vlan_id 10 vlan_ethtype 802.1q cvlan_id 20 cvlan_prio 1 cvlan_ethtype ip",
      QINQ,
      true,
      "",
    ],
    ["protocol 802.1ad flower vlan_ethtype 802.1q cvlan_id 21", QINQ, false, ""],
    ["protocol all flower num_of_vlans 2", QINQ, true, ""],
    ["protocol arp flower arp_op request arp_tip 10.9.0.2 arp_sip 10.9.0.0/24", ARP_REQUEST, true, ""],
    ["protocol arp flower arp_sha 02:00:00:00:00:10", ARP_REQUEST, true, ""],
    ["protocol arp flower arp_op reply", ARP_REQUEST, false, ""],
    ["protocol ipv6 flower ip_proto tcp dst_ip 2001:db8::/33 dst_port 443 ip_tos 0xab", ip6Frame(1, 443), true, ""],
    ["protocol ipv6 flower src_ip 2001:db8::3", ip6Frame(1, 443), false, ""],
    ["protocol ip flower indev vb", TCP, true, ""],
    ["protocol ip flower indev lo", TCP, false, ""],
  ])("%s: %#", (filter, frame, matched) => {
    expect(network.matches(filter, frame)).toBe(matched);
  });
});

describe("flower filters of one preference", () => {
  it("masks are asked in the order in which they came, whatever the handles", () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress protocol ip pref 1 flower dst_ip 10.9.0.0/24 action pass index 1");
    n.tc("filter add dev vb ingress protocol ip pref 1 flower dst_ip 10.9.0.2 action pass index 2");
    n.send(TCP);
    expect([n.seen("gact", 1).packets, n.seen("gact", 2).packets]).toEqual([1, 0]);
  });

  it("the same key under the same mask is refused, in another preference it is not", async () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress protocol ip pref 1 flower dst_ip 10.9.0.2 action pass");
    const again = "filter add dev vb ingress protocol ip pref 1 flower dst_ip 10.9.0.2 action drop";
    expect(await n.refused(again)).toContain("RTNETLINK answers: File exists");
    expect(await n.refused(again.replace("pref 1", "pref 2"))).toBe("");
  });

  it("replace puts another key in place of a handle's", () => {
    const n = new Classifying();
    n.tc("filter add dev vb ingress protocol ip pref 1 handle 9 flower dst_ip 10.9.0.3 action pass index 1");
    n.tc("filter replace dev vb ingress protocol ip pref 1 handle 9 flower src_ip 10.9.0.1 action pass index 2");
    n.send(TCP);
    expect(n.seen("gact", 2).packets).toBe(1);
    expect(() => n.seen("gact", 1)).toThrow("no gact 1");
  });

  it("skip_sw is refused where no device could take the filter, keys of other lookups by name", async () => {
    const n = new Classifying();
    const add = (keys: string) => n.refused(`filter add dev vb ingress protocol ip flower ${keys}`);
    expect(await add("skip_sw")).toContain("RTNETLINK answers: Operation not supported");
    expect(await add("ct_state +trk")).toContain("netsim has no `flower ct_state`");
    expect(await add("mpls_label 3")).toContain("netsim has no `flower mpls_label`");
    expect(await add("dst_port 80")).toBe('Illegal "dst_port"\n');
    expect(await add("ip_proto tcp src_port 10-5")).toBe(
      'max value should be greater than min value\nIllegal "src_port"\n',
    );
    expect(await add("vlan_id 5")).toBe(
      `Can't set "vlan_id" if ethertype isn't 802.1Q or 802.1AD and num_of_vlans is 0\n`,
    );
  });

  it("a chain's template bounds the masks", async () => {
    const n = new Classifying();
    n.tc("chain add dev vb ingress chain 4 protocol ip flower dst_ip 0.0.0.0/24");
    expect(n.tc("chain show dev vb ingress")).toBe(
      "chain parent ffff: flower chain 4 \n  eth_type ipv4\n  dst_ip 0.0.0.0/24\n",
    );
    const add = (keys: string) => n.refused(`filter add dev vb ingress chain 4 protocol ip ${keys}`);
    expect(await add("flower dst_ip 10.9.0.0/16 action drop")).toBe("");
    expect(await add("flower dst_ip 10.9.0.0/25 action drop")).toContain(
      "Error: cls_flower: Mask does not fit the template.",
    );
    expect(await add("u32 match u32 0 0")).toContain("Error: Chain template is set to a different filter kind.");
  });
});

describe("tc filter show of flower", () => {
  it("prints keys, masks and actions", () => {
    const n = new Classifying();
    n.tc(
      "filter add dev vb ingress protocol ip pref 3 handle 5 flower indev vb ip_proto tcp dst_ip 10.9.0.0/24 " +
        "src_port 100-200 dst_port 80/0xff tcp_flags 2/12 ip_ttl 64/0xf0 dst_mac 02:00:00:00:00:00/40 " +
        "ip_flags nofrag skip_hw classid 1:3 action drop",
    );
    expect(n.tc("filter show dev vb ingress")).toBe(
      "filter protocol ip pref 3 flower chain 0 \n" +
        "filter protocol ip pref 3 flower chain 0 handle 0x5 classid 1:3 \n" +
        "  indev vb\n  dst_mac 02:00:00:00:00:00/40\n  eth_type ipv4\n  ip_proto tcp\n  ip_ttl 64/0xf0\n" +
        "  dst_ip 10.9.0.0/24\n  dst_port 80/0xff\n  src_port 100-200\n  tcp_flags 0x2/12\n  ip_flags nofrag\n" +
        "  skip_hw\n  not_in_hw\n\taction order 1: gact action drop\n" +
        "\t random type none pass val 0\n\t index 1 ref 1 bind 1\n\n",
    );
    expect(JSON.parse(n.tc("-j filter show dev vb ingress"))[1].options.keys).toEqual({
      dst_mac: "02:00:00:00:00:00/40",
      eth_type: "ipv4",
      ip_proto: "tcp",
      ip_ttl: 64,
      ip_ttl_mask: "f0",
      dst_ip: "10.9.0.0/24",
      dst_port: 80,
      dst_port_mask: "ff",
      src_port: { start: 100, end: 200 },
      tcp_flags: "0x2/12",
      ip_flags: { frag: false },
    });
  });

  it("prints tags from the outer one inwards", () => {
    const n = new Classifying();
    n.tc(
      "filter add dev vb ingress protocol 802.1ad flower vlan_id 10 vlan_ethtype 802.1q cvlan_id 20 cvlan_ethtype ip",
    );
    expect(n.tc("filter show dev vb ingress")).toContain(
      "handle 0x1 \n  vlan_id 10\n  vlan_ethtype 802.1Q\n  cvlan_id 20\n  cvlan_ethtype ip\n  eth_type ipv4\n  not_in_hw\n",
    );
  });
});
