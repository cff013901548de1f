/** The words that name flower's fields, with their values. @source iproute2 tc/f_flower.c flower_parse_* */
import { ETH_P_8021AD, ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from "../../../net/ether.ts";
import { AF_INET, AF_INET6 } from "../../../net/ip/address.ts";
import {
  FK,
  FK_WORDS,
  FLOWER_FIRST_FRAG,
  FLOWER_FRAG,
  FLOWER_IPV4,
  FLOWER_IPV6,
  NO_RANGE,
  type PortRange,
} from "../../../net/tc/cls/flower-key.ts";
import { type ExtsSpec, NO_ACTIONS } from "../../../net/tc/exts.ts";
import { matches } from "../../rtnetlink.ts";
import { prefixOf } from "../addresses.ts";
import { refusal, unsignedOf } from "../arguments.ts";
import { parseEthertype } from "../protocols.ts";

const ETH_P_RARP = 0x8035;
const IP_PROTOS: readonly (readonly [string, number])[] = [
  ["tcp", 6],
  ["udp", 17],
  ["sctp", 132],
  ["icmp", 1],
  ["icmpv6", 58],
];
/** A filter in the making. */
export class FlowerSaid {
  readonly key: Int32Array = new Int32Array(FK_WORDS);
  readonly mask: Int32Array = new Int32Array(FK_WORDS);
  srcPorts: PortRange = NO_RANGE;
  dstPorts: PortRange = NO_RANGE;
  indev: string | null = null;
  classid: number = 0;
  skipHw: boolean = false;
  skipSw: boolean = false;
  exts: ExtsSpec = NO_ACTIONS;
  /** Ethertype of the command, and of what stands behind the tags that were named. */
  readonly protocol: number;
  ethType: number;
  vlanEthType: number = 0;
  numVlans: number = 0;
  ipProto: number = 0xff;

  constructor(protocol: number) {
    this.protocol = protocol;
    this.ethType = protocol;
  }

  set(at: number, value: number, mask: number): void {
    this.key[at] = value;
    this.mask[at] = mask;
  }
}

/** One word with its value, and whether tc takes an abbreviation. The first that fits is meant. */
export interface FlowerWord {
  readonly word: string;
  readonly exact?: true;
  /** What tc calls it when it is wrong; default: the word. @returns false when the value is no good */
  readonly illegal?: string;
  take(s: FlowerSaid, text: string): boolean;
}

/** Whether fields of a tag may be named. @param tagged num_of_vlans says so */
export function isVlan(ethType: number, tagged: boolean): boolean {
  return ethType === ETH_P_8021Q || ethType === ETH_P_8021AD || tagged;
}

function vlanNumber(at: number, word: string, max: number, inner: boolean): FlowerWord {
  return {
    word,
    take(s, text) {
      const fits = inner ? isVlan(s.vlanEthType, s.numVlans > 1) : isVlan(s.protocol, s.numVlans > 0);
      if (!fits) {
        const why = inner ? "inner vlan ethertype isn't" : "ethertype isn't";
        const count = inner ? "less than 2" : "0";
        throw refusal(`Can't set "${word}" if ${why} 802.1Q or 802.1AD and num_of_vlans is ${count}\n`);
      }
      const n = unsignedOf(text, 10, max);
      if (n === null) return false;
      s.set(at, n, max);
      return true;
    },
  };
}

function vlanEthType(word: string, inner: boolean): FlowerWord {
  return {
    word,
    take(s, text) {
      const outer = inner ? s.vlanEthType : s.ethType;
      if (!isVlan(outer, s.numVlans > (inner ? 1 : 0))) {
        const count = inner ? "less than 2" : "is 0";
        throw refusal(`Can't set "${word}" if ethertype isn't 802.1Q or 802.1AD and num_of_vlans ${count}\n`);
      }
      const type = parseEthertype(text);
      s.set(inner ? FK.cvlanEthType : FK.vlanEthType, type, 0xffff);
      s.ethType = type;
      if (!inner) s.vlanEthType = type;
      return true;
    },
  };
}

function mac(at: number, word: string): FlowerWord {
  return {
    word,
    take(s, text) {
      const [value, mask] = split(text);
      const address = macWords(value);
      if (address === null) return false;
      let under: readonly [number, number] | null = [-1, 0xffff];
      if (mask !== null) {
        const bits = unsignedOf(mask, 10, 48);
        under =
          bits === null
            ? macWords(mask)
            : [prefix(Math.min(bits, 32)), (prefix(Math.max(bits - 32, 0)) >>> 16) & 0xffff];
      }
      if (under === null) return false;
      s.set(at, address[0], under[0]);
      s.set(at + 1, address[1], under[1]);
      return true;
    },
  };
}

function macWords(text: string): readonly [number, number] | null {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)) return null;
  const b = text.split(":").map((x) => Number.parseInt(x, 16));
  return [(b[0]! << 24) | (b[1]! << 16) | (b[2]! << 8) | b[3]!, (b[4]! << 8) | b[5]!];
}

