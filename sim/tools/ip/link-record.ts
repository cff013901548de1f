/** One device as `ip link show` and `ip addr show` print it. @source iproute2 ip/ipaddress.c print_linkinfo, ip/iplink_xdp.c xdp_dump */
import { IFF_POINTOPOINT, type Netdev } from "../../net/netdev.ts";
import { addProgInfo } from "../bpf/prog-info.ts";
import { PrintRecord } from "../record.ts";
import type { ToolFlags } from "../rtnetlink.ts";
import {
  flagNames,
  hardwareAddress,
  hardwareBroadcast,
  infoKind,
  isTunnel,
  linkedDevice,
  linkType,
  operstate,
  rootQdiscKind,
} from "./device-facts.ts";
import { formatLinkStats, jsonLinkStats } from "./link-stats.ts";
import { promiscuity } from "./promisc.ts";

/** Which of the two commands prints, and how much of the link. */
export interface LinkView {
  /** `ip link`; false: `ip addr`. */
  readonly link: boolean;
  /** The line with the hardware address. */
  readonly hardware: boolean;
}

/** XDP_ATTACHED_DRV, XDP_ATTACHED_SKB. */
const XDP_ATTACHED: Readonly<Record<string, number>> = { xdp: 1, xdpgeneric: 2 };
/** Limits of segmentation that the kinds tell; others have the legacy limit. */
const TSO_MAX: Readonly<Record<string, number>> = { veth: 524280, loopback: 524280, dummy: 524280, bridge: 524280 };

/** `vb@if10`: the name, and where the device lies. */
function addName(r: PrintRecord, dev: Netdev, width: number): void {
  const linked = linkedDevice(dev);
  let name = dev.name;
  if (linked?.here === true) {
    r.field("link", linked.peer.name);
    name += `@${linked.peer.name}`;
  } else if (linked !== null) {
    r.field("link_index", linked.peer.ifindex);
    name += `@if${linked.peer.ifindex}`;
  } else if (isTunnel(dev)) {
    r.field("link", null);
    name += "@NONE";
  }
  r.any("ifname", dev.name, width > 0 ? `${name.padEnd(width)} ` : `${name}: `);
}

/** `brd` or, for tunnels, `peer` and the address. */
function addHardware(r: PrintRecord, dev: Netdev): void {
  const type = linkType(dev);
  const address = hardwareAddress(dev);
  const broadcast = hardwareBroadcast(dev);
  r.any("link_type", type, `link/${type} `).any("address", address, address);
  const peer = (dev.flags & IFF_POINTOPOINT) !== 0;
  if (peer) r.field("link_pointtopoint", true);
  r.any("broadcast", broadcast, ` ${peer ? "peer" : "brd"} ${broadcast}`);
}

/** The record of `ip link show`; `ip addr show` goes on behind it. */
export function linkRecord(dev: Netdev, view: LinkView, flags: ToolFlags): PrintRecord {
  const nl = flags.oneline ? "\\" : "\n";
  const r = new PrintRecord();
  r.any("ifindex", dev.ifindex, `${dev.ifindex}: `);
  addName(r, dev, 0);
  const names = flagNames(dev);
  r.any("flags", names, `<${names.join(",")}> `).any("mtu", dev.mtu, `mtu ${dev.mtu} `);
  addXdp(r, dev, view, flags);
  r.any("qdisc", rootQdiscKind(dev), `qdisc ${rootQdiscKind(dev)} `);
  if (dev.master !== null) r.any("master", dev.master.name, `master ${dev.master.name} `);
  r.any("operstate", operstate(dev), `state ${operstate(dev)} `);
  if (view.link) r.any("linkmode", "DEFAULT", "mode DEFAULT ");
  r.any("group", "default", "group default ");
  if (dev.txQueueLen > 0) r.any("txqlen", dev.txQueueLen, `qlen ${dev.txQueueLen}`);
  if (view.hardware || flags.details) {
    r.plain(`${nl}    `);
    addHardware(r, dev);
  }
  const linked = linkedDevice(dev);
  if (linked !== null && !linked.here) {
    const others = [
      ...new Set(dev.host.devices.map((d) => (d === undefined ? null : otherHost(d))).filter((h) => h !== null)),
    ];
    r.any("link_netnsid", others.indexOf(linked.peer.host.name), ` link-netns ${linked.peer.host.name}`);
  }
  if (flags.details) addDetails(r, dev, view, nl);
  if (dev.xdp !== null && (view.link || flags.details)) {
    r.plain(`${nl}    prog/xdp `);
    const info = new PrintRecord();
    addProgInfo(dev.host, info, dev.xdp.prog, flags.details);
    r.plain(info.text);
  }
  if (view.link && flags.stats > 0) {
    r.plain(`${nl}${formatLinkStats(dev, flags.stats, nl)}`).field("stats64", jsonLinkStats(dev, flags.stats));
  }
  return r;
}

function otherHost(dev: Netdev): string | null {
  const linked = linkedDevice(dev);
  return linked === null || linked.here ? null : linked.peer.host.name;
}

function addXdp(r: PrintRecord, dev: Netdev, view: LinkView, flags: ToolFlags): void {
  if (dev.xdp === null) return;
  const mode = XDP_ATTACHED[dev.xdp.mode]!;
  const info = new PrintRecord();
  addProgInfo(dev.host, info, dev.xdp.prog, flags.details);
  const { prog } = info.json;
  r.any(
    "xdp",
    { mode, prog, attached: [{ mode, prog }] },
    `${dev.xdp.mode}${view.link ? "" : `/id:${dev.xdp.prog.id}`} `,
  );
}

/** @differs a bridge's and a port's own parameters are not listed */
function addDetails(r: PrintRecord, dev: Netdev, view: LinkView, nl: string): void {
  const tso = TSO_MAX[dev.ops.kind] ?? 65536;
  r.any("promiscuity", promiscuity(dev), ` promiscuity ${promiscuity(dev)} `).any("allmulti", 0, " allmulti 0 ");
  r.any("min_mtu", dev.minMtu, `minmtu ${dev.minMtu} `).any("max_mtu", dev.maxMtu, `maxmtu ${dev.maxMtu} `);
  const kind = infoKind(dev);
  if (kind !== null) r.any("linkinfo", { info_kind: kind }, `${nl}    ${kind} `);
  if (view.link) r.any("inet6_addr_gen_mode", "eui64", "addrgenmode eui64 ");
  r.any("num_tx_queues", dev.txQueues.length, `numtxqueues ${dev.txQueues.length} `);
  r.any("num_rx_queues", dev.rxQueueCount, `numrxqueues ${dev.rxQueueCount} `);
  r.any("gso_max_size", 65536, "gso_max_size 65536 ").any("gso_max_segs", 65535, "gso_max_segs 65535 ");
  r.any("tso_max_size", tso, `tso_max_size ${tso} `).any("tso_max_segs", 65535, "tso_max_segs 65535 ");
  r.any("gro_max_size", 65536, "gro_max_size 65536 ");
}

/** The record of `ip -br link show`. */
export function briefRecord(dev: Netdev, view: LinkView): PrintRecord {
  const r = new PrintRecord();
  addName(r, dev, 16);
  r.any("operstate", operstate(dev), `${operstate(dev).padEnd(14)} `);
  if (!view.link) return r;
  const address = hardwareAddress(dev);
  const names = flagNames(dev);
  r.any("address", address, `${address} `).any("flags", names, `<${names.join(",")}> `);
  return r;
}
