/** The programs that run in filters and actions of a host, for those who must know whether one is still in use. */
import type { Program } from "../../bpf/program.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import { NetlinkError } from "../netlink-error.ts";
import { FilteredQdisc } from "../qdiscs/filtered.ts";
import { listQdiscs } from "../qdiscs/tree.ts";
import { listActions } from "./action-control.ts";
import { BpfAction } from "./actions/bpf.ts";
import { bpfFiltersOf } from "./bpf-filters.ts";
import type { FilterBlock } from "./classify.ts";
import { hookBlock } from "./control.ts";

/** The blocks of filters that hang at a device, shared ones included. */
export function blocksOf(dev: Netdev): readonly FilterBlock[] {
  const out: FilterBlock[] = [];
  for (const direction of ["ingress", "egress"] as const) {
    const block = hookBlock(dev, direction);
    if (block !== null && !out.includes(block)) out.push(block);
  }
  for (const q of listQdiscs(dev)) {
    if (!(q instanceof FilteredQdisc)) continue;
    for (const block of qdiscBlocks(q)) if (!out.includes(block)) out.push(block);
  }
  return out;
}

function qdiscBlocks(q: FilteredQdisc): readonly FilterBlock[] {
  const out = [q.block];
  for (const cl of q.classes()) {
    try {
      out.push(q.blockOf(cl));
    } catch (error) {
      // classes of that kind have no filters
      if (!(error instanceof NetlinkError)) throw error;
      break;
    }
  }
  return out;
}

/** Programs of all filters of a host's devices, and of its actions. */
export function filterPrograms(host: Host): ReadonlySet<Program> {
  const out = new Set<Program>();
  for (const dev of host.devices) {
    if (dev === undefined) continue;
    for (const block of blocksOf(dev)) for (const f of bpfFiltersOf(block)) out.add(f.prog);
  }
  for (const action of listActions(host, "bpf")) if (action instanceof BpfAction) out.add(action.prog);
  return out;
}
