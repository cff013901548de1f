/** The tools on a simulated host: one line each. */
import { BugError } from "../engine/errors.ts";
import { bpftool } from "./bpftool/index.ts";
import { ethtool } from "./ethtool/index.ts";
import { ip } from "./ip/index.ts";
import { nstat } from "./nstat.ts";
import { ping } from "./ping/index.ts";
import { sysctl } from "./sysctl.ts";
import { tc } from "./tc/index.ts";
import type { Tool } from "./tool.ts";

/** All tools, by name. */
export const tools: readonly Tool[] = [bpftool, ethtool, ip, nstat, ping, sysctl, tc];
if (new Set(tools.map((t) => t.name)).size !== tools.length)
  throw new BugError("TOOL_TWICE", "two tools have the same name");

/** Commands that people type and netsim does not have: what to do instead. */
export const refusedTools: ReadonlyMap<string, string> = new Map([
  ["arp", "use ip neigh"],
  ["bridge", "use ip link set DEV master BRIDGE"],
  ["brctl", "use ip link set DEV master BRIDGE"],
  ["curl", "use the lab's traffic instead"],
  ["dig", "a node's name is its address"],
  ["ifconfig", "use ip addr and ip link"],
  ["iperf", "use the lab's traffic instead"],
  ["iperf3", "use the lab's traffic instead"],
  ["iptables", "use an eBPF program instead"],
  ["mtr", "use ping -t"],
  ["nc", "use the lab's traffic instead"],
  ["netstat", "use ip -s link"],
  ["nft", "use an eBPF program instead"],
  ["ping6", "use ping -6"],
  ["route", "use ip route"],
  ["sh", "there is no shell; one command a line"],
  ["bash", "there is no shell; one command a line"],
  ["sleep", "use the lab's timeline instead"],
  ["ss", "sockets are in the run's summary"],
  ["tcpdump", "capture with --pcap"],
  ["traceroute", "use ping -t"],
  ["tshark", "capture with --pcap"],
  ["wget", "use the lab's traffic instead"],
]);
