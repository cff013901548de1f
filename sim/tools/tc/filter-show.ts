/** Filters and chains as tc lists them. @source iproute2 tc/tc_filter.c print_filter; net/sched/cls_api.c tcf_chain_dump, tcf_fill_node */
import type { Host } from "../../net/host.ts";
import type { TcfChain, TcfFilter, TcfProto } from "../../net/tc/classify.ts";
import type { ToolFlags } from "../rtnetlink.ts";
import { PARENT_EGRESS, PARENT_INGRESS } from "./filter-words.ts";
import { filterKindOf } from "./filters/index.ts";
import { formatClassid } from "./handles.ts";
import { PrintObject } from "./print.ts";
import { formatEthertype } from "./protocols.ts";

/** Where the listed filters hang, and what of it the command said itself: that is not repeated. */
export interface FilterSite {
  /** Name of the device, null when it was asked for. */
  readonly device: string | null;
  /** Number of a shared block, 0 for none or when it was asked for. */
  readonly block: number;
  /** null when it was asked for, or for a shared block. */
  readonly parent: number | null;
  /** 0: show it. */
  readonly pref: number;
  readonly protocol: number;
  readonly chain: number | null;
}

/** All filters of a chain that are asked for: a line for each preference, then its filters. */
export function chainRecords(host: Host, chain: TcfChain, site: FilterSite, flags: ToolFlags): readonly PrintObject[] {
  const out: PrintObject[] = [];
  for (const proto of chain.protos) {
    if (site.pref !== 0 && proto.pref !== site.pref) continue;
    if (site.protocol !== 0 && proto.protocol !== site.protocol) continue;
    out.push(head("filter ", site, proto, chain.index).plain("\n"));
    for (const filter of proto.list()) out.push(filterRecord(host, proto, filter, site, flags));
  }
  return out;
}

/** One filter. */
export function filterRecord(
  host: Host,
  proto: TcfProto,
  filter: TcfFilter,
  site: FilterSite,
  flags: ToolFlags,
): PrintObject {
  const o = head("filter ", site, proto, proto.chain.index);
  const kind = filterKindOf(proto.kind)!;
  o.object("options", (options) => kind.print(options, filter, { host, flags, protocol: proto.protocol }));
  return o.plain("\n");
}

/** One chain. */
export function chainRecord(host: Host, chain: TcfChain, site: FilterSite, flags: ToolFlags): PrintObject {
  const o = head("chain ", site, null, chain.index, chain.template?.kind ?? null);
  if (chain.template !== null) {
    const { kind, options } = chain.template;
    o.object("options", (inner) => filterKindOf(kind)?.printTemplate?.(inner, options, { host, flags, protocol: 0 }));
  }
  return o.plain("\n");
}

function head(
  what: string,
  site: FilterSite,
  proto: TcfProto | null,
  chain: number,
  template: string | null = null,
): PrintObject {
  const o = new PrintObject().plain(what);
  if (site.block !== 0) o.any("block", site.block, `block ${site.block} `);
  if (site.device !== null) o.any("dev", site.device, `dev ${site.device} `);
  if (site.parent !== null) printParent(o, site.parent);
  if (proto !== null) {
    const protocol = formatEthertype(proto.protocol);
    if (site.protocol === 0) o.any("protocol", protocol, `protocol ${protocol} `);
    if (site.pref === 0) o.any("pref", proto.pref, `pref ${proto.pref} `);
  }
  const kind = proto?.kind ?? template;
  if (kind !== null) o.any("kind", kind, `${kind} `);
  if (site.chain === null) o.any("chain", chain, `chain ${chain} `);
  return o;
}

function printParent(o: PrintObject, parent: number): void {
  if (parent === 0xffffffff) o.any("root", true, "root ");
  else if (parent === PARENT_INGRESS) o.any("ingress", true, "ingress ");
  else if (parent === PARENT_EGRESS) o.any("egress", true, "egress ");
  else o.any("parent", formatClassid(parent), `parent ${formatClassid(parent)} `);
}
