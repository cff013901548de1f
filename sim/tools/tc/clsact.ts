/** clsact and ingress as `tc qdisc` sees them. @source net/sched/sch_ingress.c */
import type { Netdev } from "../../net/netdev.ts";
import { ERRNO, NetlinkError } from "../../net/netlink-error.ts";
import type { QdiscVerb } from "../../net/qdiscs/tree.ts";
import { addClsact, clsactOf, delClsact, type IngressBlocks } from "../../net/tc/control.ts";
import { programsOf, releaseProgram } from "../bpf/held-objects.ts";
import type { QdiscRow } from "./qdisc-row.ts";

/** The row that `tc qdisc show` prints last, or null. iproute2 follows ingress' options by a line of dashes. */
export function clsactRow(dev: Netdev): QdiscRow | null {
  const q = clsactOf(dev);
  if (q === null) return null;
  const options = q.kind === "ingress" ? "---------------- " : "";
  const { kind, handle, parent, blocks, stats } = q;
  return { kind, handle, parent, refcnt: 1, blocks, options, json: {}, stats };
}

/** `tc qdisc add|replace dev X clsact`. Replacing or changing one by the same kind changes nothing. @throws NetlinkError */
export function addClsactQdisc(dev: Netdev, kind: "clsact" | "ingress", verb: QdiscVerb, blocks: IngressBlocks): void {
  const there = clsactOf(dev);
  if (there === null) {
    if (verb !== "add" && verb !== "replace") {
      throw new NetlinkError(ERRNO.ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
    }
    addClsact(dev, kind, blocks);
    return;
  }
  if (verb === "add") throw new NetlinkError(ERRNO.EEXIST, "Exclusivity flag on, cannot modify");
  if (there.kind !== kind) throw new NetlinkError(ERRNO.EINVAL, "Invalid qdisc name: must match existing qdisc");
}

/** `tc qdisc del dev X clsact`. @throws NetlinkError */
export function deleteClsactQdisc(dev: Netdev, kind: string): void {
  const programs = programsOf(dev);
  delClsact(dev, kind === "ingress" ? "ingress" : "clsact");
  for (const p of programs) releaseProgram(p);
}
