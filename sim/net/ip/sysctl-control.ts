/** Reading and writing sysctls: `sysctl NAME`, `sysctl -w NAME=VALUE`. */
import type { Host } from "../host.ts";
import { findKernelSysctl, kernelSysctlNames } from "../kernel-sysctl.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { congestionNames, findCongestion } from "../tcp/cong/index.ts";
import { AF_INET6 } from "./address.ts";
import { flushAddresses, onDevUp } from "./addresses.ts";
import { type IpStack, ipStack } from "./ip-stack.ts";
import {
  type IpConf,
  type IpSysctls,
  type NeighConf,
  parseSysctlName,
  parseSysctlValue,
  recordSysctl,
  type SysctlTarget,
  sysctlNames,
} from "./sysctl.ts";

/** Every name with the host's devices. */
export function listSysctls(host: Host): readonly string[] {
  const names = sysctlNames(host.devices.flatMap((d) => (d === undefined ? [] : [d.name])));
  return [...kernelSysctlNames, ...names].sort();
}

/** @throws NetlinkError ENOENT for a name or device that is not there */
export function getSysctl(host: Host, name: string): string {
  const own = findKernelSysctl(name);
  if (own !== undefined) return String(own.get(host));
  const stack = ipStack(host);
  const t = target(name);
  switch (t.kind) {
    case "global":
      return String(stack.sysctl[t.key]);
    case "triple":
      return t.keys.map((k) => stack.sysctl[k]).join("\t");
    case "congestion":
      return stack.congestion.name;
    case "congestion_available":
      return congestionNames().join(" ");
    case "not_built":
      throw notBuilt(name);
    case "port_range":
      return `${stack.sysctl.portRangeLow}\t${stack.sysctl.portRangeHigh}`;
    case "conf":
      return String(confOf(stack, t.dev)[t.key]);
    case "neigh":
      return String(neighOf(stack, t.dev, t.family)[t.key]);
  }
}

/** @throws NetlinkError ENOENT, EINVAL */
export function setSysctl(host: Host, name: string, text: string): void {
  const own = findKernelSysctl(name);
  if (own !== undefined) {
    own.set(host, parseSysctlValue(text, own));
    recordSysctl(host, name, text.trim());
    return;
  }
  const stack = ipStack(host);
  const t = target(name);
  switch (t.kind) {
    case "global":
      stack.sysctl[t.key] = parseSysctlValue(text, t.row);
      if (t.key === "ipForward") setAllForwarding(stack, "forwarding", stack.sysctl.ipForward);
      if (t.key === "ip6Forwarding") setAllForwarding(stack, "forwarding6", stack.sysctl.ip6Forwarding);
      break;
    case "triple":
      setTriple(stack, t.keys, text);
      break;
    case "congestion": {
      const module = findCongestion(text.trim());
      if (module === null) throw new NetlinkError(ERRNO.ENOENT);
      stack.congestion = module;
      break;
    }
    case "congestion_available":
      throw new NetlinkError(ERRNO.EPERM);
    case "not_built":
      throw notBuilt(name);
    case "port_range": {
      const m = /^\s*(\d+)\s+(\d+)\s*$/.exec(text);
      const low = Number(m?.[1] ?? 0);
      const high = Number(m?.[2] ?? 0);
      if (low < 1 || high > 65535 || low > high) throw new NetlinkError(ERRNO.EINVAL);
      stack.sysctl.portRangeLow = low;
      stack.sysctl.portRangeHigh = high;
      break;
    }
    case "conf":
      setConf(stack, t.dev, t.key, parseSysctlValue(text, t.row));
      break;
    case "neigh":
      neighOf(stack, t.dev, t.family)[t.key] = parseSysctlValue(text, t.row);
      break;
  }
  recordSysctl(host, name, text.trim());
}

function notBuilt(name: string): NetlinkError {
  return new NetlinkError(ERRNO.EOPNOTSUPP, `${name}: netsim's TCP does not have it`);
}

/** proc_dointvec_minmax of three numbers, each at least 1; fewer leave the others as they are. */
function setTriple(stack: IpStack, keys: readonly (keyof IpSysctls)[], text: string): void {
  const words = text.trim().split(/\s+/).slice(0, keys.length);
  const values = words.map((w) => parseSysctlValue(w, { min: 1, max: 2147483647 }));
  for (let i = 0; i < values.length; i++) stack.sysctl[keys[i]!] = values[i]!;
}

function target(name: string): SysctlTarget {
  const t = parseSysctlName(name);
  if (t === null) throw new NetlinkError(ERRNO.ENOENT);
  return t;
}

function confOf(stack: IpStack, dev: string): IpConf {
  if (dev === "all") return stack.confAll;
  if (dev === "default") return stack.confDefault;
  const d = stack.host.devByName.get(dev);
  if (d === undefined) throw new NetlinkError(ERRNO.ENOENT);
  return stack.ipDev(d).conf;
}

function neighOf(stack: IpStack, dev: string, family: 4 | 6): NeighConf {
  if (dev === "default") return family === 4 ? stack.neighDefault4 : stack.neighDefault6;
  const d = stack.host.devByName.get(dev);
  if (d === undefined) throw new NetlinkError(ERRNO.ENOENT);
  const ipd = stack.ipDev(d);
  return family === 4 ? ipd.neigh4 : ipd.neigh6;
}

function setConf(stack: IpStack, dev: string, key: keyof IpConf, value: number): void {
  if (dev === "all" && (key === "forwarding" || key === "forwarding6")) {
    if (key === "forwarding") stack.sysctl.ipForward = value;
    else stack.sysctl.ip6Forwarding = value;
    setAllForwarding(stack, key, value);
    return;
  }
  confOf(stack, dev)[key] = value;
  if (dev === "all" && key === "disableIpv6") {
    stack.confDefault.disableIpv6 = value;
    for (const d of stack.ipDevs()) d.conf.disableIpv6 = value;
  }
  if (key === "disableIpv6") applyDisable(stack, dev, value);
  for (const d of stack.ipDevs()) stack.refreshConf(d);
}

/** inet_forward_change, addrconf_forward_change: `all` sets default and every device. */
function setAllForwarding(stack: IpStack, key: "forwarding" | "forwarding6", value: number): void {
  stack.confAll[key] = value;
  stack.confDefault[key] = value;
  for (const d of stack.ipDevs()) {
    d.conf[key] = value;
    stack.refreshConf(d);
  }
  stack.routeGeneration++;
}

/** addrconf_disable_change: off takes the addresses, on brings the link-local one back. */
function applyDisable(stack: IpStack, name: string, value: number): void {
  for (const d of stack.ipDevs()) {
    if (name !== "all" && d.dev.name !== name) continue;
    if (value !== 0) flushAddresses(d.dev, AF_INET6);
    else if (d.dev.up) onDevUp(stack, d.dev);
  }
}
