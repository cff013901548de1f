/** Hints about XDP. */
import { NETSIM_REASON, SKB_DROP_REASON } from "../net/drop-reason.ts";
import type { Netdev } from "../net/netdev.ts";
import { type HintRule, hasNapi, list, lost, packets, peerOf } from "./hint.ts";

/** Names of the native or generic programs that a device has or had. */
function programs(dev: Netdev): string {
  const all = dev.xdp === null ? dev.xdpPast : [...dev.xdpPast, dev.xdp];
  return list([...new Set(all.map((a) => a.prog.spec.name))]);
}

function ethtoolSum(dev: Netdev, row: RegExp): number {
  let n = 0;
  for (const [name, value] of dev.ops.ethtoolStats(dev)) if (row.test(name)) n += value;
  return n;
}

const txWithoutNapi: HintRule = {
  code: "XDP_TX_NO_NAPI",
  source: "FACTS 4.1: native TX, peer has nothing or a generic program; drivers/net/veth.c veth_xdp_xmit",
  onDevice(dev) {
    const n = lost(dev, NETSIM_REASON.XDP_TX_ERROR);
    const peer = dev.ops.kind === "veth" ? peerOf(dev) : null;
    if (n === 0 || peer === null || hasNapi(peer)) return null;
    return (
      `XDP_TX of ${dev.label} lost ${packets(n)}: its peer ${peer.label} has no native XDP program, so its NAPI ring is off ` +
      `(as on Linux). Attach a program that passes to ${peer.label}, or set \`driver: nic\` on the link.`
    );
  },
};

const txStuckInGro: HintRule = {
  code: "XDP_TX_GRO_STUCK",
  source: "FACTS 4.1: native TX, peer GRO on only; drivers/net/veth.c veth_xdp_flush tests the program, not the NAPI",
  onDevice(dev) {
    const peer = dev.ops.kind === "veth" ? peerOf(dev) : null;
    if (peer === null || !peer.gro || peer.xdp?.mode === "xdp") return null;
    const sent = ethtoolSum(dev, /^rx_queue_\d+_xdp_tx$/);
    if (sent === 0) return null;
    return (
      `XDP_TX of ${dev.label} put ${packets(sent)} into the ring of ${peer.label}, where they stay: with GRO but without a native ` +
      `XDP program nobody polls that ring after XDP_TX (as on Linux). Attach a program that passes to ${peer.label}.`
    );
  },
};

const redirectToDeaf: HintRule = {
  code: "XDP_REDIRECT_NO_TARGET",
  source:
    "FACTS 4.1: native REDIRECT to a veth whose peer has nothing, or that is down; kernel/bpf/devmap.c __xdp_enqueue",
  onDevice(dev) {
    const n = lost(dev, NETSIM_REASON.XDP_REDIRECT_ERROR);
    if (n === 0) return null;
    const others = dev.host.devices.filter(
      (d): d is Netdev => d !== undefined && d !== dev && d.ops.kind !== "loopback",
    );
    const deaf = others.filter((d) => !d.xdpRedirectTarget);
    const down = others.filter((d) => d.xdpRedirectTarget && !d.up);
    const why: string[] = [];
    const veths = deaf.filter((d) => d.ops.kind === "veth");
    const rest = deaf.filter((d) => d.ops.kind !== "veth");
    if (veths.length > 0) {
      const peers = list(veths.map((d) => peerOf(d)?.label ?? "none"));
      why.push(
        `${list(veths.map((d) => d.name))} cannot take redirected frames, because the peer (${peers}) has neither a native XDP program ` +
          "nor GRO (as on Linux)",
      );
    }
    if (rest.length > 0) why.push(`${list(rest.map((d) => d.name))} cannot transmit XDP frames`);
    if (down.length > 0) why.push(`${list(down.map((d) => d.name))} is down`);
    if (why.length === 0) {
      why.push(
        "the program named no device that exists, an empty map entry, or the frame was longer than the target's MTU",
      );
    }
    return `XDP_REDIRECT at ${dev.label} (${programs(dev)}) lost ${packets(n)}: ${why.join("; ")}.`;
  },
};

const redirectRefused: HintRule = {
  code: "XDP_XMIT_FULL",
  source: "drivers/net/veth.c veth_xdp_xmit: the peer's ring of 256 is full; kernel/bpf/devmap.c bq_xmit_all",
  onDevice(dev) {
    const n = lost(dev, NETSIM_REASON.XDP_XMIT_DROP);
    if (n === 0) return null;
    return (
      `${dev.label} refused ${packets(n)} that XDP redirected to it: its ring was full. XDP gets no backpressure and ` +
      "bypasses every qdisc; the far end is slower than what is redirected."
    );
  },
};

const genericDropUnseen: HintRule = {
  code: "XDP_GENERIC_DROP_UNSEEN",
  source: "FACTS 4.1: generic DROP: vb rx 10, no counter anywhere",
  onDevice(dev) {
    const n = lost(dev, SKB_DROP_REASON.XDP);
    const generic = dev.xdp?.mode === "xdpgeneric" || dev.xdpPast.some((a) => a.mode === "xdpgeneric");
    if (n === 0 || !generic) return null;
    return (
      `generic XDP (${programs(dev)}) dropped ${packets(n)} at ${dev.label}: on Linux no counter of \`ip -s link\` or \`ethtool -S\` ` +
      "shows them, only the skb:kfree_skb tracepoint."
    );
  },
};

const aborted: HintRule = {
  code: "XDP_ABORTED",
  source: "FACTS 4.1: native ABORTED and unknown codes; net/core/filter.c bpf_warn_invalid_xdp_action",
  onDevice(dev) {
    const all = dev.xdp === null ? dev.xdpPast : [...dev.xdpPast, dev.xdp];
    const failed = all.filter((a) => a.verdicts.aborted + a.verdicts.invalid > 0);
    if (failed.length === 0) return null;
    const parts = failed.map(({ prog, verdicts: v }) => {
      const said: string[] = [];
      if (v.aborted > 0) said.push(`XDP_ABORTED ${v.aborted} times`);
      if (v.invalid > 0) said.push(`a code that is no action ${v.invalid} times`);
      return `${prog.spec.name} answered ${said.join(" and ")}`;
    });
    return (
      `${parts.join("; ")} at ${dev.label}: each is a lost packet and an xdp:xdp_exception. A failed helper (bpf_redirect with flags, ` +
      "bpf_redirect_map on another map) answers XDP_ABORTED as well."
    );
  },
};

/** In the order in which reports show them. */
export const xdpHints: readonly HintRule[] = [
  txWithoutNapi,
  txStuckInGro,
  redirectToDeaf,
  redirectRefused,
  genericDropUnseen,
  aborted,
];
