/** flower's filters as tc prints them. @source iproute2 tc/f_flower.c flower_print_opt; net/sched/cls_flower.c fl_dump_key */
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from "../../../net/ether.ts";
import { formatIp4, formatIp6 } from "../../../net/ip/address.ts";
import type { FlowerFilter, FlowerOptions } from "../../../net/tc/cls/flower.ts";
import { FK, FLOWER_FIRST_FRAG, FLOWER_FRAG, FLOWER_IPV4, type PortRange } from "../../../net/tc/cls/flower-key.ts";
import { type FilterShow, printExts } from "../filter-kind.ts";
import { formatClassid } from "../handles.ts";
import type { PrintObject } from "../print.ts";
import { formatEthertype } from "../protocols.ts";

const ETH_TYPES: ReadonlyMap<number, string> = new Map([
  [ETH_P_IP, "ipv4"],
  [ETH_P_IPV6, "ipv6"],
  [ETH_P_ARP, "arp"],
  [0x8035, "rarp"],
]);
const IP_PROTOS: ReadonlyMap<number, string> = new Map([
  [6, "tcp"],
  [17, "udp"],
  [132, "sctp"],
  [1, "icmp"],
  [58, "icmpv6"],
]);
const ARP_OPS: readonly (string | undefined)[] = [undefined, "request", "reply"];

/** One filter with its keys and actions. */
export function printFlower(o: PrintObject, f: FlowerFilter, show: FilterShow): void {
  o.any("handle", f.handle, `handle 0x${f.handle.toString(16)} `);
  if (f.classid !== 0) o.any("classid", formatClassid(f.classid), `classid ${formatClassid(f.classid)} `);
  if (f.options.indev !== null) o.plain("\n").any("indev", f.options.indev, `  indev ${f.options.indev}`);
  printFlowerKeys(o, f.options);
  if (f.options.skipHw) o.plain("\n").any("skip_hw", true, "  skip_hw");
  o.plain("\n").any("not_in_hw", true, "  not_in_hw");
  printExts(o, f.exts, show);
}

/** What is compared. */
export function printFlowerKeys(o: PrintObject, options: FlowerOptions): void {
  o.object("keys", (k) => {
    printVlan(k, options);
    const { key, mask } = options;
    printMac(k, "dst_mac", key, mask, FK.ethDst);
    printMac(k, "src_mac", key, mask, FK.ethSrc);
    if (mask[FK.ethType] !== 0) {
      const type = key[FK.ethType]!;
      const name = ETH_TYPES.get(type) ?? type.toString(16).padStart(4, "0");
      line(k, "eth_type", name);
    }
    printIp(k, options);
    printArp(k, key, mask);
    printTunnel(k, key, mask);
    printIpFlags(k, key[FK.control]!, mask[FK.control]!);
  });
}

/** A new line, two blanks, name and value. */
function line(o: PrintObject, name: string, value: unknown, text: string = `${value}`): void {
  o.plain("\n").any(name, value, `  ${name} ${text}`);
}

function printVlan(o: PrintObject, { key, mask }: FlowerOptions): void {
  if (mask[FK.numVlans] !== 0) line(o, "num_of_vlans", key[FK.numVlans]);
  if (mask[FK.vlanId] !== 0) line(o, "vlan_id", key[FK.vlanId]);
  if (mask[FK.vlanPrio] !== 0) line(o, "vlan_prio", key[FK.vlanPrio]);
  if (mask[FK.cvlanTpid] !== 0) line(o, "vlan_ethtype", formatEthertype(key[FK.cvlanTpid]!));
  else if (mask[FK.ethType] !== 0 && mask[FK.vlanEthType] !== 0) {
    line(o, "vlan_ethtype", formatEthertype(key[FK.vlanEthType]!));
  }
  if (mask[FK.cvlanId] !== 0) line(o, "cvlan_id", key[FK.cvlanId]);
  if (mask[FK.cvlanPrio] !== 0) line(o, "cvlan_prio", key[FK.cvlanPrio]);
  if (mask[FK.ethType] !== 0 && mask[FK.cvlanEthType] !== 0) {
    line(o, "cvlan_ethtype", formatEthertype(key[FK.ethType]!));
  }
}

function printMac(o: PrintObject, name: string, key: Int32Array, mask: Int32Array, at: number): void {
  const high = mask[at]!;
  const low = mask[at + 1]!;
  if (high === 0 && low === 0) return;
  const bits = prefixBits([high, low << 16], 48);
  const suffix = bits < 0 ? `/${macText(high, low)}` : bits < 48 ? `/${bits}` : "";
  line(o, name, `${macText(key[at]!, key[at + 1]!)}${suffix}`);
}

function macText(high: number, low: number): string {
  const bytes = [24, 16, 8, 0].map((s) => (high >>> s) & 0xff).concat([(low >>> 8) & 0xff, low & 0xff]);
  return bytes.map((b) => b.toString(16).padStart(2, "0")).join(":");
}

/** __mask_bits. @returns -1 when the mask is no prefix */
function prefixBits(words: readonly number[], total: number): number {
  let bits = 0;
  while (bits < total && ((words[bits >>> 5]! >>> (31 - (bits & 31))) & 1) === 1) bits++;
  for (let i = bits; i < total; i++) if (((words[i >>> 5]! >>> (31 - (i & 31))) & 1) === 1) return -1;
  return bits === 0 ? -1 : bits;
}

