/** `ethtool`: statistics and features. @source ethtool ethtool.c */
import type { Netdev } from "../../net/netdev.ts";
import { immediate, type Tool, ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { setFeatures, showFeatures } from "./features.ts";

const BAD_LINE = "ethtool: bad command line argument(s)\nFor more information run ethtool -h\n";
const NO_DEVICE = "netlink error: no device matches name (offset 24)\nnetlink error: No such device\n";

const USAGE =
  "Usage:\n" +
  "        ethtool -S|--statistics DEVNAME\tShow adapter statistics\n" +
  "        ethtool -k|--show-features|--show-offload DEVNAME\tGet state of protocol offload and other features\n" +
  "        ethtool -K|--features|--offload DEVNAME FEATURE on|off ...\tSet protocol offload and other features\n";

/** Options that netsim has, by their several names. */
const OPTIONS: Readonly<Record<string, "S" | "k" | "K">> = {
  "-S": "S",
  "--statistics": "S",
  "-k": "k",
  "--show-features": "k",
  "--show-offload": "k",
  "-K": "K",
  "--features": "K",
  "--offload": "K",
};

/** Options of ethtool that netsim has not. */
const REFUSED: readonly string[] =
  "-a -A -c -C -d -e -E -f -g -G -i -l -L -m -n -N -p -P -Q -r -s -t -T -u -U -w -W -x -X --coalesce --show-ring --show-channels --set-ring --set-channels --driver --change --show-nfc --show-rxfh-indir --show-permaddr --test --negotiate".split(
    " ",
  );

function run(session: ToolSession, argv: readonly string[]): string | ToolResult {
  const [word, name, ...rest] = argv;
  if (word === undefined) throw new ToolError(1, BAD_LINE);
  if (word === "-h" || word === "--help") return USAGE;
  if (REFUSED.includes(word) || !word.startsWith("-")) {
    throw new ToolError(
      1,
      `netsim has no \`ethtool ${word.startsWith("-") ? word : "DEVNAME"}\` yet; it has ethtool -S, -k, -K\n`,
    );
  }
  const option = OPTIONS[word];
  if (option === undefined || name === undefined) throw new ToolError(1, BAD_LINE);
  const dev = session.host.devByName.get(name);
  switch (option) {
    case "S":
      if (dev === undefined) throw new ToolError(96, "Cannot get stats strings information: No such device\n");
      return statistics(dev);
    case "k":
      if (dev === undefined) throw new ToolError(1, NO_DEVICE);
      return showFeatures(dev);
    case "K":
      if (dev === undefined) throw new ToolError(92, NO_DEVICE);
      return setFeatures(dev, rest);
  }
}

function statistics(dev: Netdev): string {
  const rows = dev.ops.ethtoolStats(dev);
  if (rows.length === 0) throw new ToolError(94, "no stats available\n");
  return `NIC statistics:\n${rows.map(([key, value]) => `     ${key}: ${value}\n`).join("")}`;
}

/** `ethtool`. */
export const ethtool: Tool = {
  name: "ethtool",
  summary: "driver statistics and offload features",
  run: (session, argv) => immediate(() => run(session, argv)),
};
