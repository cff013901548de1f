/** The qdiscs that netsim has: one line each. */
import { indexBy } from "../../engine/registry.ts";
import type { Netdev } from "../netdev.ts";
import { type QdiscBase, type QdiscDef, TC_H_ROOT } from "./base.ts";
import { bfifo } from "./bfifo.ts";
import { ClassfulQdisc } from "./classful.ts";
import { drr } from "./drr.ts";
import { ets } from "./ets.ts";
import { htb } from "./htb.ts";
import { mq } from "./mq.ts";
import { netem } from "./netem.ts";
import { pfifo } from "./pfifo.ts";
import { pfifoFast } from "./pfifo-fast.ts";
import { pfifoHeadDrop } from "./pfifo-head-drop.ts";
import { prio } from "./prio.ts";
import { sfq } from "./sfq.ts";
import { tbf } from "./tbf.ts";

/** `noqueue` is the absence of a qdisc (txq.qdisc null); `clsact` and `ingress` stand in tc/. */
export const qdiscDefs: readonly QdiscDef[] = [
  bfifo,
  drr,
  ets,
  htb,
  mq,
  netem,
  pfifo,
  pfifoFast,
  pfifoHeadDrop,
  prio,
  sfq,
  tbf,
];

const byKind: ReadonlyMap<string, QdiscDef> = indexBy(qdiscDefs, (d) => d.kind, "qdiscs");

/** Kinds that Linux and tc have and netsim has not: refused by name. */
export const NOT_BUILT: readonly string[] = [
  "cbs",
  "choke",
  "dualpi2",
  "etf",
  "fq_pie",
  "gred",
  "hfsc",
  "hhf",
  "mqprio",
  "multiq",
  "plug",
  "qfq",
  "sfb",
  "skbprio",
  "taprio",
  "teql",
];

/** @returns undefined for a kind that netsim does not have */
export function qdiscDef(kind: string): QdiscDef | undefined {
  return byKind.get(kind);
}

/** attach_default_qdiscs: noqueue, pfifo_fast, or mq over pfifo_fast. Replaces nothing that was set by hand. */
export function attachDefaultQdisc(dev: Netdev): void {
  dev.qdiscAttached = true;
  if (dev.ops.noQueue || dev.txQueueLen === 0) {
    dev.rootQdisc = null;
    for (const txq of dev.txQueues) txq.qdisc = null;
    return;
  }
  const def = dev.txQueues.length > 1 ? mq : pfifoFast;
  installRoot(dev, def.create({}, { dev, txq: dev.txQueues[0]!, handle: 0, parent: TC_H_ROOT }));
}

/** Makes a qdisc the device's root and tells the transmit queues. */
export function installRoot(dev: Netdev, root: QdiscBase): void {
  dev.rootQdisc = root;
  for (const txq of dev.txQueues) txq.qdisc = root;
  if (root.kind === "mq" && root instanceof ClassfulQdisc) {
    for (const { classid, child } of root.classes()) dev.txQueues[(classid & 0xffff) - 1]!.qdisc = child;
  }
}