function prefix(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

function split(text: string): readonly [string, string | null] {
  const slash = text.indexOf("/");
  return slash < 0 ? [text, null] : [text.slice(0, slash), text.slice(slash + 1)];
}

/** `VALUE[/MASK]` of 8 bits. */
function byte(at: number, word: string, base: number, maskBase: number): FlowerWord {
  return {
    word,
    take(s, text) {
      const [value, mask] = split(text);
      const n = unsignedOf(value, base, 0xff) ?? (maskBase === 16 ? unsignedOf(value, 16, 0xff) : null);
      const m = mask === null ? 0xff : unsignedOf(mask, maskBase, 0xff);
      if (n === null || m === null) return false;
      s.set(at, n, m);
      return true;
    },
  };
}

function address(at: number, word: string, tunnel: boolean): FlowerWord {
  return {
    word,
    take(s, text) {
      let v4 = s.ethType === ETH_P_IP;
      if (tunnel) v4 = !text.includes(":");
      else if (!v4 && s.ethType !== ETH_P_IPV6) return false;
      const p = prefixOf(text, v4 ? AF_INET : AF_INET6);
      if (p === null) return false;
      setAddress(s, at, p.words, p.bits, v4 ? 1 : 4);
      const type = tunnel ? FK.encAddrType : FK.addrType;
      s.set(type, v4 ? FLOWER_IPV4 : FLOWER_IPV6, 0xffff);
      return true;
    },
  };
}

function setAddress(s: FlowerSaid, at: number, words: readonly number[], bits: number, count: number): void {
  for (let i = 0; i < count; i++) {
    s.set(at + i, words[i]!, prefix(Math.min(32, Math.max(0, bits - 32 * i))));
  }
}

function arpAddress(at: number, word: string): FlowerWord {
  return {
    word,
    take(s, text) {
      const p = s.ethType === ETH_P_ARP || s.ethType === ETH_P_RARP ? prefixOf(text, AF_INET) : null;
      if (p === null) return false;
      setAddress(s, at, p.words, p.bits, 1);
      return true;
    },
  };
}

function port(source: boolean): FlowerWord {
  return {
    word: source ? "src_port" : "dst_port",
    take(s, text) {
      if (s.ipProto !== 6 && s.ipProto !== 17 && s.ipProto !== 132) return false;
      const at = source ? FK.srcPort : FK.dstPort;
      const [value, mask] = split(text);
      if (mask !== null) {
        const n = unsignedOf(value, 0, 0xffff);
        const m = unsignedOf(mask, 0, 0xffff);
        if (n === null || m === null) return false;
        s.set(at, n, m);
        return true;
      }
      const [low, high] = text.split("-", 2);
      const min = unsignedOf(low!, 10, 0xffff);
      const max = high === undefined ? 0 : unsignedOf(high, 10, 0xffff);
      if (min === null || max === null || min === 0) return false;
      if (high === undefined) s.set(at, min, 0xffff);
      else {
        if (max <= min) throw refusal(`max value should be greater than min value\nIllegal "${this.word}"\n`);
        if (source) s.srcPorts = { min, max };
        else s.dstPorts = { min, max };
      }
      return true;
    },
  };
}

function icmp(at: number, word: string): FlowerWord {
  const number = byte(at, word, 10, 10);
  return {
    word,
    illegal: `icmp ${word}`,
    take(s, text) {
      const v4 = s.ethType === ETH_P_IP && s.ipProto === 1;
      const v6 = s.ethType === ETH_P_IPV6 && s.ipProto === 58;
      return (v4 || v6) && number.take(s, text);
    },
  };
}

/** In tc's order. */
export const FLOWER_WORDS: readonly FlowerWord[] = [
  { word: "ip_flags", take: takeIpFlags },
  {
    word: "num_of_vlans",
    exact: true,
    take(s, text) {
      const n = unsignedOf(text, 10, 0xff);
      if (n === null) return false;
      s.numVlans = n;
      s.set(FK.numVlans, n, 0xff);
      return true;
    },
  },
  vlanNumber(FK.vlanId, "vlan_id", 0xfff, false),
  vlanNumber(FK.vlanPrio, "vlan_prio", 7, false),
  vlanEthType("vlan_ethtype", false),
  vlanNumber(FK.cvlanId, "cvlan_id", 0xfff, true),
  vlanNumber(FK.cvlanPrio, "cvlan_prio", 7, true),
  vlanEthType("cvlan_ethtype", true),
  mac(FK.ethDst, "dst_mac"),
  mac(FK.ethSrc, "src_mac"),
  { word: "ip_proto", take: takeIpProto },
  byte(FK.tos, "ip_tos", 10, 16),
  byte(FK.ttl, "ip_ttl", 10, 16),
  address(FK.dst, "dst_ip", false),
  address(FK.src, "src_ip", false),
  port(false),
  port(true),
  {
    word: "tcp_flags",
    take(s, text) {
      const [value, mask] = split(text);
      const n = unsignedOf(value, 16, 0xfff);
      const m = mask === null ? 0xfff : unsignedOf(mask, 16, 0xfff);
      if (n === null || m === null) return false;
      s.set(FK.tcpFlags, n, m);
      return true;
    },
  },
  icmp(FK.icmpType, "type"),
  icmp(FK.icmpCode, "code"),
  arpAddress(FK.arpTip, "arp_tip"),
  arpAddress(FK.arpSip, "arp_sip"),
  { word: "arp_op", take: takeArpOp },
  mac(FK.arpTha, "arp_tha"),
  mac(FK.arpSha, "arp_sha"),
  address(FK.encDst, "enc_dst_ip", true),
  address(FK.encSrc, "enc_src_ip", true),
  {
    word: "enc_key_id",
    take(s, text) {
      const n = unsignedOf(text, 10);
      if (n === null) return false;
      s.set(FK.encKeyId, n, -1);
      return true;
    },
  },
  byte(FK.encTos, "enc_tos", 10, 16),
  byte(FK.encTtl, "enc_ttl", 10, 16),
];

function takeIpFlags(s: FlowerSaid, text: string): boolean {
  for (const token of text.split("/").filter((t) => t !== "")) {
    const no = token.startsWith("no");
    const name = no ? token.slice(2) : token;
    const bit = name === "frag" ? FLOWER_FRAG : name === "firstfrag" ? FLOWER_FIRST_FRAG : 0;
    if (bit === 0) return false;
    if (no) s.key[FK.control]! &= ~bit;
    else s.key[FK.control]! |= bit;
    s.mask[FK.control]! |= bit;
  }
  return true;
}

function takeIpProto(s: FlowerSaid, text: string): boolean {
  const wrong = refusal('Illegal "eth_type" for ip proto\nIllegal "ip_proto"\n');
  if (s.ethType !== ETH_P_IP && s.ethType !== ETH_P_IPV6) throw wrong;
  const named = IP_PROTOS.find(([name]) => matches(text, name));
  if ((named?.[1] === 1 && s.ethType !== ETH_P_IP) || (named?.[1] === 58 && s.ethType !== ETH_P_IPV6)) throw wrong;
  const n = named === undefined ? unsignedOf(text, 16, 0xff) : named[1];
  if (n === null) return false;
  s.ipProto = n;
  s.set(FK.ipProto, n, 0xff);
  return true;
}

function takeArpOp(s: FlowerSaid, text: string): boolean {
  if (s.ethType !== ETH_P_ARP && s.ethType !== ETH_P_RARP) return false;
  const [value, mask] = split(text);
  const n = value === "request" ? 1 : value === "reply" ? 2 : unsignedOf(value, 10, 2);
  const m = mask === null ? 0xff : unsignedOf(mask, 10, 0xff);
  if (n === null || m === null) return false;
  s.set(FK.arpOp, n, m);
  return true;
}
