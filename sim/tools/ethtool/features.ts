/** `ethtool -k` and `-K`. @source ethtool netlink/features.c; the features of veth as drivers/net/veth.c declares them */
import type { Netdev } from "../../net/netdev.ts";
import { ToolError, type ToolResult } from "../tool.ts";

/** What a feature says on veth: fixed at off, on, or on the setting of the device that it stands for. */
type FeatureState = "off" | "on" | "off-fixed" | "gro" | "tso" | "checksum" | "rx-gro";

/** In ethtool's order; a tab leads those that belong to the line above. */
const FEATURES: readonly (readonly [name: string, state: FeatureState])[] = [
  ["rx-checksumming", "on"],
  ["tx-checksumming", "checksum"],
  ["\ttx-checksum-ipv4", "off-fixed"],
  ["\ttx-checksum-ip-generic", "checksum"],
  ["\ttx-checksum-ipv6", "off-fixed"],
  ["\ttx-checksum-fcoe-crc", "off-fixed"],
  ["\ttx-checksum-sctp", "on"],
  ["scatter-gather", "on"],
  ["\ttx-scatter-gather", "on"],
  ["\ttx-scatter-gather-fraglist", "on"],
  ["tcp-segmentation-offload", "tso"],
  ["\ttx-tcp-segmentation", "tso"],
  ["\ttx-tcp-ecn-segmentation", "on"],
  ["\ttx-tcp-mangleid-segmentation", "on"],
  ["\ttx-tcp6-segmentation", "on"],
  ["\ttx-tcp-accecn-segmentation", "on"],
  ["generic-segmentation-offload", "on"],
  ["generic-receive-offload", "gro"],
  ["large-receive-offload", "off-fixed"],
  ["rx-vlan-offload", "on"],
  ["tx-vlan-offload", "on"],
  ["ntuple-filters", "off-fixed"],
  ["receive-hashing", "off-fixed"],
  ["highdma", "on"],
  ["rx-vlan-filter", "off-fixed"],
  ["vlan-challenged", "off-fixed"],
  ["tx-gso-robust", "off-fixed"],
  ["tx-fcoe-segmentation", "off-fixed"],
  ["tx-gre-segmentation", "on"],
  ["tx-gre-csum-segmentation", "on"],
  ["tx-ipxip4-segmentation", "on"],
  ["tx-ipxip6-segmentation", "on"],
  ["tx-udp_tnl-segmentation", "on"],
  ["tx-udp_tnl-csum-segmentation", "on"],
  ["tx-gso-partial", "off-fixed"],
  ["tx-tunnel-remcsum-segmentation", "off-fixed"],
  ["tx-sctp-segmentation", "on"],
  ["tx-esp-segmentation", "off-fixed"],
  ["tx-udp-segmentation", "tso"],
  ["tx-gso-list", "on"],
  ["tx-nocache-copy", "off"],
  ["loopback", "off-fixed"],
  ["rx-fcs", "off-fixed"],
  ["rx-all", "off-fixed"],
  ["tx-vlan-stag-hw-insert", "on"],
  ["rx-vlan-stag-hw-parse", "on"],
  ["rx-vlan-stag-filter", "off-fixed"],
  ["l2-fwd-offload", "off-fixed"],
  ["hw-tc-offload", "off-fixed"],
  ["esp-hw-offload", "off-fixed"],
  ["esp-tx-csum-hw-offload", "off-fixed"],
  ["rx-udp_tunnel-port-offload", "off-fixed"],
  ["tls-hw-tx-offload", "off-fixed"],
  ["tls-hw-rx-offload", "off-fixed"],
  ["rx-gro-hw", "off-fixed"],
  ["tls-hw-record", "off-fixed"],
  ["rx-gro-list", "off"],
  ["macsec-hw-offload", "off-fixed"],
  ["rx-udp-gro-forwarding", "off"],
  ["hsr-tag-ins-offload", "off-fixed"],
  ["hsr-tag-rm-offload", "off-fixed"],
  ["hsr-fwd-offload", "off-fixed"],
  ["hsr-dup-offload", "off-fixed"],
];