function printIp(o: PrintObject, options: FlowerOptions): void {
  const { key, mask } = options;
  const type = key[FK.ethType]!;
  const proto = key[FK.ipProto]!;
  if (mask[FK.ipProto] !== 0) line(o, "ip_proto", IP_PROTOS.get(proto) ?? proto.toString(16).padStart(2, "0"));
  printMasked(o, "ip_tos", key[FK.tos]!, mask[FK.tos]!, 0xff);
  printMasked(o, "ip_ttl", key[FK.ttl]!, mask[FK.ttl]!, 0xff);
  if (type === ETH_P_IP || type === ETH_P_IPV6) {
    printAddress(o, "dst_ip", key, mask, FK.dst, type === ETH_P_IP);
    printAddress(o, "src_ip", key, mask, FK.src, type === ETH_P_IP);
  }
  if (mask[FK.ipProto] !== 0 && (proto === 6 || proto === 17 || proto === 132)) {
    printMasked(o, "dst_port", key[FK.dstPort]!, mask[FK.dstPort]!, 0xffff);
    printMasked(o, "src_port", key[FK.srcPort]!, mask[FK.srcPort]!, 0xffff);
    printRange(o, "dst_port", options.dstPorts);
    printRange(o, "src_port", options.srcPorts);
  }
  if (mask[FK.tcpFlags] !== 0) {
    line(o, "tcp_flags", `0x${key[FK.tcpFlags]!.toString(16)}/${mask[FK.tcpFlags]!.toString(16)}`);
  }
  printByte(o, "icmp_type", key[FK.icmpType]!, mask[FK.icmpType]!);
  printByte(o, "icmp_code", key[FK.icmpCode]!, mask[FK.icmpCode]!);
}

/** print_masked_type. */
function printMasked(o: PrintObject, name: string, value: number, mask: number, full: number): void {
  if (mask === 0) return;
  line(o, name, value);
  if (mask !== full) o.any(`${name}_mask`, mask.toString(16), `/0x${mask.toString(16)}`);
}

/** flower_print_masked_u8. */
function printByte(o: PrintObject, name: string, value: number, mask: number, text?: string): void {
  if (mask === 0) return;
  line(o, name, mask === 0xff ? (text ?? `${value}`) : `${value}/${mask}`);
}

function printRange(o: PrintObject, name: string, { min, max }: PortRange): void {
  if (min === 0) return;
  o.plain(`\n  ${name} ${min}-${max}`);
  o.object(name, (r) => r.field("start", min).field("end", max));
}

function printAddress(o: PrintObject, name: string, key: Int32Array, mask: Int32Array, at: number, v4: boolean): void {
  const masks = [0, 1, 2, 3].map((i) => mask[at + i]!);
  if (masks.every((m) => m === 0)) return;
  const text = (words: Int32Array): string =>
    v4
      ? formatIp4(words[at]! >>> 0)
      : formatIp6(words[at]! >>> 0, words[at + 1]! >>> 0, words[at + 2]! >>> 0, words[at + 3]! >>> 0);
  const total = v4 ? 32 : 128;
  const bits = prefixBits(masks, total);
  line(o, name, `${text(key)}${bits < 0 ? `/${text(mask)}` : bits < total ? `/${bits}` : ""}`);
}

function printArp(o: PrintObject, key: Int32Array, mask: Int32Array): void {
  printAddress(o, "arp_sip", key, mask, FK.arpSip, true);
  printAddress(o, "arp_tip", key, mask, FK.arpTip, true);
  printByte(o, "arp_op", key[FK.arpOp]!, mask[FK.arpOp]!, ARP_OPS[key[FK.arpOp]!]);
  printMac(o, "arp_sha", key, mask, FK.arpSha);
  printMac(o, "arp_tha", key, mask, FK.arpTha);
}

function printTunnel(o: PrintObject, key: Int32Array, mask: Int32Array): void {
  const v4 = key[FK.encAddrType] === FLOWER_IPV4;
  printAddress(o, "enc_dst_ip", key, mask, FK.encDst, v4);
  printAddress(o, "enc_src_ip", key, mask, FK.encSrc, v4);
  if (mask[FK.encKeyId] !== 0) line(o, "enc_key_id", key[FK.encKeyId]! >>> 0);
  printMasked(o, "enc_tos", key[FK.encTos]!, mask[FK.encTos]!, 0xff);
  printMasked(o, "enc_ttl", key[FK.encTtl]!, mask[FK.encTtl]!, 0xff);
}

function printIpFlags(o: PrintObject, key: number, mask: number): void {
  if (mask === 0) return;
  const bits = (
    [
      ["frag", FLOWER_FRAG],
      ["firstfrag", FLOWER_FIRST_FRAG],
    ] as const
  ).filter(([, b]) => (mask & b) !== 0);
  o.plain(`\n  ip_flags ${bits.map(([name, b]) => ((key & b) !== 0 ? name : `no${name}`)).join("/")}`);
  o.object("ip_flags", (f) => {
    for (const [name, b] of bits) f.field(name, (key & b) !== 0);
  });
}
