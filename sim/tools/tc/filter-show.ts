/** `tc filter show`. @source iproute2 tc/tc_filter.c print_filter, tc/f_bpf.c bpf_print_opt */
import type { Host } from "../../net/host.ts";
import type { BpfFilter } from "../../net/tc/bpf-filters.ts";
import { addProgInfo } from "../bpf/prog-info.ts";
import { PrintRecord } from "../record.ts";
import { printJson, type ToolFlags } from "../rtnetlink.ts";
import { addBytecode } from "./bytecode.ts";
import type { FilterWords } from "./filter-words.ts";
import { formatClassid } from "./handles.ts";
import { formatEthertype } from "./protocols.ts";

/** A line for each preference, then one for each of its filters; what was asked for is not repeated. */
export function printFilters(host: Host, list: readonly BpfFilter[], asked: FilterWords, flags: ToolFlags): string {
  const records: PrintRecord[] = [];
  let last: BpfFilter | null = null;
  for (const f of list) {
    if (asked.pref !== 0 && f.pref !== asked.pref) continue;
    if (asked.protocol !== 0 && f.protocol !== asked.protocol) continue;
    if (last?.pref !== f.pref) records.push(headRecord(f, asked));
    records.push(filterRecord(host, f, asked, flags));
    last = f;
  }
  if (flags.json)
    return printJson(
      records.map((r) => r.json),
      flags,
    );
  return records.map((r) => `${r.text}\n`).join("");
}

function headRecord(f: BpfFilter, asked: FilterWords): PrintRecord {
  const r = new PrintRecord().plain("filter ");
  const protocol = formatEthertype(f.protocol);
  if (asked.protocol === 0) r.any("protocol", protocol, `protocol ${protocol} `);
  if (asked.pref === 0) r.any("pref", f.pref, `pref ${f.pref} `);
  return r.any("kind", "bpf", "bpf ").any("chain", 0, "chain 0 ");
}

function filterRecord(host: Host, f: BpfFilter, asked: FilterWords, flags: ToolFlags): PrintRecord {
  const options = new PrintRecord();
  const handle = `0x${f.handle.toString(16)}`;
  options.any("handle", handle, `handle ${handle} `);
  if (f.classid !== 0) options.any("flowid", formatClassid(f.classid), `flowid ${formatClassid(f.classid)} `);
  if (f.name !== "") options.any("bpf_name", f.name, `${f.name} `);
  if (f.directAction) options.any("direct-action", true, "direct-action ");
  options.any("not_in_hw", true, "not_in_hw ");
  const { classic } = f.prog.spec;
  if (classic === undefined) addProgInfo(host, options, f.prog, flags.details);
  else addBytecode(options, classic);
  return headRecord(f, asked).plain(options.text).field("options", options.json);
}