/** What -K calls the settings that netsim has; several words mean one. */
const SETTINGS: Readonly<Record<string, "gro" | "tso" | "checksum">> = {
  gro: "gro",
  "rx-gro": "gro",
  "generic-receive-offload": "gro",
  tso: "tso",
  "tx-tcp-segmentation": "tso",
  "tcp-segmentation-offload": "tso",
  tx: "checksum",
  "tx-checksumming": "checksum",
  "tx-checksum-ip-generic": "checksum",
};

/** Short names of features that Linux has and netsim cannot change. */
const SHORT: readonly string[] = ["rx", "sg", "gso", "lro", "rxvlan", "txvlan", "ntuple", "rxhash", "ufo"];

/**
 * Native XDP on the far end takes segmentation offload away (veth_set_features).
 * It and its kin show as fixed then.
 */
function isTsoFixed(dev: Netdev): boolean {
  const peer = dev.ops.peer?.(dev) ?? null;
  return peer !== null && peer.xdp?.mode === "xdp";
}

function stateText(dev: Netdev, name: string, state: FeatureState): string {
  switch (state) {
    case "off-fixed":
      return "off [fixed]";
    case "gro":
    case "rx-gro":
      return dev.gro ? "on" : "off";
    case "checksum":
      return dev.txChecksumOffload ? "on" : "off";
    case "tso":
      if (dev.tso) return "on";
      return isTsoFixed(dev) && name !== "tcp-segmentation-offload" ? "off [fixed]" : "off";
    default:
      return state;
  }
}

/** `ethtool -k DEV`. @throws ToolError for kinds whose features netsim does not know */
export function showFeatures(dev: Netdev): string {
  if (dev.ops.kind !== "veth") {
    throw new ToolError(
      1,
      `netsim has no \`ethtool -k\` for devices of kind ${dev.ops.kind} yet; ethtool -K ${dev.name} gro on|off works\n`,
    );
  }
  const lines = FEATURES.map(([name, state]) => `${name}: ${stateText(dev, name.trim(), state)}\n`);
  return `Features for ${dev.name}:\n${lines.join("")}`;
}

/** `ethtool -K DEV NAME on|off ...`. */
export function setFeatures(dev: Netdev, words: readonly string[]): string | ToolResult {
  if (words.length === 0) throw new ToolError(1, "Could not change any device features\n");
  const wanted: [setting: "gro" | "tso" | "checksum", on: boolean][] = [];
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]!;
    const value = words[i + 1];
    if (value !== "on" && value !== "off") {
      const shown = value ?? "(null)";
      throw new ToolError(1, `ethtool (-K): flag '${shown}' for parameter '(null)' is not followed by 'on' or 'off'\n`);
    }
    const setting = SETTINGS[name];
    if (setting !== undefined) wanted.push([setting, value === "on"]);
    else if (SHORT.includes(name) || FEATURES.some(([f]) => f.trim() === name)) {
      throw new ToolError(1, `netsim cannot change the feature ${name} yet; it has gro, tso, tx\n`);
    } else
      throw new ToolError(
        92,
        "netlink error: bit name not found (offset 52)\nnetlink error: Operation not supported\n",
      );
  }
  for (const [setting, on] of wanted) apply(dev, setting, on);
  return "";
}

function apply(dev: Netdev, setting: "gro" | "tso" | "checksum", on: boolean): void {
  if (setting === "gro") {
    if (dev.ops.setGro !== undefined) dev.ops.setGro(dev, on);
    else dev.gro = on;
  } else if (setting === "checksum") dev.txChecksumOffload = on;
  else if (on && isTsoFixed(dev)) throw new ToolError(1, "Could not change any device features\n");
  else dev.tso = on;
}
